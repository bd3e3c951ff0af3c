"""Proposals as their factory and their buyer read them, and what a firm said of its machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from devices.models import Machine
from marketplace.core.disruption import Move, Place
from marketplace.models import Downtime, Proposal, ProposalState

SHOWN_AFTER = timedelta(days=3)
MOST, MOST_MOVES = 20, 100


@dataclass(frozen=True, kw_only=True)
class HaltRow:
    """A machine of the event, by its code, or "" for late material, and until when it waits.

    `reported_since` is set where a device alone reports it: the end is assumed then.
    """

    machine_code: str
    until_at: datetime
    reported_since: datetime | None


@dataclass(frozen=True, kw_only=True)
class MoveGroup:
    """Lots that go from one machine to one machine, both spans from the first to the last."""

    before_code: str
    after_code: str
    lots: int
    before: tuple[datetime, datetime]
    after: tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class ProposalRow:
    """A proposal with its first moves, by the time they had, and all of them by machine."""

    proposal: Proposal
    halts: tuple[HaltRow, ...]
    moves: tuple[Move, ...]
    groups: tuple[MoveGroup, ...]
    lots: int

    @property
    def is_planning(self) -> bool:
        return self.proposal.state == ProposalState.ASKED


def proposals_to(supplier_id: int, *, now: datetime) -> list[ProposalRow]:
    """Return a factory's proposals: what waits, and what ended of late; one query."""
    mine = Proposal.objects.of_supplier(supplier_id).select_related("buyer")
    return _rows(mine.filter(_is_shown(now)).order_by("-pk")[:MOST])


def proposals_of_order(buyer_id: int, order_uid: UUID) -> list[ProposalRow]:
    """Return the proposals for a buyer's order, the newest first; one query."""
    mine = Proposal.objects.of_buyer(buyer_id).filter(order_uid=order_uid)
    shown = mine.exclude(state=ProposalState.SUPERSEDED).select_related("supplier")
    return _rows(shown.order_by("-pk")[:MOST])


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
    return Q(state__in=(ProposalState.ASKED, ProposalState.OPEN)) | recent


def _rows(found: Iterable[Proposal]) -> list[ProposalRow]:
    rows = []
    for proposal in found:
        moves = sorted(
            (Move.from_json(one) for one in proposal.moves),
            key=lambda one: (one.before.start_at, one.lot),
        )
        rows.append(
            ProposalRow(
                proposal=proposal,
                halts=tuple(_halt(one) for one in proposal.halts),
                moves=tuple(moves[:MOST_MOVES]),
                groups=_groups(moves),
                lots=len({one.lot for one in moves}),
            )
        )
    return rows


def _halt(entry: Mapping[str, Any]) -> HaltRow:
    since = entry.get("reported_since")
    return HaltRow(
        machine_code=entry["machine"],
        until_at=datetime.fromisoformat(entry["until"]),
        reported_since=None if since is None else datetime.fromisoformat(since),
    )


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
