"""What devices say of the machines that work waits for, beside what downtimes say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, Subquery

from devices.core.outages import OUT_OF_SERVICE
from devices.models import LatestReading, Machine
from devices.outages import MachineKey, told_service
from marketplace.core.reported import Said, Step, next_step
from marketplace.models import Downtime, Operation, OperationState

OPEN_WORK = (OperationState.WAITING, OperationState.READY, OperationState.STARTED)
LOOKS_BACK = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class DueStep:
    """What a machine's downtime does not say yet; `downtime` is the newest one, if any."""

    tenant_id: int
    machine_id: int
    downtime: Downtime | None
    step: Step


@dataclass(frozen=True, kw_only=True)
class Reported:
    """Since when a device has reported its machine as down; denied by who said that it runs."""

    since_at: datetime
    is_denied: bool


def due_steps(*, now: datetime, using: str, tenant_id: int | None = None) -> list[DueStep]:
    """Return what must change for downtimes to say what devices say, by machine.

    Reads only machines that are out of service or whose downtime a device has reported: two
    queries when there are none, else three, of one organisation or, as the sweep, of all.
    """
    out = _out_of_service(using, tenant_id)
    newest = _newest_downtimes(out, using, tenant_id)
    since = {key: now - LOOKS_BACK for key, work_at in out.items() if work_at is not None}
    for key, downtime in newest.items():
        if downtime.ended_at is None and downtime.reported_since is not None:
            since[key] = downtime.reported_since
    told = told_service(since, using=using)
    found = []
    for key in sorted(since, key=lambda one: one[1]):
        last = newest.get(key)
        step = next_step(
            told.get(key),
            said=None if last is None else _said(last),
            work_at=out.get(key),
            is_told_now=key in out,
            now=now,
        )
        if step is not None:
            found.append(DueStep(tenant_id=key[0], machine_id=key[1], downtime=last, step=step))
    return found


def reported_of(machine: Machine, *, now: datetime) -> Reported | None:
    """Return what the device of a machine says, if its newest word is that it is down."""
    key = (machine.tenant_id, machine.pk)
    mine = LatestReading.objects.of(machine.tenant_id).filter(machine=machine)
    if not mine.filter(state__in=OUT_OF_SERVICE).exists():
        return None
    told = told_service({key: now - LOOKS_BACK}, using="default").get(key)
    if told is None or not told.is_down:
        return None
    last = Downtime.objects.of(machine.tenant_id).filter(machine=machine).order_by("-pk").first()
    is_denied = last is not None and last.ended_at is not None and told.since_at <= last.ended_at
    return Reported(since_at=told.since_at, is_denied=is_denied)


def _out_of_service(using: str, tenant_id: int | None) -> dict[MachineKey, datetime | None]:
    """Return the machines whose newest word is that, and when the first open lot is to begin."""
    work = Operation.objects.using(using).filter(
        supplier_id=OuterRef("tenant_id"), machine_id=OuterRef("machine_id"), state__in=OPEN_WORK
    )
    first = work.order_by("planned_start_at").values("planned_start_at")[:1]
    rows = LatestReading.objects.using(using).filter(state__in=OUT_OF_SERVICE)
    if tenant_id is not None:
        rows = rows.of(tenant_id)
    found = rows.annotate(work_at=Subquery(first)).values_list("tenant_id", "machine_id", "work_at")
    return {(tenant, machine): work_at for tenant, machine, work_at in found}


def _newest_downtimes(
    out: Mapping[MachineKey, datetime | None], using: str, tenant_id: int | None
) -> dict[MachineKey, Downtime]:
    """Return the newest downtime of each of these machines, and of those with one reported."""
    is_reported = Q(ended_at=None, reported_since__isnull=False)
    is_out = Q(tenant__in={t for t, _ in out}, machine__in={m for _, m in out})
    rows = Downtime.objects.using(using).filter(is_reported | is_out if out else is_reported)
    if tenant_id is not None:
        rows = rows.of(tenant_id)
    newest = rows.order_by("machine_id", "-pk").distinct("machine_id")
    return {(one.tenant_id, one.machine_id): one for one in newest}


def _said(downtime: Downtime) -> Said:
    return Said(
        until_at=downtime.until_at,
        ended_at=downtime.ended_at,
        reported_since=downtime.reported_since,
    )
