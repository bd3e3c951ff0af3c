"""A small fleet to send frames from: an organisation, machines, devices and their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import connections

from devices.core.frames import sign
from devices.core.keys import device_key
from devices.models import Device, Machine, PlannedRun, Site
from devices.services.arrivals import Message
from devices.services.ingest import Outcome, take
from devices.services.store import SiteTime
from tenants.acting import acting_as
from tenants.ids import uuid7
from tenants.models import Organisation
from tests.factories import make_organisation

T0 = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
T0_MS = round(T0.timestamp() * 1000)
MINUTE = 60_000


@dataclass(frozen=True)
class Fleet:
    organisation: Organisation
    machines: list[Machine]
    devices: list[Device]


def make_fleet(*, machines: int = 1, **organisation: object) -> Fleet:
    """Return machines with one device each, in an organisation of their own."""
    owner = make_organisation(**organisation)
    with acting_as(owner.pk):
        site = Site.objects.create(tenant=owner, name="Site")
        made = [
            Machine.objects.create(tenant=owner, site=site, code=f"M{n:03}", machine_type="press")
            for n in range(machines)
        ]
        devices = [
            Device.objects.create(tenant=owner, machine=m, name=m.code, created_at=T0) for m in made
        ]
    return Fleet(owner, made, devices)


def plan_run(
    fleet: Fleet,
    start: int,
    end: int,
    *,
    machine: int = 0,
    quantity: int = 1000,
    kind: str = "",
    set_up: int = 0,
) -> PlannedRun:
    """Plan a run of a machine from and to some minutes after T0."""
    with acting_as(fleet.organisation.pk):
        return PlannedRun.objects.create(
            tenant=fleet.organisation,
            machine=fleet.machines[machine],
            during=(T0 + timedelta(minutes=start), T0 + timedelta(minutes=end)),
            label="order",
            quantity=quantity,
            subject_uid=uuid7(),
            kind=kind,
            set_up_minutes=set_up,
        )


def frame(
    device: Device,
    seq: int,
    minute: float,
    *,
    boot: int = 1,
    version: int | None = None,
    offset_ms: int = 0,
    **values: float | None,
) -> dict[str, Any]:
    """Return a signed frame of a device, some minutes after T0."""
    sent_ms = round(T0_MS + minute * MINUTE) + offset_ms
    key = device_key(settings.SECRET_KEY, device.uid, version or device.key_version)
    told = {"device": str(device.uid), "boot": boot, "seq": seq, "sent_ms": sent_ms}
    mac = sign(key, **told, values=values)
    return {
        "dev": str(device.uid),
        "boot": boot,
        "seq": seq,
        "ts": sent_ms,
        "v": values,
        "mac": mac,
    }


def message(content: Mapping[str, Any] | Sequence[Any] | bytes, minute: float = 0.0) -> Message:
    """Return a delivery over MQTT at some minutes after T0."""
    payload = content if isinstance(content, bytes) else orjson.dumps(content)
    sender = content["dev"] if isinstance(content, dict) else "gateway"
    return Message(payload, round(T0_MS + minute * MINUTE), sender=sender)


def site_at(minute: float, *, rate: float = 1.0) -> SiteTime:
    now_ms = round(T0_MS + minute * MINUTE)
    return SiteTime(now_ms=now_ms, rate=rate, silent_before_ms=now_ms - 30 * MINUTE)


def send(*contents: Any, minute: float = 0.0, rate: float = 1.0) -> Outcome:
    """Take one batch, as the ingest worker would."""
    return take([message(one, minute) for one in contents], time=site_at(minute, rate=rate))


def as_ingest(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Read as the ingest role, which sees all organisations."""
    with connections["ingest"].cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
