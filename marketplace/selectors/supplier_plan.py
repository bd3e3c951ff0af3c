"""A factory's machines over time, in the shape that the Gantt draws."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from devices.models import Machine
from devices.selectors import machines as machines_of
from marketplace.core.share import Share, ShareOperation
from marketplace.core.spans import Span
from marketplace.models import Offer, Operation, OperationState
from marketplace.models.capacity import WindowState
from marketplace.selectors.capacity import active_windows
from tenants.models import Organisation
from tenants.templatetags.formats import local_name

HEAD, LINE, HIGHEST = 52, 28, 420
"""Pixels of the Gantt: its time axis, one line, and the most that a page gives it."""
BEFORE, AFTER = timedelta(days=2), timedelta(days=14)
BAR_KINDS = {
    OperationState.STARTED: "production",
    OperationState.FINISHED: "done",
    OperationState.SHIPPED: "done",
}


def machine_plan(
    *,
    tenant: Organisation,
    now: datetime,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    offer: Offer | None = None,
) -> dict[str, Any]:
    """Return operations and listed idle time by site and machine, between two instants.

    With `offer` only its machines are shown, over its time, with what it asks for on top.
    """
    machines = list(machines_of(tenant.pk))
    asked: tuple[ShareOperation, ...] = ()
    if offer is not None:
        asked = Share.from_json(offer.snapshot).operations
        wanted = {operation.machine_id for operation in asked}
        machines = [machine for machine in machines if machine.pk in wanted]
        from_at, to_at = offer.starts_at - timedelta(hours=12), offer.ends_at + timedelta(hours=12)
    frame = Span(from_at or now - BEFORE, to_at or now + AFTER)
    rows = {machine.pk: index for index, machine in enumerate(machines)}
    bars = _idle_bars(tenant.pk, machines, frame, rows)
    bars += [_bar(row, rows, now) for row in _operations(tenant.pk, machines, frame)]
    bars += [_asked_bar(operation, rows) for operation in asked if operation.machine_id in rows]
    return {
        "zone": machines[0].site.time_zone if machines else tenant.time_zone,
        "now": milliseconds(now),
        "from": milliseconds(frame.start),
        "to": milliseconds(frame.end),
        "calendars": [],
        "groups": _groups(machines, rows),
        "bars": bars,
    }


def height_of(plan: dict[str, Any]) -> int:
    """Return how many pixels the plan's lines need, as far as a page has room for them."""
    lines = sum(1 + len(group["rows"]) for group in plan["groups"])
    return min(HIGHEST, HEAD + LINE * max(lines, 3))


def milliseconds(moment: datetime) -> int:
    """Return epoch milliseconds, the unit of the Gantt."""
    return int(moment.timestamp() * 1000)


def _groups(machines: Iterable[Machine], rows: dict[int, int]) -> list[dict[str, Any]]:
    by_site = sorted(machines, key=lambda machine: (machine.site.name, machine.code))
    groups = []
    for site, members in groupby(by_site, key=lambda machine: machine.site):
        lines = [
            {
                "id": rows[machine.pk],
                "name": f"{machine.code} {machine.machine_type}",
            }
            for machine in members
        ]
        groups.append(
            {"id": site.pk, "name": local_name(site), "note": site.time_zone, "rows": lines}
        )
    return groups


def _operations(tenant_id: int, machines: Iterable[Machine], frame: Span) -> Iterable[Operation]:
    return (
        Operation.objects.of_supplier(tenant_id)
        .filter(
            machine_id__in=[machine.pk for machine in machines],
            planned_start_at__lt=frame.end,
            planned_end_at__gt=frame.start,
        )
        .exclude(state=OperationState.CANCELLED)
        .select_related("work_order")
        .order_by("planned_start_at")
    )


def _bar(operation: Operation, rows: dict[int, int], now: datetime) -> list[Any]:
    kind = BAR_KINDS.get(OperationState(operation.state), "confirmed")
    if operation.planned_end_at < now and kind in ("confirmed", "production"):
        kind = "risk"
    return [
        rows[operation.machine_id],
        milliseconds(operation.planned_start_at),
        milliseconds(operation.planned_end_at),
        kind,
        _("Lot %(lot)s · %(title)s") % {"lot": operation.lot, "title": operation.work_order.title},
        str(operation.uid),
        reverse("work_order", args=[operation.work_order.uid]),
        operation.get_state_display(),
    ]


def _idle_bars(
    tenant_id: int, machines: list[Machine], frame: Span, rows: dict[int, int]
) -> list[list[Any]]:
    return [
        [
            rows[machine_id],
            milliseconds(window.during.lower),
            milliseconds(window.during.upper),
            "idle",
            _("For sale"),
            f"window-{window.pk}",
        ]
        for machine_id, windows in active_windows(tenant_id, machines, frame).items()
        for window in windows
        if window.state == WindowState.LISTED
    ]


def _asked_bar(operation: ShareOperation, rows: dict[int, int]) -> list[Any]:
    return [
        rows[operation.machine_id],
        milliseconds(operation.start_at),
        milliseconds(operation.end_at),
        "proposed",
        _("Asked: lot %(lot)s") % {"lot": operation.lot},
        f"asked-{operation.uid}",
    ]
