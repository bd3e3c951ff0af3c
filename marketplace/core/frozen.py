"""What of a chosen plan stays when a share comes back: the only shape of `PlanRequest.frozen`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.core.disruption import Disruption, Move, moves_between
from marketplace.core.plan_json import PlanDocument, PlanOperation


@dataclass(frozen=True, kw_only=True)
class FrozenPart:
    """The plan so far, counted from its own `origin_at`, and what of it has to be made anew.

    `returned` holds (lot, step) of the operations that came back; all others are frozen exactly
    as they are. `unanswered` holds those of each offer that is still open. `is_widened` tells that
    open offers were taken back to make room; in a drill, that later steps and the date may move.
    With a `disruption`, what is made anew stays lot by lot in its factory and at its price, or
    leaves that factory lot by lot.
    """

    plan: PlanDocument
    plan_uid: UUID
    origin_at: datetime
    returned: frozenset[tuple[int, int]]
    returned_by: int
    offer_uid: UUID
    unanswered: tuple[frozenset[tuple[int, int]], ...] = ()
    is_widened: bool = False
    disruption: Disruption | None = None

    @property
    def returned_uids(self) -> set[UUID]:
        """Return the names of what has to be made anew."""
        return {self.plan.operation_uid(lot, step) for lot, step in self.returned}

    @property
    def kept(self) -> PlanDocument:
        """Return the plan with the kept operations alone, marked as frozen."""
        operations = tuple(
            replace(one, frozen=True)
            for one in self.plan.operations
            if (one.lot, one.step) not in self.returned
        )
        return replace(self.plan, operations=operations)

    @property
    def returned_steps(self) -> frozenset[int]:
        """Return the steps of which something has to be made anew."""
        return frozenset(step for _, step in self.returned)

    @property
    def movers(self) -> frozenset[int]:
        """Return the suppliers that have what has to be made anew, by their own ids."""
        return frozenset(
            self.plan.supplier_of(one).id
            for one in self.plan.operations
            if (one.lot, one.step) in self.returned
        )

    def moves_to(self, plan: PlanDocument) -> tuple[Move, ...]:
        """Return what changes its place when `plan` takes the place of this one.

        Raises:
            ValueError: a lot that has to be made anew is cut another way there.
        """
        return moves_between(self.plan, plan, self.origin_at, self.returned)

    def to_json(self) -> dict[str, Any]:
        """Return the part in JSON's own types, ready for `PlanRequest.frozen`."""
        return {
            "plan": self.plan.to_json(),
            "plan_uid": str(self.plan_uid),
            "origin_at": self.origin_at.isoformat(),
            "returned": sorted(self.returned),
            "returned_by": self.returned_by,
            "offer_uid": str(self.offer_uid),
            "unanswered": [sorted(operations) for operations in self.unanswered],
            "is_widened": self.is_widened,
            "disruption": None if self.disruption is None else self.disruption.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> FrozenPart:
        """Read what `to_json` wrote."""
        disruption = document.get("disruption")
        return cls(
            plan=PlanDocument.from_json(document["plan"]),
            plan_uid=UUID(document["plan_uid"]),
            origin_at=datetime.fromisoformat(document["origin_at"]),
            returned=frozenset((lot, step) for lot, step in document["returned"]),
            returned_by=document["returned_by"],
            offer_uid=UUID(document["offer_uid"]),
            unanswered=tuple(
                frozenset((lot, step) for lot, step in operations)
                for operations in document.get("unanswered", [])
            ),
            is_widened=document["is_widened"],
            disruption=None if disruption is None else Disruption.from_json(disruption),
        )

    def asked_again(self, lots: Collection[int]) -> frozenset[tuple[int, int]]:
        """Return what open offers are asked anew when only `lots` are still made.

        What an offer asks for never changes: one that loses a lot is replaced by another for its
        other lots, on the same machines at the same time.
        """
        cut = (o for o in self.unanswered if any(lot not in lots for lot, _ in o))
        return frozenset(one for offer in cut for one in offer if one[0] in lots)

    def freed_by(self, plan: PlanDocument) -> set[UUID]:
        """Return the operations whose time is free once `plan` is chosen in place of this one."""
        held = {(one.lot, one.step) for one in plan.operations if one.frozen}
        held |= self.kept_for_set_up(plan)
        return {
            self.plan.operation_uid(one.lot, one.step)
            for one in self.plan.operations
            if (one.lot, one.step) not in held
        }

    def kept_for_set_up(self, plan: PlanDocument) -> set[tuple[int, int]]:
        """Return operations of cancelled lots whose time serves to set up for a lot that stays.

        Set-up is planned with the first lot of a series. When that lot is cancelled, the machine
        keeps the time right before the next one, so that it can still begin when agreed.
        """
        lots = {one.lot for one in plan.operations}
        found: set[tuple[int, int]] = set()
        before: PlanOperation | None = None
        is_owed = False
        for one in sorted(self.plan.operations, key=lambda one: (one.machine, one.start)):
            if before is None or (one.machine, one.step) != (before.machine, before.step):
                before, is_owed = None, False
            is_gone = one.lot not in lots and (one.lot, one.step) not in self.returned
            if is_gone:
                is_owed = is_owed or one.set_up > 0
            elif is_owed and before is not None and not one.set_up:
                found.add((before.lot, before.step))
            if not is_gone:
                is_owed = False
            before = one
        return found

    def widened(self, open_offers: Mapping[UUID, frozenset[tuple[int, int]]]) -> frozenset[UUID]:
        """Return the open offers that have to be taken back to make room for what returned.

        `open_offers` maps each to its (lot, step). A later step of a returned lot has to move
        when the step before it does, and an offer moves as a whole, with all its lots.
        """
        moving = set(self.returned)
        taken: set[UUID] = set()
        while True:
            first_step: dict[int, int] = {}
            for lot, step in moving:
                first_step[lot] = min(step, first_step.get(lot, step))
            found = {
                uid
                for uid, operations in open_offers.items()
                if uid not in taken
                and any(step > first_step.get(lot, step) for lot, step in operations)
            }
            if not found:
                return frozenset(taken)
            taken |= found
            for uid in found:
                moving |= open_offers[uid]
