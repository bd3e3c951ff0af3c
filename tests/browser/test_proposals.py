"""A machine that is down, in a browser: its firm says it and accepts, the buyer reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tenants.models import Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.browser.test_share_limits import apart
from tests.factories import NOW, make_member
from tests.marketplace.test_proposals import Yard, equip, yard
from tests.marketplace.test_reported_downtimes import DOWN, MINUTE, reporter, sweep
from tests.markets import site_time

pytestmark = pytest.mark.django_db(transaction=True)
LOOKS = (("zh-hans", "dark", 390), ("en", "light", 390), ("en", "dark", 1440))


@pytest.fixture(autouse=True)
def _site_time(settings) -> Iterator[None]:
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


def test_a_machine_is_said_to_be_down_and_its_lots_are_accepted_elsewhere(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    supplier = make_member(name="Chengye Metalworks", kinds=["supplier"])
    buyer = make_member(name="City Traffic Office", kinds=["buyer"])
    made: list[Yard] = []

    def settle() -> None:
        made.append(yard(cutter=supplier.tenant, buyer=buyer.tenant))
        equip(supplier.tenant, "blanking", 600)

    apart(settle)
    town = made[0]
    order_page = f"{site}/buyer/orders/{town.order().uid}/"
    until = (NOW + timedelta(hours=5)).astimezone(ZoneInfo(town.machine.site.time_zone))
    sign_in(supplier.person)
    clean.goto(f"{site}/supplier/machines/{town.machine.uid}/")
    clean.get_by_label("Down until").fill(f"{until:%Y-%m-%dT%H:%M}")
    clean.get_by_role("button", name="It is down").click()
    expect(clean.get_by_text("Said to be down")).to_be_visible()
    assert axe_violations(clean, axe) == []
    keep_picture(clean, "machine-down")
    apart(town.deliver)
    accept = clean.locator("[data-proposal] button.primary")

    def look(page: str, name: str) -> None:
        for language, theme, width in LOOKS:
            choose(language=language, theme=theme)
            Person.objects.update(language=language)
            clean.set_viewport_size({"width": width, "height": 1400})
            clean.goto(page)
            expect(clean.locator("[data-proposal]")).to_be_visible()
            assert axe_violations(clean, axe) == []
            assert sideways_scroll(clean) <= 0
            clean.locator("[data-proposal]").scroll_into_view_if_needed()
            keep_picture(clean, f"{name}-{language}-{theme}-{width}")

    look(f"{site}/supplier/work/", "proposal")
    accept.click()
    expect(clean.locator(".toast")).to_contain_text("Accepted")
    clean.wait_for_load_state("networkidle")
    clean.goto("about:blank")  # a page of the supplier's would reload with the buyer's session
    apart(town.deliver)
    sign_in(buyer.person)
    look(order_page, "proposal-order")
    expect(clean.locator("[data-proposal]")).to_contain_text("In the plan")


@pytest.mark.django_db(transaction=True, databases=["default", "sweep", "ingest"])
def test_what_a_device_reports_is_read_on_the_machines_page_and_under_work(
    site: str, clean: Page, axe: str, choose: Callable[..., None], sign_in: Callable[[Person], None]
) -> None:
    supplier = make_member(name="Chengye Metalworks", kinds=["supplier"])
    now = NOW + 45 * MINUTE
    made: list[Yard] = []

    def settle() -> None:
        made.append(yard(cutter=supplier.tenant))
        equip(supplier.tenant, "blanking", 600)
        reporter(made[0].machine).tells(DOWN, since=now - 90 * MINUTE, until=now)
        assert sweep(made[0], now) == 1

    def look(page: str, title: str, name: str) -> None:
        clean.goto(f"{site}/supplier/{page}")
        told = clean.get_by_text(title, exact=True)
        expect(told).to_be_visible()
        assert axe_violations(clean, axe) == []
        assert sideways_scroll(clean) <= 0
        told.scroll_into_view_if_needed()
        keep_picture(clean, name)

    apart(settle)
    machine = f"machines/{made[0].machine.uid}/"
    sign_in(supplier.person)
    with site_time(now):
        for language, theme, width in LOOKS:
            choose(language=language, theme=theme)
            Person.objects.update(language=language)
            clean.set_viewport_size({"width": width, "height": 1400})
            look_at = f"reported-{language}-{theme}-{width}"
            is_english = language == "en"
            on_page = "Its device reports it as down" if is_english else "其设备报告停机"
            look(machine, on_page, f"{look_at}-machine")
            on_work = "A device reports its machine as down" if is_english else "设备报告其机器停机"
            look("work/", on_work, f"{look_at}-work")
        expect(clean.locator("[data-proposal]")).to_contain_text("reported as down by its device")
        clean.goto(f"{site}/supplier/{machine}")
        clean.get_by_role("button", name="It runs again").click()
        expect(clean.get_by_text("A person has said since that it runs")).to_be_visible()
        apart(lambda: made[0].deliver(now))
        clean.goto(f"{site}/supplier/work/")
        clean.wait_for_load_state("networkidle")
        expect(clean.locator("[data-proposal]")).to_have_count(0)
