"""The platform's listings, written again from what a supplier has published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DateTimeField, F, Q
from django.db.models.functions import Greatest

from devices.core.learned import LEAST_OBSERVED
from devices.models import Machine
from devices.observed_runs import LOOKS_BACK
from marketplace.core.learned import Learned, learned_of
from marketplace.core.listed import ListedCapability, ListedMachine
from marketplace.core.spans import Span, merge, subtract
from marketplace.models import (
    Capability,
    CapacityWindow,
    Downtime,
    LearnedRate,
    Listing,
    ListingState,
    Operation,
    WindowState,
)
from marketplace.selectors.capacity import span_of
from tenants.acting import PLATFORM_ID, acting_as
from tenants.live import announce
from tenants.models import Organisation

ATTEMPTS = 5
LATE_AFTER = timedelta(hours=1)
"""A lot that ends later than this after its planned end is late."""


class ListingsContended(RuntimeError):
    """Others kept writing the same listings; the message is sent again."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a supplier sells of one machine at the moment of reading."""

    machine: Machine
    listed: ListedMachine
    windows: Sequence[CapacityWindow]
    down_until: datetime | None = None
    lots: tuple[int, int] = (0, 0)
    """How many lots the machine has finished, and how many of them on time."""

    def fields(self, now: datetime) -> dict[str, Any]:
        """Return the columns of the listing."""
        spans = merge(span_of(window) for window in self.windows)
        if self.down_until is not None and self.down_until > now:
            spans = subtract(spans, [Span(now, self.down_until)])
        if not spans or not self.machine.is_active:
            return {"state": ListingState.WITHDRAWN, "windows": [], "updated_at": now}
        newest = max(self.windows, key=lambda window: window.pk)
        return {
            "state": ListingState.LISTED,
            "snapshot": self.listed.to_json(),
            "processes": self.listed.processes,
            "windows": [[moment.isoformat() for moment in span] for span in spans],
            "price_minor_per_hour": newest.price_minor_per_hour,
            "currency": newest.currency,
            "minimum_lot": newest.minimum_lot,
            "listed_until": spans[-1].end,
            "on_time_lots": self.lots[0],
            "on_time_share": (
                round(self.lots[1] / self.lots[0], 4) if self.lots[0] >= LEAST_OBSERVED else None
            ),
            "updated_at": now,
        }


def refresh_listings(*, supplier_id: int, machine_ids: Iterable[int], now: datetime) -> None:
    """Write the listings of some machines from what the supplier has published now.

    Reading happens as the supplier, writing as the platform, in transactions of their own. Each
    listing's version is read before and compared when writing, so that of two refreshes at once
    the one that read earlier does not win: it reads again. Safe to run twice and out of order.

    Raises:
        ListingsContended: still overtaken after several attempts.
    """
    left = set(machine_ids)
    for _attempt in range(ATTEMPTS):
        versions = _versions(left)
        published = _read(supplier_id, left, now)
        left = _write(supplier_id, published, versions, now)
        if not left:
            return
    raise ListingsContended(f"listings of machines {sorted(left)} of supplier {supplier_id}")


def _versions(machine_ids: Iterable[int]) -> dict[int, int]:
    with acting_as(PLATFORM_ID):
        rows = Listing.objects.of(PLATFORM_ID).filter(machine_id__in=list(machine_ids))
        return dict(rows.values_list("machine_id", "version"))


def _read(supplier_id: int, machine_ids: Iterable[int], now: datetime) -> list[Published]:
    with acting_as(supplier_id):
        supplier = Organisation.objects.get(pk=supplier_id)
        machines = (
            Machine.objects.of(supplier_id)
            .filter(pk__in=list(machine_ids))
            .select_related("site")
            .order_by("pk")
        )
        found = {machine.pk: machine for machine in machines}
        windows = _grouped(
            CapacityWindow.objects.of(supplier_id).filter(
                machine__in=list(found), state=WindowState.LISTED, during__endswith__gt=now
            )
        )
        capabilities = _grouped(
            Capability.objects.of(supplier_id)
            .filter(machine__in=list(found))
            .select_related("process")
            .order_by("process__position")
        )
        learned = {
            (row.machine_id, row.process_id): row
            for row in LearnedRate.objects.of(supplier_id).filter(machine__in=list(found))
        }
        down = dict(
            Downtime.objects.of(supplier_id)
            .filter(machine__in=list(found), ended_at=None)
            .values_list("machine_id", "until_at")
        )
        lots = _lots(supplier_id, found, now)
    return [
        Published(
            machine=machine,
            listed=_listed_machine(supplier, machine, capabilities.get(pk, []), learned),
            windows=windows.get(pk, []),
            down_until=down.get(pk),
            lots=lots.get(pk, (0, 0)),
        )
        for pk, machine in found.items()
    ]


def _lots(
    supplier_id: int, machine_ids: Iterable[int], now: datetime
) -> dict[int, tuple[int, int]]:
    """Return how many lots each machine has finished, and how many of them on time.

    A lot that came late from the step before has its planned time from then on.
    """
    from_arrival = F("received_at") + (F("planned_end_at") - F("planned_start_at"))
    allowed = Greatest(F("planned_end_at"), from_arrival, output_field=DateTimeField())
    rows = (
        Operation.objects.of_supplier(supplier_id)
        .filter(machine_id__in=list(machine_ids), finished_at__gt=now - LOOKS_BACK, received__gt=0)
        .values("machine_id")
        .annotate(
            finished=Count("pk"),
            on_time=Count("pk", filter=Q(finished_at__lte=allowed + LATE_AFTER)),
        )
    )
    return {row["machine_id"]: (row["finished"], row["on_time"]) for row in rows}


def _grouped(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.machine_id, []).append(row)
    return found


def _listed_machine(
    supplier: Organisation,
    machine: Machine,
    capabilities: Sequence[Capability],
    learned: Mapping[tuple[int, int], LearnedRate],
) -> ListedMachine:
    site = machine.site
    return ListedMachine(
        supplier_name=supplier.name,
        supplier_name_zh=supplier.name_zh,
        site_uid=str(site.uid),
        site_name=site.name,
        site_name_zh=site.name_zh,
        time_zone=site.time_zone,
        city=site.city or supplier.city,
        x_km=site.x_km,
        y_km=site.y_km,
        machine_code=machine.code,
        machine_type=machine.machine_type,
        is_simulated=machine.is_simulated,
        capabilities=tuple(
            ListedCapability(
                process=one.process.code,
                pieces_per_hour=one.pieces_per_hour,
                set_up_minutes=one.set_up_minutes,
                attributes={
                    code: tuple(held) if isinstance(held, list) else held
                    for code, held in one.attributes.items()
                },
                learned=_learned(one, learned.get((machine.pk, one.process_id))),
            )
            for one in capabilities
        ),
    )


def _learned(capability: Capability, row: LearnedRate | None) -> Learned | None:
    if row is None:
        return None
    return learned_of(
        row.shown,
        stated_rate=capability.pieces_per_hour,
        stated_set_up=capability.set_up_minutes,
        is_used=row.is_used,
    )


def _write(
    supplier_id: int, published: Sequence[Published], versions: Mapping[int, int], now: datetime
) -> set[int]:
    """Write what nobody has written meanwhile; returns the machines to read again."""
    overtaken: set[int] = set()
    born: list[Listing] = []
    with acting_as(PLATFORM_ID):
        for one in published:
            pk, fields = one.machine.pk, one.fields(now)
            if pk in versions:
                written = (
                    Listing.objects.of(PLATFORM_ID)
                    .filter(machine_id=pk, version=versions[pk])
                    .update(version=F("version") + 1, **fields)
                )
                if not written:
                    overtaken.add(pk)
            elif fields["state"] == ListingState.LISTED:
                born.append(_birth(supplier_id, one.machine, fields))
        Listing.objects.bulk_create(born, ignore_conflicts=True)
        overtaken |= _lost_births(born)
        announce(tenant_ids=(supplier_id, PLATFORM_ID), key="capacity")
    return overtaken


def _birth(supplier_id: int, machine: Machine, fields: dict[str, Any]) -> Listing:
    return Listing(
        tenant_id=PLATFORM_ID,
        supplier_id=supplier_id,
        machine_id=machine.pk,
        machine_uid=machine.uid,
        **fields,
    )


def _lost_births(born: Sequence[Listing]) -> set[int]:
    """Return the machines whose listing somebody else entered first."""
    if not born:
        return set()
    uids = {listing.uid for listing in born}
    there = Listing.objects.of(PLATFORM_ID).filter(
        machine_id__in=[listing.machine_id for listing in born]
    )
    return set(there.exclude(uid__in=uids).values_list("machine_id", flat=True))
