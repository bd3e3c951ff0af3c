"""The style guide in both languages and themes, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.checks import axe_violations, keep_picture, sideways_scroll

WIDTHS = {1440: 900, 390: 844}


@pytest.mark.parametrize("path", ["", "operations/"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_accessible_and_never_scroll_sideways(
    clean: Page,
    site: str,
    axe: str,
    choose: Callable[..., None],
    path: str,
    language: str,
    theme: str,
    width: int,
) -> None:
    choose(language=language, theme=theme)
    clean.set_viewport_size({"width": width, "height": WIDTHS[width]})
    clean.goto(f"{site}/styleguide/{path}")
    expect(clean.locator("html")).to_have_attribute("data-theme", theme)
    assert sideways_scroll(clean) <= 0
    keep_picture(clean, f"styleguide-{path.strip('/') or 'overview'}-{language}-{theme}-{width}")
    violations = axe_violations(clean, axe)
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("en", "light", 1440), ("zh-hans", "dark", 390)]
)
def test_the_public_frame_is_accessible(
    clean: Page,
    site: str,
    axe: str,
    choose: Callable[..., None],
    language: str,
    theme: str,
    width: int,
) -> None:
    choose(language=language, theme=theme)
    clean.set_viewport_size({"width": width, "height": WIDTHS[width]})
    clean.goto(f"{site}/styleguide/landing/")
    assert sideways_scroll(clean) <= 0
    keep_picture(clean, f"public-{language}-{theme}-{width}")
    violations = axe_violations(clean, axe)
    assert not violations, "\n".join(violations)
