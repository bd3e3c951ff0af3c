"""Store frames and everything that follows from them in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from devices.services.arrivals import Arrival, Refused, json_list
from devices.services.counts import count_pieces
from devices.services.intervals import remake_intervals
from devices.services.latest import LiveValues, rebuild_latest, update_latest
from devices.services.placing import MovedBoot, PlacedFrame, place_frames
from devices.services.rollups import add_to_rollups, rebuild_rollups
from tenants.acting import PLATFORM_ID
from tenants.ids import uuid7

LOCK_SPACE = 0x0F4A
COUNTED_TOPIC = "devices.counted"
COUNTED_QUEUE = "default"
COUNTED_DELAY_SECONDS = 5.0
LOCK = """
select pg_advisory_xact_lock(%s::int, one) from unnest(%s::int[]) as one order by one
"""
INSERT = """
insert into devices_frame (tenant_id, device_id, boot, seq, sent_at, received_at, metrics)
select tenant_id, device_id, boot, seq, to_timestamp(sent_ms::float8 / 1000),
       to_timestamp(received_ms::float8 / 1000), metrics
from rows from (
        unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]),
        jsonb_array_elements(%s::jsonb))
    as u(tenant_id, device_id, boot, seq, sent_ms, received_ms, metrics)
on conflict (device_id, boot, seq) do nothing
returning device_id, boot, seq
"""
SEEN = """
update devices_device d set last_seen_at = u.at
from (select id, to_timestamp(max(received_ms)::float8 / 1000) as at
      from unnest(%s::bigint[], %s::bigint[]) as raw(id, received_ms) group by id) as u
where d.id = u.id
  and (d.last_seen_at is null or d.last_seen_at < u.at - make_interval(secs => %s::float8))
"""
QUARANTINE = """
insert into devices_quarantinedframe as q
    (uid, tenant_id, device_uid, received_at, last_at, times, reason, detail, payload, digest)
select u.uid, tenant_id, device_uid, to_timestamp(at_ms::float8 / 1000),
       to_timestamp(at_ms::float8 / 1000), 1, reason, detail, payload, digest
from unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::bytea[],
            %s::bytea[])
    as u(uid, tenant_id, device_uid, at_ms, reason, detail, payload, digest)
on conflict (tenant_id, reason, digest) do update set
    times = q.times + excluded.times, last_at = greatest(q.last_at, excluded.last_at)
"""
# A message that the relay has not claimed yet will be read after this commit: locking its row
# keeps the relay away until then. One that was claimed may have been read already.
LOCK_OPEN_COUNTED = """
select tenant_id from tenants_outboxmessage
where tenant_id = any(%s) and topic = %s and handled_at is null and attempts = 0
order by id for update
"""
SEND_COUNTED = """
insert into tenants_outboxmessage
    (uid, tenant_id, topic, queue, payload, created_at, due_at, attempts, last_error)
select uid, tenant_id, %s, %s, jsonb_build_object('supplier_id', tenant_id), clock_timestamp(),
       clock_timestamp() + make_interval(secs => %s::float8), 0, ''
from unnest(%s::uuid[], %s::bigint[]) as u(uid, tenant_id)
"""


@dataclass(frozen=True, kw_only=True)
class SiteTime:
    """The site's clock for one batch: when it is, how fast it runs, since when silence counts."""

    now_ms: int
    rate: float
    silent_before_ms: int


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What one transaction has stored."""

    new: frozenset[tuple[int, int, int]] = frozenset()
    """(device, boot, seq) of the frames that were not there before."""
    live: Sequence[LiveValues] = ()
    counted_tenants: frozenset[int] = frozenset()
    quarantined_tenants: frozenset[int] = field(default_factory=frozenset)


def store(
    *, arrivals: Sequence[Arrival], refused: Sequence[Refused], time: SiteTime, using: str
) -> Stored:
    """Store a batch; when this returns, it is committed.

    Machines are locked in the order of their ids, so several workers may store at once.

    Raises:
        DataError, IntegrityError: the database will not have something in the batch; nothing is
            stored then.
    """
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        quarantined = _quarantine(cursor, refused)
        if not arrivals:
            return Stored(quarantined_tenants=quarantined)
        machines = {arrival.device.machine_id for arrival in arrivals}
        cursor.execute(LOCK, [LOCK_SPACE, [machine % 2**31 for machine in machines]])
        new = _insert_new(cursor, arrivals)
        live, counted = _follow_up(cursor, new, time) if new else ([], set())
        _note_seen(cursor, arrivals, time)
        return Stored(
            new=frozenset((one.device.id, one.reading.boot, one.reading.seq) for one in new),
            live=live,
            counted_tenants=frozenset(counted),
            quarantined_tenants=quarantined,
        )


def _insert_new(cursor: CursorWrapper, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Insert frames; return those that were not there, each once."""
    columns: list[Any] = [
        [one.device.tenant_id for one in arrivals],
        [one.device.id for one in arrivals],
        [one.reading.boot for one in arrivals],
        [one.reading.seq for one in arrivals],
        [one.reading.sent_ms for one in arrivals],
        [one.received_ms for one in arrivals],
        json_list(one.metrics for one in arrivals),
    ]
    cursor.execute(INSERT, columns)
    inserted = set(cursor.fetchall())
    new = []
    for one in arrivals:
        key = (one.device.id, one.reading.boot, one.reading.seq)
        if key in inserted:
            # Of several copies in one batch the database has taken the first one.
            inserted.discard(key)
            new.append(one)
    return new


def _follow_up(
    cursor: CursorWrapper, new: Sequence[Arrival], time: SiteTime
) -> tuple[list[LiveValues], set[int]]:
    """Bring roll-ups, states, counts and live values up to date with new frames."""
    frames, moved = place_frames(cursor, new, clock_rate=time.rate)
    moved_spans = _spans_of_moved(moved)
    add_to_rollups(cursor, [one for one in frames if one.machine_id not in moved_spans])
    if moved_spans:
        _include(moved_spans, frames)
        rebuild_rollups(cursor, moved_spans)
    spans = dict(moved_spans)
    for one in frames:
        if one.machine_id in moved_spans or one.values.get("state") is not None:
            start_ms, end_ms = spans.get(one.machine_id, (one.at_ms, one.at_ms))
            spans[one.machine_id] = (min(start_ms, one.at_ms), max(end_ms, one.at_ms))
    tenants = {one.machine_id: one.tenant_id for one in frames}
    remake_intervals(cursor, spans, tenants)
    counted = count_pieces(cursor, frames, moved)
    live = update_latest(cursor, frames, silent_before_ms=time.silent_before_ms)
    if moved_spans:
        rebuild_latest(cursor, moved_spans, silent_before_ms=time.silent_before_ms)
    _send_counted(cursor, counted)
    return live, counted


def _spans_of_moved(moved: Sequence[MovedBoot]) -> dict[int, tuple[int, int]]:
    spans: dict[int, tuple[int, int]] = {}
    for one in moved:
        start_ms, end_ms = spans.get(one.machine_id, (one.start_ms, one.end_ms))
        spans[one.machine_id] = (min(start_ms, one.start_ms), max(end_ms, one.end_ms))
    return spans


def _include(spans: dict[int, tuple[int, int]], frames: Iterable[PlacedFrame]) -> None:
    """Widen the spans of machines to be rebuilt to all of their new frames."""
    for one in frames:
        if one.machine_id in spans:
            start_ms, end_ms = spans[one.machine_id]
            spans[one.machine_id] = (min(start_ms, one.at_ms), max(end_ms, one.at_ms))


def _note_seen(cursor: CursorWrapper, arrivals: Sequence[Arrival], time: SiteTime) -> None:
    """Note when devices were last heard, at most about once in a real half minute."""
    ids = [one.device.id for one in arrivals]
    cursor.execute(SEEN, [ids, [one.received_ms for one in arrivals], 30 * time.rate])


def _quarantine(cursor: CursorWrapper, refused: Sequence[Refused]) -> frozenset[int]:
    """Keep what was refused, the same thing once; the organisations that it is shown to."""
    rows: dict[tuple[int, str, bytes], list[Any]] = {}
    repeated: list[list[Any]] = []
    for one in refused:
        tenant_id = one.tenant_id or PLATFORM_ID
        digest = hashlib.sha256(one.refusal.payload).digest()
        row: list[Any] = [
            *(uuid7(), tenant_id, one.refusal.device, one.received_ms, one.refusal.reason.value),
            *(one.refusal.detail[:300], one.refusal.payload, digest),
        ]
        key = (tenant_id, one.refusal.reason.value, digest)
        # One statement may touch a row once only.
        if key in rows:
            repeated.append(row)
        else:
            rows[key] = row
    for batch in (list(rows.values()), *([row] for row in repeated)):
        if batch:
            cursor.execute(QUARANTINE, [list(column) for column in zip(*batch, strict=True)])
    return frozenset(tenant_id for tenant_id, _reason, _digest in rows)


def _send_counted(cursor: CursorWrapper, tenants: set[int]) -> None:
    """Tell the subscribers that counts have changed, with at most one waiting message each."""
    if not tenants:
        return
    cursor.execute(LOCK_OPEN_COUNTED, [sorted(tenants), COUNTED_TOPIC])
    waiting = {row[0] for row in cursor.fetchall()}
    silent = sorted(tenants - waiting)
    if silent:
        uids = [uuid7() for _ in silent]
        cursor.execute(
            SEND_COUNTED, [COUNTED_TOPIC, COUNTED_QUEUE, COUNTED_DELAY_SECONDS, uids, silent]
        )


def milliseconds(at: datetime) -> int:
    """Return an instant as whole milliseconds since the epoch."""
    return round(at.timestamp() * 1000)
