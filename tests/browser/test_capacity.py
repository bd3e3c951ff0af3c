"""The supplier's first hour in a real browser: pages, a drawn week, a file with a faulty row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from marketplace.models import CapacityWindow
from scheduling.models import Reservation
from tenants.acting import acting_as
from tenants.clock import site_now
from tenants.ids import uuid7
from tenants.models import Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.factories import CapacityWindowFactory, make_member
from tests.marketplace.conftest import Works, make_works

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = {
    "sites": "sites/",
    "site": "sites/new/",
    "machines": "machines/",
    "machine": "machines/new/",
    "capacity": "capacity/?week={week}",
    "capacity-list": "capacity/list/",
    "import": "capacity/import/",
}
Choose = Callable[..., None]


def next_monday() -> datetime:
    today = site_now().date()
    day = today + timedelta(days=7 - today.weekday())
    return datetime.combine(day, time(), tzinfo=UTC)


@pytest.fixture
def works(sign_in: Callable[[Person], None]) -> Works:
    """Return a supplier with a week partly drawn, for sale and sold; its owner is signed in."""
    made = make_works(machines=3)
    monday = next_monday()
    with acting_as(made.organisation.pk):
        for day in range(5):
            CapacityWindowFactory.create(
                machine=made.machines[0],
                during=(
                    monday + timedelta(days=day, hours=18),
                    monday + timedelta(days=day, hours=29),
                ),
                state="listed" if day < 3 else "draft",
            )
        Reservation.objects.create(
            tenant=made.organisation,
            machine=made.machines[0],
            during=(monday + timedelta(hours=20), monday + timedelta(hours=24)),
            state="booked",
            subject_uid=uuid7(),
        )
    sign_in(make_member(made.organisation).person)
    return made


def _week_address(site: str) -> str:
    return f"{site}/supplier/capacity/?week={next_monday().date().isoformat()}"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("width", "theme", "language"), [(1440, "light", "en"), (390, "dark", "zh-hans")]
)
def test_the_pages_are_accessible_and_fit(
    clean: Page,
    site: str,
    axe: str,
    choose: Choose,
    works: Works,
    name: str,
    width: int,
    theme: str,
    language: str,
) -> None:
    choose(language=language, theme=theme)
    Person.objects.update(language=language)
    clean.set_viewport_size({"width": width, "height": 1000})
    clean.goto(f"{site}/supplier/" + PAGES[name].format(week=next_monday().date().isoformat()))
    keep_picture(clean, f"supplier-{name}-{language}-{width}")
    assert axe_violations(clean, axe) == []
    assert sideways_scroll(clean) <= 0


def test_a_night_is_drawn_by_keyboard_and_published(clean: Page, site: str, works: Works) -> None:
    clean.goto(_week_address(site))
    clean.locator("[data-week-machine]").select_option(label="M-02 · North hall")
    first = clean.locator(".week-grid .cell").first
    first.focus()
    clean.keyboard.press("Space")
    clean.keyboard.press("Shift+ArrowDown")
    clean.locator(f'[name="price-{works.machines[1].uid}"]').fill("75.50")
    clean.get_by_role("button", name="Save and publish").click()
    expect(clean.locator(".toast")).to_contain_text("for sale")
    with acting_as(works.organisation.pk):
        window = CapacityWindow.objects.get(machine=works.machines[1])
    assert (window.hours, window.state, window.price_minor_per_hour) == (1, "listed", 7_550)


def test_sold_hours_cannot_be_erased_by_hand(clean: Page, site: str, works: Works) -> None:
    clean.goto(_week_address(site))
    sold = clean.locator(".week-grid .cell.sold").first
    sold.click(force=True)
    expect(sold).to_have_attribute("aria-checked", "true")
    clean.get_by_role("button", name="Clear").click()
    expect(sold).to_have_attribute("aria-checked", "true")
    clean.get_by_role("button", name="Save as drafts").click()
    expect(clean.locator(".toast")).to_contain_text("51 h taken out")


def test_a_file_with_a_faulty_row_is_looked_at_and_taken_without_it(
    clean: Page, site: str, works: Works, tmp_path: Path
) -> None:
    day = (next_monday() + timedelta(days=1)).date().isoformat()
    file = tmp_path / "capacity.csv"
    file.write_text(
        "machine,date,start,end,price_per_hour\n"
        f"M-02,{day},20:00,06:00,80\nM-99,{day},20:00,06:00,80\n"
    )
    clean.goto(f"{site}/supplier/capacity/import/")
    clean.set_input_files('input[name="file"]', file)
    clean.get_by_role("button", name="Look at the file").click()
    expect(clean.get_by_text("There is no machine with the code M-99")).to_be_visible()
    keep_picture(clean, "supplier-import-preview")
    clean.get_by_role("button", name="Enter the valid rows only").click()
    with clean.expect_download() as download:
        clean.get_by_role("link", name="Download the rows left out").click()
    assert "M-99" in Path(download.value.path()).read_text()


def test_attribute_fields_come_with_the_chosen_process(
    clean: Page, site: str, works: Works
) -> None:
    clean.goto(f"{site}/supplier/machines/new/")
    clean.get_by_label("Process").first.select_option("injection-moulding")
    expect(clean.get_by_label("Clamping force")).to_be_visible()
    clean.get_by_label("Process").first.select_option("sewing")
    expect(clean.get_by_label("Denim")).to_be_visible()
