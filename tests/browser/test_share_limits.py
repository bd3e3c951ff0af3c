"""A share that came back and has no place, walked by its buyer in a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from marketplace.services.waiting import wake_waiting_shares
from tenants.models import Membership, Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.factories import NOW, make_member, make_organisation
from tests.marketplace.test_share_limits import Town, install, slow, stuck
from tests.markets import deliver, site_time

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _site_time(settings) -> Iterator[None]:
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


def apart(act: Callable[[], object]) -> None:
    """Run something in a thread of its own: Playwright's loop lives in this one."""

    def run() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def town_of(buyer: Membership, **asked: object) -> Town:
    made: list[Town] = []
    apart(lambda: made.append(stuck(other=slow, buyer=buyer.tenant, **asked)))
    return made[0]


def test_a_buyer_reads_why_waits_and_then_takes_fewer_pieces(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    buyer = make_member(kinds=["buyer"], name="City Traffic Office", currency="CNY")
    town = town_of(buyer, price_ceiling_minor=2_000_000)
    sign_in(buyer.person)
    page = f"{site}/buyer/orders/{town.order().uid}/"
    for language, theme, width in (("zh-hans", "dark", 390), ("en", "light", 1440)):
        choose(language=language, theme=theme)
        Person.objects.update(language=language)
        clean.set_viewport_size({"width": width, "height": 1000})
        for name, address in (
            ("stuck", page),
            ("home", f"{site}/buyer/"),
            ("smaller", f"{site}/buyer/plans/{town.way('smaller').uid}/"),
            ("later", f"{site}/buyer/plans/{town.way('later').uid}/"),
        ):
            clean.goto(address)
            keep_picture(clean, f"share-{name}-{language}-{width}")
            assert axe_violations(clean, axe) == [], name
            assert sideways_scroll(clean) <= 0, name

    clean.goto(page)
    expect(clean.get_by_role("alert")).to_contain_text("the idle time of the other factories")
    clean.get_by_role("button", name="Wait for capacity").click()
    expect(clean.locator(".toast")).to_contain_text("The share waits")
    expect(clean.get_by_text("Waiting for capacity")).to_be_visible()
    keep_picture(clean, "share-waits-en-1440")

    clean.get_by_role("link", name="Fewer pieces").click()
    expect(clean.get_by_text("What choosing this changes")).to_be_visible()
    clean.get_by_role("button", name="Choose this plan").click()
    clean.get_by_role("button", name="Choose the plan").click()
    expect(clean.locator(".toast")).to_contain_text("The plan is chosen")
    apart(town.deliver)
    expect(clean.get_by_text("Ways to go on")).to_have_count(0)
    expect(clean.get_by_role("row", name="Other")).to_contain_text("Offered")
    clean.goto(page)
    expect(clean.locator("dt", has_text="Cancelled")).to_be_visible()
    keep_picture(clean, "share-amended-en-1440")


def test_a_share_that_waits_is_seen_to_be_taken_when_time_is_listed(
    site: str, clean: Page, sign_in: Callable[[Person], None]
) -> None:
    buyer = make_member(kinds=["buyer"], name="City Traffic Office", currency="CNY")
    town = town_of(buyer)
    sign_in(buyer.person)
    clean.goto(f"{site}/buyer/orders/{town.order().uid}/")
    clean.get_by_role("button", name="Wait for capacity").click()
    expect(clean.get_by_text("Waiting for capacity")).to_be_visible()
    third = make_organisation(name="Third Press")

    def list_and_wake() -> None:
        install(third, ("embossing", 900))
        assert wake_waiting_shares() == 1
        deliver(*town.everybody, third, rounds=12)

    apart(list_and_wake)
    expect(clean.get_by_role("row", name="Third Press")).to_contain_text("Offered")
    expect(clean.get_by_text("Ways to go on")).to_have_count(0)
