"""A promised date that cannot be kept, in a browser: its buyer reads why and agrees to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tenants.models import Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.browser.test_share_limits import apart
from tests.factories import NOW, make_member
from tests.marketplace.test_proposals import Yard, yard
from tests.markets import site_time

pytestmark = pytest.mark.django_db(transaction=True)
LOOKS = (("zh-hans", "dark", 390), ("en", "light", 390), ("en", "dark", 1440))


@pytest.fixture(autouse=True)
def _site_time(settings) -> Iterator[None]:
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


def test_a_buyer_is_told_what_is_proven_and_accepts_a_later_date(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    supplier = make_member(name="Chengye Metalworks", kinds=["supplier"])
    buyer = make_member(name="City Traffic Office", kinds=["buyer"])
    made: list[Yard] = []

    def settle() -> None:
        made.append(yard(cutter=supplier.tenant, buyer=buyer.tenant))
        made[0].goes_down(hours=100)

    apart(settle)
    town = made[0]
    sign_in(buyer.person)
    clean.goto(f"{site}/buyer/")
    expect(clean.get_by_text("A later date is proposed")).to_be_visible()
    order_page = f"{site}/buyer/orders/{town.order().uid}/"
    card = clean.locator("[data-proposal]")

    def look(page: str, name: str) -> None:
        for language, theme, width in LOOKS:
            choose(language=language, theme=theme)
            Person.objects.update(language=language)
            clean.set_viewport_size({"width": width, "height": 1400})
            clean.goto(page)
            expect(card).to_be_visible()
            assert axe_violations(clean, axe) == []
            assert sideways_scroll(clean) <= 0
            card.scroll_into_view_if_needed()
            keep_picture(clean, f"{name}-{language}-{theme}-{width}")

    look(order_page, "later-date")
    expect(card).to_contain_text("Why not sooner")
    expect(card).to_contain_text("Not proven")
    clean.get_by_role("button", name="Accept the later date").click()
    expect(clean.locator(".toast")).to_contain_text("Agreed")
    expect(card).to_contain_text("Nothing changes before all of them have agreed")
    clean.wait_for_load_state("networkidle")
    look(order_page, "later-date-asked")
    sign_in(supplier.person)
    look(f"{site}/supplier/work/", "later-date-factory")
    expect(card).to_contain_text("The buyer has agreed to the later date")
    clean.locator("[data-proposal] button.primary").click()
    expect(clean.locator(".toast")).to_contain_text("Accepted")
    expect(card).to_contain_text("The new hours are held beside the old ones")
