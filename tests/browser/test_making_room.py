"""An order in a hurry for which others make room, in a browser: all three read their part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tenants.models import Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.browser.test_share_limits import apart
from tests.factories import NOW, make_member
from tests.marketplace.test_making_room import Hall, hall, order_of
from tests.markets import site_time

pytestmark = pytest.mark.django_db(transaction=True)
LOOKS = (("zh-hans", "dark", 390), ("en", "light", 390), ("en", "dark", 1440))


@pytest.fixture(autouse=True)
def _site_time(settings) -> Iterator[None]:
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


def test_a_buyer_takes_what_a_factory_then_makes_room_for(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    firm = make_member(name="Chengye Metalworks", kinds=["supplier"])
    patient = make_member(name="County Office", kinds=["buyer"])
    hurried = make_member(name="City Traffic Office", kinds=["buyer"], currency="CNY")
    made: list[Hall] = []

    def settle() -> None:
        made.append(hall(firm=firm.tenant, patient=patient.tenant, hurried=hurried.tenant))
        made[0].ask()

    def look(page: str, name: str) -> None:
        for language, theme, width in LOOKS:
            choose(language=language, theme=theme)
            Person.objects.update(language=language)
            clean.set_viewport_size({"width": width, "height": 1400})
            clean.goto(page)
            assert axe_violations(clean, axe) == [], name
            assert sideways_scroll(clean) <= 0, name
            keep_picture(clean, f"room-{name}-{language}-{theme}-{width}")

    apart(settle)
    shop = made[0]
    sign_in(hurried.person)
    order_page = f"{site}/buyer/orders/{order_of(hurried.tenant).uid}/"
    look(order_page, "order")
    clean.get_by_role("link", name="Other lots make room").click()
    expect(
        clean.get_by_text("1 factory has to agree first to move other lots").first
    ).to_be_visible()
    look(f"{site}/buyer/plans/{shop.way().uid}/", "way")
    expect(clean.get_by_text("County Office")).to_have_count(0)
    clean.get_by_role("button", name="Choose this plan").click()
    clean.get_by_role("button", name="Choose the plan").click()
    expect(clean.locator(".toast")).to_contain_text("The plan is chosen")
    clean.goto("about:blank")
    apart(shop.deliver)
    sign_in(firm.person)
    look(f"{site}/supplier/offers/{shop.offer().uid}/", "offer")
    expect(clean.get_by_text("Lots of yours that make room")).to_be_visible()
    expect(clean.get_by_text("Some of these hours are booked by now")).to_have_count(0)
    clean.get_by_role("button", name="Accept", exact=True).click()
    clean.get_by_role("button", name="Accept and book the hours").click()
    expect(clean.locator(".toast")).to_contain_text("Accepted")
    clean.goto("about:blank")
    apart(shop.deliver)
    look(f"{site}/supplier/work/", "work")
    expect(clean.get_by_text("These lots made room for")).to_be_visible()
    clean.goto("about:blank")
    sign_in(patient.person)
    look(f"{site}/buyer/orders/{order_of(patient.tenant).uid}/", "other")
    expect(clean.get_by_text("to make room for another order")).to_be_visible()
    expect(clean.get_by_text("come later from the step before")).to_have_count(0)
    expect(clean.get_by_text("City Traffic Office")).to_have_count(0)
