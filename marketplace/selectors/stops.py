"""A factory that stops, as the operator sees it: every order that has time booked there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from marketplace.core.asked import AskedOrder
from marketplace.models import Commitment, Listing, Plan, PlanPurpose, PlanRequest
from marketplace.selectors.drills import DrillRow, drill_row, plans_by_request
from tenants.acting import PLATFORM_ID
from tenants.models import Organisation


@dataclass(frozen=True, kw_only=True)
class StopRow:
    """An order with time booked at the factory, and the newest drill that its stop gave rise to."""

    buyer: Organisation
    asked: AskedOrder
    drill: DrillRow


def booked_suppliers(now: datetime) -> QuerySet[Organisation]:
    """Return the suppliers on whose machines time that lies ahead is booked, by name."""
    machines = _booked(now).values("machine_id")
    listed = Listing.objects.of(PLATFORM_ID).filter(machine_id__in=machines)
    return Organisation.objects.filter(pk__in=listed.values("supplier_id")).order_by("name", "pk")


def affected_orders(supplier_id: int, now: datetime) -> dict[UUID, int]:
    """Return the orders with time booked ahead on a supplier's machines, and their buyers' ids."""
    machines = Listing.objects.of(PLATFORM_ID).filter(supplier_id=supplier_id)
    booked = _booked(now).filter(machine_id__in=machines.values("machine_id"))
    asked = PlanRequest.objects.filter(
        platform_id=PLATFORM_ID, order_uid__in=booked.values("order_uid")
    )
    pairs = asked.order_by("order_uid").values_list("order_uid", "buyer_id").distinct()
    return {uid: buyer_id for uid, buyer_id in pairs if uid is not None}


def stop_rows(supplier: Organisation, now: datetime) -> list[StopRow]:
    """Return each order that a stop of the supplier touches, with its newest drill."""
    asked = PlanRequest.objects.filter(
        platform_id=PLATFORM_ID, order_uid__in=affected_orders(supplier.pk, now)
    )
    newest = asked.order_by("order_uid", "-id").distinct("order_uid")
    of_stop = asked.filter(purpose=PlanPurpose.DRILL, frozen__returned_by=supplier.pk)
    drills = {
        row.order_uid: row for row in of_stop.order_by("order_uid", "-id").distinct("order_uid")
    }
    plans = plans_by_request(
        Plan.objects.filter(platform_id=PLATFORM_ID, request__in=drills.values())
    )
    return [
        StopRow(
            buyer=request.buyer,
            asked=AskedOrder.from_json(request.snapshot),
            drill=drill_row(supplier, drills.get(request.order_uid), plans),
        )
        for request in newest.select_related("buyer").defer("frozen")
    ]


def _booked(now: datetime) -> QuerySet[Commitment]:
    ahead = Commitment.objects.of(PLATFORM_ID).filter(state="booked")
    return ahead.filter(during__endswith__gt=now)
