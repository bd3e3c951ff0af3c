"""The machine's page, its devices, the tiles and the quarantine, through pages and REST."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from devices.core.keys import device_key, key_text
from devices.models import Device
from devices.services.arrivals import Message
from devices.services.ingest import take
from devices.services.posts import forget_posts, waiting_posts
from devices.services.store import SiteTime, milliseconds
from devices.telemetry import machine_days
from tenants.acting import acting_as
from tenants.models import Membership
from tenants.services.keys import create_key
from tests.devices.fleet import Fleet, as_ingest, frame, make_fleet, send
from tests.factories import make_member, make_operator

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "ingest"])


def signed_in(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.person)
    return client


def api(membership: Membership, *scopes: str) -> Client:
    with acting_as(membership.tenant_id):
        _key, text = create_key(
            organisation=membership.tenant,
            by=membership,
            now=datetime.now(UTC),
            name="test",
            scopes=["read", *scopes],
            expires_at=None,
        )
    return Client(headers={"Authorization": f"Bearer {text}"})


def send_now(fleet: Fleet, *values: dict[str, float], seq: int = 0) -> None:
    """Send frames of the first device that lie in the last hour of the real clock."""
    now = datetime.now(UTC)
    now_ms, device = milliseconds(now), fleet.devices[0]
    messages = []
    for step, one in enumerate(values):
        content = frame(device, seq + step, 0, **one)
        content["ts"] = now_ms - (len(values) - step) * 300_000
        del content["mac"]
        tenant = fleet.organisation.pk
        messages.append(Message(orjson.dumps(content), now_ms, tenant_id=tenant))
    time = SiteTime(now_ms=now_ms, rate=2.0, silent_before_ms=now_ms - 1_800_000)
    take(messages, time=time)


def test_the_page_shows_state_counts_and_any_metric() -> None:
    fleet = make_fleet()
    member = make_member(fleet.organisation)
    send_now(
        fleet,
        {"state": 3, "parts": 100, "glue_pressure_bar": 4.5},
        {"state": 3, "parts": 160, "glue_pressure_bar": 5.5},
    )

    answer = signed_in(member).get(f"/supplier/machines/{fleet.machines[0].uid}/")
    page = answer.content.decode()

    assert answer.status_code == 200
    assert f'data-live-state="machines.{fleet.machines[0].uid}"' in page
    assert "glue_pressure_bar" in page
    assert re.search(r"Made in 24 hours.*?60", page, re.S)


def test_a_machine_of_somebody_else_does_not_exist() -> None:
    fleet, stranger = make_fleet(), make_member()
    machine, device = fleet.machines[0].uid, fleet.devices[0].uid
    client, rest = signed_in(stranger), api(stranger, "capacity", "readings")

    assert client.get(f"/supplier/machines/{machine}/").status_code == 404
    assert client.post(f"/supplier/machines/{machine}/devices/", {"name": "x"}).status_code == 404
    assert client.post(f"/supplier/devices/{device}/key/").status_code == 404
    assert client.post(f"/supplier/devices/{device}/revoke/").status_code == 404
    assert rest.get(f"/api/v1/machines/{machine}/state/").status_code == 404
    assert rest.get(f"/api/v1/machines/{machine}/rollups/?metric=x").status_code == 404
    assert rest.post(f"/api/v1/devices/{device}/key/").status_code == 404
    assert rest.post(f"/api/v1/devices/{device}/revoke/").status_code == 404
    posted = {"machine": str(machine), "name": "mine"}
    answer = rest.post("/api/v1/devices/", posted, content_type="application/json")
    assert answer.status_code == 404
    assert rest.get("/api/v1/devices/").json()["results"] == []
    assert as_ingest("select key_version, revoked_at from devices_device") == [(1, None)]


def test_a_device_is_added_and_its_key_shown_once() -> None:
    fleet = make_fleet()
    client = signed_in(make_member(fleet.organisation))
    path = f"/supplier/machines/{fleet.machines[0].uid}/"

    answer = client.post(f"{path}devices/", {"name": "box 2"})

    with acting_as(fleet.organisation.pk):
        device = Device.objects.get(name="box 2")
    key = key_text(device_key(settings.SECRET_KEY, device.uid, 1))
    assert key in answer.content.decode()
    assert key not in client.get(path).content.decode()
    again = client.post(f"{path}devices/", {"name": "box 2"})
    assert again.status_code == 422
    assert "already have a device of this name" in again.content.decode()

    rotated = client.post(f"/supplier/devices/{device.uid}/key/").content.decode()
    assert key_text(device_key(settings.SECRET_KEY, device.uid, 2)) in rotated
    assert client.post(f"/supplier/devices/{device.uid}/revoke/").status_code == 302
    assert client.post(f"/supplier/devices/{device.uid}/key/").status_code == 404


def test_a_viewer_reads_and_changes_no_device() -> None:
    fleet = make_fleet()
    client = signed_in(make_member(fleet.organisation, role="viewer"))

    assert client.get(f"/supplier/machines/{fleet.machines[0].uid}/").status_code == 200
    path = f"/supplier/machines/{fleet.machines[0].uid}/devices/"
    assert client.post(path, {"name": "x"}).status_code == 403
    assert as_ingest("select count(*) from devices_device") == [(1,)]


def test_tiles_cost_the_same_for_one_machine_and_for_twenty() -> None:
    counts = []
    for size in (1, 20):
        fleet = make_fleet(machines=size)
        client = signed_in(make_member(fleet.organisation))
        with CaptureQueriesContext(connections["default"]) as queries:
            page = client.get("/supplier/machines/tiles/").content.decode()
        assert page.count("data-live-state") == size
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_frames_over_http_are_kept_with_the_reply_and_stored_by_the_worker() -> None:
    fleet = make_fleet()
    rest = api(make_member(fleet.organisation), "readings")
    now_ms = milliseconds(datetime.now(UTC))
    frames = [
        {"dev": str(fleet.devices[0].uid), "boot": 1, "seq": 1, "ts": now_ms, "v": {"state": 3}},
        {"dev": "M000", "boot": 1, "seq": 2, "ts": now_ms, "v": {"state": 3}},
        {"dev": "nobody", "boot": 1, "seq": 1, "ts": now_ms, "v": {"state": 3}},
    ]

    answer = rest.post("/api/v1/readings/", frames, content_type="application/json")

    assert (answer.status_code, answer.json()["frames"]) == (202, 3)
    ids, messages = waiting_posts(limit=10, using="ingest")
    time = SiteTime(now_ms=now_ms, rate=1.0, silent_before_ms=now_ms - 1_800_000)
    take(messages, time=time)
    forget_posts(ids=ids, using="ingest")
    assert as_ingest("select count(*) from devices_frame") == [(2,)]
    assert as_ingest("select reason from devices_quarantinedframe") == [("unknown_device",)]
    assert as_ingest("select count(*) from devices_readingpost") == [(0,)]
    machine = fleet.machines[0].uid
    state = rest.get(f"/api/v1/machines/{machine}/state/").json()
    assert (state["state"], state["metrics"]) == ("running", {"state": 3})
    (bucket,) = rest.get(f"/api/v1/machines/{machine}/rollups/?metric=state").json()
    assert (bucket["count"], bucket["sum"]) == (2, 6.0)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [("{", 422, "not_frames"), ("[]", 422, "not_frames"), (" " * 70_000, 413, "too_large")],
)
def test_a_body_that_is_no_message_is_refused_whole(body: str, status: int, code: str) -> None:
    fleet = make_fleet()
    rest = api(make_member(fleet.organisation), "readings")

    answer = rest.post("/api/v1/readings/", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert as_ingest("select count(*) from devices_readingpost") == [(0,)]


def test_a_key_without_the_scope_hands_in_no_frames() -> None:
    rest = api(make_member(make_fleet().organisation), "capacity")

    assert rest.post("/api/v1/readings/", {}, content_type="application/json").status_code == 403


def test_a_device_over_rest() -> None:
    fleet = make_fleet()
    rest = api(make_member(fleet.organisation), "capacity")
    asked = {"machine": str(fleet.machines[0].uid), "name": "box"}

    made = rest.post("/api/v1/devices/", asked, content_type="application/json").json()
    key = device_key(settings.SECRET_KEY, UUID(made["uid"]), 1)
    rotated = rest.post(f"/api/v1/devices/{made['uid']}/key/").json()
    revoked = rest.post(f"/api/v1/devices/{made['uid']}/revoke/").json()

    assert made["key"] == key_text(key)
    assert (rotated["key_version"], rotated["key"] != made["key"]) == (2, True)
    assert revoked["revoked_at"] is not None
    assert "key" not in rest.get("/api/v1/devices/").json()["results"][0]


def test_the_operator_sees_strangers_and_the_owner_sees_the_own() -> None:
    fleet = make_fleet()
    send({**frame(fleet.devices[0], 1, 0, x=1), "mac": None}, b"<script>alert(1)</script>")
    operator, owner = signed_in(make_operator()), signed_in(make_member(fleet.organisation))

    page = operator.get("/operator/quarantine/").content.decode()
    assert "&lt;script&gt;" in page
    assert str(fleet.devices[0].uid) not in page
    assert "Nothing fits" in operator.get("/operator/quarantine/?q=xyz").content.decode()
    assert "Nothing fits" in operator.get("/operator/quarantine/?reason=revoked").content.decode()
    assert owner.get("/operator/quarantine/").status_code == 404
    own = owner.get(f"/supplier/machines/{fleet.machines[0].uid}/").content.decode()
    assert "the MAC is missing" in own


def test_days_of_machines_for_the_credit_features() -> None:
    fleet = make_fleet()
    device = fleet.devices[0]
    # T0 is 8:00 UTC: two spells with a gap of an hour between them.
    sent = [frame(device, n, 10 * n, state=3, parts=5 * n) for n in range(7)]
    sent += [frame(device, n, 10 * n + 60, state=2, parts=30) for n in range(7, 10)]
    send(*sent, minute=160, rate=2)

    with acting_as(fleet.organisation.pk):
        first = datetime(2026, 3, 1, tzinfo=UTC).date()
        days = machine_days(
            tenant_id=fleet.organisation.pk, first=first, last=first + timedelta(days=2)
        )

    assert [(d.known_hours > 0, d.pieces) for d in days] == [(False, 0), (True, 30), (False, 0)]
    day = days[1]
    assert (day.running_hours, day.set_up_hours) == (1.0, pytest.approx(1 / 3))
    assert (day.gaps, day.coverage) == (1, pytest.approx((4 / 3) / 24))
