"""State intervals: the spans around new frames are made anew from their neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.backends.utils import CursorWrapper

from devices.core.states import HOLD_MS, Interval, StateReading, intervals_of, replaced, state_of

KNOWN = "f.metrics -> 'state' in ('0', '1', '2', '3', '4', '5')"
OF_BOOT = f"""
select f.seq, (extract(epoch from f.sent_at) * 1000)::bigint - b.correction_ms as at_ms,
       (f.metrics ->> 'state')::float8 as state
from devices_frame f where f.device_id = b.device_id and f.boot = b.boot and {KNOWN}
"""
TIME = "to_timestamp(({ms} + b.correction_ms)::float8 / 1000)"
READINGS = f"""
select u.machine_id, one.at_ms, one.state
from unnest(%s::bigint[], %s::bigint[], %s::bigint[]) as u(machine_id, start_ms, end_ms)
join devices_boot b on b.machine_id = u.machine_id
    and b.last_sent_at >= {TIME.format(ms=f"u.start_ms - {HOLD_MS}")}
    and b.first_sent_at <= {TIME.format(ms=f"u.end_ms + {HOLD_MS}")}
cross join lateral (
    ({OF_BOOT} and f.sent_at < {TIME.format(ms="u.start_ms")}
         and f.sent_at >= {TIME.format(ms=f"u.start_ms - {HOLD_MS}")}
     order by f.sent_at desc, f.seq desc limit 1)
    union all
    ({OF_BOOT} and f.sent_at >= {TIME.format(ms="u.start_ms")}
         and f.sent_at <= {TIME.format(ms="u.end_ms")})
    union all
    ({OF_BOOT} and f.sent_at > {TIME.format(ms="u.end_ms")}
         and f.sent_at <= {TIME.format(ms=f"u.end_ms + {HOLD_MS}")}
     order by f.sent_at, f.seq limit 1)
) as one
order by u.machine_id, one.at_ms, b.device_id, b.boot, one.seq
"""
TOUCHED = """
select s.machine_id, s.id, (extract(epoch from lower(s.during)) * 1000)::bigint,
       (extract(epoch from upper(s.during)) * 1000)::bigint, s.state
from unnest(%s::bigint[], %s::bigint[], %s::bigint[]) as u(machine_id, start_ms, end_ms)
join devices_stateinterval s
    on int8range(s.machine_id, s.machine_id, '[]') && int8range(u.machine_id, u.machine_id, '[]')
    and s.during && tstzrange(to_timestamp((u.start_ms - 1)::float8 / 1000),
                              to_timestamp((u.end_ms + 1)::float8 / 1000))
order by s.machine_id, lower(s.during)
"""
REMOVE = "delete from devices_stateinterval where id = any(%s)"
LENGTHEN = """
update devices_stateinterval s
set during = tstzrange(lower(s.during), to_timestamp(u.end_ms::float8 / 1000))
from unnest(%s::bigint[], %s::bigint[]) as u(id, end_ms) where s.id = u.id
"""
INSERT = """
insert into devices_stateinterval (tenant_id, machine_id, state, during)
select tenant_id, machine_id, state,
       tstzrange(to_timestamp(start_ms::float8 / 1000), to_timestamp(end_ms::float8 / 1000))
from unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[])
    as u(tenant_id, machine_id, state, start_ms, end_ms)
"""

Span = tuple[int, int]


def remake_intervals(
    cursor: CursorWrapper, spans: Mapping[int, Span], tenants: Mapping[int, int]
) -> None:
    """Make the state intervals of each machine anew within a span of time (ms)."""
    if not spans:
        return
    readings = _readings(cursor, spans)
    ranges: dict[int, Span] = {}
    for machine_id, (start_ms, end_ms) in spans.items():
        found = readings.get(machine_id, [])
        first = found[0].at_ms if found else start_ms
        last = found[-1].at_ms if found else end_ms
        ranges[machine_id] = (min(start_ms, first), max(end_ms, last))
    touched = _touched(cursor, ranges)
    changes = _Changes()
    for machine_id, (start_ms, end_ms) in ranges.items():
        old = touched.get(machine_id, {})
        fresh = intervals_of(readings.get(machine_id, []))
        wanted = replaced(list(old), fresh, start_ms, end_ms)
        changes.note(machine_id, tenants[machine_id], old, wanted)
    changes.write(cursor)


def _readings(cursor: CursorWrapper, spans: Mapping[int, Span]) -> dict[int, list[StateReading]]:
    """Return the readings in each span, with the one before and the one after it."""
    columns = [list(spans), [s for s, _e in spans.values()], [e for _s, e in spans.values()]]
    cursor.execute(READINGS, columns)
    found: dict[int, list[StateReading]] = {}
    for machine_id, at_ms, code in cursor.fetchall():
        state = state_of(code)
        if state is None:
            continue
        series = found.setdefault(machine_id, [])
        start_ms, end_ms = spans[machine_id]
        # Each boot tells its neighbour; of those before, only the last one counts, and of those
        # after, the first one.
        if at_ms < start_ms and series:
            series[-1] = StateReading(at_ms, state)
        elif not (series and at_ms > end_ms and series[-1].at_ms > end_ms):
            series.append(StateReading(at_ms, state))
    return found


def _touched(cursor: CursorWrapper, ranges: Mapping[int, Span]) -> dict[int, dict[Interval, int]]:
    columns = [list(ranges), [s for s, _e in ranges.values()], [e for _s, e in ranges.values()]]
    cursor.execute(TOUCHED, columns)
    touched: dict[int, dict[Interval, int]] = {}
    for machine_id, key, start_ms, end_ms, state in cursor.fetchall():
        touched.setdefault(machine_id, {})[Interval(start_ms, end_ms, state)] = key
    return touched


class _Changes:
    """What must be removed, lengthened and inserted, of all machines together."""

    def __init__(self) -> None:
        self.removed: list[int] = []
        self.lengthened: list[tuple[int, int]] = []
        self.inserted: list[tuple[int, int, str, int, int]] = []

    def note(
        self, machine_id: int, tenant_id: int, old: Mapping[Interval, int], wanted: list[Interval]
    ) -> None:
        gone = {(one.start_ms, one.state): one for one in old if one not in wanted}
        for one in wanted:
            if one in old:
                continue
            shorter = gone.get((one.start_ms, one.state))
            # The usual case, a machine that goes on as it was, costs one row.
            if shorter is not None and shorter.end_ms < one.end_ms:
                self.lengthened.append((old[shorter], one.end_ms))
                del gone[one.start_ms, one.state]
            else:
                row = (tenant_id, machine_id, one.state, one.start_ms, one.end_ms)
                self.inserted.append(row)
        self.removed.extend(old[one] for one in gone.values())

    def write(self, cursor: CursorWrapper) -> None:
        """Remove first, so that nothing overlaps in between."""
        if self.removed:
            cursor.execute(REMOVE, [self.removed])
        if self.lengthened:
            cursor.execute(LENGTHEN, [list(c) for c in zip(*self.lengthened, strict=True)])
        if self.inserted:
            cursor.execute(INSERT, [list(c) for c in zip(*self.inserted, strict=True)])
