"""Orders and plans in a real browser: posted, planned, compared, chosen; fit for all eyes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from tenants.models import Membership, Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.factories import NOW, make_member, make_operator
from tests.markets import deliver, make_market, plans_of, post, requests_of, site_time

pytestmark = pytest.mark.django_db(transaction=True)
LOOKS = [(1440, "light", "en"), (390, "dark", "zh-hans")]


@pytest.fixture(autouse=True)
def _site_time(settings) -> Iterator[None]:
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


@pytest.fixture
def buyer() -> Membership:
    return make_member(kinds=["buyer"], name="City Traffic Office", currency="CNY")


def apart(act: Callable[..., object], *arguments: object) -> None:
    """Run something in a thread of its own: Playwright's loop lives in this one."""

    def run() -> None:
        try:
            act(*arguments)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_an_order_is_posted_planned_and_chosen(
    site: str, clean: Page, sign_in: Callable[[Person], None], buyer: Membership
) -> None:
    suppliers = make_market(3)
    sign_in(buyer.person)
    clean.goto(f"{site}/buyer/")
    clean.get_by_role("link", name="Post an order").last.click()
    clean.get_by_label("What is to be made?").fill("Licence plates")
    clean.get_by_label("Quantity").fill("20,000")
    clean.get_by_role("button", name="Stamped part").click()
    expect(clean.locator(".routing-row")).to_have_count(2)
    clean.get_by_role("button", name="Move step 2 up").click()
    expect(clean.get_by_label("Process of step 1")).to_have_value("embossing")
    clean.get_by_role("button", name="Move step 2 up").click()
    expect(clean.get_by_label("Process of step 1")).to_have_value("blanking")
    expect(clean.locator("#market input[name=inquiry]")).to_have_count(1)
    apart(deliver, buyer.tenant)
    expect(clean.get_by_text("6 machines of 3 suppliers can do this")).to_be_visible()

    clean.get_by_role("button", name="Post the order").last.click()
    expect(clean.get_by_role("heading", name="Licence plates")).to_be_visible()
    apart(deliver, buyer.tenant)
    clean.get_by_role("link", name="Compare the plans").click()
    clean.get_by_role("row", name="Fastest").get_by_role("link", name="Look").click()
    expect(clean.get_by_role("heading", name="Who does what, and why")).to_be_visible()
    clean.get_by_role("button", name="Choose this plan").click()
    clean.get_by_role("button", name="Choose the plan").click()
    expect(clean.locator(".toast")).to_contain_text("The plan is chosen")
    apart(deliver, buyer.tenant, *suppliers)
    expect(clean.get_by_role("row", name="Works 0").first).to_be_visible()


@pytest.mark.parametrize(("width", "theme", "language"), LOOKS)
def test_the_pages_are_accessible_and_fit(
    clean: Page,
    site: str,
    axe: str,
    choose: Callable[..., None],
    sign_in: Callable[[Person], None],
    buyer: Membership,
    width: int,
    theme: str,
    language: str,
) -> None:
    make_market(5)
    order = post(buyer.tenant, title="Licence plates, type 92", quantity=60_000)
    apart(deliver, buyer.tenant)
    planning = post(buyer.tenant, title="Blue plates", quantity=8_000)
    failed = post(buyer.tenant, title="Dear plates", price_ceiling_minor=500)
    apart(lambda: deliver(buyer.tenant, topics={"plan.requested"}))
    plan = plans_of(buyer.tenant)[0]
    run = requests_of(buyer.tenant)[0].solve_run_uid
    seats = (
        (
            buyer,
            {
                "home": "buyer/",
                "orders": "buyer/orders/",
                "new": "buyer/orders/new/?route=plates",
                "order": f"buyer/orders/{order.uid}/",
                "planning": f"buyer/orders/{planning.uid}/",
                "failed": f"buyer/orders/{failed.uid}/",
                "plans": f"buyer/orders/{order.uid}/plans/",
                "plan": f"buyer/plans/{plan.uid}/",
            },
        ),
        (make_operator(), {"runs": "operator/matching/", "run": f"operator/matching/{run}/"}),
    )
    choose(language=language, theme=theme)
    clean.set_viewport_size({"width": width, "height": 1000})
    for member, pages in seats:
        sign_in(member.person)
        Person.objects.update(language=language)
        for name, path in pages.items():
            clean.goto(f"{site}/{path}")
            clean.wait_for_load_state("networkidle")
            keep_picture(clean, f"order-{name}-{language}-{width}")
            assert axe_violations(clean, axe) == [], name
            assert sideways_scroll(clean) <= 0, name
