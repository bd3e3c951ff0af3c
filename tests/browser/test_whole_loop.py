"""Newcomers in every seat, from an empty site to a paid order, through pages alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from marketplace.models import Funding, Order
from tenants.acting import acting_as
from tenants.clock import site_now
from tenants.models import Organisation
from tests.browser.conftest import Watch
from tests.browser.postman import carried_messages, failed_messages
from tests.factories import PASSWORD, make_operator

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "relay"])
PIECES = 3_000
SCRAP = 25
MACHINES = """machine,name,type,site,process,pieces_per_hour,set_up_minutes
P-01,Left press,Press,North hall,blanking,900,10
E-01,Embosser,Embossing press,North hall,embossing,800,10
E-01,Embosser,Embossing press,North hall,hot-stamp-pack,500,15
F-01,Film line,Laminator,North hall,reflective-film,700,10
"""
NewSeat = Callable[[], Page]


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:  # type: ignore[no-untyped-def]
    settings.SOLVE_TIME_SECONDS = 2.0


@pytest.fixture
def new_seat(browser: Browser, site: str) -> Iterator[NewSeat]:
    """Return a function that opens a browser of its own for a person; all must stay clean."""
    watches: list[Watch] = []
    # A step here may wait for messages of several organisations, one after the other.
    expect.set_options(timeout=20_000)

    def open_browser() -> Page:
        context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(15_000)
        page = context.new_page()
        watches.append(Watch(page, site))
        return page

    yield open_browser
    expect.set_options(timeout=5_000)
    faults = [fault for watch in watches for fault in watch.left()]
    assert not faults, "\n".join(faults)


def test_a_browser_posted_order_over_three_machines_from_a_csv_listed_to_paid(
    new_seat: NewSeat, tmp_path: Path
) -> None:
    with carried_messages():
        factory = new_seat()
        found_organisation(factory, "Li Wei", "I make", "Suzhou Plate Works")
        enter_site_and_machines(factory, tmp_path / "machines.csv")
        publish_idle_nights(factory)

        buyer = new_seat()
        found_organisation(buyer, "Ada Fischer", "I buy", "City Traffic Office")
        post_order(buyer)
        choose_fastest_plan(buyer)

        accept_offer(factory)
        pay_in(buyer)
        operator = new_seat()
        operator_confirms(operator)

        make_everything(factory)
        receive_and_inspect(buyer)
        operator_pays_out(operator)

        factory.goto("/supplier/statements/?state=paid")
        expect(factory.locator("tbody tr")).to_have_count(4)
        expect(factory.locator("tbody")).to_contain_text("BANK-OUT-1")
    check_books()


def found_organisation(page: Page, person: str, does: str, name: str) -> None:
    """Come from the landing page to the first screen of a new organisation."""
    page.goto("/")
    page.get_by_role("link", name="Create an account").first.click()
    page.get_by_label("Your name").fill(person)
    page.get_by_label("Work e-mail").fill(f"{person.split()[0].lower()}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.get_by_label(does).check()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("navigation").first).to_be_visible()


def enter_site_and_machines(page: Page, sheet: Path) -> None:
    """Enter a site with shifts, one machine by the form and three from a file."""
    page.goto("/supplier/sites/new/")
    page.get_by_label("Name", exact=True).fill("North hall")
    shift = page.locator(".shift-row").first
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri"):
        shift.get_by_label(day).check()
    shift.get_by_label("From").fill("08:00")
    shift.get_by_label("To").fill("16:00")
    page.get_by_role("button", name="Save the site").click()
    expect(page.locator(".toast")).to_be_visible()

    page.goto("/supplier/machines/new/")
    page.get_by_label("Code").fill("M-01")
    page.get_by_label("Type").fill("Laser cutter")
    page.get_by_label("Process").first.select_option("laser-cutting")
    page.get_by_label("Pieces per hour").first.fill("40")
    page.get_by_role("button", name="Save the machine").click()
    expect(page.locator(".toast")).to_be_visible()

    sheet.write_text(MACHINES)
    page.goto("/supplier/machines/import/")
    page.set_input_files('input[name="file"]', sheet)
    page.get_by_role("button", name="Look at the file").click()
    page.get_by_role("button", name="Enter all rows").click()
    page.goto("/supplier/machines/")
    expect(page.locator("#machines tbody tr")).to_have_count(4)


def publish_idle_nights(page: Page) -> None:
    """Draw what the shifts leave of next week on all machines, price it, put it up for sale."""
    today = site_now().date()
    monday = today + timedelta(days=7 - today.weekday())
    page.goto(f"/supplier/capacity/?week={monday.isoformat()}")
    page.get_by_role("button", name="List my idle nights").click()
    page.get_by_role("button", name="Copy to all machines").click()
    for row in page.locator("table.terms tbody tr").all():
        row.locator("input").first.fill("80")
        row.locator("input").nth(1).fill(str(PIECES))
    page.get_by_role("button", name="Save and publish").click()
    expect(page.locator(".toast")).to_contain_text("for sale")


def post_order(page: Page) -> None:
    """Say what, how many and by when; the market's answer comes before the order is posted."""
    page.goto("/buyer/")
    page.get_by_role("link", name="Post an order").first.click()
    page.get_by_label("What is to be made?").fill("Licence plates, type 92")
    page.get_by_label("Quantity").fill("3,000")
    page.get_by_role("button", name="Licence plates", exact=True).click()
    expect(page.locator("#routing .routing-row")).to_have_count(4)
    page.get_by_label("Largest lot").fill(str(PIECES))
    due = datetime.combine(site_now().date() + timedelta(days=15), time(12), tzinfo=UTC)
    page.get_by_label("Due date").fill(due.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label("Due date").blur()
    expect(page.locator("#market")).to_contain_text("3 machines of 1")
    page.locator("aside").get_by_role("button", name="Post the order").click()
    expect(page.locator(".toast")).to_contain_text("is posted")


def choose_fastest_plan(page: Page) -> None:
    """Wait on the order's page for plans, which come by themselves, and choose one."""
    page.locator("#order-state a", has_text="Fastest").first.click(timeout=45_000)
    expect(page.locator("main")).to_contain_text("Suzhou Plate Works")
    page.get_by_role("button", name="Choose this plan").click()
    page.get_by_role("button", name="Choose the plan").click()
    expect(page.locator("#order-state")).to_contain_text("answers in")


def accept_offer(page: Page) -> None:
    page.goto("/supplier/offers/")
    page.get_by_role("link", name="Licence plates").click()
    page.get_by_role("button", name="Accept", exact=True).click()
    page.get_by_role("button", name="Accept and book the hours").click()
    expect(page.locator(".toast")).to_be_visible()


def pay_in(page: Page) -> None:
    """Send the proof of a transfer; the order's page has said that it is asked for."""
    expect(page.locator("#order-state")).to_contain_text("Confirmed")
    page.goto("/buyer/payments/")
    page.locator("main table a").first.click()
    page.get_by_label("Bank reference of your transfer").fill("BANK-IN-1")
    page.get_by_role("button", name="Send proof").click()
    expect(page.locator("#payment")).to_contain_text("We look for your transfer")


def operator_confirms(page: Page) -> None:
    membership = make_operator()
    membership.person.set_password(PASSWORD)
    membership.person.save()
    page.goto("/sign-in/")
    page.get_by_label("E-mail").fill(membership.person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/operator/money/")
    page.get_by_role("link", name=re.compile(r"^PO-|^O-")).first.click()
    page.get_by_role("button", name="Confirm receipt…").click()
    page.get_by_role("dialog").get_by_role("button", name="Confirm receipt").click()
    expect(page.locator("main")).to_contain_text("Held for the order")


def make_everything(page: Page) -> None:
    """Start and report each step in its order, then send the lot."""
    for step in range(4):
        page.goto("/supplier/work/?state=all")
        page.locator("main tbody tr").nth(step).get_by_role("link").first.click()
        page.get_by_role("button", name="Start", exact=True).click()
        pieces = PIECES - SCRAP if step else PIECES
        scrap = 0 if step else SCRAP
        page.get_by_label("Good").fill(str(pieces - scrap))
        page.get_by_label("Scrap").fill(str(scrap))
        page.get_by_role("button", name="Report", exact=True).click()
        expect(page.locator(".toast").last).to_contain_text("reported")
    page.goto("/supplier/shipments/")
    page.get_by_label("Tick all").last.check()
    page.get_by_role("button", name="Send the ticked lots").click()
    expect(page.locator(".toast")).to_contain_text("Sent")


def receive_and_inspect(page: Page) -> None:
    page.goto("/buyer/inspections/?state=in_transit")
    page.get_by_label("Tick all").check()
    page.get_by_role("button", name="They are here: sign").click()
    expect(page.locator(".toast")).to_contain_text("1 shipment received")
    page.locator("#inspections tbody a").first.click()
    page.get_by_role("button", name="Check what this releases").click()
    page.get_by_role("button", name="Accept and release the money").click()
    expect(page.locator(".toast")).to_contain_text("released")


def operator_pays_out(page: Page) -> None:
    """Pay the factory from the desk, where its share waits after the release is booked."""
    page.goto("/operator/money/")
    page.get_by_role("button", name="Mark as paid…").first.click()
    page.get_by_role("dialog").get_by_label("Bank reference").fill("BANK-OUT-1")
    page.get_by_role("dialog").get_by_role("button", name="Mark as paid").click()
    expect(page.locator(".toast")).to_be_visible()


def check_books() -> None:
    """Hold the end against what must be true: all accepted, and the money adds up."""
    organisations = list(Organisation.objects.filter(pk__gt=1))
    assert failed_messages(*organisations) == []
    buyer = next(one for one in organisations if one.kinds == ["buyer"])
    with acting_as(buyer.pk):
        order = Order.objects.of(buyer.pk).get()
        funding = Funding.objects.get(buyer=buyer)
    assert (order.state, order.accepted_quantity) == ("accepted", PIECES - SCRAP)
    assert funding.amount_minor == order.cost_minor
