"""What cannot be taken goes to quarantine with its reason, and spoils nothing beside it."""

from __future__ import annotations

import random

import orjson
import pytest
from django.db import DataError

from devices.services import store
from devices.services.arrivals import Message
from devices.services.ingest import Boot, take
from tenants.acting import PLATFORM_ID, acting_as
from tests.devices.fleet import (
    T0,
    T0_MS,
    as_ingest,
    frame,
    make_fleet,
    message,
    send,
    site_at,
)
from tests.factories import make_organisation, rows_seen_by

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "ingest"])
REASONS = "select tenant_id, reason, device_uid, times from devices_quarantinedframe order by id"


def test_each_fault_has_its_reason_and_its_owner() -> None:
    fleet = make_fleet(machines=2)
    device, revoked = fleet.devices
    with acting_as(fleet.organisation.pk):
        type(revoked).objects.filter(pk=revoked.pk).update(revoked_at=T0)
    good, tenant = frame(device, 1, 0, x=1), fleet.organisation.pk
    stranger = {**good, "dev": "01890000-0000-7000-8000-000000000000"}

    outcome = send(
        good,
        {**good, "seq": 2},
        {**frame(device, 3, 0, x=1), "mac": None},
        frame(revoked, 1, 0, x=1),
        frame(device, 4, 60 * 25, x=1),
        stranger,
        b"not json",
    )

    assert sum(outcome.stored.values()) == 1
    assert as_ingest(REASONS) == [
        (tenant, "bad_mac", str(device.uid), 1),
        (tenant, "bad_mac", str(device.uid), 1),
        (tenant, "revoked", str(revoked.uid), 1),
        (tenant, "bad_clock", str(device.uid), 1),
        (PLATFORM_ID, "unknown_device", stranger["dev"], 1),
        (PLATFORM_ID, "malformed", "", 1),
    ]
    uid = str(device.uid)
    told = outcome.receipts[Boot(uid, uid, 1)]
    assert (told.stored, told.refused) == ({1}, {4: "bad_clock"})
    assert set(outcome.receipts) == {Boot(uid, uid, 1)}
    assert rows_seen_by(tenant, "devices_quarantinedframe") == 4
    assert rows_seen_by(make_organisation().pk, "devices_quarantinedframe") == 0


def test_the_same_bad_message_again_is_one_line() -> None:
    make_fleet()

    send(b"{", b"{", b"[]")
    send(b"{", minute=3)

    assert as_ingest(REASONS) == [
        (PLATFORM_ID, "malformed", "", 3),
        (PLATFORM_ID, "malformed", "", 1),
    ]


def test_a_rotated_key_ends_the_one_before() -> None:
    fleet = make_fleet()
    device = fleet.devices[0]
    with acting_as(fleet.organisation.pk):
        type(device).objects.filter(pk=device.pk).update(key_version=2)

    outcome = send(frame(device, 1, 0, version=1, x=1), frame(device, 2, 0, version=2, x=1))

    assert outcome.stored == {1: 1}
    assert [row[1] for row in as_ingest(REASONS)] == ["bad_mac"]


def test_a_message_that_the_database_refuses_is_found_and_the_others_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = make_fleet()
    frames = [frame(fleet.devices[0], n, n, x=n) for n in range(33)]
    real = store.add_to_rollups

    def refuse_one(cursor: object, new: list[object]) -> None:
        if any(one.seq == 20 for one in new):  # type: ignore[attr-defined]
            raise DataError("the database will not have it")
        real(cursor, new)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "add_to_rollups", refuse_one)
    outcome = send(*frames, minute=40)

    assert sum(outcome.stored.values()) == 32
    assert as_ingest("select count(*) from devices_frame") == [(32,)]
    uid = str(fleet.devices[0].uid)
    assert outcome.receipts[Boot(uid, uid, 1)].refused == {20: "malformed"}
    assert [row[:3] for row in as_ingest(REASONS)] == [(fleet.organisation.pk, "malformed", uid)]


def test_another_organisations_device_cannot_be_spoken_for() -> None:
    mine, theirs = make_fleet(), make_fleet()
    victim = theirs.devices[0]
    # Signed with my key in its name, over MQTT; unsigned in its name, with my key for the API.
    forged = {**frame(mine.devices[0], 1, 0, x=1), "dev": str(victim.uid)}
    unsigned = {**frame(victim, 2, 0, x=1)}
    del unsigned["mac"]
    posted = message(unsigned)

    send(forged)
    take([Message(posted.payload, T0_MS, tenant_id=mine.organisation.pk)], time=site_at(0))

    assert as_ingest("select count(*) from devices_frame") == [(0,)]
    assert [row[:2] for row in as_ingest(REASONS)] == [
        (theirs.organisation.pk, "bad_mac"),
        (mine.organisation.pk, "unknown_device"),
    ]


def test_the_topic_and_the_frame_must_name_the_same_device() -> None:
    fleet = make_fleet(machines=2)
    payload = message(frame(fleet.devices[0], 1, 0, x=1)).payload

    take([Message(payload, T0_MS, sender=str(fleet.devices[1].uid))], time=site_at(0))
    take([Message(payload, T0_MS, sender="gateway-7")], time=site_at(0))

    assert as_ingest("select count(*) from devices_frame") == [(1,)]
    assert [row[1] for row in as_ingest(REASONS)] == ["malformed"]


def test_noise_among_frames_spoils_none_of_them() -> None:
    fleet, chance = make_fleet(), random.Random(5)
    frames = [frame(fleet.devices[0], n, n, x=n) for n in range(50)]
    noise = [chance.randbytes(chance.randrange(1, 90)) for _ in range(50)]
    mixed: list[object] = [*frames, *noise]
    chance.shuffle(mixed)

    outcome = send(*mixed, minute=60)

    assert sum(outcome.stored.values()) == 50
    assert len(outcome.refused) == 50


def test_frames_after_a_space_are_kept_one_by_one() -> None:
    fleet = make_fleet()
    bad = [{**frame(fleet.devices[0], n, n, x=n), "mac": None} for n in range(3)]

    send(b" " + orjson.dumps(bad))

    assert [row[1] for row in as_ingest(REASONS)] == ["bad_mac"] * 3
