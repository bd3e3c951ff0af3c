"""The supplier's pages of sites, machines and idle time, as a browser without script sees them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from devices.models import Machine, Shift, Site
from marketplace.models import Capability, CapacityWindow
from marketplace.selectors.capacity_week import week_of
from marketplace.services.sheets.machines import machine_template
from scheduling.models import Reservation
from tenants.acting import acting_as
from tenants.ids import uuid7
from tests.factories import NOW, CapacityWindowFactory, make_member
from tests.marketplace.conftest import Works, make_works
from tests.marketplace.test_capacity_drawing import MONDAY

PAGES = [
    "sites",
    "site_new",
    "machines",
    "machine_new",
    "capacity",
    "capacity_list",
    "capacity_import",
    "machine_import",
]


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("marketplace.views.capacity", "marketplace.views.imports"):
        monkeypatch.setattr(f"{module}.site_now", lambda: NOW)


def sign_in(works: Works, role: str = "owner") -> Client:
    client = Client()
    client.force_login(make_member(works.organisation, role=role).person)
    return client


@pytest.fixture
def client(works: Works) -> Client:
    return sign_in(works)


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens(client: Client, page: str) -> None:
    assert client.get(reverse(page), follow=True).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_for_a_firm_that_has_nothing_yet(page: str) -> None:
    member = make_member(kinds=["supplier"])
    client = Client()
    client.force_login(member.person)
    assert client.get(reverse(page), follow=True).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_for_a_buyer_the_pages_do_not_exist(page: str) -> None:
    client = Client()
    client.force_login(make_member(kinds=["buyer"]).person)
    assert client.get(reverse(page)).status_code == 404


def test_a_viewer_looks_and_changes_nothing(works: Works) -> None:
    client = sign_in(works, role="viewer")
    assert client.get(reverse("capacity")).status_code == 200
    assert client.post(reverse("capacity_draw")).status_code == 403
    assert client.post(reverse("capacity_withdraw")).status_code == 403
    assert client.get(reverse("machine_new")).status_code == 403


def _week(works: Works, *pieces: tuple[str, str, str], price: str = "80.00") -> dict[str, str]:
    machine = str(works.machines[0].uid)
    windows = [
        {"machine": machine, "day": f"2026-03-{day}", "start": start, "end": end}
        for day, start, end in pieces
    ]
    return {
        "windows": json.dumps(windows),
        f"price-{machine}": price,
        f"lot-{machine}": "100",
    }


def test_a_drawn_week_is_published(client: Client, works: Works) -> None:
    night = _week(works, ("03", "20:00", "24:00"), ("04", "00:00", "06:00"))
    saved = client.post(reverse("capacity_draw") + "?week=2026-03-04", {**night, "publish": "1"})
    assert (saved.status_code, saved["Location"]) == (302, "/supplier/capacity/?week=2026-03-02")
    with acting_as(works.organisation.pk):
        window = CapacityWindow.objects.get()
    assert (window.state, window.hours, window.price_minor_per_hour) == ("listed", 10, 8_000)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"windows": "nonsense"}, "The drawn windows cannot be read"),
        ({"windows": '[{"machine": "x", "day": "2026-03-03"}]'}, "cannot be read"),
        ({"price": "-5"}, "greater than or equal to 0.01"),
        ({"price": ""}, "M-01 has no price per hour"),
        ({"day": "01"}, "lies in the past"),
    ],
)
def test_what_cannot_be_saved_is_said_and_stays_drawn(
    client: Client, works: Works, change: dict[str, str], sentence: str
) -> None:
    price, day = change.pop("price", "80.00"), change.pop("day", "03")
    drawn = {**_week(works, (day, "20:00", "22:00"), price=price), **change}
    week = "?week=2026-02-28" if day == "01" else "?week=2026-03-02"
    refused = client.post(reverse("capacity_draw") + week, drawn)
    assert refused.status_code == 422
    assert sentence in refused.content.decode()
    assert refused.context["drawn"] == drawn["windows"]
    with acting_as(works.organisation.pk):
        assert not CapacityWindow.objects.exists()


def test_the_grid_shows_shifts_windows_and_what_is_sold_or_past(works: Works) -> None:
    machine = works.machines[0]
    during = (datetime(2026, 3, 3, 19, 10, tzinfo=UTC), datetime(2026, 3, 4, 4, 50, tzinfo=UTC))
    with acting_as(works.organisation.pk):
        CapacityWindowFactory.create(machine=machine, during=during, state="listed")
        Reservation.objects.create(
            tenant=works.organisation,
            machine=machine,
            during=(during[0], during[0] + timedelta(hours=1)),
            state="booked",
            subject_uid=uuid7(),
        )
        week = week_of(works.organisation.pk, works.machines, monday=MONDAY, now=NOW)
    drawn = [
        {"day": "2026-03-03", "start": "20:00", "end": "24:00"},
        {"day": "2026-03-04", "start": "00:00", "end": "06:00"},
    ]
    assert week.drawn == [{"machine": str(machine.uid), **piece} for piece in drawn]
    shown = week.machines[0]
    assert shown["listed"] == drawn
    assert shown["sold"] == [{"day": "2026-03-03", "start": "20:00", "end": "21:30"}]
    assert shown["past"] == [{"day": "2026-03-02", "start": "00:00", "end": "10:00"}]
    assert shown["shifts"][0] == {"day": "2026-03-02", "start": "08:00", "end": "18:00"}


def test_saving_the_grid_as_it_was_shown_changes_nothing(client: Client, works: Works) -> None:
    """Minutes off the half hour survive, although the grid cannot show them."""
    during = (datetime(2026, 3, 3, 19, 10, tzinfo=UTC), datetime(2026, 3, 4, 4, 50, tzinfo=UTC))
    with acting_as(works.organisation.pk):
        CapacityWindowFactory.create(machine=works.machines[0], during=during, state="listed")
    page = client.get(reverse("capacity") + "?week=2026-03-02")
    client.post(reverse("capacity_draw") + "?week=2026-03-02", {"windows": page.context["drawn"]})
    with acting_as(works.organisation.pk):
        window = CapacityWindow.objects.get()
        assert (window.during.lower, window.during.upper, window.state) == (*during, "listed")


def test_all_idle_hours_of_four_weeks_come_by_one_button(client: Client, works: Works) -> None:
    prices = {f"price-{machine.uid}": "80" for machine in works.machines}
    refused = client.post(reverse("capacity_idle_nights"), {})
    assert "M-01 has no price per hour" in refused.content.decode()
    assert client.post(reverse("capacity_idle_nights"), prices).status_code == 302
    with acting_as(works.organisation.pk):
        assert CapacityWindow.objects.filter(machine=works.machines[0]).count() == 20


def test_windows_are_filtered_exported_and_withdrawn(client: Client, works: Works) -> None:
    with acting_as(works.organisation.pk):
        first = CapacityWindowFactory.create(machine=works.machines[0], state="listed")
        CapacityWindowFactory.create(machine=works.machines[1])
    url = reverse("capacity_list")
    listed = client.get(url, {"state": "listed", "machine": str(works.machines[0].uid)})
    assert [window.pk for window in listed.context["page"]] == [first.pk]
    exported = client.get(url, {"state": "listed", "format": "csv"})
    assert exported["Content-Type"] == "text/csv; charset=utf-8"
    assert exported.content.decode().splitlines()[1] == (
        "M-01,2026-03-02,21:00,2026-03-03,05:00,80.00,EUR,1,listed"
    )
    assert client.post(reverse("capacity_withdraw"), {"window": str(first.uid)}).status_code == 302
    with acting_as(works.organisation.pk):
        assert CapacityWindow.objects.get(pk=first.pk).state == "withdrawn"
    assert client.post(reverse("capacity_withdraw"), {"window": str(uuid7())}).status_code == 404
    assert client.post(reverse("capacity_withdraw"), {"window": "x"}).status_code == 404


def _upload(client: Client, page: str, text: str) -> Any:
    file = SimpleUploadedFile("file.csv", text.encode(), content_type="text/csv")
    return client.post(reverse(page), {"file": file}, follow=True)


def test_machines_come_from_a_file_in_one_step(client: Client, works: Works) -> None:
    looked = _upload(client, "machine_import", machine_template())
    assert looked.context["found"].valid == 3
    done = client.post(looked.context["take_url"], {"rows": "all"})
    assert (done.status_code, done["Location"]) == (302, reverse("machines"))
    with acting_as(works.organisation.pk):
        assert Machine.objects.count() == 5


def test_faulty_rows_come_back_as_a_file(client: Client, works: Works) -> None:
    text = (
        "machine,date,start,end,price_per_hour\n"
        "M-01,2026-03-03,20:00,06:00,80\n"
        "M-09,2026-03-03,20:00,06:00,80\n"
    )
    looked = _upload(client, "capacity_import", text)
    assert "There is no machine with the code M-09" in looked.content.decode()
    rows = client.get(looked.context["failed_url"]).content.decode().splitlines()
    assert rows[1].startswith("M-09,2026-03-03,20:00,06:00,80,There is no machine")
    refused = client.post(looked.context["take_url"], {"rows": "all"})
    assert (refused.status_code, "none was taken" in refused.content.decode()) == (422, True)
    done = client.post(looked.context["take_url"], {"rows": "valid", "publish": "on"}, follow=True)
    left = client.get(done.request["PATH_INFO"] + "?format=csv").content.decode()
    assert left.splitlines()[1:] == rows[1:]
    with acting_as(works.organisation.pk):
        assert [window.state for window in CapacityWindow.objects.all()] == ["listed"]


def test_a_kept_file_belongs_to_one_organisation(client: Client, works: Works) -> None:
    looked = _upload(client, "machine_import", machine_template())
    other = sign_in(make_works())
    assert other.get(looked.request["PATH_INFO"]).status_code == 404
    assert other.post(looked.context["take_url"], {"rows": "all"}).status_code == 404


def test_a_file_that_cannot_be_read_is_refused_at_the_field(client: Client) -> None:
    refused = _upload(client, "capacity_import", "colour\nred\n")
    assert refused.status_code == 422
    assert "The file lacks the columns machine, date" in refused.content.decode()


def _machine(works: Works, **fields: str) -> dict[str, str]:
    return {
        "code": "L-1",
        "machine_type": "Laser",
        "site": str(works.site.pk),
        "abilities-TOTAL_FORMS": "2",
        "abilities-INITIAL_FORMS": "0",
        "abilities-0-process": "laser-cutting",
        "abilities-0-pieces_per_hour": "120",
        "abilities-0-attribute-material": "aluminium",
        "abilities-0-attribute-max_length_mm": "3000",
        **fields,
    }


def test_a_machine_is_entered_and_changed_with_its_processes(client: Client, works: Works) -> None:
    assert client.post(reverse("machine_new"), _machine(works)).status_code == 302
    with acting_as(works.organisation.pk):
        found = Capability.objects.select_related("machine").get(machine__code="L-1")
        assert found.attributes == {"material": ["aluminium"], "max_length_mm": 3000}
    page = reverse("machine_edit", args=[found.machine.uid])
    assert b"3000" in client.get(page).content
    changed = _machine(
        works, code="L-2", **{"abilities-INITIAL_FORMS": "1", "abilities-0-process": ""}
    )
    changed.pop("abilities-0-pieces_per_hour")
    assert client.post(page, changed).status_code == 302
    with acting_as(works.organisation.pk):
        assert not Capability.objects.filter(machine__code="L-2").exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"code": "M-01"}, "the code M-01 already"),
        ({"abilities-0-pieces_per_hour": "0"}, "greater than or equal to 1"),
        ({"abilities-0-pieces_per_hour": ""}, "Enter how many pieces it makes in an hour"),
        ({"abilities-0-attribute-material": "cheese"}, "cheese is not one of the available"),
        (
            {"abilities-1-process": "laser-cutting", "abilities-1-pieces_per_hour": "5"},
            "Laser cutting is there twice",
        ),
    ],
)
def test_a_machine_that_cannot_be_is_refused(
    client: Client, works: Works, fields: dict[str, str], sentence: str
) -> None:
    refused = client.post(reverse("machine_new"), _machine(works, **fields))
    assert refused.status_code == 422
    assert sentence in refused.content.decode()
    with acting_as(works.organisation.pk):
        assert Machine.objects.count() == 2


def test_the_attribute_fields_follow_the_process(client: Client) -> None:
    asked = {"prefix": "abilities-0", "abilities-0-process": "sewing"}
    fields = client.get(reverse("ability_fields"), asked).content.decode()
    assert "Denim" in fields
    assert "Greatest length" not in fields
    assert "errorlist" not in fields


def test_a_machine_is_archived_and_taken_back(client: Client, works: Works) -> None:
    uid = works.machines[0].uid
    client.post(reverse("machine_archive", args=[uid]))
    archived = client.get(reverse("machines"), {"show": "archived"})
    assert [row.machine.code for row in archived.context["rows"]] == ["M-01"]
    client.post(reverse("machine_restore", args=[uid]))
    assert len(client.get(reverse("machines")).context["rows"]) == 2


def _site(**fields: Any) -> dict[str, Any]:
    return {
        "name": "South",
        "time_zone": "Asia/Shanghai",
        "shifts-TOTAL_FORMS": "1",
        "shifts-INITIAL_FORMS": "0",
        "shifts-0-days": ["0", "1"],
        "shifts-0-starts_at": "06:00",
        "shifts-0-ends_at": "14:00",
        **fields,
    }


def test_a_site_is_entered_with_its_shifts(client: Client, works: Works) -> None:
    assert client.post(reverse("site_new"), _site()).status_code == 302
    with acting_as(works.organisation.pk):
        site = Site.objects.get(name="South")
        assert Shift.objects.filter(site=site).count() == 2
    page = reverse("site", args=[site.uid])
    refused = client.post(page, _site(**{"shifts-0-days": []}))
    assert "Choose the days of this shift" in refused.content.decode()
    taken = client.post(page, _site(name="North hall"))
    assert (taken.status_code, "North hall” already" in taken.content.decode()) == (422, True)


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["machines", "capacity", "capacity_list", "sites"])
def test_a_page_takes_as_many_queries_for_twenty_machines_as_for_one(
    page: str, django_assert_max_num_queries: Any
) -> None:
    counts = []
    for machines in (1, 20):
        works = make_works(machines=machines)
        client = sign_in(works)
        with acting_as(works.organisation.pk):
            for machine in works.machines:
                CapacityWindowFactory.create(machine=machine)
        with django_assert_max_num_queries(24) as captured:
            assert client.get(reverse(page)).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
