"""What a person decides about a proposal: its factory's hours move, or the plan stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max, Min
from django.utils.translation import gettext_lazy as _

from devices.services.planned_runs import Run, counted_pieces, drop_runs, plan_runs
from evidence.services.transitions import (
    Change,
    StateConflict,
    record_changes,
    transition,
)
from marketplace.core.disruption import Move
from marketplace.models import (
    Operation,
    Proposal,
    ProposalState,
    WorkOrder,
)
from marketplace.services.proposing import UNSTARTED, ProposalGone
from scheduling.services.reservations import MachineTimeTaken, Span, book_spans, release_spans
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError
from tenants.live import announce
from tenants.services.outbox import send_after_commit

ACCEPTED = "proposal.accepted"


class ProposalDecided(Conflict):
    """Somebody decided, the time was over, or something newer happened."""

    code = "proposal_decided"


class ProposalStale(Conflict):
    """A lot has begun or machine hours are gone since the proposal was made."""

    code = "proposal_stale"


class NoReason(DomainError):
    code = "reason_missing"


@transaction.atomic
def accept_proposal(*, proposal_uid: UUID, by: Actor, now: datetime) -> Proposal:
    """Move the factory's own lots as proposed: reservations, runs and operations, all or none.

    The proposal is claimed by one conditional UPDATE, of one order one at a time; the lots are
    locked; the database refuses hours that are booked by then. What is agreed does not change.

    Raises:
        ProposalGone: no such proposal to the acting organisation.
        ProposalDecided: it is not open any more, or another of the order is being applied.
        ProposalStale: a lot has begun, or hours are booked; ask for a new proposal.
    """
    proposal = _open_proposal(proposal_uid, by=by, now=now)
    _claim(proposal, by=by, now=now)
    moves = [Move.from_json(one) for one in proposal.moves]
    operations = _lock_waiting(moves, by=by)
    release_spans(subject_uids=operations, by=by, now=now)
    try:
        book_spans(
            spans=[
                Span(
                    machine_id=one.after.machine_id,
                    start_at=one.after.start_at,
                    end_at=one.after.end_at,
                    subject_uid=one.operation_uid,
                )
                for one in moves
            ],
            by=by,
            now=now,
        )
    except MachineTimeTaken as taken:
        raise ProposalStale(f"{taken} {_('Ask for a new proposal.')}") from taken
    _rewrite(moves, operations, by=by, now=now)
    send_after_commit(
        tenant_id=by.tenant_id,
        topic=ACCEPTED,
        buyer_id=proposal.buyer_id,
        proposal_uid=str(proposal.uid),
    )
    announce(tenant_ids=(by.tenant_id,), key="work")
    return proposal


@transaction.atomic
def dismiss_proposal(*, proposal_uid: UUID, reason: str, by: Actor, now: datetime) -> Proposal:
    """Keep to the plan as it is; the buyer is owed a reason.

    Raises:
        ProposalGone, ProposalDecided: as for `accept_proposal`.
        NoReason: no reason is given.
    """
    proposal = _open_proposal(proposal_uid, by=by, now=now)
    reason = reason.strip()
    if not reason:
        raise NoReason(_("Say why you keep to the plan: the buyer reads it."))
    _decide(proposal, to=ProposalState.DISMISSED, by=by, now=now, reason=reason[:300])
    announce(tenant_ids=(by.tenant_id,), key="work")
    announce(tenant_ids=(proposal.buyer_id,), key=f"order:{proposal.order_uid}")
    return proposal


def _open_proposal(proposal_uid: UUID, *, by: Actor, now: datetime) -> Proposal:
    proposal = Proposal.objects.of_supplier(by.tenant_id).filter(uid=proposal_uid).first()
    if proposal is None:
        raise ProposalGone(_("There is no such proposal."))
    if proposal.state != ProposalState.OPEN or proposal.expires_at is None:
        raise ProposalDecided(_("This proposal is not open any more. Load the page again."))
    if now >= proposal.expires_at:
        raise ProposalDecided(_("The time to decide is over: its first lot would begin now."))
    return proposal


def _decide(proposal: Proposal, *, to: str, by: Actor, now: datetime, **fields: Any) -> None:
    try:
        transition(
            proposal,
            to=to,
            by=by,
            now=now,
            evidence=dict(fields),
            decided_at=now,
            decided_by=by.name,
            **fields,
        )
    except StateConflict as error:
        raise ProposalDecided(
            _("This proposal is not open any more. Load the page again.")
        ) from error


def _claim(proposal: Proposal, *, by: Actor, now: datetime) -> None:
    try:
        with transaction.atomic():
            _decide(proposal, to=ProposalState.ACCEPTED, by=by, now=now)
    except IntegrityError as error:
        raise ProposalDecided(
            _("Another change of this order is being applied. Try again in a moment.")
        ) from error
    # Read after the claim, which nobody changes any more.
    proposal.refresh_from_db(fields=["moves"])


def _lock_waiting(moves: Sequence[Move], *, by: Actor) -> dict[UUID, Operation]:
    """Lock the lots that move; each still waits where the proposal found it."""
    uids = [one.operation_uid for one in moves]
    mine = Operation.objects.of_supplier(by.tenant_id).filter(uid__in=uids)
    operations = {row.uid: row for row in mine.order_by("pk").select_for_update(no_key=True)}
    counted = counted_pieces(tenant_id=by.tenant_id, subject_uids=uids)
    for one in moves:
        row = operations.get(one.operation_uid)
        is_there = row is not None and (row.machine_id, row.planned_start_at) == (
            one.before.machine_id,
            one.before.start_at,
        )
        if row is None or row.state not in UNSTARTED or not is_there or counted.get(row.uid):
            raise ProposalStale(
                _("Lot %(lot)s has begun or moved since. Ask for a new proposal.")
                % {"lot": one.lot}
            )
    return operations


def _rewrite(
    moves: Sequence[Move], operations: dict[UUID, Operation], *, by: Actor, now: datetime
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
