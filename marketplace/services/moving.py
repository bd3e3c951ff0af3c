"""Lots of one factory go to other hours: they are locked, their new time is booked, all or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Min
from django.utils.translation import gettext_lazy as _

from devices.services.planned_runs import Run, counted_pieces, drop_runs, plan_runs
from evidence.services.transitions import Change, record_changes
from marketplace.core.disruption import Move, Place
from marketplace.core.spans import Span as Hours
from marketplace.core.spans import subtract
from marketplace.models import Operation, OperationState, Proposal, ProposalState, WorkOrder
from scheduling.services.reservations import MachineTimeTaken, Span, book_spans, release_spans
from tenants.actors import Actor
from tenants.errors import Conflict, NotFound
from tenants.live import announce
from tenants.services.outbox import send_after_commit

ENDED = "proposal.ended"
UNSTARTED = (OperationState.WAITING, OperationState.READY)
CHANGED = _("This proposal is not open any more. Load the page again.")


class ProposalGone(NotFound):
    code = "proposal_not_found"


class ProposalDecided(Conflict):
    """Somebody decided, the time was over, or something newer happened."""

    code = "proposal_decided"


class ProposalStale(Conflict):
    """A lot has begun or machine hours are gone since the proposal was made."""

    code = "proposal_stale"


def lock_waiting(moves: Sequence[Move], *, by: Actor) -> dict[UUID, Operation]:
    """Lock the lots that move; each still waits where the proposal found it.

    Raises:
        ProposalStale: one of them has begun or is elsewhere.
    """
    operations = _lock(moves, by=by)
    counted = counted_pieces(tenant_id=by.tenant_id, subject_uids=operations)
    for one in moves:
        row = operations.get(one.operation_uid)
        is_there = row is not None and row.state in UNSTARTED and is_at(row, one.before)
        if row is None or not is_there or counted.get(row.uid):
            raise ProposalStale(
                _("Lot %(lot)s has begun or moved since. Ask for a new proposal.")
                % {"lot": one.lot}
            )
    return operations


def move_lots(
    moves: Sequence[Move], operations: Mapping[UUID, Operation], *, by: Actor, now: datetime
) -> None:
    """Give locked lots their new hours: reservations, planned runs, operations, work orders.

    Raises:
        ProposalStale: hours are booked by now.
    """
    release_spans(subject_uids=operations, by=by, now=now)
    spans = [
        Span(
            machine_id=one.after.machine_id,
            start_at=one.after.start_at,
            end_at=one.after.end_at,
            subject_uid=one.operation_uid,
        )
        for one in moves
    ]
    _book(spans, by=by, now=now)
    _rewrite(moves, operations, by=by, now=now)


def hold_hours(proposal: Proposal, moves: Sequence[Move], *, by: Actor, now: datetime) -> None:
    """Book the new hours of lots for the proposal itself, beside those that the lots have.

    Hours that are another moving lot's so far need no holding: they are the factory's own.

    Raises:
        ProposalStale: hours are booked by now.
    """
    old, new = _by_machine(one.before for one in moves), _by_machine(one.after for one in moves)
    spans = [
        Span(machine_id=machine, start_at=start, end_at=end, subject_uid=proposal.uid)
        for machine, hours in sorted(new.items())
        for start, end in subtract(hours, old.get(machine, []))
    ]
    _book(spans, by=by, now=now)


@transaction.atomic
def free_held_hours(*, proposal_uid: UUID, by: Actor, now: datetime) -> None:
    """Give the hours back that a proposal held; twice changes nothing."""
    release_spans(subject_uids=[proposal_uid], by=by, now=now)
    announce(tenant_ids=(by.tenant_id,), key="work")


@transaction.atomic
def move_agreed_lots(*, proposal_uid: UUID, by: Actor, now: datetime) -> None:
    """Move a factory's lots as all have agreed, into the hours that it holds; safe to run twice.

    Nothing of them can have begun since it agreed; a lot that was lost on the way has no hours
    any more and is left out.
    """
    mine = Proposal.objects.of_supplier(by.tenant_id).filter(state=ProposalState.ACCEPTED)
    proposal = mine.filter(uid=proposal_uid).select_for_update(no_key=True).first()
    if proposal is None:
        return
    moves = [Move.from_json(one) for one in proposal.moves]
    waiting = {uid: row for uid, row in _lock(moves, by=by).items() if row.state in UNSTARTED}
    left = [
        one
        for one in moves
        if one.operation_uid in waiting and is_at(waiting[one.operation_uid], one.before)
    ]
    release_spans(subject_uids=[proposal.uid], by=by, now=now)
    rows = {one.operation_uid: waiting[one.operation_uid] for one in left}
    move_lots(left, rows, by=by, now=now)
    announce(tenant_ids=(by.tenant_id,), key="work")


def tell_of_end(proposal: Proposal, *, by: Actor) -> None:
    """Let the buyer end, on commit, what stands or falls with a proposal that has ended."""
    if proposal.parties > 1:
        send_after_commit(
            tenant_id=by.tenant_id,
            topic=ENDED,
            buyer_id=proposal.buyer_id,
            proposal_uid=str(proposal.uid),
        )


def agreed_places(supplier_id: int) -> dict[UUID, Place | None]:
    """Return where lots of a factory go by re-plans that it has agreed to with others.

    None is another factory. To be read after the lots are locked: whoever agrees has locked them
    too.
    """
    agreed = Proposal.objects.of_supplier(supplier_id).filter(
        state__in=(ProposalState.AGREED, ProposalState.ACCEPTED), parties__gt=1
    )
    found: dict[UUID, Place | None] = {}
    for moves, leaving in agreed.values_list("moves", "leaving"):
        found |= {one.operation_uid: one.after for one in map(Move.from_json, moves)}
        found |= {UUID(one["uid"]): None for one in leaving}
    return found


def is_at(row: Operation, place: Place) -> bool:
    """Tell whether a lot is planned where and when `place` says."""
    return (row.machine_id, row.planned_start_at) == (place.machine_id, place.start_at)


def _by_machine(places: Iterable[Place]) -> dict[int, list[Hours]]:
    found: dict[int, list[Hours]] = {}
    for one in places:
        found.setdefault(one.machine_id, []).append(Hours(one.start_at, one.end_at))
    return found


def _book(spans: Sequence[Span], *, by: Actor, now: datetime) -> None:
    try:
        book_spans(spans=spans, by=by, now=now)
    except MachineTimeTaken as taken:
        raise ProposalStale(f"{taken} {_('Ask for a new proposal.')}") from taken


def _lock(moves: Sequence[Move], *, by: Actor) -> dict[UUID, Operation]:
    uids = [one.operation_uid for one in moves]
    mine = Operation.objects.of_supplier(by.tenant_id).filter(uid__in=uids)
    return {row.uid: row for row in mine.order_by("pk").select_for_update(no_key=True)}


def _rewrite(
    moves: Sequence[Move], operations: Mapping[UUID, Operation], *, by: Actor, now: datetime
) -> None:
    """Write the new places to operations, their work orders and the machines' planned runs."""
    for one in moves:
        row = operations[one.operation_uid]
        row.machine_id, row.machine_code = one.after.machine_id, one.after.machine_code
        row.planned_start_at, row.planned_end_at = one.after.start_at, one.after.end_at
        row.set_up_minutes = one.after.set_up_minutes
    rows = list(operations.values())
    places = ["machine_id", "machine_code", "planned_start_at", "planned_end_at", "set_up_minutes"]
    Operation.objects.bulk_update(rows, places)
    drop_runs(tenant_id=by.tenant_id, subject_uids=operations)
    work_orders = list(
        WorkOrder.objects.of_supplier(by.tenant_id)
        .filter(pk__in={row.work_order_id for row in rows})
        .annotate(
            first_at=Min("operations__planned_start_at"), last_at=Max("operations__planned_end_at")
        )
    )
    by_id = {row.pk: row for row in work_orders}
    plan_runs(
        tenant_id=by.tenant_id,
        runs=[
            Run(
                machine_id=row.machine_id,
                start_at=row.planned_start_at,
                end_at=row.planned_end_at,
                label=f"{by_id[row.work_order_id].number} / {row.lot}",
                quantity=row.quantity,
                subject_uid=row.uid,
                kind=by_id[row.work_order_id].process_code,
                set_up_minutes=row.set_up_minutes,
            )
            for row in rows
        ],
    )
    for work_order in work_orders:
        work_order.starts_at, work_order.ends_at = work_order.first_at, work_order.last_at
    WorkOrder.objects.bulk_update(work_orders, ["starts_at", "ends_at"])
    evidence = {one.operation_uid: one.to_json() for one in moves}
    record_changes(
        (Change(row=row, change="moved", evidence=evidence[row.uid]) for row in rows),
        by=by,
        now=now,
    )
