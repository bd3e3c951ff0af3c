"""How fast machines ran and how long they were set up, run by run, from roll-ups and states.

The counter is read from the 10-minute roll-ups, which say the same whatever came twice, late or
out of order; so does all that is made of them here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

LOOKS_BACK = timedelta(days=180)
MOST_RUNS = 60
"""The newest runs of a machine and kind of work that are looked at."""
LEAST_RUNNING_MINUTES = 30.0
"""A rate over less time says more about the readings than about the machine."""
OBSERVED = """
with newest as (
    select * from (
        select p.id, p.machine_id, p.kind, p.set_up_minutes, lower(p.during) as start_at,
               upper(p.during) as end_at,
               row_number() over (partition by p.machine_id, p.kind
                                  order by upper(p.during) desc, p.id desc) as place
        from devices_plannedrun p
        where p.tenant_id = %(tenant)s and p.kind <> '' and p.counted > 0
          and upper(p.during) > %(since)s and upper(p.during) <= %(now)s
          and (%(machines)s::bigint[] is null or p.machine_id = any(%(machines)s::bigint[]))
    ) ranked where place <= %(most)s
), reading as (
    select n.id, b.last_at as at, b.last as value,
           lag(b.last_at) over own as earlier_at, lag(b.last) over own as earlier
    from newest n
    join devices_rollup b on b.tenant_id = %(tenant)s and b.machine_id = n.machine_id
        and b.metric = 'parts' and b.minutes = 10
        and b.bucket >= n.start_at - interval '1 hour' and b.bucket < n.end_at
    window own as (partition by n.id order by b.bucket)
), grown as (
    -- A counter that falls has begun again at 0 (devices.core.counters).
    select r.id, r.at, r.earlier_at,
           case when r.value >= r.earlier then r.value - r.earlier else r.value end as pieces
    from reading r join newest n on n.id = r.id
    where r.value <> r.earlier and r.at > n.start_at and r.at <= n.end_at
), told as (
    select n.id, min(lower(i.during)) as at
    from newest n
    join devices_stateinterval i on i.tenant_id = %(tenant)s and i.machine_id = n.machine_id
        and i.state = 'set_up' and i.during && tstzrange(n.start_at, n.end_at)
    group by n.id
), began as (
    select n.id, coalesce(t.at, n.start_at) as at, t.at is not null as is_told,
           n.set_up_minutes > 0 or t.at <= (select min(g.at) from grown g where g.id = n.id)
               as is_set_up
    from newest n left join told t on t.id = n.id
), first as (
    select distinct on (g.id) g.id, g.at, g.earlier_at, g.pieces
    from grown g join began b on b.id = g.id
    where g.at > b.at and g.pieces > 0 order by g.id, g.at
), made as (
    select f.id, sum(g.pieces) as pieces, max(g.at) as last_at
    from first f join grown g on g.id = f.id and g.at > f.at group by f.id
), paced as (
    select m.id, m.pieces, ran.minutes
    from made m
    join first f on f.id = m.id
    join newest n on n.id = m.id
    cross join lateral (
        select sum(extract(epoch from upper(i.during * s.span) - lower(i.during * s.span))) / 60
               as minutes
        from (select tstzrange(f.at, m.last_at) as span) s, devices_stateinterval i
        where i.tenant_id = %(tenant)s and i.machine_id = n.machine_id and i.state = 'running'
          and i.during && s.span
    ) ran
), rated as (
    select id, pieces * 60 / minutes as per_hour from paced
    where minutes >= %(least)s and pieces > 0
), prepared as (
    -- The first piece came before the reading that shows it, by as long as those pieces took.
    select f.id, b.is_told, n.machine_id, b.at as start_at,
           greatest(b.at, f.earlier_at,
                    f.at - make_interval(secs => f.pieces * 3600 / r.per_hour)) as end_at
    from first f
    join began b on b.id = f.id and b.is_set_up
    join newest n on n.id = f.id
    join rated r on r.id = f.id
    where b.is_told or not exists (
        -- The run before was not over: nobody knows when this one's set-up began.
        select from devices_stateinterval i
        where i.tenant_id = %(tenant)s and i.machine_id = n.machine_id and i.state = 'running'
          and lower(i.during) < b.at and i.during @> b.at
    )
), spent as (
    select p.id, coalesce(worked.minutes, 0) as minutes
    from prepared p
    cross join lateral (
        select sum(extract(epoch from upper(i.during * s.span) - lower(i.during * s.span))) / 60
               as minutes
        from (select tstzrange(p.start_at, p.end_at) as span) s, devices_stateinterval i
        where i.tenant_id = %(tenant)s and i.machine_id = p.machine_id and i.during && s.span
          and (i.state in ('set_up', 'running') or i.state = 'idle' and not p.is_told)
    ) worked
)
select n.machine_id, n.kind, r.per_hour::float8, s.minutes::float8
from newest n
join rated r on r.id = n.id
left join spent s on s.id = n.id
order by n.machine_id, n.kind, n.id
"""


@dataclass(frozen=True, kw_only=True)
class ObservedRuns:
    """What a machine showed for one kind of work, one figure for each run that can be judged.

    `rates` are pieces per running hour, from the first reading that shows pieces to the last:
    outages and closed hours are no running time. `set_ups` are worked minutes from the state
    *set-up* (else the run's planned begin) to the first piece, for runs that had a set-up.
    """

    machine_id: int
    kind: str
    rates: tuple[float, ...]
    set_ups: tuple[float, ...]


def observed_runs(
    *, tenant_id: int, now: datetime, machine_ids: Iterable[int] | None = None
) -> list[ObservedRuns]:
    """Return what the runs that have ended show, by machine and kind of work, in one query.

    Machines must report `state` beside `parts`: without it nobody knows when they ran.
    """
    parameters: dict[str, Any] = {
        "tenant": tenant_id,
        "now": now,
        "since": now - LOOKS_BACK,
        "most": MOST_RUNS,
        "least": LEAST_RUNNING_MINUTES,
        "machines": None if machine_ids is None else sorted(set(machine_ids)),
    }
    with connection.cursor() as cursor:
        cursor.execute(OBSERVED, parameters)
        rows = cursor.fetchall()
    found: dict[tuple[int, str], list[tuple[float, float | None]]] = {}
    for machine_id, kind, per_hour, set_up in rows:
        found.setdefault((machine_id, kind), []).append((per_hour, set_up))
    return [
        ObservedRuns(
            machine_id=machine_id,
            kind=kind,
            rates=tuple(per_hour for per_hour, _ in runs),
            set_ups=tuple(set_up for _, set_up in runs if set_up is not None),
        )
        for (machine_id, kind), runs in found.items()
    ]
