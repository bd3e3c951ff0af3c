"""Proposals as their factory and their buyer read them, and what a firm said of its machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from devices.models import Machine
from marketplace.core.disruption import Move, Place, moved_minutes, moves_by_supplier
from marketplace.core.frozen import FrozenPart
from marketplace.core.plan_json import PlanDocument, PlanSupplier
from marketplace.models import Downtime, Plan, PlanRequest, Proposal, ProposalState
from marketplace.selectors.leaving import Handover, LeavingLots, handover_of, lots_leaving
from tenants.models import Organisation

SHOWN_AFTER = timedelta(days=3)
MOST, MOST_MOVES = 20, 100


@dataclass(frozen=True, kw_only=True)
class HaltRow:
    """A machine of the event, by its code, or "" for late material, and until when it waits.

    `reported_since` is set where a device alone reports it: the end is assumed then. A slow
    machine has rates, in pieces an hour, in place of an end.
    """

    machine_code: str
    until_at: datetime | None = None
    reported_since: datetime | None = None
    rate: float | None = None
    planned_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class MoveGroup:
    """Lots that go from one machine to one machine, both spans from the first to the last."""

    before_code: str
    after_code: str
    lots: int
    before: tuple[datetime, datetime]
    after: tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class MoveTable:
    """What moves at one factory: its first moves, by the time they had, and all by machine.

    `part` is the factory's own proposal; None before it is asked.
    """

    firm: Organisation | PlanSupplier
    part: Proposal | None
    moves: tuple[Move, ...]
    groups: tuple[MoveGroup, ...]
    lots: int
    minutes: int


@dataclass(frozen=True, kw_only=True)
class ProposalRow:
    """A proposal with what moves for it: at its factory, or for the buyer at all of them.

    `leaving` is what its factory gives up, for itself; `handover` who takes it, for the buyer.
    """

    proposal: Proposal
    halts: tuple[HaltRow, ...]
    tables: tuple[MoveTable, ...]
    lots: int
    leaving: LeavingLots | None = None
    handover: Handover | None = None

    @property
    def is_planning(self) -> bool:
        return self.proposal.state == ProposalState.ASKED

    @property
    def minutes(self) -> int:
        return sum(table.minutes for table in self.tables)

    @property
    def later(self) -> timedelta:
        """Return how much later than promised the order is done."""
        completes_at, promised_at = self.proposal.completes_at, self.proposal.promised_at
        return completes_at - promised_at if completes_at and promised_at else timedelta(0)


def proposals_to(supplier_id: int, *, now: datetime) -> list[ProposalRow]:
    """Return a factory's proposals: what waits, and what ended of late.

    One query, and one more for each whose lots go to other factories.
    """
    mine = Proposal.objects.of_supplier(supplier_id).select_related("buyer", "supplier")
    shown = mine.filter(_is_shown(now)).order_by("-pk")[:MOST]
    return [
        replace(
            _row(proposal, [(proposal.supplier, proposal, _moves(proposal))]),
            leaving=lots_leaving(proposal),
        )
        for proposal in shown
    ]


def proposals_of_order(buyer_id: int, order_uid: UUID) -> list[ProposalRow]:
    """Return the proposals for a buyer's order, the newest first, those of one re-plan together.

    One query, and a few more for each that waits for the buyer or whose lots go elsewhere.
    """
    mine = Proposal.objects.of_buyer(buyer_id).filter(order_uid=order_uid)
    shown = list(mine.exclude(state=ProposalState.SUPERSEDED).select_related("supplier"))
    parts: dict[tuple[UUID | None, UUID | None], list[Proposal]] = {}
    for one in sorted(shown, key=lambda one: one.pk):
        parts.setdefault((one.root_uid or one.uid, one.plan_uid), []).append(one)
    roots = sorted((one for one in shown if one.root_uid is None), key=lambda one: -one.pk)
    return [
        replace(_row(root, []), lots=len(root.leaving), handover=handover_of(root))
        if root.leaving
        else _row(root, _planned_shares(root))
        if root.state == ProposalState.PUT
        else _row(root, [(p.supplier, p, _moves(p)) for p in parts[root.uid, root.plan_uid]])
        for root in roots[:MOST]
    ]


def waits_for_buyer(buyer_id: int, order_uids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the orders of which a proposal waits for the buyer, with what it is; one query."""
    put = Proposal.objects.of_buyer(buyer_id).filter(
        order_uid__in=list(order_uids), state=ProposalState.PUT
    )
    return {
        uid: "lots_elsewhere" if leaving else "later_date"
        for uid, leaving in put.values_list("order_uid", "leaving")
    }


def downtime_of(machine: Machine, *, now: datetime) -> Downtime | None:
    """Return what its firm has said of a machine that is down now."""
    mine = Downtime.objects.of(machine.tenant_id).filter(machine=machine, ended_at=None)
    return mine.filter(until_at__gt=now).first()


def downtimes_now(supplier_id: int, *, now: datetime) -> list[Downtime]:
    """Return which of a factory's machines are down now, those back soonest first; one query."""
    mine = Downtime.objects.of(supplier_id).filter(ended_at=None, until_at__gt=now)
    return list(mine.select_related("machine__site").order_by("until_at", "pk")[:MOST])


def _is_shown(now: datetime) -> Q:
    recent = Q(created_at__gt=now - SHOWN_AFTER) & ~Q(state=ProposalState.SUPERSEDED)
    under_way = (
        ProposalState.ASKED,
        ProposalState.PUT,
        ProposalState.OPEN,
        ProposalState.AGREED,
    )
    return Q(state__in=under_way) | recent


Share = tuple[Organisation | PlanSupplier, Proposal | None, Sequence[Move]]
"""A factory, its own proposal if it is asked, and its moves."""


def _planned_shares(root: Proposal) -> list[Share]:
    """Return what would move at each factory if the buyer agreed, by comparing the plans."""
    assert root.request_uid is not None, "written when it was planned"
    assert root.plan_uid is not None, "a check of the table"
    request = PlanRequest.objects.get(buyer_id=root.buyer_id, uid=root.request_uid)
    plan = Plan.objects.get(buyer_id=root.buyer_id, uid=root.plan_uid)
    frozen = FrozenPart.from_json(request.frozen)
    moves = frozen.moves_to(PlanDocument.from_json(plan.schedule))
    firms = {one.id: one for one in frozen.plan.suppliers}
    shares = moves_by_supplier(frozen.plan, moves)
    return [(firms[number], None, share) for number, share in sorted(shares.items())]


def _moves(proposal: Proposal) -> list[Move]:
    return [Move.from_json(one) for one in proposal.moves]


def _row(proposal: Proposal, shares: Iterable[Share]) -> ProposalRow:
    known = list(shares)
    return ProposalRow(
        proposal=proposal,
        halts=tuple(_halt(one) for one in proposal.halts),
        tables=tuple(move_table(*share) for share in known if share[2]),
        lots=len({move.lot for _, _, moves in known for move in moves}),
    )


def move_table(
    firm: Organisation | PlanSupplier, part: Proposal | None, share: Sequence[Move]
) -> MoveTable:
    """Return what moves at a factory as its table shows it."""
    moves = sorted(share, key=lambda one: (one.before.start_at, one.lot))
    return MoveTable(
        firm=firm,
        part=part,
        moves=tuple(moves[:MOST_MOVES]),
        groups=_groups(moves),
        lots=len({one.lot for one in moves}),
        minutes=moved_minutes(moves),
    )


def _halt(entry: Mapping[str, Any]) -> HaltRow:
    return HaltRow(
        machine_code=entry["machine"],
        until_at=_moment(entry.get("until")),
        reported_since=_moment(entry.get("reported_since")),
        rate=entry.get("rate"),
        planned_rate=entry.get("planned_rate"),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _groups(moves: Sequence[Move]) -> tuple[MoveGroup, ...]:
    by_machines: dict[tuple[str, str], list[Move]] = {}
    for one in moves:
        key = (one.before.machine_code, one.after.machine_code)
        by_machines.setdefault(key, []).append(one)
    return tuple(
        MoveGroup(
            before_code=before,
            after_code=after,
            lots=len(group),
            before=_span(one.before for one in group),
            after=_span(one.after for one in group),
        )
        for (before, after), group in sorted(by_machines.items())
    )


def _span(places: Iterable[Place]) -> tuple[datetime, datetime]:
    known = list(places)
    return min(one.start_at for one in known), max(one.end_at for one in known)
