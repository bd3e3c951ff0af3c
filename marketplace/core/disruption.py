"""What came in between on a running order, and which of a factory's lots have to move for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from marketplace.core.plan_json import PlanDocument, PlanOperation, instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Halt:
    """What begins no sooner than `until_at`: all that a machine does, or all lots of a step.

    A machine is down; the material of a step, wherever in the factory it is made, is late. A
    machine that `is_slow` is busy until then with what begins too soon to be moved.
    """

    until_at: datetime
    machine_id: int | None = None
    step: int | None = None
    is_slow: bool = False

    def holds(self, machine_id: int, step: int) -> bool:
        """Tell whether it holds up a step's lots on a machine of the factory."""
        return self.machine_id in (None, machine_id) and self.step in (None, step)


class Reach(StrEnum):
    """How much of an order may move after a disruption, from little to much."""

    HIT = "hit"
    """Lots of the factory that cannot begin when planned."""
    HALTED = "halted"
    """All of its lots under a halt that have not begun."""
    ELSEWHERE = "elsewhere"
    """Lots that are hit, each to another factory."""
    LATER = "later"
    """Those, their later steps in the factories that they are in, and the promised date."""

    @property
    def wider(self) -> Reach | None:
        """Return what may be tried when this leaves no room."""
        following = list(Reach)[list(Reach).index(self) + 1 :]
        return following[0] if following else None


@dataclass(frozen=True, kw_only=True)
class Disruption:
    """What happened at one factory of an order, and from when on its lots may lie elsewhere.

    Lots that move begin at `begins_at` or later: until then people decide, and what begins sooner
    is left alone.
    """

    supplier_id: int
    halts: tuple[Halt, ...]
    begins_at: datetime
    reach: Reach = Reach.HIT

    @property
    def leaves(self) -> bool:
        """Tell whether the lots go to other factories, at these factories' own prices."""
        return self.reach is Reach.ELSEWHERE

    def free_from(self, machine_id: int, supplier_id: int) -> datetime:
        """Return from when on a machine takes lots that move; late material counts for all of it.

        Nothing halts at a factory other than the one where it happened.
        """
        if supplier_id != self.supplier_id:
            return self.begins_at
        known = (one.until_at for one in self.halts if one.machine_id in (None, machine_id))
        return max((self.begins_at, *known))

    def holds_up(self, machine_id: int, step: int, starts_at: datetime) -> bool:
        """Tell whether a lot of the factory that is to begin then has to be placed anew.

        On a slow machine all lots take longer; those that begin too soon to be moved are made.
        """

        def is_held(halt: Halt) -> bool:
            if halt.is_slow:
                return starts_at >= self.begins_at
            are_all = self.reach in (Reach.HALTED, Reach.LATER)
            return are_all or starts_at < halt.until_at

        return any(is_held(one) for one in self.halts if one.holds(machine_id, step))

    def to_json(self) -> dict[str, Any]:
        """Return the disruption in JSON's own types."""
        return {
            "supplier_id": self.supplier_id,
            "halts": [
                [one.machine_id, one.step, one.until_at.isoformat(), one.is_slow]
                for one in self.halts
            ],
            "begins_at": self.begins_at.isoformat(),
            "reach": self.reach,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Disruption:
        """Read what `to_json` wrote."""
        return cls(
            supplier_id=document["supplier_id"],
            halts=tuple(
                Halt(
                    machine_id=machine_id,
                    step=step,
                    until_at=datetime.fromisoformat(until),
                    is_slow=is_slow,
                )
                for machine_id, step, until, is_slow in document["halts"]
            ),
            begins_at=datetime.fromisoformat(document["begins_at"]),
            reach=Reach(document["reach"]),
        )


def hit_by(
    plan: PlanDocument,
    origin_at: datetime,
    disruption: Disruption,
    *,
    begun: Collection[tuple[int, int]],
) -> frozenset[tuple[int, int]]:
    """Return the (lot, step) of the factory that cannot stay where they are planned.

    A lot that is set up by the one before it on its machine moves with that one.
    """
    found: set[tuple[int, int]] = set()
    queue = sorted(plan.operations, key=lambda one: (one.machine, one.start))
    for position, operations in groupby(queue, key=lambda one: one.machine):
        machine = plan.machines[position]
        if plan.suppliers[machine.supplier].id != disruption.supplier_id:
            continue
        before: PlanOperation | None = None
        for one in operations:
            if (one.lot, one.step) in begun:
                before = one
                continue
            follows = before is not None and one.step == before.step and not one.set_up
            is_moved = before is not None and (before.lot, before.step) in found
            is_held = disruption.holds_up(machine.id, one.step, instant(origin_at, one.start))
            if is_held or (follows and is_moved):
                found.add((one.lot, one.step))
            before = one
    return frozenset(found)


def carried_by(
    plan: PlanDocument,
    hit: Collection[tuple[int, int]],
    *,
    begun: Collection[tuple[int, int]],
) -> frozenset[tuple[int, int]]:
    """Return `hit` with what cannot stay where it is when that comes later, in any factory.

    The later steps of a lot follow it, and a lot follows the one that sets its machine up for it.
    """
    after: dict[tuple[int, int], list[tuple[int, int]]] = {}
    before: PlanOperation | None = None
    for one in sorted(plan.operations, key=lambda one: (one.machine, one.start)):
        after.setdefault((one.lot, one.step - 1), []).append((one.lot, one.step))
        is_next = before is not None and (before.machine, before.step) == (one.machine, one.step)
        if before is not None and is_next and not one.set_up:
            after.setdefault((before.lot, before.step), []).append((one.lot, one.step))
        before = one
    found, queue = set(hit), list(hit)
    while queue:
        fresh = [one for one in after.get(queue.pop(), ()) if one not in found and one not in begun]
        found.update(fresh)
        queue += fresh
    return frozenset(found)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and when one lot is worked on."""

    machine_id: int
    machine_code: str
    start_at: datetime
    end_at: datetime
    set_up_minutes: int

    @property
    def minutes(self) -> int:
        """Return the machine time that it takes."""
        return round((self.end_at - self.start_at).total_seconds() / 60)


@dataclass(frozen=True, kw_only=True)
class Move:
    """One operation before and after; what is asked and paid for it stays."""

    operation_uid: UUID
    lot: int
    step: int
    before: Place
    after: Place

    @property
    def minutes(self) -> int:
        """Return the machine time that moves."""
        return self.after.minutes

    def to_json(self) -> dict[str, Any]:
        """Return the move in JSON's own types."""
        return {
            "uid": str(self.operation_uid),
            "lot": self.lot,
            "step": self.step,
            "before": place_to_json(self.before),
            "after": place_to_json(self.after),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Move:
        """Read what `to_json` wrote."""
        return cls(
            operation_uid=UUID(document["uid"]),
            lot=document["lot"],
            step=document["step"],
            before=place_from_json(document["before"]),
            after=place_from_json(document["after"]),
        )


def moves_between(
    before: PlanDocument,
    after: PlanDocument,
    origin_at: datetime,
    moving: Iterable[tuple[int, int]],
) -> tuple[Move, ...]:
    """Return what changes its place, of `moving`; both plans count from `origin_at`.

    Raises:
        ValueError: one of the plans does not have such a lot.
    """
    found = []
    for lot, step in sorted(moving):
        old, new = before.at(lot, step), after.at(lot, step)
        if old is None or new is None:
            raise ValueError(f"lot {lot} is cut anew")
        move = Move(
            operation_uid=before.operation_uid(lot, step),
            lot=lot,
            step=step,
            before=place_of(before, old, origin_at),
            after=place_of(after, new, origin_at),
        )
        if move.before != move.after:
            found.append(move)
    return tuple(found)


def moves_by_supplier(plan: PlanDocument, moves: Iterable[Move]) -> dict[int, list[Move]]:
    """Return moves of lots by the supplier that has them in `plan`, by its own id."""
    found: dict[int, list[Move]] = {}
    for move in moves:
        one = plan.at(move.lot, move.step)
        assert one is not None, "what moves is in the plan"
        found.setdefault(plan.supplier_of(one).id, []).append(move)
    return found


def moved_minutes(moves: Sequence[Move]) -> int:
    """Return the machine time that moves, in minutes."""
    return sum(one.minutes for one in moves)


def place_of(plan: PlanDocument, one: PlanOperation, origin_at: datetime) -> Place:
    """Return where and when a plan has an operation; it counts from `origin_at`."""
    machine = plan.machines[one.machine]
    return Place(
        machine_id=machine.id,
        machine_code=machine.code,
        start_at=instant(origin_at, one.start),
        end_at=instant(origin_at, one.end),
        set_up_minutes=one.set_up,
    )


def place_to_json(one: Place) -> dict[str, Any]:
    """Return a place in JSON's own types."""
    return {
        "machine_id": one.machine_id,
        "machine_code": one.machine_code,
        "start": one.start_at.isoformat(),
        "end": one.end_at.isoformat(),
        "set_up_minutes": one.set_up_minutes,
    }


def place_from_json(document: Mapping[str, Any]) -> Place:
    """Read what `place_to_json` wrote."""
    return Place(
        machine_id=document["machine_id"],
        machine_code=document["machine_code"],
        start_at=datetime.fromisoformat(document["start"]),
        end_at=datetime.fromisoformat(document["end"]),
        set_up_minutes=document["set_up_minutes"],
    )
