"""Frames are stored once, and what follows from them is the same in any order of arrival."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.services.ingest import Boot, Receipt
from devices.services.rollups import rebuild_rollups
from tests.devices.fleet import (
    MINUTE,
    T0_MS,
    Fleet,
    as_ingest,
    frame,
    make_fleet,
    plan_run,
    send,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "ingest"])

ROLLUPS = """
select metric, minutes, (extract(epoch from bucket) * 1000)::bigint, count, sum::text, minimum,
       maximum, last, (extract(epoch from last_at) * 1000)::bigint
from devices_rollup where machine_id = %s order by 1, 2, 3
"""
INTERVALS = """
select state, (extract(epoch from lower(during)) * 1000)::bigint,
       (extract(epoch from upper(during)) * 1000)::bigint
from devices_stateinterval where machine_id = %s order by 2
"""
HOURS = """
select (extract(epoch from hour) * 1000)::bigint, pieces from devices_producedhour
where machine_id = %s and pieces <> 0 order by 1
"""
RUNS = "select id, counted from devices_plannedrun where machine_id = %s order by id"
LATEST = """
select (extract(epoch from at) * 1000)::bigint, state, metrics from devices_latestreading
where machine_id = %s
"""


def end_state(fleet: Fleet, machine: int = 0) -> dict[str, list[Any]]:
    """Return everything that follows from the frames of a machine."""
    key = fleet.machines[machine].pk
    return {
        "rollups": as_ingest(ROLLUPS, key),
        "intervals": as_ingest(INTERVALS, key),
        "hours": as_ingest(HOURS, key),
        "runs": [counted for _id, counted in as_ingest(RUNS, key)],
        "latest": as_ingest(LATEST, key),
        "frames": as_ingest(
            "select boot, seq from devices_frame f join devices_device d on d.id = f.device_id "
            "where d.machine_id = %s order by 1, 2",
            key,
        ),
    }


def test_a_frame_reaches_every_table() -> None:
    fleet = make_fleet()
    run = plan_run(fleet, 0, 60)
    device = fleet.devices[0]

    first = send(frame(device, 1, 0, state=3, parts=100, power_kw=4.5), minute=0)
    second = send(frame(device, 2, 15, state=1, parts=130, power_kw=5.5, temp=None), minute=15)

    assert (first.stored[0], second.stored[0]) == (1, 1)
    uid = str(device.uid)
    assert first.receipts == {(uid, uid, 1): Receipt(stored={1})}
    state = end_state(fleet)
    assert state["intervals"] == [("running", T0_MS, T0_MS + 15 * MINUTE)]
    assert state["runs"] == [30]
    assert state["hours"] == [(T0_MS, 30)]
    day = [row for row in state["rollups"] if row[:2] == ("power_kw", 1440)]
    assert day[0][3:] == (2, "10.0", 4.5, 5.5, 5.5, T0_MS + 15 * MINUTE)
    at_ms, word, metrics = state["latest"][0]
    assert (at_ms, word) == (T0_MS + 15 * MINUTE, "idle")
    assert '"parts": 130' in metrics if isinstance(metrics, str) else metrics["parts"] == 130
    assert as_ingest("select counted from devices_plannedrun where id = %s", run.pk) == [(30,)]
    sent = as_ingest("select tenant_id, topic, payload::text from tenants_outboxmessage")
    tenant = fleet.organisation.pk
    assert sent == [(tenant, "devices.counted", f'{{"supplier_id": {tenant}}}')]


def test_a_frame_that_comes_again_is_acknowledged_again_and_changes_nothing() -> None:
    fleet = make_fleet()
    plan_run(fleet, 0, 60)
    frames = [frame(fleet.devices[0], n, 5 * n, state=3, parts=10 * n) for n in range(4)]
    send(*frames, minute=20)
    before = end_state(fleet)

    again = send(*frames, frames[0], minute=21)

    assert (sum(again.stored.values()), again.duplicates) == (0, 5)
    uid = str(fleet.devices[0].uid)
    assert again.receipts[Boot(uid, uid, 1)].stored == {0, 1, 2, 3}
    assert end_state(fleet) == before


def random_day(seed: int, fleet: Fleet) -> list[dict[str, Any]]:
    """Return the frames of a few hours with a restart, a gap and a counter reset."""
    chance = random.Random(seed)
    frames, minute, parts, boot, seq = [], 0.0, 500, 1, 0
    for _ in range(24):
        minute += chance.choice([1, 5, 5, 5, 12.5, 45])
        parts += chance.randrange(0, 90)
        if chance.random() < 0.1:
            boot, seq, parts = boot + 1, 0, chance.randrange(5)
        values: dict[str, float | None] = {"power_kw": chance.uniform(0, 9)}
        if chance.random() < 0.9:
            values["state"] = chance.choice([1, 1, 3, 3, 3, 5, 9])
        if chance.random() < 0.9:
            values["parts"] = parts
        frames.append(frame(fleet.devices[0], seq, minute, boot=boot, **values))
        seq += 1
    return frames


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), order=st.randoms(use_true_random=False))
def test_any_order_with_duplicates_ends_in_the_same_state(seed: int, order: random.Random) -> None:
    straight, shuffled = make_fleet(), make_fleet()
    for fleet in (straight, shuffled):
        for start, end in ((0, 40), (40, 90), (130, 400)):
            plan_run(fleet, start, end)
    for one in random_day(seed, straight):
        send(one, minute=(one["ts"] - T0_MS) / MINUTE)

    frames = random_day(seed, shuffled)
    deliveries = [*frames, *order.sample(frames, 8)]
    order.shuffle(deliveries)
    while deliveries:
        size = order.randrange(1, 7)
        batch, deliveries = deliveries[:size], deliveries[size:]
        # All arrive when they were sent, so that no clock looks wrong.
        for one in batch:
            send(one, minute=(one["ts"] - T0_MS) / MINUTE) if size == 1 else None
        if size > 1:
            send(*batch, minute=max(one["ts"] - T0_MS for one in batch) / MINUTE, rate=2)

    assert end_state(shuffled) | {"latest": []} == end_state(straight) | {"latest": []}
    assert end_state(shuffled)["latest"][0][0] == end_state(straight)["latest"][0][0]


def test_rollups_equal_a_rebuild_from_the_frames() -> None:
    fleet = make_fleet()
    frames = random_day(7, fleet)
    random.Random(1).shuffle(frames)
    for start in range(0, len(frames), 5):
        send(*frames[start : start + 5], minute=500, rate=2)
    before = end_state(fleet)

    with transaction.atomic(using="ingest"), connections["ingest"].cursor() as cursor:
        rebuild_rollups(cursor, {fleet.machines[0].pk: (T0_MS, T0_MS + 24 * 60 * MINUTE)})

    after = end_state(fleet)
    assert [row[:4] for row in after["rollups"]] == [row[:4] for row in before["rollups"]]
    assert after == before


def test_a_device_that_writes_local_time_is_corrected_whatever_the_order() -> None:
    eight_hours = 8 * 60
    straight, shuffled = make_fleet(), make_fleet()
    for fleet in (straight, shuffled):
        plan_run(fleet, 0, 60)
    ends = []
    for fleet in (straight, shuffled):
        device = fleet.devices[0]
        sent = [
            (frame(device, n, 5 * n, state=3, parts=7 * n, offset_ms=eight_hours * MINUTE), 5 * n)
            for n in range(13)
        ]
        if fleet is shuffled:
            random.Random(3).shuffle(sent)
        for one, minute in sent:
            send(one, minute=minute)
        ends.append(end_state(fleet))

    assert ends[0] == ends[1]
    assert ends[0]["intervals"] == [("running", T0_MS, T0_MS + 60 * MINUTE)]
    assert ends[0]["runs"] == [84]
    assert ends[0]["latest"][0][0] == T0_MS + 60 * MINUTE
    offset = as_ingest(
        "select clock_offset_ms from devices_device where tenant_id = %s", straight.organisation.pk
    )
    assert offset == [(eight_hours * MINUTE,)]


def test_frames_that_waited_do_not_look_like_a_slow_clock() -> None:
    fleet = make_fleet()
    frames = [frame(fleet.devices[0], n, 5 * n, state=3) for n in range(60)]
    send(*frames, minute=300)
    for n in range(60, 70):
        send(frame(fleet.devices[0], n, 5 * n, state=3), minute=5 * n)

    assert as_ingest("select correction_ms from devices_boot") == [(0,)]
    assert end_state(fleet)["intervals"] == [("running", T0_MS, T0_MS + 345 * MINUTE)]


def test_late_frames_feed_history_and_not_the_live_value() -> None:
    fleet = make_fleet()
    device = fleet.devices[0]
    send(frame(device, 9, 120, state=3, parts=90), minute=120)

    late = send(frame(device, 2, 20, state=5, parts=20, temp=40), minute=121)

    assert late.stored[0] == 1
    at_ms, state, _metrics = end_state(fleet)["latest"][0]
    assert (at_ms, state) == (T0_MS + 120 * MINUTE, "running")


def test_only_one_message_about_counts_waits_for_each_supplier() -> None:
    fleet = make_fleet()
    plan_run(fleet, 0, 60)
    for n in range(5):
        send(frame(fleet.devices[0], n, n, parts=10 * n), minute=n)
    assert as_ingest("select count(*) from tenants_outboxmessage") == [(1,)]

    # The relay has claimed it and its handler may have read the counts already.
    as_ingest("update tenants_outboxmessage set attempts = 1 returning id")
    send(frame(fleet.devices[0], 5, 5, parts=60), minute=5)

    assert as_ingest("select count(*) from tenants_outboxmessage") == [(2,)]
