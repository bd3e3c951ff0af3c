"""The buyer's inspection: what is accepted is paid, what is rejected is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import Change, record_changes, transition
from marketplace.core.shares import Earning, split_release
from marketplace.models import (
    Operation,
    OperationState,
    Order,
    Release,
    Shipment,
    ShipmentLine,
    ShipmentState,
    WorkOrder,
)
from marketplace.services.closing import close_if_complete, count_lots, lock_order
from marketplace.services.shipping import ShipmentUnknown
from tenants.acting import PLATFORM_ID
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError
from tenants.live import announce
from tenants.services.outbox import send_after_commit


class InspectionImpossible(DomainError):
    """Numbers that do not fit the lot, or a rejection without a reason."""

    code = "inspection_impossible"


class InspectedOtherwise(Conflict):
    """The shipment is inspected already, with another result."""

    code = "inspected_otherwise"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the buyer accepts of one lot; a rejection needs its reason."""

    operation_uid: UUID
    accepted: int
    reason: str = ""


Verdicts = Mapping[UUID, Sequence[Verdict] | None]
"""By shipment; None accepts every piece."""


@transaction.atomic
def inspect_shipment(
    *,
    shipment_uid: UUID,
    by: Actor,
    now: datetime,
    verdicts: Sequence[Verdict] | None = None,
) -> Shipment:
    """Accept or reject the pieces of a shipment, lot by lot; without verdicts accept them all.

    Accepted pieces earn their part of the price at every operation of their lot's chain; one
    release row says who gets how much. A shipment that nobody signed for is signed for with this.
    The same verdicts again change nothing.

    Raises:
        ShipmentUnknown: no such shipment to the acting buyer.
        InspectionImpossible: more accepted than came, a lot that is not in it, no reason given.
        InspectedOtherwise: it was inspected with another result.
    """
    shipment = Shipment.objects.filter(
        receiver_id=by.tenant_id, uid=shipment_uid, is_final=True
    ).first()
    if shipment is None:
        raise ShipmentUnknown(_("There is no such shipment to you."))
    order = lock_order(order_uid=shipment.order_uid, by=by)
    if order is None:
        raise ShipmentUnknown(_("There is no such shipment to you."))
    shipment.refresh_from_db()
    lines = list(
        ShipmentLine.objects.filter(receiver_id=by.tenant_id, shipment=shipment).order_by("lot")
    )
    accepted = _accepted(lines, verdicts)
    if shipment.state == ShipmentState.INSPECTED:
        if [line.accepted for line in lines] != [accepted[line.operation_uid] for line in lines]:
            raise InspectedOtherwise(_("This shipment is inspected already, with another result."))
        return shipment
    _write_verdicts(shipment, lines, accepted, verdicts or (), by=by, now=now)
    chains = _write_chains(shipment, lines, accepted, by=by, now=now)
    Order.objects.of(by.tenant_id).filter(pk=order.pk).update(
        accepted_quantity=F("accepted_quantity") + shipment.accepted
    )
    if shipment.accepted:
        _release(order, shipment, chains, by=by, now=now)
    close_if_complete(order_uid=order.uid, by=by, now=now)
    announce(tenant_ids=(shipment.sender_id,), key="work")
    announce(tenant_ids=tuple({row.supplier_id for row in chains}), key="money")
    return shipment


@transaction.atomic
def inspect_shipments(*, verdicts: Verdicts, by: Actor, now: datetime) -> list[Shipment]:
    """Inspect several shipments, all or none; None accepts every piece of one.

    Raises: what `inspect_shipment` raises, for the first that cannot be inspected.
    """
    return [
        inspect_shipment(shipment_uid=uid, verdicts=given, by=by, now=now)
        for uid, given in sorted(verdicts.items())
    ]


def _accepted(
    lines: Sequence[ShipmentLine], verdicts: Sequence[Verdict] | None
) -> Mapping[UUID, int]:
    """Return the accepted pieces of each lot, by its last operation."""
    if verdicts is None:
        return {line.operation_uid: line.quantity for line in lines}
    given = {verdict.operation_uid: verdict for verdict in verdicts}
    if given.keys() != {line.operation_uid for line in lines} or len(given) != len(verdicts):
        raise InspectionImpossible(_("Give one verdict for each lot of the shipment."))
    for line in lines:
        verdict = given[line.operation_uid]
        if not 0 <= verdict.accepted <= line.quantity:
            raise InspectionImpossible(
                _("Lot %(lot)s came with %(quantity)s pieces: accept between 0 and all of them.")
                % {"lot": line.lot, "quantity": line.quantity}
            )
        if verdict.accepted < line.quantity and not verdict.reason.strip():
            raise InspectionImpossible(
                _("Say why pieces of lot %(lot)s are rejected.") % {"lot": line.lot}
            )
    return {uid: verdict.accepted for uid, verdict in given.items()}


def _write_verdicts(
    shipment: Shipment,
    lines: Sequence[ShipmentLine],
    accepted: Mapping[UUID, int],
    verdicts: Iterable[Verdict],
    *,
    by: Actor,
    now: datetime,
) -> None:
    reasons = {verdict.operation_uid: verdict.reason.strip()[:300] for verdict in verdicts}
    for line in lines:
        line.accepted = accepted[line.operation_uid]
        if line.accepted < line.quantity:
            line.reject_reason = reasons[line.operation_uid]
    ShipmentLine.objects.bulk_update(lines, ["accepted", "reject_reason"])
    total = sum(line.accepted for line in lines)
    if shipment.state == ShipmentState.IN_TRANSIT:
        transition(shipment, to=ShipmentState.DELIVERED, by=by, now=now, delivered_at=now)
    transition(
        shipment,
        to=ShipmentState.INSPECTED,
        by=by,
        now=now,
        evidence={
            "lots": [
                {"lot": line.lot, "accepted": line.accepted, "reason": line.reject_reason}
                for line in lines
            ]
        },
        inspected_at=now,
        accepted=total,
        rejected=shipment.quantity - total,
    )


def _write_chains(
    shipment: Shipment,
    lines: Sequence[ShipmentLine],
    accepted: Mapping[UUID, int],
    *,
    by: Actor,
    now: datetime,
) -> list[Operation]:
    """Write the accepted pieces on every operation of the lots; returns the operations."""
    by_lot = {line.lot: accepted[line.operation_uid] for line in lines}
    chains = list(
        Operation.objects.of_buyer(by.tenant_id)
        .filter(order_uid=shipment.order_uid, lot__in=by_lot)
        .exclude(state=OperationState.CANCELLED)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    for row in chains:
        row.accepted = by_lot[row.lot]
        row.inspected_at = now
        row.delivered_at = row.delivered_at or (
            shipment.delivered_at if row.next_operation_uid is None else None
        )
    Operation.objects.bulk_update(chains, ["accepted", "inspected_at", "delivered_at"])
    return chains


def _release(
    order: Order, shipment: Shipment, chains: Sequence[Operation], *, by: Actor, now: datetime
) -> Release:
    """Say who earned what by this shipment; the order's last release sweeps the rounding."""
    work_orders = {
        row.pk: row
        for row in WorkOrder.objects.of_buyer(by.tenant_id).filter(
            pk__in={row.work_order_id for row in chains}
        )
    }
    amount = None
    if count_lots(order_uid=order.uid, by=by).all_ended:
        amount = _left_of_order(order, by=by)
    shares = split_release(
        [_earning(row, work_orders[row.work_order_id]) for row in chains], amount_minor=amount
    )
    by_uid = {row.uid: row for row in work_orders.values()}
    release = Release.objects.create(
        buyer_id=by.tenant_id,
        platform_id=PLATFORM_ID,
        order_uid=order.uid,
        order_number=order.number,
        shipment_uid=shipment.uid,
        quantity=shipment.accepted,
        amount_minor=sum(shares.values()),
        currency=order.currency,
        shares=[
            {
                "supplier_id": by_uid[uid].supplier_id,
                "work_order_uid": str(uid),
                "work_order_number": by_uid[uid].number,
                "amount_minor": share,
            }
            for uid, share in sorted(shares.items())
        ],
        created_at=now,
    )
    record_changes(
        [Change(row=release, change="created", evidence={"shares": release.shares})],
        by=by,
        now=now,
    )
    send_after_commit(
        tenant_id=by.tenant_id,
        topic="release.created",
        buyer_id=by.tenant_id,
        release_uid=str(release.uid),
    )
    return release


def _left_of_order(order: Order, *, by: Actor) -> int:
    """Return the exact earnings of the whole order, rounded down, less what was released."""
    rows = (
        Operation.objects.of_buyer(by.tenant_id)
        .filter(order_uid=order.uid, accepted__gt=0)
        .values_list("price_minor", "accepted", "quantity")
    )
    earned = sum(
        (Fraction(price * pieces, quantity) for price, pieces, quantity in rows), Fraction()
    )
    released = Release.objects.filter(buyer_id=by.tenant_id, order_uid=order.uid).aggregate(
        sum=Sum("amount_minor")
    )["sum"]
    return int(earned) - (released or 0)


def _earning(operation: Operation, work_order: WorkOrder) -> Earning:
    return Earning(
        work_order_uid=work_order.uid,
        price_minor=operation.price_minor,
        quantity=operation.quantity,
        accepted=operation.accepted,
    )
