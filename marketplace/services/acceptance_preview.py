"""What an inspection would release, to whom, before the buyer gives it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from marketplace.models import Release, Shipment, ShipmentState
from marketplace.services.inspection import Verdicts, inspect_shipments
from tenants.actors import Actor
from tenants.models import Organisation


@dataclass(frozen=True, kw_only=True)
class Payee:
    """A factory and what its part of the accepted pieces comes to, commission not yet taken."""

    supplier: Organisation
    currency: str
    amount_minor: int


@dataclass(frozen=True, kw_only=True)
class AcceptancePreview:
    """What verdicts come to; the amounts are by currency, the largest payee first."""

    shipments: tuple[Shipment, ...]
    lots: int
    accepted: int
    rejected: int
    amounts: tuple[tuple[str, int], ...]
    payees: tuple[Payee, ...]


def preview_acceptance(*, verdicts: Verdicts, by: Actor, now: datetime) -> AcceptancePreview:
    """Tell what inspecting shipments would release; nothing is kept.

    The inspection is made and undone in a savepoint, so what is shown is what will be paid, to
    the minor unit: the order's last release sweeps the rounding. Shipments that are inspected
    already count for nothing.

    Raises: what `inspect_shipment` raises.
    """
    with transaction.atomic():
        known = Shipment.objects.filter(receiver_id=by.tenant_id, uid__in=verdicts)
        done = set(known.filter(state=ShipmentState.INSPECTED).values_list("uid", flat=True))
        inspected = inspect_shipments(verdicts=verdicts, by=by, now=now)
        fresh = tuple(shipment for shipment in inspected if shipment.uid not in done)
        releases = list(
            Release.objects.filter(
                buyer_id=by.tenant_id, shipment_uid__in=[shipment.uid for shipment in fresh]
            )
        )
        lots = sum(shipment.lines.count() for shipment in fresh)
        transaction.set_rollback(True)
    return AcceptancePreview(
        shipments=fresh,
        lots=lots,
        accepted=sum(shipment.accepted for shipment in fresh),
        rejected=sum(shipment.rejected for shipment in fresh),
        amounts=_amounts(releases),
        payees=_payees(releases),
    )


def _amounts(releases: list[Release]) -> tuple[tuple[str, int], ...]:
    sums: Counter[str] = Counter()
    for release in releases:
        sums[release.currency] += release.amount_minor
    return tuple(sorted(sums.items()))


def _payees(releases: list[Release]) -> tuple[Payee, ...]:
    sums: Counter[tuple[int, str]] = Counter()
    for release in releases:
        for share in release.shares:
            sums[share["supplier_id"], release.currency] += share["amount_minor"]
    firms = Organisation.objects.in_bulk({supplier_id for supplier_id, _currency in sums})
    return tuple(
        Payee(supplier=firms[supplier_id], currency=currency, amount_minor=amount)
        for (supplier_id, currency), amount in sums.most_common()
    )
