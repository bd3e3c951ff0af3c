"""Pieces by planned run and by hour, from the counters of new frames and their neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

from devices.core.counters import CounterReading, Span, changes, counted_by_span, made_by_hour
from devices.services.placing import MovedBoot, PlacedFrame

METRIC = "parts"
BIGGEST = 2**63 - 1
COLUMNS = """
select f.boot, f.seq, (extract(epoch from f.sent_at) * 1000)::bigint as sent_ms,
       floor((f.metrics ->> 'parts')::numeric)::bigint as value
from devices_frame f
where f.device_id = u.device_id and jsonb_typeof(f.metrics -> 'parts') = 'number'
  and (f.metrics ->> 'parts')::numeric between 0 and 9007199254740992
"""
SERIES = f"""
select u.device_id, one.boot, one.seq, one.sent_ms, b.correction_ms, one.value
from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    as u(device_id, low_boot, low_seq, high_boot, high_seq)
cross join lateral (
    ({COLUMNS} and (f.boot, f.seq) < (u.low_boot, u.low_seq)
     order by f.boot desc, f.seq desc limit 1)
    union all
    ({COLUMNS} and (f.boot, f.seq) >= (u.low_boot, u.low_seq)
     and (f.boot, f.seq) <= (u.high_boot, u.high_seq))
    union all
    ({COLUMNS} and (f.boot, f.seq) > (u.high_boot, u.high_seq)
     order by f.boot, f.seq limit 1)
) as one
join devices_boot b on b.device_id = u.device_id and b.boot = one.boot
order by u.device_id, one.boot, one.seq
"""
RUNS = """
select p.machine_id, p.id, (extract(epoch from lower(p.during)) * 1000)::bigint,
       (extract(epoch from upper(p.during)) * 1000)::bigint
from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    as u(tenant_id, machine_id, start_ms, end_ms)
join devices_plannedrun p on p.tenant_id = u.tenant_id and p.machine_id = u.machine_id
    and p.during && tstzrange(to_timestamp((u.start_ms - 1)::float8 / 1000),
                              to_timestamp(u.end_ms::float8 / 1000), '[]')
"""
ADD_TO_RUNS = """
update devices_plannedrun p set counted = p.counted + u.pieces
from unnest(%s::bigint[], %s::bigint[]) as u(id, pieces) where p.id = u.id
returning p.tenant_id
"""
ADD_TO_HOURS = """
insert into devices_producedhour as h (tenant_id, machine_id, hour, pieces)
select tenant_id, machine_id, to_timestamp(hour * 3600.0), pieces
from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    as u(tenant_id, machine_id, hour, pieces)
on conflict (tenant_id, machine_id, hour) do update set pieces = h.pieces + excluded.pieces
"""


@dataclass(frozen=True, slots=True)
class _Series:
    """A device's counter around its new frames, as it was known before and as it is now."""

    tenant_id: int
    machine_id: int
    before: list[CounterReading]
    after: list[CounterReading]


def count_pieces(
    cursor: CursorWrapper, frames: Sequence[PlacedFrame], moved: Sequence[MovedBoot]
) -> set[int]:
    """Bring the counts of planned runs and hours up to date; the organisations whose runs changed.

    What the neighbouring readings said before is taken back, what they say now is added: the
    result does not depend on the order in which frames arrive.
    """
    windows = _windows(frames, moved)
    if not windows:
        return set()
    series = _series(cursor, windows, frames, moved)
    runs = _runs(cursor, series)
    by_run: dict[int, int] = {}
    by_hour: dict[tuple[int, int, int], int] = {}
    for one in series:
        spans = runs.get(one.machine_id, [])
        found = changes(counted_by_span(one.before, spans), counted_by_span(one.after, spans))
        for run, pieces in found.items():
            by_run[run] = by_run.get(run, 0) + pieces
        for hour, pieces in changes(made_by_hour(one.before), made_by_hour(one.after)).items():
            key = (one.tenant_id, one.machine_id, hour)
            by_hour[key] = by_hour.get(key, 0) + pieces
    _add_to_hours(cursor, by_hour)
    return _add_to_runs(cursor, by_run)


def _windows(
    frames: Sequence[PlacedFrame], moved: Sequence[MovedBoot]
) -> dict[int, tuple[tuple[int, int], tuple[int, int], int, int]]:
    """Return the first and last (boot, seq) to look at, tenant and machine of each device."""
    windows: dict[int, tuple[tuple[int, int], tuple[int, int], int, int]] = {}

    def widen(device: int, low: tuple[int, int], high: tuple[int, int], *owner: int) -> None:
        known = windows.get(device)
        if known is not None:
            low, high = min(low, known[0]), max(high, known[1])
        windows[device] = (low, high, owner[0], owner[1])

    for one in frames:
        if one.values.get(METRIC) is not None:
            place = (one.boot, one.seq)
            widen(one.device_id, place, place, one.tenant_id, one.machine_id)
    for boot in moved:
        low, high = (boot.boot, 0), (boot.boot, BIGGEST)
        widen(boot.device_id, low, high, boot.tenant_id, boot.machine_id)
    return windows


def _series(
    cursor: CursorWrapper,
    windows: Mapping[int, tuple[tuple[int, int], tuple[int, int], int, int]],
    frames: Sequence[PlacedFrame],
    moved: Sequence[MovedBoot],
) -> list[_Series]:
    new = {(one.device_id, one.boot, one.seq) for one in frames}
    earlier = {(one.device_id, one.boot): one.before_ms for one in moved}
    rows = [(device, *low, *high) for device, (low, high, *_owner) in windows.items()]
    cursor.execute(SERIES, _columns(rows))
    series = {
        device: _Series(tenant_id, machine_id, [], [])
        for device, (_low, _high, tenant_id, machine_id) in windows.items()
    }
    for device, boot, seq, sent_ms, correction, value in cursor.fetchall():
        one = series[device]
        one.after.append(CounterReading(sent_ms - correction, value))
        if (device, boot, seq) not in new:
            before = earlier.get((device, boot), correction)
            one.before.append(CounterReading(sent_ms - before, value))
    return [one for one in series.values() if one.after]


def _runs(cursor: CursorWrapper, series: Sequence[_Series]) -> dict[int, list[Span]]:
    """Return the planned runs that any of the readings can speak for."""
    rows = []
    for one in series:
        times = [reading.at_ms for reading in (*one.before, *one.after)]
        rows.append((one.tenant_id, one.machine_id, min(times), max(times)))
    if not rows:
        return {}
    cursor.execute(RUNS, _columns(rows))
    runs: dict[int, set[Span]] = {}
    for machine_id, key, start_ms, end_ms in cursor.fetchall():
        runs.setdefault(machine_id, set()).add(Span(key, start_ms, end_ms))
    return {machine: sorted(found, key=lambda s: s.key) for machine, found in runs.items()}


def _add_to_runs(cursor: CursorWrapper, by_run: Mapping[int, int]) -> set[int]:
    rows = sorted((run, pieces) for run, pieces in by_run.items() if pieces)
    if not rows:
        return set()
    cursor.execute(ADD_TO_RUNS, _columns(rows))
    return {row[0] for row in cursor.fetchall()}


def _add_to_hours(cursor: CursorWrapper, by_hour: Mapping[tuple[int, int, int], int]) -> None:
    rows = sorted((*key, pieces) for key, pieces in by_hour.items() if pieces)
    if rows:
        cursor.execute(ADD_TO_HOURS, _columns(rows))


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
