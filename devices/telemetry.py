"""Reads of what machines have told: live values, states, counts, roll-ups, refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, Max, Q, QuerySet

from devices.models import (
    Device,
    LatestReading,
    Machine,
    MachineState,
    PlannedRun,
    ProducedHour,
    QuarantinedFrame,
    Rollup,
    StateInterval,
)
from tenants.templatetags.formats import local_name

WORST_FIRST = ("down", "offline", "maintenance", "idle", "set_up", "running")
DAYS = """
with day as (
    select m.id as machine_id, m.uid, s.time_zone,
           (d.day at time zone s.time_zone) as start_at,
           ((d.day + interval '1 day') at time zone s.time_zone) as end_at, d.day::date as day
    from devices_machine m
    join devices_site s on s.id = m.site_id
    cross join generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 day')
        as d (day)
    where m.tenant_id = %(tenant)s
), spell as (
    select day.machine_id, day.day, i.state,
           i.during * tstzrange(day.start_at, day.end_at) as during
    from day join devices_stateinterval i
        on i.tenant_id = %(tenant)s and i.machine_id = day.machine_id
        and i.during && tstzrange(day.start_at, day.end_at) and i.state <> 'offline'
), use as (
    select machine_id, day,
           sum(extract(epoch from upper(during) - lower(during)))
               filter (where state = 'running') / 3600 as running,
           sum(extract(epoch from upper(during) - lower(during)))
               filter (where state = 'set_up') / 3600 as set_up,
           sum(extract(epoch from upper(during) - lower(during))) / 3600 as known,
           range_agg(during) as told
    from spell group by machine_id, day
), made as (
    select day.machine_id, day.day, sum(h.pieces) as pieces
    from day join devices_producedhour h
        on h.tenant_id = %(tenant)s and h.machine_id = day.machine_id
        and h.hour >= day.start_at and h.hour < day.end_at
    group by day.machine_id, day.day
)
select day.uid, day.day, coalesce(use.running, 0)::float8, coalesce(use.set_up, 0)::float8,
       coalesce(use.known, 0)::float8,
       extract(epoch from day.end_at - day.start_at)::float8 / 3600,
       coalesce(made.pieces, 0)::bigint,
       coalesce((select count(*) from unnest(use.told)), 0)
from day
left join use using (machine_id, day)
left join made using (machine_id, day)
order by day.uid, day.day
"""


@dataclass(frozen=True, kw_only=True)
class MachineDay:
    """One local day of a machine: what it did, and for how much of the day it was heard."""

    machine: UUID
    day: date
    running_hours: float
    set_up_hours: float
    known_hours: float
    day_hours: float
    pieces: int
    spells: int
    """Unbroken spans in which it was heard; one less is the number of gaps between them."""

    @property
    def coverage(self) -> float:
        """The share of the day with a known state."""
        return min(self.known_hours / self.day_hours, 1.0)

    @property
    def gaps(self) -> int:
        return max(self.spells - 1, 0)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A machine on the wall."""

    uid: UUID
    code: str
    name: str
    site: str
    state: str
    at: datetime | None
    metrics: dict[str, float | None]
    run: PlannedRun | None

    @property
    def key(self) -> str:
        """The key under which live.js puts this machine's numbers."""
        return f"machines.{self.uid}"

    @property
    def power_kw(self) -> float | None:
        return self.metrics.get("power_kw")

    @property
    def temperature_c(self) -> float | None:
        return self.metrics.get("temperature_c")


def machine_tiles(*, tenant_id: int, now: datetime) -> list[Tile]:
    """Return the working machines, worst first, with newest values and the run under way."""
    machines = (
        Machine.objects.of(tenant_id)
        .filter(is_active=True)
        .select_related("site", "latest")
        .order_by("site__name", "code")
    )
    runs = {
        run.machine_id: run for run in PlannedRun.objects.of(tenant_id).filter(during__contains=now)
    }
    tiles = []
    for machine in machines:
        latest = _latest(machine)
        tiles.append(
            Tile(
                uid=machine.uid,
                code=machine.code,
                name=machine.name,
                site=local_name(machine.site),
                state=latest.state if latest else MachineState.OFFLINE.value,
                at=latest.at if latest else None,
                metrics=latest.metrics if latest else {},
                run=runs.get(machine.pk),
            )
        )
    return sorted(tiles, key=lambda tile: WORST_FIRST.index(tile.state))


def _latest(machine: Machine) -> LatestReading | None:
    try:
        return machine.latest
    except LatestReading.DoesNotExist:
        return None


def latest_reading(machine: Machine) -> LatestReading | None:
    """Return the newest values of a machine, if it was ever heard."""
    return LatestReading.objects.of(machine.tenant_id).filter(machine=machine).first()


def state_segments(machine: Machine, *, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return the states of a machine as segments of epoch minutes; what is not known is offline."""
    found = (
        StateInterval.objects.of(machine.tenant_id)
        .filter(machine=machine, during__overlap=(since, until))
        .order_by("during")
    )
    segments: list[dict[str, Any]] = []
    reached = since.timestamp() / 60
    for interval in found:
        start = max(interval.during.lower.timestamp() / 60, reached)
        end = min(interval.during.upper, until).timestamp() / 60
        if start > reached:
            segments.append({"state": "offline", "start": reached, "end": start})
        segments.append({"state": interval.state, "start": start, "end": end})
        reached = end
    if reached < until.timestamp() / 60:
        segments.append({"state": "offline", "start": reached, "end": until.timestamp() / 60})
    return segments


def metric_names(machine: Machine, *, since: datetime) -> list[str]:
    """Return the metrics that a machine has sent since an instant."""
    daily = Rollup.objects.of(machine.tenant_id).filter(
        machine=machine, minutes=1440, bucket__gte=since - timedelta(days=1)
    )
    return sorted(daily.values_list("metric", flat=True).distinct())


def rollups(
    machine: Machine, *, metric: str, minutes: int, since: datetime, until: datetime
) -> QuerySet[Rollup]:
    """Return the buckets of one metric in the order of time."""
    return (
        Rollup.objects.of(machine.tenant_id)
        .filter(machine=machine, metric=metric, minutes=minutes)
        .filter(bucket__gte=since, bucket__lt=until)
        .order_by("bucket")
    )


def metric_means(
    machine: Machine, *, metrics: Sequence[str], minutes: int, since: datetime, until: datetime
) -> dict[str, list[float | None]]:
    """Return the mean of each bucket of some metrics, None where there was no reading."""
    step = minutes * 60
    first = int(since.timestamp()) // step
    length = int(until.timestamp()) // step - first + 1
    means: dict[str, list[float | None]] = {name: [None] * length for name in metrics}
    found = Rollup.objects.of(machine.tenant_id).filter(
        machine=machine, metric__in=list(metrics), minutes=minutes, bucket__lte=until
    )
    for row in found.filter(bucket__gte=datetime.fromtimestamp(first * step, tz=since.tzinfo)):
        place = int(row.bucket.timestamp()) // step - first
        means[row.metric][place] = row.sum / row.count
    return means


def pieces_by_hour(
    machine: Machine, *, since: datetime, until: datetime
) -> list[tuple[datetime, int]]:
    """Return (hour, pieces) in the order of time."""
    found = ProducedHour.objects.of(machine.tenant_id).filter(
        machine=machine, hour__gte=since, hour__lte=until
    )
    return list(found.order_by("hour").values_list("hour", "pieces"))


def planned_runs(machine: Machine, *, now: datetime, limit: int = 12) -> list[PlannedRun]:
    """Return the run under way and what comes next, then the last ones that are over."""
    runs = PlannedRun.objects.of(machine.tenant_id).filter(machine=machine)
    upcoming = list(runs.filter(during__endswith__gt=now).order_by("during")[:limit])
    past = runs.filter(during__endswith__lte=now).order_by("-during")
    return [*upcoming, *past[: max(limit - len(upcoming), 3)]]


def devices_of(machine: Machine) -> QuerySet[Device]:
    """Return a machine's devices, those in use first."""
    return (
        Device.objects.of(machine.tenant_id)
        .filter(machine=machine)
        .order_by(F("revoked_at").asc(nulls_first=True), "created_at")
    )


def machine_days(*, tenant_id: int, first: date, last: date) -> list[MachineDay]:
    """Return each machine's local days from `first` to `last`, in the zone of its site."""
    with connection.cursor() as cursor:
        cursor.execute(DAYS, {"tenant": tenant_id, "first": first, "last": last})
        rows = cursor.fetchall()
    return [
        MachineDay(
            machine=machine,
            day=day,
            running_hours=running,
            set_up_hours=set_up,
            known_hours=known,
            day_hours=hours,
            pieces=pieces,
            spells=spells,
        )
        for machine, day, running, set_up, known, hours, pieces, spells in rows
    ]


def quarantined(
    tenant_id: int, *, reason: str = "", search: str = "", devices: Sequence[str] = ()
) -> QuerySet[QuarantinedFrame]:
    """Return what was refused, the newest first."""
    found = QuarantinedFrame.objects.of(tenant_id)
    if reason:
        found = found.filter(reason=reason)
    if search:
        found = found.filter(Q(device_uid__icontains=search) | Q(detail__icontains=search))
    if devices:
        found = found.filter(device_uid__in=list(devices))
    return found.order_by("-received_at", "-id")


def quarantine_counts(tenant_id: int) -> dict[str, dict[str, Any]]:
    """Return how many different messages were refused for each reason, and when last."""
    rows = (
        QuarantinedFrame.objects.of(tenant_id)
        .values("reason")
        .annotate(messages=Count("id"), newest=Max("last_at"))
    )
    return {row["reason"]: row for row in rows}
