"""Lots that other factories make in time, in a browser: buyer, taker and factory read and agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tenants.models import Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.browser.test_share_limits import apart
from tests.factories import NOW, make_member
from tests.marketplace.test_elsewhere import Ward, ward
from tests.markets import site_time

pytestmark = pytest.mark.django_db(transaction=True)
LOOKS = (("zh-hans", "dark", 390), ("en", "light", 390), ("en", "dark", 1440))


@pytest.fixture(autouse=True)
def _site_time(settings) -> Iterator[None]:
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


def test_a_buyer_lets_lots_go_and_who_takes_them_and_who_had_them_read_it(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    supplier = make_member(name="Chengye Metalworks", kinds=["supplier"])
    taker = make_member(name="Hongda Stamping", kinds=["supplier"])
    buyer = make_member(name="City Traffic Office", kinds=["buyer"])
    made: list[Ward] = []

    def settle() -> None:
        parties = {"cutter": supplier.tenant, "buyer": buyer.tenant}
        made.append(ward(firms=(taker.tenant,), **parties))
        made[0].goes_down()

    apart(settle)
    place = made[0]
    card = clean.locator("[data-proposal]")

    def look(page: str, name: str, region: str = "[data-proposal]") -> None:
        for language, theme, width in LOOKS:
            choose(language=language, theme=theme)
            Person.objects.update(language=language)
            clean.set_viewport_size({"width": width, "height": 1400})
            clean.goto(page)
            shown = clean.locator(region).first
            expect(shown).to_be_visible()
            assert axe_violations(clean, axe) == []
            assert sideways_scroll(clean) <= 0
            shown.scroll_into_view_if_needed()
            keep_picture(clean, f"{name}-{language}-{theme}-{width}")

    sign_in(buyer.person)
    clean.goto(f"{site}/buyer/")
    expect(clean.get_by_text("Other factories can keep the date")).to_be_visible()
    order_page = f"{site}/buyer/orders/{place.town.order().uid}/"
    look(order_page, "elsewhere")
    expect(card).to_contain_text("Hongda Stamping")
    expect(card).to_contain_text("Promised date kept")
    clean.get_by_role("button", name="Let the lots go there").click()
    expect(clean.locator(".toast")).to_contain_text("Agreed")
    expect(card).to_contain_text("Nothing changes before all of these factories have accepted")
    clean.wait_for_load_state("networkidle")
    apart(place.deliver)
    look(order_page, "elsewhere-asked")
    expect(card).to_contain_text("Waiting for an answer")
    sign_in(supplier.person)
    look(f"{site}/supplier/work/", "elsewhere-factory")
    expect(card).to_contain_text("The buyer has agreed, and other factories are asked")
    expect(card).not_to_contain_text("Hongda")
    clean.locator("[data-proposal] button.primary").click()
    expect(clean.locator(".toast")).to_contain_text("Given up")
    expect(card).to_contain_text("You have given these lots up")
    clean.wait_for_load_state("networkidle")
    sign_in(taker.person)
    (offer,) = place.offers()
    look(f"{site}/supplier/offers/{offer.uid}/", "elsewhere-taker", "#answer")
    expect(clean.locator("#answer")).to_contain_text(
        "Lots that another factory cannot make in time"
    )
    clean.get_by_role("button", name="Accept", exact=True).click()
    clean.get_by_role("button", name="Accept and book the hours").click()
    expect(clean.locator(".toast")).to_contain_text("held until the others have answered")
    expect(clean.get_by_text("The lots are not yours yet")).to_be_visible()
    clean.wait_for_load_state("networkidle")
    apart(place.deliver)
    clean.goto(f"{site}/supplier/offers/{offer.uid}/")
    expect(clean.get_by_text("The lots are not yours yet")).not_to_be_visible()
    assert place.root().state == "applied"
