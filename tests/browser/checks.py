"""What every page is held against: accessibility, sideways scroll, a picture kept."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from playwright.sync_api import Page

PICTURES = Path(settings.BASE_DIR) / "build" / "test" / "pictures"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_violations(page: Page, axe: str) -> list[str]:
    """Return what the checker finds, one line a rule and place."""
    page.evaluate(axe)
    found = page.evaluate(
        "tags => axe.run({runOnly: {type: 'tag', values: tags}, preload: false})",
        RULES,
    )
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')[:300]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def sideways_scroll(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def keep_picture(page: Page, name: str) -> None:
    """Store a picture of the window in build/test/pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", caret="initial")
