"""Reads of the catalogue and of what machines can do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import QuerySet

from devices.models import Machine
from marketplace.core.asked import AttributeRule, Catalogue
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


def rules_of(listed: Iterable[Process]) -> Catalogue:
    """Return what an order may ask of each process."""
    return {
        process.code: {
            attribute.code: AttributeRule(code=attribute.code, is_choice=attribute.is_choice)
            for attribute in process.attributes.all()
        }
        for process in listed
    }


def process_names() -> dict[str, Process]:
    """Return processes by code; written in a page they speak the reader's language."""
    return {process.code: process for process in processes()}
