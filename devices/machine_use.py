"""How much machines were used: sums over state intervals, for reports about a firm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

BY_DAY = """
with span as (select tstzrange(%(since)s, %(until)s) as whole),
piece as (
    select i.machine_id, i.state, d.day,
           i.during * tstzrange(d.day, d.day + interval '1 day') * span.whole as during
    from span, devices_stateinterval i
    cross join lateral (
        select generate_series(
            date_trunc('day', greatest(lower(i.during), lower(span.whole)), 'UTC'),
            least(upper(i.during), upper(span.whole)), interval '1 day') as day
    ) d
    where i.tenant_id = %(tenant)s and i.during && span.whole and i.state <> 'offline'
)
select (day at time zone 'UTC')::date,
       sum(extract(epoch from upper(during) - lower(during)))::float8,
       coalesce(sum(extract(epoch from upper(during) - lower(during)))
                filter (where state in ('running', 'set_up')), 0)::float8,
       count(distinct machine_id), count(*)
from piece where not isempty(during) group by 1 order by 1
"""
SEEN_OF_SOLD = """
select coalesce(sum(extract(epoch from upper(p.sold) - lower(p.sold))), 0)::float8,
       coalesce(sum(seen.seconds), 0)::float8
from (
    select machine_id, during * tstzrange(%(since)s, %(until)s) as sold
    from devices_plannedrun
    where tenant_id = %(tenant)s and during && tstzrange(%(since)s, %(until)s)
) p
left join lateral (
    select sum(extract(epoch from upper(i.during * p.sold) - lower(i.during * p.sold))) as seconds
    from devices_stateinterval i
    where i.tenant_id = %(tenant)s and i.machine_id = p.machine_id and i.during && p.sold
      and i.state <> 'offline'
) seen on true
"""


@dataclass(frozen=True, kw_only=True)
class DayOfUse:
    """One UTC day of all of a firm's machines: hours with a known state, hours worked."""

    day: date
    known_hours: float
    worked_hours: float
    machines: int
    intervals: int


def use_by_day(*, tenant_id: int, since: datetime, until: datetime) -> list[DayOfUse]:
    """Return the days on which a machine was heard, in order; working is running or setting up."""
    with connection.cursor() as cursor:
        cursor.execute(BY_DAY, {"tenant": tenant_id, "since": since, "until": until})
        rows = cursor.fetchall()
    return [
        DayOfUse(
            day=day,
            known_hours=known / 3600,
            worked_hours=worked / 3600,
            machines=machines,
            intervals=intervals,
        )
        for day, known, worked, machines, intervals in rows
    ]


def seen_share_of_sold_time(*, tenant_id: int, since: datetime, until: datetime) -> float | None:
    """Return the share of planned runs' time in which the machine was heard; None: no runs."""
    with connection.cursor() as cursor:
        cursor.execute(SEEN_OF_SOLD, {"tenant": tenant_id, "since": since, "until": until})
        sold, seen = cursor.fetchone()
    return min(seen / sold, 1.0) if sold else None
