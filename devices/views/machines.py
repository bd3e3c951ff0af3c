"""A machine's page and its devices; the tiles of all machines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from devices import selectors, telemetry
from devices.core.broker import BadBrokerAddress, broker_from_url, frames_topic, receipts_topic
from devices.models import Device, Machine, PlannedRun, QuarantineReason
from devices.services import devices as device_services
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act, may
from tenants.errors import DomainError

DAY = timedelta(hours=24)
MOST_PANELS = 8
NOT_DRAWN = ("state", "parts", "scrap")
"""A code and counters: a mean of theirs says nothing."""


class DeviceForm(forms.Form):
    """What must be known of a new device."""

    name = forms.CharField(
        label=_("Name"), max_length=64, help_text=_("As you call the box on the machine.")
    )


@member(Act.READ, seat="supplier")
def machine(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show what a machine does now, what it has done in a day, and what it is meant to do."""
    found = selectors.machine(request.acting.tenant_id, uid)
    return _show(request, found)


@member(Act.PRODUCE, seat="supplier")
@require_POST
def device_add(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Add a device; its key stands in the answer and nowhere else."""
    found = selectors.machine(request.acting.tenant_id, uid)
    form = DeviceForm(request.POST)
    if form.is_valid():
        try:
            device, key = device_services.add_device(
                organisation=request.acting.tenant,
                by=request.actor,
                now=site_now(),
                machine_uid=uid,
                name=form.cleaned_data["name"],
            )
        except DomainError as error:
            form.add_error("name", str(error))
        else:
            return _show(request, found, fresh=(device, key))
    return _show(request, found, form=form, status=422)


@member(Act.PRODUCE, seat="supplier")
@require_POST
def device_rotate(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Give a device another key, which stands in the answer and nowhere else."""
    device, key = device_services.rotate_key(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), uid=uid
    )
    found = Machine.objects.of(request.acting.tenant_id).get(pk=device.machine_id)
    return _show(request, selectors.machine(found.tenant_id, found.uid), fresh=(device, key))


@member(Act.PRODUCE, seat="supplier")
@require_POST
def device_revoke(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take a device out of use."""
    device = device_services.revoke_device(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), uid=uid
    )
    return redirect("machine", uid=device.machine.uid)


@member(Act.READ, seat="supplier")
def machine_tiles(request: HttpRequest) -> HttpResponse:
    """Return the tiles alone, for a page that shows them to fetch again."""
    tiles = telemetry.machine_tiles(tenant_id=request.acting.tenant_id, now=site_now())
    return render(request, "devices/_tiles.html", {"tiles": tiles})


def _show(
    request: HttpRequest,
    machine: Machine,
    *,
    form: DeviceForm | None = None,
    fresh: tuple[Device, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    now = site_now()
    devices = list(telemetry.devices_of(machine))
    runs = telemetry.planned_runs(machine, now=now)
    refused = telemetry.quarantined(
        machine.tenant_id, devices=[str(one.uid) for one in devices] or ["-"]
    )
    context = {
        "machine": machine,
        "live_key": f"machines.{machine.uid}",
        "latest": telemetry.latest_reading(machine),
        "run": next((run for run in runs if _is_under_way(run, now)), None),
        "runs": runs,
        "devices": devices,
        "form": form or DeviceForm(),
        "fresh": fresh,
        "guide": _guide(fresh[0] if fresh else next(iter(devices), None)),
        "refused": refused[:10],
        "reasons": dict(QuarantineReason.choices),
        "may_change": may(request.acting.role, Act.PRODUCE),
        **_last_day(machine, now),
    }
    return render(request, "devices/machine.html", context, status=status)


def _is_under_way(run: PlannedRun, now: Any) -> bool:
    return run.during.lower <= now < run.during.upper


def _last_day(machine: Machine, now: Any) -> dict[str, Any]:
    """Return the states and metrics of the last 24 hours of site time."""
    since = now - DAY
    names = telemetry.metric_names(machine, since=since)
    drawn = [name for name in names if name not in NOT_DRAWN][:MOST_PANELS]
    means = telemetry.metric_means(machine, metrics=drawn, minutes=10, since=since, until=now)
    latest = telemetry.latest_reading(machine)
    values = latest.metrics if latest else {}
    with timezone.override(machine.site.time_zone):
        hours = [timezone.localtime(since + DAY * n / 4).strftime("%H:%M") for n in range(5)]
        pieces = dict(telemetry.pieces_by_hour(machine, since=since, until=now))
        first = since.replace(minute=0, second=0, microsecond=0)
        made = [
            {"label": timezone.localtime(hour).strftime("%H"), "value": pieces.get(hour, 0)}
            for hour in (first + timedelta(hours=n) for n in range(1, 25))
        ]
    return {
        "segments": telemetry.state_segments(machine, since=since, until=now),
        "since_minute": since.timestamp() / 60,
        "now_minute": now.timestamp() / 60,
        "hours": hours,
        "made": made if pieces else [],
        "made_sum": sum(one["value"] for one in made),
        "panels": [
            {"name": name, "means": means[name], "value": values.get(name)} for name in drawn
        ],
    }


def _guide(device: Device | None) -> dict[str, str] | None:
    """Return what a person needs to connect a device; never a password or a key."""
    if device is None:
        return None
    try:
        broker = broker_from_url(settings.MQTT_URL)
        address = f"{'mqtts' if broker.tls else 'mqtt'}://{broker.host}:{broker.port}"
    except BadBrokerAddress:
        address = ""
    return {
        "device": str(device.uid),
        "address": address,
        "frames": frames_topic(str(device.uid)),
        "receipts": receipts_topic(str(device.uid)),
    }
