"""Offer, work, shipment and inspection in a real browser, in both languages and themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from devices.models import PlannedRun
from marketplace.models import Offer
from marketplace.services.machine_counts import copy_counts
from tenants.acting import acting_as
from tenants.clock import site_now
from tenants.models import Organisation, Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.factories import CapacityWindowFactory, make_member
from tests.marketplace.deals import Deal, make_deal

pytestmark = pytest.mark.django_db(transaction=True)
SUPPLIER_PAGES = {
    "home": "",
    "offers": "offers/",
    "offer": "offers/{offer}/",
    "work": "work/",
    "work-order": "work/{work_order}/",
    "shipments": "shipments/",
}
BUYER_PAGES = {
    "inspections": "inspections/",
    "inspection": "inspections/{shipment}/",
    "progress": "orders/{order}/",
    "trace": "orders/{order}/trace/",
}
LOOKS = [(1440, "light", "en"), (390, "dark", "zh-hans")]
Choose = Callable[..., None]


@pytest.fixture
def deal() -> Deal:
    """Return a deal in full swing: lots at every stage, and a second offer that waits."""
    now = site_now()
    made = make_deal(("press", "pack", "pack", "pack"), lots=6, now=now, starts_in_hours=-101)
    for name, firm in made.suppliers.items():
        firm.name = {"press": "Hangzhou Film Works", "pack": "Ningbo Plate & Pack"}[name]
        with acting_as(firm.pk):
            Organisation.objects.filter(pk=firm.pk).update(name=firm.name)
    made.accept(now=now)
    made.fund(now=now)
    made.make(1, scrap=(20, 10, 0, 5), now=now)
    for lot in (2, 3):
        made.report(lot, 1, 985, 15, now=now)
    made.receive(made.ship(1, 2, now=now), now=now)
    made.ship(1, 3, now=now)
    made.report(2, 2, 600, 12, now=now)
    made.report(4, 1, 990, 10, now=now)
    made.report(5, 1, 400, now=now)
    for firm in made.suppliers.values():
        with acting_as(firm.pk):
            PlannedRun.objects.of(firm.pk).filter(machine__isnull=False).update(counted=350)
            copy_counts(supplier_id=firm.pk, now=now)
    second = make_deal(suppliers=made.suppliers, machines=made.machines, now=now)
    made.offers = second.offers
    with acting_as(made.suppliers["press"].pk):
        CapacityWindowFactory.create(
            machine=made.machines["press"],
            during=(
                second.offers["press"].ends_at,
                second.offers["press"].ends_at.replace(hour=23),
            ),
            state="listed",
        )
    return made


def _filled(deal: Deal, path: str) -> str:
    names = {
        "offer": deal.offers["press"].uid,
        "order": deal.order.uid,
        "work_order": deal.operation(1, 1).work_order.uid,
        "shipment": deal.final_shipment(1).uid,
    }
    return path.format(**names)


@pytest.mark.parametrize(("width", "theme", "language"), LOOKS)
def test_the_pages_are_accessible_and_fit(
    clean: Page,
    site: str,
    axe: str,
    choose: Choose,
    sign_in: Callable[[Person], None],
    deal: Deal,
    width: int,
    theme: str,
    language: str,
) -> None:
    choose(language=language, theme=theme)
    clean.set_viewport_size({"width": width, "height": 1000})
    seats = (
        ("supplier", deal.suppliers["press"], SUPPLIER_PAGES),
        ("buyer", deal.buyer, BUYER_PAGES),
    )
    for seat, firm, pages in seats:
        sign_in(make_member(firm, role="owner").person)
        Person.objects.update(language=language)
        for name, path in pages.items():
            clean.goto(f"{site}/{seat}/{_filled(deal, path)}")
            clean.wait_for_load_state("networkidle")
            keep_picture(clean, f"{seat}-{name}-{language}-{width}")
            assert axe_violations(clean, axe) == [], name
            assert sideways_scroll(clean) <= 0, name


def test_an_offer_is_accepted_in_two_clicks(
    clean: Page, site: str, sign_in: Callable[[Person], None], deal: Deal
) -> None:
    sign_in(make_member(deal.suppliers["press"]).person)
    clean.goto(f"{site}/supplier/offers/")
    clean.get_by_role("link", name="Licence plates").click()
    clean.get_by_role("button", name="Accept", exact=True).click()
    clean.get_by_role("button", name="Accept and book the hours").click()
    expect(clean.locator(".toast")).to_contain_text("The machine hours are booked")
    uid = deal.offers["press"].uid
    with acting_as(deal.suppliers["press"].pk):
        assert Offer.objects.get(uid=uid).state == "accepted"


def test_a_report_on_the_phone_names_what_is_wrong_and_then_takes_it(
    clean: Page,
    site: str,
    watch: object,
    sign_in: Callable[[Person], None],
    deal: Deal,
) -> None:
    watch.forgive("422")  # type: ignore[attr-defined]
    sign_in(make_member(deal.suppliers["press"], role="operator").person)
    clean.set_viewport_size({"width": 390, "height": 844})
    clean.goto(f"{site}/supplier/work/{deal.operation(1, 1).work_order.uid}/")
    clean.locator('[name="lot-5-good"]').fill("1200")
    row = clean.locator("#lot-5")
    row.get_by_role("button", name="Report").click()
    expect(clean.locator(".error-summary")).to_contain_text("good and scrap are 1200")
    clean.locator('[name="lot-5-good"]').fill("996")
    clean.locator('[name="lot-5-scrap"]').fill("4")
    clean.locator("#lot-5").get_by_role("button", name="Report").click()
    expect(clean.locator(".toast")).to_contain_text("Lot 5: reported.")
    assert deal.operation(5, 1).state == "finished"
