"""Reads of the catalogue and of what machines can do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import QuerySet

from devices.models import Machine
from marketplace.models import Capability, Process


def processes() -> QuerySet[Process]:
    """Return the catalogue in its order, each process with its attributes."""
    return Process.objects.prefetch_related("attributes").order_by("position")


def capabilities(tenant_id: int, machines: Iterable[Machine]) -> dict[int, list[Capability]]:
    """Return what machines can do, by machine id, in the order of the catalogue."""
    found: dict[int, list[Capability]] = defaultdict(list)
    rows = (
        Capability.objects.of(tenant_id)
        .filter(machine__in=[machine.pk for machine in machines])
        .select_related("process")
        .order_by("process__position")
    )
    for row in rows:
        found[row.machine_id].append(row)
    return found
