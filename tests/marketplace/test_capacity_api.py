"""Machines and idle time over REST."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from marketplace.models import CapacityWindow
from marketplace.services.listings import refresh_listings
from tenants.acting import acting_as
from tenants.services.keys import create_key
from tests.factories import NOW, make_member
from tests.marketplace.conftest import Works, make_works

Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("marketplace.api.capacity_views", "devices.api.sites"):
        monkeypatch.setattr(f"{module}.site_now", lambda: NOW)


def make_call(works: Works, *scopes: str) -> Call:
    """Return a function that calls the API with a key of the works."""
    member = make_member(works.organisation)
    with acting_as(works.organisation.pk):
        _key, secret = create_key(
            organisation=works.organisation,
            by=member,
            now=NOW,
            name="ERP",
            scopes=list(scopes),
            expires_at=None,
        )

    def call(method: str, path: str, body: object = None, **headers: str) -> Any:
        return Client().generic(
            method,
            f"/api/v1/{path}",
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}", **headers},
        )

    return call


@pytest.fixture
def call(works: Works) -> Call:
    return make_call(works, "read", "capacity")


def _window(works: Works, day: int, **changes: object) -> dict[str, object]:
    return {
        "machine": str(works.machines[0].uid),
        "starts_at": f"2026-03-{day:02}T20:00:00+01:00",
        "ends_at": f"2026-03-{day + 1:02}T06:00:00+01:00",
        "price_per_hour": "80.50",
        "minimum_lot": 100,
        **changes,
    }


def test_the_catalogue_lists_processes_with_their_words(call: Call) -> None:
    found = call("GET", "processes/").json()
    blanking = found[0]
    assert (blanking["code"], blanking["name_zh"]) == ("blanking", "落料")
    assert blanking["attributes"][0]["choices"][0] == {
        "code": "aluminium",
        "name": "Aluminium",
        "name_zh": "铝",
    }


def test_a_site_is_entered_with_its_shifts_and_changed(call: Call) -> None:
    site = {
        "name": "South",
        "time_zone": "Europe/Berlin",
        "shifts": [{"weekday": 0, "starts_at": "06:00", "ends_at": "14:00"}],
    }
    made = call("POST", "sites/", site)
    assert made.status_code == 201
    uid = made.json()["uid"]
    changed = call("PATCH", f"sites/{uid}/", {"city": "Bonn"}).json()
    assert (changed["city"], len(changed["shifts"])) == ("Bonn", 1)
    assert [s["name"] for s in call("GET", "sites/").json()["results"]] == ["South", "North hall"]


def test_a_machine_is_entered_changed_and_archived(call: Call, works: Works) -> None:
    capability = {"process": "embossing", "pieces_per_hour": 390, "attributes": {}}
    made = call(
        "POST",
        "machines/",
        {
            "code": "E-1",
            "machine_type": "Press",
            "site": str(works.site.uid),
            "capabilities": [capability],
        },
    )
    assert made.status_code == 201
    machine = made.json()
    assert machine["site"]["name"] == "North hall"
    assert machine["capabilities"] == [{**capability, "set_up_minutes": 0}]
    path = f"machines/{machine['uid']}/"
    changed = call("PATCH", path, {"name": "Emboss 1"}).json()
    assert (changed["name"], len(changed["capabilities"])) == ("Emboss 1", 1)
    assert call("PATCH", path, {"capabilities": []}).json()["capabilities"] == []
    assert call("DELETE", path).status_code == 204
    assert call("GET", path).json()["is_active"] is False


def test_windows_are_entered_published_and_withdrawn(call: Call, works: Works) -> None:
    made = call("POST", "capacity-windows/", {"windows": [_window(works, 3), _window(works, 4)]})
    assert made.status_code == 201
    first = made.json()[0]
    assert (first["starts_at"], first["price_per_hour"], first["state"]) == (
        "2026-03-03T19:00:00Z",
        "80.50",
        "draft",
    )
    assert call("POST", "capacity-windows/publish/", {}).json() == {"count": 2}
    gone = call("POST", "capacity-windows/withdraw/", {"uids": [first["uid"]]})
    assert gone.json() == {"count": 1}
    listed = call("GET", "capacity-windows/?state=listed").json()["results"]
    assert [w["starts_at"] for w in listed] == ["2026-03-04T19:00:00Z"]


def test_faulty_windows_are_named_by_index_and_none_is_stored(call: Call, works: Works) -> None:
    wrong = [
        _window(works, 3),
        _window(works, 3, starts_at="2026-03-03T22:00:00+01:00"),
        _window(works, 1, ends_at="2026-03-01T21:00:00+01:00"),
    ]
    refused = call("POST", "capacity-windows/", {"windows": wrong})
    assert refused.status_code == 422
    assert [(e["index"], e["code"]) for e in refused.json()["errors"]] == [
        (1, "windows_overlap"),
        (2, "window_past"),
    ]
    with acting_as(works.organisation.pk):
        assert not CapacityWindow.objects.exists()


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"starts_at": "2026-03-03T20:00:00"}, 400, "needs its offset"),
        ({"price_per_hour": "0"}, 422, "no price per hour"),
        ({"price_per_hour": "8.005"}, 422, "more decimals than EUR has"),
        ({"minimum_lot": 0}, 400, "greater than or equal to 1"),
        ({"machine": "019a0000-0000-7000-8000-000000000001"}, 404, "There is no machine"),
    ],
)
def test_each_wrong_field_has_its_sentence(
    call: Call, works: Works, changes: dict[str, object], status: int, words: str
) -> None:
    refused = call("POST", "capacity-windows/", {"windows": [_window(works, 3, **changes)]})
    assert refused.status_code == status
    assert words in refused.content.decode()


def test_two_thousand_windows_come_in_one_request(call: Call, works: Works) -> None:
    windows = [
        _window(
            works,
            3,
            starts_at=f"2026-{month:02}-{day:02}T{hour:02}:00:00Z",
            ends_at=f"2026-{month:02}-{day:02}T{hour:02}:30:00Z",
        )
        for month in range(4, 9)
        for day in range(1, 29)
        for hour in range(15)
    ][:2_000]
    assert call("POST", "capacity-windows/", {"windows": windows + windows}).status_code == 400
    made = call("POST", "capacity-windows/", {"windows": windows, "publish": True})
    assert (made.status_code, len(made.json())) == (201, 2_000)
    assert made.json()[0]["state"] == "listed"


def test_a_key_without_the_scope_may_not_write(works: Works) -> None:
    read_only = make_call(works, "read")
    assert read_only("GET", "machines/").status_code == 200
    assert read_only("POST", "capacity-windows/publish/", {}).status_code == 403
    assert Client().get("/api/v1/machines/").status_code == 401


def test_nothing_of_another_organisation_can_be_reached(call: Call, works: Works) -> None:
    other = make_works()
    with acting_as(other.organisation.pk):
        window = CapacityWindow.objects.create(
            tenant=other.organisation,
            machine=other.machines[0],
            during=("2026-03-03T20:00Z", "2026-03-04T04:00Z"),
            price_minor_per_hour=1,
            currency="EUR",
            created_at=NOW,
        )
    machine = other.machines[0].uid
    assert call("GET", f"machines/{machine}/").status_code == 404
    assert call("PATCH", f"sites/{other.site.uid}/", {"name": "x"}).status_code == 404
    stolen = call(
        "POST", "capacity-windows/", {"windows": [_window(works, 3, machine=str(machine))]}
    )
    assert stolen.status_code == 404
    gone = call("POST", "capacity-windows/withdraw/", {"uids": [str(window.uid)]})
    assert gone.status_code == 404
    assert call("GET", "capacity-windows/").json()["results"] == []


def test_the_supplier_reads_its_own_listing(call: Call, works: Works) -> None:
    call("POST", "capacity-windows/", {"windows": [_window(works, 3)], "publish": True})
    ids = [machine.pk for machine in works.machines]
    refresh_listings(supplier_id=works.organisation.pk, machine_ids=ids, now=NOW)
    [listing] = call("GET", "listings/").json()["results"]
    assert (listing["machine"], listing["price_per_hour"]) == (str(works.machines[0].uid), "80.50")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["machines/", "capacity-windows/", "sites/", "listings/"])
def test_a_list_takes_as_many_queries_for_twenty_rows_as_for_one(
    path: str, django_assert_max_num_queries: Any
) -> None:
    works = make_works(machines=20)
    call = make_call(works, "read", "capacity")
    windows = [_window(works, 3, machine=str(machine.uid)) for machine in works.machines]
    call("POST", "capacity-windows/", {"windows": windows, "publish": True})
    ids = [machine.pk for machine in works.machines]
    refresh_listings(supplier_id=works.organisation.pk, machine_ids=ids, now=NOW)
    with django_assert_max_num_queries(14):
        assert call("GET", path).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_equal_requests_at_once_one_acts_and_both_get_its_reply() -> None:
    works = make_works()
    call = make_call(works, "read", "capacity")
    barrier, replies = threading.Barrier(2), []

    def post() -> None:
        try:
            barrier.wait(timeout=10)
            body = {"windows": [_window(works, 3)]}
            replies.append(call("POST", "capacity-windows/", body, **{"Idempotency-Key": "k-1"}))
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert [reply.status_code for reply in replies] == [201, 201]
    assert replies[0].json() == replies[1].json()
    assert {reply.headers.get("Idempotent-Replay") for reply in replies} == {None, "true"}
    with acting_as(works.organisation.pk):
        assert CapacityWindow.objects.count() == 1
