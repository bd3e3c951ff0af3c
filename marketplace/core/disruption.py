"""What came in between on a running order, and which of a factory's lots have to move for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from marketplace.core.plan_json import PlanDocument, PlanOperation, instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Halt:
    """What begins no sooner than `until_at`: all that a machine does, or all lots of a step.

    A machine is down; the material of a step, wherever in the factory it is made, is late.
    """

    until_at: datetime
    machine_id: int | None = None
    step: int | None = None

    def holds(self, machine_id: int, step: int) -> bool:
        """Tell whether it holds up a step's lots on a machine of the factory."""
        return self.machine_id in (None, machine_id) and self.step in (None, step)


@dataclass(frozen=True, kw_only=True)
class Disruption:
    """What happened at one factory of an order, and from when on its lots may lie elsewhere.

    Lots that move begin at `begins_at` or later: until then people decide, and what begins sooner
    is left alone. `is_wide` frees all lots under a halt that the factory has not started, not only
    those that are hit.
    """

    supplier_id: int
    halts: tuple[Halt, ...]
    begins_at: datetime
    is_wide: bool = False

    def free_from(self, machine_id: int) -> datetime:
        """Return from when on a machine takes lots that move; late material counts for all."""
        known = (one.until_at for one in self.halts if one.machine_id in (None, machine_id))
        return max((self.begins_at, *known))

    def held_until(self, machine_id: int, step: int) -> datetime | None:
        """Return until when a step's lots wait on a machine of the factory; None: they do not."""
        found = (one.until_at for one in self.halts if one.holds(machine_id, step))
        return max(found, default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the disruption in JSON's own types."""
        return {
            "supplier_id": self.supplier_id,
            "halts": [[one.machine_id, one.step, one.until_at.isoformat()] for one in self.halts],
            "begins_at": self.begins_at.isoformat(),
            "is_wide": self.is_wide,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Disruption:
        """Read what `to_json` wrote."""
        return cls(
            supplier_id=document["supplier_id"],
            halts=tuple(
                Halt(machine_id=machine_id, step=step, until_at=datetime.fromisoformat(until))
                for machine_id, step, until in document["halts"]
            ),
            begins_at=datetime.fromisoformat(document["begins_at"]),
            is_wide=document["is_wide"],
        )


def hit_by(
    plan: PlanDocument,
    origin_at: datetime,
    disruption: Disruption,
    *,
    begun: Collection[tuple[int, int]],
) -> frozenset[tuple[int, int]]:
    """Return the (lot, step) of the factory that cannot begin when planned.

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
            until_at = disruption.held_until(machine.id, one.step)
            is_held = until_at is not None and (
                disruption.is_wide or instant(origin_at, one.start) < until_at
            )
            if is_held or (follows and is_moved):
                found.add((one.lot, one.step))
            before = one
    return frozenset(found)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and when one lot is worked on."""

    machine_id: int
    machine_code: str
    start_at: datetime
    end_at: datetime
    set_up_minutes: int


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
        return round((self.after.end_at - self.after.start_at).total_seconds() / 60)

    def to_json(self) -> dict[str, Any]:
        """Return the move in JSON's own types."""
        return {
            "uid": str(self.operation_uid),
            "lot": self.lot,
            "step": self.step,
            "before": _place_to_json(self.before),
            "after": _place_to_json(self.after),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Move:
        """Read what `to_json` wrote."""
        return cls(
            operation_uid=UUID(document["uid"]),
            lot=document["lot"],
            step=document["step"],
            before=_place_from_json(document["before"]),
            after=_place_from_json(document["after"]),
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
            before=_place(before, old, origin_at),
            after=_place(after, new, origin_at),
        )
        if move.before != move.after:
            found.append(move)
    return tuple(found)


def moved_minutes(moves: Sequence[Move]) -> int:
    """Return the machine time that moves, in minutes."""
    return sum(one.minutes for one in moves)


def _place(plan: PlanDocument, one: PlanOperation, origin_at: datetime) -> Place:
    machine = plan.machines[one.machine]
    return Place(
        machine_id=machine.id,
        machine_code=machine.code,
        start_at=instant(origin_at, one.start),
        end_at=instant(origin_at, one.end),
        set_up_minutes=one.set_up,
    )


def _place_to_json(one: Place) -> dict[str, Any]:
    return {
        "machine_id": one.machine_id,
        "machine_code": one.machine_code,
        "start": one.start_at.isoformat(),
        "end": one.end_at.isoformat(),
        "set_up_minutes": one.set_up_minutes,
    }


def _place_from_json(document: Mapping[str, Any]) -> Place:
    return Place(
        machine_id=document["machine_id"],
        machine_code=document["machine_code"],
        start_at=datetime.fromisoformat(document["start"]),
        end_at=datetime.fromisoformat(document["end"]),
        set_up_minutes=document["set_up_minutes"],
    )
