"""A slip of the pen in a finished lot's report, put right while the lot is still in the shop."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import record_change
from marketplace.models import Correction, Operation, OperationState
from marketplace.services.production import tell_of_lost_lot
from marketplace.services.shipping import OperationUnknown
from marketplace.services.work_orders import lock_work_orders, settle_work_orders
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError
from tenants.live import announce


class CorrectionRefused(DomainError):
    """Numbers that do not fit the lot, or no reason."""

    code = "correction_refused"


class CorrectionTooLate(Conflict):
    """The pieces have gone on, or the lot is not finished and takes a report instead."""

    code = "correction_too_late"


def why_not_correctable(operation: Operation) -> Promise | str | None:
    """Return why a lot's report cannot be corrected now, in a sentence; None when it can."""
    lot = {"lot": operation.lot, "number": operation.shipment_number}
    if operation.inspected_at is not None:
        return _("The buyer has inspected lot %(lot)s: what was accepted stays.") % lot
    if operation.state == OperationState.SHIPPED and operation.shipment_number:
        return (
            _(
                "Lot %(lot)s has left with shipment %(number)s: its pieces are fixed. "
                "Tell the receiver what is wrong; it says at its inspection what it accepts."
            )
            % lot
        )
    if operation.state == OperationState.SHIPPED:
        return _("Lot %(lot)s has gone on to your next step: report the difference there.") % lot
    if operation.state != OperationState.FINISHED:
        return _("Lot %(lot)s is not finished. Report its totals again instead.") % lot
    if operation.good == 0:
        return (
            _("Lot %(lot)s was reported as lost, and whoever comes after has been told: it ended.")
            % lot
        )
    return None


@transaction.atomic
def correct_report(
    *, operation_uid: UUID, good: int, scrap: int, reason: str, by: Actor, now: datetime
) -> Correction | None:
    """Move pieces of a finished lot between good and scrap; None when the numbers stand already.

    The correction is a new entry; the first report stays in the evidence. Work order and lot are
    locked as a report locks them, so a lot that leaves at the same moment leaves either with the
    new number or before the correction, which is then refused. A lot that is corrected to no good
    piece is lost, and whoever comes after is told.

    Raises:
        OperationUnknown: no such operation of the acting organisation.
        CorrectionTooLate: the lot has left, was inspected, was given up, or is not finished.
        CorrectionRefused: the numbers are not all pieces that came in, or there is no reason.
    """
    own = Operation.objects.of_supplier(by.tenant_id)
    found = own.filter(uid=operation_uid).exclude(state=OperationState.CANCELLED).first()
    if found is None:
        raise OperationUnknown(_("There is no such operation in your shop."))
    work_orders = lock_work_orders(supplier_id=by.tenant_id, ids={found.work_order_id})
    operation = own.select_for_update(no_key=True).get(pk=found.pk)
    if (sentence := why_not_correctable(operation)) is not None:
        raise CorrectionTooLate(sentence)
    _refuse_numbers(operation, good, scrap)
    if good == operation.good:
        return None
    if not reason.strip():
        raise CorrectionRefused(_("Say what was wrong: the buyer can read it."))
    correction = _write(operation, good, scrap, reason.strip()[:300], by=by, now=now)
    settle_work_orders(list(work_orders.values()), by=by, now=now)
    if operation.good == 0:
        tell_of_lost_lot(operation, by=by)
    announce(tenant_ids=(by.tenant_id,), key="work")
    announce(tenant_ids=(operation.buyer_id,), key=f"order:{operation.order_uid}")
    return correction


def _refuse_numbers(operation: Operation, good: int, scrap: int) -> None:
    if good < 0 or scrap < 0:
        raise CorrectionRefused(_("Pieces cannot be below zero."))
    if good + scrap != operation.received:
        raise CorrectionRefused(
            _(
                "Lot %(lot)s came with %(received)s pieces and is finished: "
                "good and scrap together must be all of them."
            )
            % {"lot": operation.lot, "received": operation.received}
        )


def _write(
    operation: Operation, good: int, scrap: int, reason: str, *, by: Actor, now: datetime
) -> Correction:
    before = {"good": operation.good, "scrap": operation.scrap}
    correction = Correction.objects.create(
        buyer_id=operation.buyer_id,
        supplier_id=operation.supplier_id,
        order_uid=operation.order_uid,
        order_number=operation.order_number,
        operation=operation,
        good_before=operation.good,
        scrap_before=operation.scrap,
        good=good,
        scrap=scrap,
        reason=reason,
        corrected_by=by.name,
        created_at=now,
    )
    operation.good, operation.scrap = good, scrap
    operation.save(update_fields=["good", "scrap"])
    record_change(
        operation,
        change="corrected",
        by=by,
        now=now,
        evidence={"before": before, "good": good, "scrap": scrap, "reason": reason},
    )
    return correction
