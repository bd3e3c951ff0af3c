"""Live refreshes keep what was ticked and typed, and money moves only after a second look."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from marketplace.models import Funding, Release
from marketplace.services.inspection import inspect_shipment
from marketplace.services.settlement import book_released, confirm_proof, send_proof
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.clock import site_now
from tenants.live import announce
from tenants.models import Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.factories import make_member, make_operator
from tests.marketplace.deals import Deal, make_deal

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[[Person], None]
LOOKS = [(390, "light", "en"), (390, "dark", "zh-hans"), (1440, "dark", "en")]


def elsewhere(act: Callable[[], Any]) -> Any:
    """Act as somebody else does meanwhile, in a thread: Playwright's loop runs in this one."""

    def act_and_close() -> Any:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        return other.submit(act_and_close).result()


@pytest.fixture
def deal() -> Deal:
    """Three lots of 1,000 over two steps of one firm; the first is at the buyer's door."""
    now = site_now()
    made = make_deal(("press", "press"), lots=3, now=now)
    made.accept(now=now)
    made.fund(now=now)
    made.make(1, now=now)
    return made


def test_ticks_outlive_a_live_refresh_and_money_is_named_before_it_goes(
    clean: Page, site: str, sign_in: SignIn, deal: Deal
) -> None:
    sign_in(make_member(deal.buyer).person)
    clean.goto(f"{site}/buyer/inspections/")
    boxes = clean.locator('input[name="shipment"]')
    expect(boxes).to_have_count(1)
    expect(boxes).not_to_be_checked()
    boxes.check()
    elsewhere(lambda: deal.make(2, now=site_now()))
    expect(boxes).to_have_count(2)
    assert [boxes.nth(row).is_checked() for row in (0, 1)] == [True, False]
    expect(clean.locator("[data-ticked]")).to_have_text("1 / 2")
    everything = clean.get_by_label("Tick all")
    everything.check()
    assert boxes.evaluate_all("boxes => boxes.every(box => box.checked)")
    everything.uncheck()
    boxes.first.check()
    clean.get_by_role("button", name="Accept every piece of the ticked ones").click()
    expect(clean.get_by_role("heading", level=1)).to_have_text("Release this money?")
    expect(clean.locator(".kpi", has_text="Will be released")).to_contain_text("CN¥600.00")
    expect(clean.locator(".kpi", has_text="Lots")).to_contain_text("1")
    expect(clean.locator(".kpi", has_text="Accepted pieces")).to_contain_text("1,000")
    with acting_as(deal.buyer.pk):
        assert not Release.objects.exists()
    clean.get_by_role("button", name="Accept and release the money").click()
    expect(clean.locator(".toast")).to_contain_text("1 shipment accepted")
    with acting_as(deal.buyer.pk):
        assert Release.objects.get().amount_minor == 60_000


def test_lots_of_a_work_order_are_live_and_what_was_typed_stays(
    clean: Page, site: str, sign_in: SignIn, deal: Deal
) -> None:
    elsewhere(lambda: deal.report(2, 1, 100))
    sign_in(make_member(deal.suppliers["press"], role="operator").person)
    clean.goto(f"{site}/supplier/work/{deal.operation(2, 1).work_order.uid}/")
    good = clean.locator('[name="lot-2-good"]')
    good.fill("555")
    expect(clean.locator('[name="lot-3-good"]')).to_have_count(0)
    elsewhere(lambda: deal.report(3, 1, 300))
    expect(clean.locator("#lot-3")).to_contain_text("Started")
    expect(clean.locator('[name="lot-3-good"]')).to_have_value("300")
    expect(good).to_have_value("555")
    expect(good).to_be_focused()


def test_a_refused_report_stays_typed_through_a_refresh(
    clean: Page, site: str, watch: Any, sign_in: SignIn, deal: Deal
) -> None:
    watch.forgive("422")
    elsewhere(lambda: deal.report(2, 1, 100))
    sign_in(make_member(deal.suppliers["press"], role="operator").person)
    clean.goto(f"{site}/supplier/work/{deal.operation(2, 1).work_order.uid}/")
    clean.locator('[name="lot-2-good"]').fill("1200")
    clean.locator("#lot-2").get_by_role("button", name="Report").click()
    expect(clean.locator(".error-summary")).to_be_visible()
    elsewhere(lambda: deal.report(3, 1, 300))
    expect(clean.locator("#lot-3")).to_contain_text("Started")
    expect(clean.locator('[name="lot-2-good"]')).to_have_value("1200")


def test_the_operator_is_asked_with_amount_and_buyer_before_money_is_held(
    clean: Page, site: str, sign_in: SignIn
) -> None:
    deal = elsewhere(offered_and_proved)
    sign_in(make_operator().person)
    with acting_as(PLATFORM_ID):
        funding = Funding.objects.get()
    clean.goto(f"{site}/operator/money/payments/{funding.uid}/")
    clean.get_by_role("button", name="Confirm receipt…").click()
    dialog = clean.get_by_role("dialog")
    expect(dialog).to_contain_text("CN¥600.00")
    expect(dialog).to_contain_text(deal.buyer.name)
    dialog.get_by_role("button", name="Cancel").click()
    with acting_as(PLATFORM_ID):
        assert Funding.objects.get().state == "proved"
    clean.get_by_role("button", name="Confirm receipt…").click()
    dialog.get_by_role("button", name="Confirm receipt").click()
    expect(clean.locator(".toast")).to_contain_text("held for the order")
    with acting_as(PLATFORM_ID):
        assert Funding.objects.get().state == "confirmed"


def offered_and_proved() -> Deal:
    deal = make_deal(("press",), now=site_now())
    deal.accept(now=site_now())
    with acting_as(deal.buyer.pk):
        funding = Funding.objects.get()
        send_proof(funding=funding, proof="TX 1", by=deal.by("buyer"), now=site_now())
    return deal


def test_an_open_dialog_is_not_swapped_away(
    clean: Page, site: str, sign_in: SignIn, deal: Deal
) -> None:
    elsewhere(lambda: paid_out(deal))
    sign_in(make_operator().person)
    clean.goto(f"{site}/operator/money/")
    clean.get_by_role("button", name="Mark as paid…").click()
    dialog = clean.get_by_role("dialog")
    expect(dialog).to_contain_text(deal.suppliers["press"].name)
    expect(dialog).to_contain_text("CN¥582.00")
    dialog.get_by_label("Bank reference").fill("BANK-9")
    elsewhere(lambda: announce(tenant_ids=(PLATFORM_ID,), key="money"))
    clean.wait_for_timeout(1_500)
    expect(dialog.get_by_label("Bank reference")).to_have_value("BANK-9")
    with clean.expect_response("**/operator/money/"):
        dialog.get_by_role("button", name="Cancel").click()
    clean.get_by_role("button", name="Mark as paid…").click()
    expect(dialog.get_by_label("Bank reference")).to_have_value("BANK-9")
    dialog.get_by_role("button", name="Mark as paid").click()
    expect(clean.locator(".toast")).to_contain_text("Marked as paid and booked")


def paid_out(deal: Deal) -> None:
    """Pay the order in, accept its first lot and book what that releases."""
    now = site_now()
    with acting_as(deal.buyer.pk):
        funding = Funding.objects.get()
        send_proof(funding=funding, proof="TX 1", by=deal.by("buyer"), now=now)
    with acting_as(PLATFORM_ID):
        confirm_proof(funding=Funding.objects.get(), by=Actor.system(PLATFORM_ID), now=now)
    shipment = deal.final_shipment(1)
    with acting_as(deal.buyer.pk):
        inspect_shipment(shipment_uid=shipment.uid, by=deal.by("buyer"), now=now)
        release = Release.objects.get()
    with acting_as(PLATFORM_ID):
        book_released(release_uid=release.uid, now=now)


@pytest.mark.parametrize(("width", "theme", "language"), LOOKS)
def test_questions_about_money_are_accessible_and_fit(
    clean: Page,
    site: str,
    axe: str,
    choose: Callable[..., None],
    sign_in: SignIn,
    deal: Deal,
    width: int,
    theme: str,
    language: str,
) -> None:
    elsewhere(lambda: paid_out(deal))
    elsewhere(lambda: deal.make(2, now=site_now()))
    choose(language=language, theme=theme)
    clean.set_viewport_size({"width": width, "height": 900})
    sign_in(make_member(deal.buyer).person)
    Person.objects.update(language=language)
    clean.goto(f"{site}/buyer/inspections/")
    clean.locator("[data-check-all]").check()
    clean.locator("form .btn.primary").click()
    clean.wait_for_load_state("networkidle")
    keep_picture(clean, f"inspection-check-{language}-{theme}-{width}")
    assert axe_violations(clean, axe) == []
    assert sideways_scroll(clean) <= 0
    operator = make_operator().person
    Person.objects.filter(pk=operator.pk).update(language=language)
    sign_in(operator)
    clean.goto(f"{site}/operator/money/")
    clean.locator('[commandfor^="pay-"]').first.click()
    keep_picture(clean, f"pay-dialog-{language}-{theme}-{width}")
    assert axe_violations(clean, axe) == []
    assert sideways_scroll(clean) <= 0
