"""An order that cannot be planned as it stands, walked by its buyer in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from marketplace.models import Order
from marketplace.services.holds import GRACE, end_holds
from tenants.acting import acting_as
from tenants.models import Membership, Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.browser.test_share_limits import apart
from tests.factories import NOW, make_member
from tests.marketplace.test_counter_offers import ask, presses, pressing, ways
from tests.markets import deliver, site_time

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _site_time(settings) -> Iterator[None]:
    settings.SOLVE_TIME_SECONDS = 2.0
    with site_time(NOW):
        yield


def refuse(buyer: Membership, **asked: object) -> Order:
    """Let the buyer ask five presses for more than they have."""

    def post_and_answer() -> None:
        presses(5)
        ask(buyer.tenant, **pressing(**asked))

    apart(post_and_answer)
    with acting_as(buyer.tenant.pk):
        return Order.objects.of(buyer.tenant.pk).get()


def test_a_buyer_reads_what_is_short_and_takes_what_is_held(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    buyer = make_member(kinds=["buyer"], name="City Traffic Office", currency="CNY")
    order = refuse(buyer, quantity=20_000, due_at=NOW + timedelta(days=2))
    way = ways(buyer.tenant)["smaller"]
    sign_in(buyer.person)
    page = f"{site}/buyer/orders/{order.uid}/"
    for language, theme, width in (("zh-hans", "dark", 390), ("en", "light", 1440)):
        choose(language=language, theme=theme)
        Person.objects.update(language=language)
        clean.set_viewport_size({"width": width, "height": 1000})
        for name, address in (
            ("refused", page),
            ("home", f"{site}/buyer/"),
            ("way", f"{site}/buyer/plans/{way.uid}/"),
            ("plans", f"{site}/buyer/orders/{order.uid}/plans/"),
        ):
            clean.goto(address)
            keep_picture(clean, f"counter-offer-{name}-{language}-{width}")
            assert axe_violations(clean, axe) == [], name
            assert sideways_scroll(clean) <= 0, name
    clean.goto(page)
    expect(clean.get_by_role("alert")).to_contain_text("is short by about 150 h")
    expect(clean.get_by_text("is yours until")).to_be_visible()
    clean.get_by_role("link", name="Fewer pieces").click()
    expect(clean.get_by_text("Its machine time is held for you until")).to_be_visible()
    clean.get_by_role("button", name="Choose this plan").click()
    clean.get_by_role("button", name="Choose the plan").click()
    expect(clean.locator(".toast")).to_contain_text("The plan is chosen")
    apart(lambda: deliver(buyer.tenant))
    expect(clean.get_by_text("What would be possible")).to_have_count(0)
    expect(clean.get_by_role("row", name="Press 0")).to_contain_text("Offered")


def test_a_hold_that_runs_out_is_seen_to_be_over(
    site: str, clean: Page, sign_in: Callable[[Person], None]
) -> None:
    buyer = make_member(kinds=["buyer"], name="City Traffic Office", currency="CNY")
    order = refuse(buyer, quantity=20_000)
    sign_in(buyer.person)
    clean.goto(f"{site}/buyer/orders/{order.uid}/")
    expect(clean.get_by_text("is yours until")).to_be_visible()
    over = NOW + timedelta(minutes=21) + GRACE
    with site_time(over):
        apart(lambda: end_holds(now=over))
        expect(clean.get_by_text("Nothing is held")).to_be_visible()
    keep_picture(clean, "counter-offer-over-en")
