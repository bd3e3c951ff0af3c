"""Replay a file of frames through the same code path as the broker, into a scratch organisation."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import connections

from devices.core.clocks import OffsetBin, offset_ms, steadiest
from devices.models import Device, Machine, Site
from devices.services.arrivals import Message
from devices.services.ingest import site_time, take
from devices.services.store import SiteTime
from tenants.acting import acting_as
from tenants.clock import site_now
from tenants.models import Organisation

SCRATCH = "Scratch (ingest_file)"
AT_ONCE = 1_000
TOTALS = """
select d.name, count(*), count(distinct f.boot)
from devices_device d join devices_frame f on f.device_id = d.id
where d.tenant_id = %s group by d.name
"""
METRICS = """
select d.name, one.key, count(*), sum(one.value::numeric)::float8, min(one.value::numeric)::float8,
       max(one.value::numeric)::float8,
       (array_agg(one.value::numeric order by
                  f.sent_at - b.correction_ms * interval '1 millisecond' desc, f.boot desc,
                  f.seq desc))[1]::float8
from devices_device d
join devices_frame f on f.device_id = d.id
join devices_boot b on b.device_id = f.device_id and b.boot = f.boot
cross join lateral jsonb_each(f.metrics) as one
where d.tenant_id = %s and jsonb_typeof(one.value) = 'number'
group by d.name, one.key
"""
ROLLUPS = """
select d.name, r.metric, sum(r.count)::bigint, sum(r.sum)::float8
from devices_device d join devices_rollup r on r.machine_id = d.machine_id
where d.tenant_id = %s and r.minutes = 10 group by d.name, r.metric
"""
BINS = """
select d.name, c.bin, sum(c.count)::bigint, sum(c.sum_ms)::bigint,
       (extract(epoch from min(c.first_at)) * 1000)::bigint,
       (extract(epoch from max(c.last_at)) * 1000)::bigint
from devices_device d join devices_clockbin c on c.device_id = d.id
where d.tenant_id = %s group by d.name, c.bin
"""


@dataclass(kw_only=True)
class Run:
    """What one run has taken."""

    lines: int = 0
    stored: int = 0
    duplicates: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)


def scratch_organisation(names: Sequence[str]) -> Organisation:
    """Return the scratch organisation with a device, on a machine of its own, for each name.

    Doing so again changes nothing.
    """
    with acting_as(0):
        organisation = Organisation.objects.filter(name=SCRATCH, is_simulated=True).first()
        if organisation is None:
            organisation = Organisation.objects.create(
                name=SCRATCH, kinds=["supplier"], is_simulated=True
            )
    with acting_as(organisation.pk):
        site, _new = Site.objects.get_or_create(tenant=organisation, name=SCRATCH)
        for name in names:
            if Device.objects.of(organisation.pk).filter(name=name).exists():
                continue
            # A machine's code is shorter than a device's name may be.
            code = name if len(name) <= 24 else hashlib.sha256(name.encode()).hexdigest()[:24]
            machine = Machine.objects.create(
                tenant=organisation, site=site, code=code, machine_type="scratch"
            )
            Device.objects.create(
                tenant=organisation, machine=machine, name=name, created_at=site_now()
            )
    return organisation


def replay(lines: Iterable[bytes], *, organisation: Organisation, using: str = "ingest") -> Run:
    """Take lines of frames in their order of arrival, as batches of the ingest worker."""
    run = Run()
    # Each line brings the site's clock with it, so the present one must not judge its device.
    now = site_time()
    time = SiteTime(now_ms=now.now_ms, rate=1.0, silent_before_ms=now.silent_before_ms)
    batch: list[Message] = []
    for line in lines:
        if not line.strip():
            continue
        batch.append(Message(line, now.now_ms, tenant_id=organisation.pk, is_replay=True))
        if len(batch) == AT_ONCE:
            _take(run, batch, time, using)
            batch = []
    if batch:
        _take(run, batch, time, using)
    return run


def summary_of(run: Run, *, organisation: Organisation, using: str = "ingest") -> dict[str, Any]:
    """Return the counts of this run, and of each device all that is stored."""
    tenant = organisation.pk
    with acting_as(tenant):
        names = Device.objects.of(tenant).exclude(name="").order_by("name")
        devices: dict[str, dict[str, Any]] = {
            name: {
                **{"messages": 0, "boots": 0, "metrics": {}, "rollup": {}},
                "clock_offset_ms": None,
            }
            for name in names.values_list("name", flat=True)
        }
    for name, messages, boots in _rows(TOTALS, tenant, using):
        devices[name] |= {"messages": messages, "boots": boots}
    for name, metric, count, total, low, high, last in _rows(METRICS, tenant, using):
        told = {"count": count, "sum": total, "min": low, "max": high, "last": last}
        devices[name]["metrics"][metric] = told
    for name, metric, count, total in _rows(ROLLUPS, tenant, using):
        devices[name]["rollup"][metric] = {"count": count, "sum": total}
    bins: dict[str, list[OffsetBin]] = {}
    for name, *rest in _rows(BINS, tenant, using):
        bins.setdefault(name, []).append(OffsetBin(*rest))
    for name, found in bins.items():
        steady = steadiest(found)
        devices[name]["clock_offset_ms"] = None if steady is None else offset_ms(steady)
    return {
        "lines": run.lines,
        "stored": run.stored,
        "duplicates": run.duplicates,
        "quarantined": dict(sorted(run.quarantined.items())),
        "devices": devices,
    }


def write_summary(summary: dict[str, Any]) -> str:
    """Return a summary as JSON text."""
    return orjson.dumps(summary, option=orjson.OPT_INDENT_2).decode()


def _take(run: Run, batch: Sequence[Message], time: SiteTime, using: str) -> None:
    outcome = take(batch, time=time, using=using)
    run.lines += len(batch)
    run.stored += sum(outcome.stored.values())
    run.duplicates += outcome.duplicates
    run.quarantined.update(one.refusal.reason.value for one in outcome.refused)


def _rows(statement: str, tenant_id: int, using: str) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, [tenant_id])
        return list(cursor.fetchall())
