"""Drills of an order in a browser: asked by the buyer, answered, fit for all eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tenants.models import Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.browser.test_share_limits import apart
from tests.factories import NOW, make_member, make_operator
from tests.marketplace.test_drills import agreed
from tests.marketplace.test_share_limits import Town, install
from tests.markets import site_time

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _site_time(settings) -> Iterator[None]:
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


def test_a_buyer_tries_each_factory_and_reads_the_answers(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    buyer = make_member(kinds=["buyer"], name="City Traffic Office", currency="CNY")
    third = make_member(name="Third Press").tenant
    made: list[Town] = []

    def settle() -> None:
        made.append(agreed(buyer=buyer.tenant))
        install(third, ("blanking", 700), x_km=10.0, price=9_000)

    apart(settle)
    town = made[0]
    sign_in(buyer.person)
    page = f"{site}/buyer/orders/{town.order().uid}/"
    clean.set_viewport_size({"width": 1440, "height": 1400})
    clean.goto(page)
    drills = clean.locator("#order-drills")
    rows = [
        drills.locator("tr", has=clean.get_by_role("rowheader", name=firm.name))
        for firm in (town.cutter, town.other)
    ]
    for row in rows:
        button = row.get_by_role("button", name="Try it")
        button.click()
        expect(button).to_be_disabled()
        apart(town.deliver)
    expect(rows[0]).to_contain_text("Cost difference")
    expect(rows[1]).to_contain_text("No place")
    for language, theme, width in (
        ("zh-hans", "dark", 390),
        ("en", "dark", 390),
        ("zh-hans", "light", 1440),
        ("en", "light", 1440),
    ):
        choose(language=language, theme=theme)
        Person.objects.update(language=language)
        clean.set_viewport_size({"width": width, "height": 1400})
        clean.goto(page)
        expect(drills).to_be_visible()
        assert axe_violations(clean, axe) == []
        assert sideways_scroll(clean) <= 0
        drills.scroll_into_view_if_needed()
        keep_picture(clean, f"drills-{language}-{width}")


def test_the_operator_tries_what_a_stop_would_touch(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    made: list[Town] = []
    apart(lambda: made.append(agreed()))
    town = made[0]
    sign_in(make_operator().person)
    clean.goto(f"{site}/operator/stops/")
    expect(clean.get_by_role("heading", name="Choose a factory")).to_be_visible()
    assert axe_violations(clean, axe) == []
    clean.get_by_label("Factory").select_option(label=town.cutter.name)
    clean.get_by_role("button", name="Show its orders").click()
    clean.get_by_role("button", name="Try it on every order").click()
    expect(clean.locator(".toast")).to_contain_text("1 order is being tried")
    apart(town.deliver)
    expect(clean.locator("#stops")).to_contain_text("No place")
    page = clean.url
    for language, theme, width in (("zh-hans", "dark", 390), ("en", "light", 1440)):
        choose(language=language, theme=theme)
        Person.objects.update(language=language)
        clean.set_viewport_size({"width": width, "height": 1000})
        clean.goto(page)
        keep_picture(clean, f"stops-{language}-{width}")
        assert axe_violations(clean, axe) == []
        assert sideways_scroll(clean) <= 0
