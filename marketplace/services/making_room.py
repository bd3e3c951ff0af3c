"""Lots of other orders that make room for a share: planned, asked for, moved with its acceptance.

Of an order in a hurry the platform keeps what would move at each factory. When its buyer chooses,
the hours that others still have are marked to yield; when a factory accepts the offer, its lots
move and the share is booked, all in its one transaction. Each order whose lots moved has a
proposal that was accepted so, and its plan follows like after any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import Change, StateConflict, record_changes, transition
from marketplace.core.disruption import Move, moved_minutes
from marketplace.core.making_room import OtherLot
from marketplace.core.offering import offer_uid
from marketplace.core.plan_json import PlanDocument, derived_uid
from marketplace.core.spans import Span, merge, subtract
from marketplace.models import (
    Commitment,
    Displacement,
    DisplacementState,
    Offer,
    Operation,
    Plan,
    PlanState,
    Promise,
    Proposal,
    ProposalState,
)
from marketplace.services.commitments import commitments_of, move_commitments
from marketplace.services.moving import ProposalStale, agreed_places, lock_waiting, move_lots
from marketplace.services.proposals import ACCEPTED
from tenants.acting import PLATFORM_ID
from tenants.actors import Actor
from tenants.errors import Conflict
from tenants.ids import uuid7
from tenants.services.outbox import send_after_commit

PLATFORM = Actor(tenant_id=PLATFORM_ID, name="matcher")


class RoomTaken(Exception):
    """Lots that should make room lie elsewhere by now, or yield to another offer."""


class RoomGone(Conflict):
    """Lots that should make room have begun or moved since the offer was made."""

    code = "room_gone"


class RoomBusy(Conflict):
    """Another change of an order whose lots move is being applied."""

    code = "room_busy"


GONE = _(
    "Lots of yours that should make room have begun or moved since. Decline, so that the buyer "
    "can plan again."
)


def keep_displacements(
    plan: Plan, moves: Mapping[int, Sequence[tuple[OtherLot, Move]]], *, now: datetime
) -> None:
    """Keep, as the platform, what a plan would have each factory move."""
    Displacement.objects.bulk_create(
        Displacement(
            platform_id=PLATFORM_ID,
            supplier_id=supplier,
            order_uid=plan.order_uid,
            plan_uid=plan.uid,
            offer_uid=offer_uid(plan.uid, supplier),
            plans={str(lot.order.order_uid): str(lot.order.plan_uid) for lot, _ in mine},
            moves=[move.to_json() for _, move in mine],
            created_at=now,
        )
        for supplier, mine in sorted(moves.items())
    )


def ask_for_room(plan: Plan, rows: Sequence[Commitment], *, now: datetime) -> list[Commitment]:
    """Mark what yields to a chosen plan's offers; return what they have beside that until then.

    `rows` are the hours that the plan asks for. Of these only what is free can be claimed now; so
    can the free part of the hours that others are to move to. Acts as the platform, in the open
    transaction of the claim.

    Raises:
        RoomTaken: a lot lies elsewhere by now, yields to another offer, or its order is planned
            otherwise.
    """
    displaced = _of_plan(plan.uid)
    found: list[Commitment] = []
    old: dict[int, list[Span]] = {}
    new: list[tuple[UUID, Move]] = []
    for one in displaced:
        if not _still_chosen(one.plans):
            raise RoomTaken
        transition(one, to=DisplacementState.ASKED, by=PLATFORM, now=now)
        moves = _moves(one)
        _mark(moves, one.offer_uid)
        for move in moves:
            old.setdefault(move.before.machine_id, []).append(_span_before(move))
            new.append((one.offer_uid, move))
    old = {machine: merge(spans) for machine, spans in old.items()}
    for row in rows:
        parts = subtract([Span(*row.during)], old.get(row.machine_id, []))
        names = [row.operation_uid, *(uuid7() for _ in parts[1:])]
        found += [
            _held(row.machine_id, part, name, plan.order_uid, row.offer_uid)
            for part, name in zip(parts, names, strict=False)
        ]
    for offer, move in new:
        machine, span = move.after.machine_id, Span(move.after.start_at, move.after.end_at)
        parts = subtract([span], old.get(machine, []))
        found += [_held(machine, part, uuid7(), plan.order_uid, offer) for part in parts]
    return found


def _mark(moves: Sequence[Move], offer: UUID) -> None:
    """Let the booked hours of lots yield to an offer, all of them as they were planned to."""
    booked = {
        row.operation_uid: row
        for row in Commitment.objects.of(PLATFORM_ID)
        .filter(operation_uid__in=[one.operation_uid for one in moves], state="booked")
        .order_by("pk")
        .select_for_update(no_key=True)
    }
    for move in moves:
        row = booked.get(move.operation_uid)
        if row is None or row.yields_to is not None:
            raise RoomTaken
        place = (row.machine_id, Span(row.during.lower, row.during.upper))
        if place != (move.before.machine_id, _span_before(move)):
            raise RoomTaken
    mine = Commitment.objects.of(PLATFORM_ID).filter(pk__in=[row.pk for row in booked.values()])
    mine.update(yields_to=offer)


def _still_chosen(plans: Mapping[str, str]) -> bool:
    chosen = Plan.objects.filter(
        platform_id=PLATFORM_ID, uid__in=plans.values(), state=PlanState.CHOSEN
    )
    return chosen.count() == len(plans)


def _held(machine: int, span: Span, operation: UUID, order: UUID, offer: UUID | None) -> Commitment:
    return Commitment(
        tenant_id=PLATFORM_ID,
        machine_id=machine,
        during=tuple(span),
        order_uid=order,
        offer_uid=offer,
        operation_uid=operation,
        state="offered",
    )


def make_room(*, offer: Offer, by: Actor, now: datetime) -> None:
    """Move the factory's own lots that an offer needs out of the way, in its open acceptance.

    All or none: the lots are locked, the database refuses hours that are booked by then. Each of
    their orders takes one change at a time, which is its proposal, accepted with the offer.

    Raises:
        RoomGone: a lot has begun or is elsewhere, or its order is planned otherwise by now.
        RoomBusy: another change of one of their orders is being applied.
    """
    mine = Displacement.objects.filter(supplier_id=by.tenant_id, offer_uid=offer.uid)
    displaced = mine.select_for_update(no_key=True).first()
    if displaced is None:
        return
    moves = _moves(displaced)
    if min(min(one.before.start_at, one.after.start_at) for one in moves) <= now:
        raise RoomGone(GONE)
    try:
        transition(displaced, to=DisplacementState.AGREED, by=by, now=now)
        operations = lock_waiting(moves, by=by)
        if operations.keys() & agreed_places(by.tenant_id).keys():
            raise RoomGone(GONE)
        proposals = _accepted_proposals(offer, moves, operations, by=by, now=now)
        move_lots(moves, operations, by=by, now=now)
    except (StateConflict, ProposalStale) as error:
        raise RoomGone(GONE) from error
    for proposal in proposals:
        send_after_commit(
            tenant_id=by.tenant_id,
            topic=ACCEPTED,
            buyer_id=proposal.buyer_id,
            proposal_uid=str(proposal.uid),
        )


def _accepted_proposals(
    offer: Offer,
    moves: Sequence[Move],
    operations: Mapping[UUID, Operation],
    *,
    by: Actor,
    now: datetime,
) -> list[Proposal]:
    """Write one proposal for each order whose lots move, accepted as it begins."""
    by_order: dict[UUID, list[Move]] = {}
    for move in moves:
        by_order.setdefault(operations[move.operation_uid].order_uid, []).append(move)
    proposals = []
    for order_uid, mine in sorted(by_order.items()):
        one = operations[mine[0].operation_uid]
        proposals.append(
            Proposal(
                buyer_id=one.buyer_id,
                supplier_id=by.tenant_id,
                order_uid=order_uid,
                order_number=one.order_number,
                offer_uid=offer.uid,
                state=ProposalState.ACCEPTED,
                plan_uid=derived_uid(offer.uid, f"room/{order_uid}"),
                moves=[move.to_json() for move in mine],
                moved_minutes=moved_minutes(mine),
                promise=Promise.KEPT,
                expires_at=offer.expires_at,
                decided_at=now,
                decided_by=by.name,
                created_at=now,
            )
        )
    try:
        with transaction.atomic():
            Proposal.objects.bulk_create(proposals)
    except IntegrityError as error:
        raise RoomBusy(
            _("Another change of an order whose lots make room is being applied. Try again soon.")
        ) from error
    record_changes((Change(row=one, change="accepted") for one in proposals), by=by, now=now)
    return proposals


def settle_room(*, offer: UUID, now: datetime) -> None:
    """Let the platform's copy follow what became of an offer that needed room; safe to run twice.

    Where the lots have moved, what it held beside others gives way to the hours that it asks for.

    Raises:
        NotYet: hours that the moved lots have are still offered to another order.
    """
    known = Displacement.objects.filter(platform_id=PLATFORM_ID, offer_uid=offer)
    displaced = known.select_for_update(no_key=True).first()
    if displaced is None:
        return
    if displaced.state != DisplacementState.AGREED:
        end_room([displaced], now=now)
        return
    transition(displaced, to=DisplacementState.APPLIED, by=PLATFORM, now=now)
    mine = Commitment.objects.of(PLATFORM_ID).filter(offer_uid=offer)
    plan = Plan.objects.get(platform_id=PLATFORM_ID, uid=displaced.plan_uid)
    mine.filter(state="offered").update(state="released")
    move_commitments(_moves(displaced))
    rows = commitments_of(plan, PlanDocument.from_json(plan.schedule))
    fresh = [row for row in rows if row.offer_uid == offer]
    Commitment.objects.bulk_create(fresh, batch_size=1000)


def end_room(displaced: Iterable[Displacement], *, now: datetime) -> None:
    """End what is still asked for, as the platform: the lots stay, and may yield to others."""
    for one in displaced:
        yielding = Commitment.objects.of(PLATFORM_ID).filter(yields_to=one.offer_uid)
        yielding.update(yields_to=None)
        if one.state == DisplacementState.ASKED:
            transition(one, to=DisplacementState.ENDED, by=PLATFORM, now=now)


def end_room_for(*, order_uid: UUID | str, now: datetime) -> None:
    """End all that is asked for an order, as the platform: it is cancelled."""
    end_room(_asked().filter(order_uid=order_uid), now=now)


def end_room_of(*, order_uid: UUID, but_offer: UUID | None, now: datetime) -> None:
    """End what offers ask of an order that is planned otherwise now, as the platform.

    `but_offer` is an offer for which it was planned so; what else its plan needs stands.
    """
    asked = _asked().filter(plans__has_key=str(order_uid))
    if but_offer is not None:
        own = Displacement.objects.filter(platform_id=PLATFORM_ID, offer_uid=but_offer)
        asked = asked.exclude(plan_uid__in=own.values("plan_uid"))
    end_room(asked, now=now)


def _of_plan(plan_uid: UUID) -> list[Displacement]:
    mine = Displacement.objects.filter(platform_id=PLATFORM_ID, plan_uid=plan_uid)
    return list(mine.order_by("pk").select_for_update(no_key=True))


def _asked() -> QuerySet[Displacement]:
    return (
        Displacement.objects.filter(platform_id=PLATFORM_ID, state=DisplacementState.ASKED)
        .order_by("pk")
        .select_for_update(no_key=True)
    )


def _moves(displaced: Displacement) -> list[Move]:
    return [Move.from_json(one) for one in displaced.moves]


def _span_before(move: Move) -> Span:
    return Span(move.before.start_at, move.before.end_at)
