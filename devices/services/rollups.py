"""Roll-ups of 10 minutes, an hour and a day: added to by new frames, rebuilt where times moved.

Each new frame is added exactly once, and sums are exact decimals, so adding in any order gives
what a rebuild from the frames gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.backends.utils import CursorWrapper

from devices.services.arrivals import json_list
from devices.services.placing import PlacedFrame

DAY_MS = 24 * 3600 * 1000
ADD = """
insert into devices_rollup as r
    (tenant_id, machine_id, metric, minutes, bucket, count, sum, minimum, maximum, last, last_at)
select tenant_id, machine_id, metric, level.minutes,
       date_bin(make_interval(mins => level.minutes), at, 'epoch'),
       count(*), sum(value), min(value), max(value),
       (array_agg(value order by at desc, value desc))[1], max(at)
from ({readings}) as reading
cross join (values (10), (60), (1440)) as level (minutes)
group by 1, 2, 3, 4, 5
on conflict (tenant_id, machine_id, metric, minutes, bucket) do update set
    count = r.count + excluded.count,
    sum = r.sum + excluded.sum,
    minimum = least(r.minimum, excluded.minimum),
    maximum = greatest(r.maximum, excluded.maximum),
    last = case when (excluded.last_at, excluded.last) > (r.last_at, r.last)
                then excluded.last else r.last end,
    last_at = greatest(r.last_at, excluded.last_at)
"""
NEW_READINGS = """
select u.tenant_id, u.machine_id, to_timestamp(u.at_ms::float8 / 1000) as at,
       one.key as metric, one.value::numeric as value
from rows from (
        unnest(%s::bigint[], %s::bigint[], %s::bigint[]), jsonb_array_elements(%s::jsonb))
    as u(tenant_id, machine_id, at_ms, metrics)
cross join lateral jsonb_each(u.metrics) as one
where jsonb_typeof(one.value) = 'number'
"""
STORED_READINGS = """
select b.tenant_id, b.machine_id,
       f.sent_at - b.correction_ms * interval '1 millisecond' as at,
       one.key as metric, one.value::numeric as value
from unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) as u(machine_id, start_at, end_at)
join devices_boot b on b.machine_id = u.machine_id
join devices_frame f on f.device_id = b.device_id and f.boot = b.boot
    and f.sent_at >= u.start_at + b.correction_ms * interval '1 millisecond'
    and f.sent_at < u.end_at + b.correction_ms * interval '1 millisecond'
cross join lateral jsonb_each(f.metrics) as one
where jsonb_typeof(one.value) = 'number'
"""
FORGET = """
delete from devices_rollup r
using unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) as u(machine_id, start_at, end_at)
where r.machine_id = u.machine_id and r.bucket >= u.start_at and r.bucket < u.end_at
"""


def add_to_rollups(cursor: CursorWrapper, frames: Sequence[PlacedFrame]) -> None:
    """Add new frames to the buckets of their machines."""
    if not frames:
        return
    columns: list[Any] = [
        [one.tenant_id for one in frames],
        [one.machine_id for one in frames],
        [one.at_ms for one in frames],
        json_list(one.metrics for one in frames),
    ]
    cursor.execute(ADD.format(readings=NEW_READINGS), columns)


def rebuild_rollups(cursor: CursorWrapper, spans: Mapping[int, tuple[int, int]]) -> None:
    """Make the buckets of whole days anew from the frames; a span (ms) of each machine."""
    machines = list(spans)
    starts = [_day(start_ms) for start_ms, _end_ms in spans.values()]
    ends = [_day(end_ms) + timedelta(days=1) for _start_ms, end_ms in spans.values()]
    cursor.execute(FORGET, [machines, starts, ends])
    cursor.execute(ADD.format(readings=STORED_READINGS), [machines, starts, ends])


def _day(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // DAY_MS * DAY_MS // 1000, tz=UTC)
