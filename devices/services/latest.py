"""The newest live values of each machine, and which machines have fallen silent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db.backends.utils import CursorWrapper

from devices.core.states import state_of
from devices.models import MachineState
from devices.services.arrivals import json_list
from devices.services.placing import PlacedFrame

UPDATE = """
update devices_latestreading l set
    metrics = case when u.at >= l.at then l.metrics || u.metrics else u.metrics || l.metrics end,
    state = case when u.at < l.at then l.state
                 when u.state <> '' then u.state
                 when l.state = 'offline' then 'idle' else l.state end,
    at = greatest(l.at, u.at)
from (select machine_id, to_timestamp(at_ms::float8 / 1000) as at, state, metrics
      from rows from (
              unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]),
              jsonb_array_elements(%s::jsonb))
          as raw(tenant_id, machine_id, at_ms, state, metrics)) as u
where l.machine_id = u.machine_id
returning l.machine_id
"""
INSERT = """
insert into devices_latestreading (tenant_id, machine_id, at, state, metrics)
select tenant_id, machine_id, to_timestamp(at_ms::float8 / 1000),
       coalesce(nullif(state, ''), 'idle'), metrics
from rows from (
        unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]),
        jsonb_array_elements(%s::jsonb))
    as raw(tenant_id, machine_id, at_ms, state, metrics)
"""
FORGET_TIME = "update devices_latestreading set at = 'epoch' where machine_id = any(%s)"
LAST_OF_BOOTS = """
select b.tenant_id, b.machine_id, b.device_id, b.boot, one.seq,
       (extract(epoch from one.sent_at) * 1000)::bigint - b.correction_ms, one.metrics::text
from devices_boot b cross join lateral (
    select f.seq, f.sent_at, f.metrics from devices_frame f
    where f.device_id = b.device_id and f.boot = b.boot order by f.sent_at desc, f.seq desc limit 1
) as one
where b.machine_id = any(%s)
"""
SILENCE = """
update devices_latestreading l set state = 'offline'
from devices_machine m
where m.id = l.machine_id and l.state <> 'offline' and l.at < to_timestamp(%s::float8 / 1000)
returning l.tenant_id, m.uid
"""


@dataclass(frozen=True, slots=True)
class LiveValues:
    """What has just become true of a machine, for the open pages of its organisation."""

    tenant_id: int
    machine_id: int
    at_ms: int
    state: str
    """Empty when the frame says nothing about it."""
    values: dict[str, float | None]


def update_latest(
    cursor: CursorWrapper, frames: Sequence[PlacedFrame], *, silent_before_ms: int
) -> list[LiveValues]:
    """Show the newest of the new frames, machine by machine; older ones only fill gaps.

    What is older than `silent_before_ms` never makes a machine live.
    """
    newest: dict[int, LiveValues] = {}
    for one in sorted(frames, key=lambda f: (f.at_ms, f.device_id, f.boot, f.seq)):
        earlier = newest.get(one.machine_id)
        code = one.values.get("state")
        state = "" if code is None else state_of(code) or MachineState.IDLE.value
        if earlier is not None:
            state = state or earlier.state
        if one.at_ms < silent_before_ms:
            state = MachineState.OFFLINE.value
        values = {**earlier.values, **one.values} if earlier is not None else dict(one.values)
        newest[one.machine_id] = LiveValues(one.tenant_id, one.machine_id, one.at_ms, state, values)
    live = list(newest.values())
    if live:
        cursor.execute(UPDATE, _columns(live))
        known = {row[0] for row in cursor.fetchall()}
        fresh = [one for one in live if one.machine_id not in known]
        if fresh:
            cursor.execute(INSERT, _columns(fresh))
    return live


def rebuild_latest(
    cursor: CursorWrapper, machines: Iterable[int], *, silent_before_ms: int
) -> None:
    """Find the newest frame of machines anew, after times have moved."""
    wanted = list(machines)
    cursor.execute(FORGET_TIME, [wanted])
    cursor.execute(LAST_OF_BOOTS, [wanted])
    frames = [
        PlacedFrame(tenant, machine, device, boot, seq, at_ms, orjson.loads(metrics), metrics)
        for tenant, machine, device, boot, seq, at_ms, metrics in cursor.fetchall()
    ]
    update_latest(cursor, frames, silent_before_ms=silent_before_ms)


def mark_silent(cursor: CursorWrapper, *, silent_before_ms: int) -> list[tuple[int, UUID]]:
    """Call machines without news offline; (organisation, machine uid) of those newly silent."""
    cursor.execute(SILENCE, [silent_before_ms])
    return list(cursor.fetchall())


def _columns(live: Sequence[LiveValues]) -> list[Any]:
    return [
        [one.tenant_id for one in live],
        [one.machine_id for one in live],
        [one.at_ms for one in live],
        [one.state for one in live],
        json_list(orjson.dumps(one.values).decode() for one in live),
    ]
