"""The platform's copy of machine time as plans and moves write it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from marketplace.core.disruption import Move
from marketplace.core.offering import offer_uid
from marketplace.core.plan_json import PlanDocument, instant
from marketplace.models import Commitment, Plan
from tenants.acting import PLATFORM_ID
from tenants.services.outbox import NotYet


def commitments_of(plan: Plan, document: PlanDocument) -> list[Commitment]:
    """Return the hours that a plan asks for anew, as they are offered."""
    return [
        Commitment(
            tenant_id=PLATFORM_ID,
            machine_id=document.machines[one.machine].id,
            during=(instant(plan.origin_at, one.start), instant(plan.origin_at, one.end)),
            order_uid=plan.order_uid,
            offer_uid=offer_uid(plan.uid, supplier),
            operation_uid=document.operation_uid(one.lot, one.step),
            state="offered",
        )
        for supplier, operations in document.by_supplier().items()
        for one in operations
    ]


def move_commitments(moves: Sequence[Move]) -> None:
    """Let the platform's copy follow lots that have moved; twice changes nothing.

    Raises:
        NotYet: the hours are still offered to another order, whose offer cannot be accepted.
    """
    by_uid = {one.operation_uid: one for one in moves}
    held = list(
        Commitment.objects.of(PLATFORM_ID)
        .filter(operation_uid__in=by_uid)
        .exclude(state="released")
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    fresh = []
    for row in held:
        after = by_uid[row.operation_uid].after
        if (row.machine_id, row.during.lower, row.during.upper) != (
            after.machine_id,
            after.start_at,
            after.end_at,
        ):
            fresh.append((row, after))
    rows = [
        Commitment(
            tenant_id=PLATFORM_ID,
            machine_id=after.machine_id,
            during=(after.start_at, after.end_at),
            order_uid=row.order_uid,
            offer_uid=row.offer_uid,
            operation_uid=row.operation_uid,
            state=row.state,
        )
        for row, after in fresh
    ]
    try:
        with transaction.atomic():
            gone = Commitment.objects.of(PLATFORM_ID).filter(pk__in=[row.pk for row, _ in fresh])
            gone.update(state="released")
            Commitment.objects.bulk_create(rows, batch_size=1000)
    except IntegrityError as error:
        raise NotYet("the hours are offered to another order") from error
