"""Finished lots on their way: sent by one factory, signed for by the next one or the buyer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import Change, record_changes, transition_all
from marketplace.models import Operation, OperationState, Shipment, ShipmentLine, ShipmentState
from marketplace.services.closing import close_if_complete
from tenants.actors import Actor
from tenants.errors import Conflict, NotFound
from tenants.ids import uuid7
from tenants.live import announce

NO_INSTANTS: Mapping[UUID, datetime] = MappingProxyType({})


class LotNotReadyToShip(Conflict):
    """A lot that is not finished, of which nothing is left, or that stays in the shop."""

    code = "lot_not_ready_to_ship"


class OperationUnknown(NotFound):
    code = "operation_unknown"


class ShipmentUnknown(NotFound):
    code = "shipment_unknown"


@transaction.atomic
def ship_operations(
    *,
    operation_uids: Sequence[UUID],
    by: Actor,
    now: datetime,
    note: str = "",
    left_at: Mapping[UUID, datetime] = NO_INSTANTS,
) -> list[Shipment]:
    """Send finished lots on: one shipment for each order, receiver and departure among them.

    `left_at` says when a lot really left, if that was earlier than now; never before it was
    finished. Lots that have left already are not sent twice: their shipments are returned.

    Raises:
        OperationUnknown: one of them is not an operation of the acting organisation.
        LotNotReadyToShip: one of them is not finished, or has nowhere to go; none is sent.
    """
    wanted = set(operation_uids)
    operations = list(
        Operation.objects.of_supplier(by.tenant_id)
        .filter(uid__in=wanted)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    if len(operations) != len(wanted):
        raise OperationUnknown(_("There is no such operation in your shop."))
    leaving = [row for row in operations if row.state != OperationState.SHIPPED]
    _refuse_unready(leaving)
    departures = {
        row.pk: max(min(left_at.get(row.uid, now), now), row.finished_at or now) for row in leaving
    }
    shipments = _send(leaving, departures, by=by, now=now, note=note)
    gone = [row.uid for row in operations if row not in leaving]
    earlier = Shipment.objects.filter(
        sender_id=by.tenant_id, lines__sender_id=by.tenant_id, lines__operation_uid__in=gone
    ).distinct()
    return shipments + list(earlier)


def _refuse_unready(leaving: Sequence[Operation]) -> None:
    for row in leaving:
        if row.state != OperationState.FINISHED:
            raise LotNotReadyToShip(
                _("Lot %(lot)s is not finished: report all of its pieces first.") % {"lot": row.lot}
            )
        if row.good == 0:
            raise LotNotReadyToShip(_("Nothing of lot %(lot)s is left to send.") % {"lot": row.lot})


def _send(
    leaving: Sequence[Operation],
    departures: Mapping[int, datetime],
    *,
    by: Actor,
    now: datetime,
    note: str,
) -> list[Shipment]:
    groups: dict[tuple[UUID, int, datetime], list[Operation]] = defaultdict(list)
    for row in leaving:
        receiver_id = row.next_supplier_id or row.buyer_id
        groups[row.order_uid, receiver_id, departures[row.pk]].append(row)
    shipments, lines = [], []
    for (_order, receiver_id, sent_at), rows in groups.items():
        shipment = _shipment(rows, receiver_id=receiver_id, by=by, sent_at=sent_at, note=note)
        shipments.append(shipment)
        for row in rows:
            row.shipment_number = shipment.number
            row.shipped_at = shipment.sent_at
            lines.append(_line(shipment, row))
    Shipment.objects.bulk_create(shipments)
    ShipmentLine.objects.bulk_create(lines)
    Operation.objects.bulk_update(leaving, ["shipment_number", "shipped_at"])
    transition_all(leaving, to=OperationState.SHIPPED, by=by, now=now)
    record_changes(
        (
            Change(row=shipment, change="sent", evidence={"quantity": shipment.quantity})
            for shipment in shipments
        ),
        by=by,
        now=now,
    )
    for shipment in shipments:
        announce(tenant_ids=(shipment.buyer_id,), key=f"order:{shipment.order_uid}")
        announce(tenant_ids=(shipment.receiver_id, by.tenant_id), key="work")
    return shipments


def _shipment(
    rows: Sequence[Operation], *, receiver_id: int, by: Actor, sent_at: datetime, note: str
) -> Shipment:
    first = rows[0]
    uid = uuid7()
    return Shipment(
        uid=uid,
        sender_id=by.tenant_id,
        receiver_id=receiver_id,
        buyer_id=first.buyer_id,
        order_uid=first.order_uid,
        order_number=first.order_number,
        number=f"S-{uid.hex[-6:].upper()}",
        is_final=first.next_operation_uid is None,
        quantity=sum(row.good for row in rows),
        sent_at=sent_at,
        due_at=sent_at + timedelta(minutes=max(row.transport_minutes for row in rows)),
        note=note,
    )


def _line(shipment: Shipment, operation: Operation) -> ShipmentLine:
    return ShipmentLine(
        shipment=shipment,
        sender_id=shipment.sender_id,
        receiver_id=shipment.receiver_id,
        operation_uid=operation.uid,
        next_operation_uid=operation.next_operation_uid,
        lot=operation.lot,
        quantity=operation.good,
    )


@transaction.atomic
def receive_shipments(
    *,
    shipment_uids: Sequence[UUID],
    by: Actor,
    now: datetime,
    arrived_at: Mapping[UUID, datetime] = NO_INSTANTS,
) -> list[Shipment]:
    """Sign for shipments, as the next factory or as the buyer; signing again changes nothing.

    `arrived_at` says when one really came, if that was earlier than now; never before it left.

    At a factory the lots' operations become ready with the pieces that came. At the buyer the lots
    are delivered, and the order with its last one.

    Raises:
        ShipmentUnknown: one of them is not on its way to the acting organisation.
    """
    wanted = set(shipment_uids)
    shipments = list(
        Shipment.objects.filter(receiver_id=by.tenant_id, uid__in=wanted)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    if len(shipments) != len(wanted):
        raise ShipmentUnknown(_("There is no such shipment to you."))
    arriving = [row for row in shipments if row.state == ShipmentState.IN_TRANSIT]
    for row in arriving:
        row.delivered_at = max(min(arrived_at.get(row.uid, now), now), row.sent_at)
    Shipment.objects.bulk_update(arriving, ["delivered_at"])
    transition_all(arriving, to=ShipmentState.DELIVERED, by=by, now=now)
    _take_in([row for row in arriving if not row.is_final], by=by, now=now)
    _deliver([row for row in arriving if row.is_final], by=by, now=now)
    for shipment in arriving:
        announce(tenant_ids=(shipment.sender_id, by.tenant_id), key="work")
    return shipments


def take_in_delivered(*, operation_uids: Iterable[UUID], by: Actor, now: datetime) -> None:
    """Make lots ready whose shipments were signed for before their operations were here."""
    lines = ShipmentLine.objects.filter(
        receiver_id=by.tenant_id, next_operation_uid__in=list(operation_uids)
    )
    sent = Shipment.objects.filter(
        receiver_id=by.tenant_id, pk__in=lines.values("shipment_id"), is_final=False
    )
    # Locked whatever their state: one that is just being signed for is waited for.
    locked = list(sent.order_by("pk").select_for_update(no_key=True))
    came = [one for one in locked if one.state == ShipmentState.DELIVERED]
    _take_in(came, by=by, now=now)


def _take_in(arriving: Sequence[Shipment], *, by: Actor, now: datetime) -> None:
    """Make the lots ready at the next factory: what came is what the line says, no more."""
    if not arriving:
        return
    came_at = {shipment.pk: shipment.delivered_at for shipment in arriving}
    lines = ShipmentLine.objects.filter(receiver_id=by.tenant_id, shipment__in=arriving)
    by_operation = {line.next_operation_uid: line for line in lines if line.next_operation_uid}
    operations = list(
        Operation.objects.of_supplier(by.tenant_id)
        .filter(uid__in=by_operation, state=OperationState.WAITING)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    for row in operations:
        row.received = by_operation[row.uid].quantity
        row.received_at = came_at[by_operation[row.uid].shipment_id]
    Operation.objects.bulk_update(operations, ["received", "received_at"])
    transition_all(
        operations,
        to=OperationState.READY,
        by=by,
        now=now,
        evidence={row.pk: {"received": row.received} for row in operations},
    )
    for buyer_id, order_uid in {(row.buyer_id, row.order_uid) for row in arriving}:
        announce(tenant_ids=(buyer_id,), key=f"order:{order_uid}")


def _deliver(arriving: Sequence[Shipment], *, by: Actor, now: datetime) -> None:
    if not arriving:
        return
    lots = ShipmentLine.objects.filter(receiver_id=by.tenant_id, shipment__in=arriving)
    came_at = lots.filter(operation_uid=OuterRef("uid")).values("shipment__delivered_at")[:1]
    Operation.objects.of_buyer(by.tenant_id).filter(
        uid__in=lots.values("operation_uid"), delivered_at=None
    ).update(delivered_at=Subquery(came_at))
    for order_uid in sorted({row.order_uid for row in arriving}):
        close_if_complete(order_uid=order_uid, by=by, now=now)
        announce(tenant_ids=(by.tenant_id,), key=f"order:{order_uid}")
