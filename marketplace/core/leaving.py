"""Lots that go from a factory that stands still to others, and when they can get there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.core.disruption import Place, place_from_json, place_of, place_to_json
from marketplace.core.frozen import FrozenPart
from marketplace.core.plan_json import PlanDocument, derived_uid, instant


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """An operation that a factory gives up, and the place that it had there."""

    operation_uid: UUID
    lot: int
    step: int
    place: Place

    def to_json(self) -> dict[str, Any]:
        """Return the operation in JSON's own types."""
        return {
            "uid": str(self.operation_uid),
            "lot": self.lot,
            "step": self.step,
            "before": place_to_json(self.place),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Leaving:
        """Read what `to_json` wrote."""
        return cls(
            operation_uid=UUID(document["uid"]),
            lot=document["lot"],
            step=document["step"],
            place=place_from_json(document["before"]),
        )


def leaving_of(frozen: FrozenPart) -> tuple[Leaving, ...]:
    """Return what a factory gives up when all that has to be made anew goes elsewhere."""
    found = []
    for lot, step in sorted(frozen.returned):
        one = frozen.plan.at(lot, step)
        assert one is not None, "what leaves is in the plan"
        found.append(
            Leaving(
                operation_uid=frozen.plan.operation_uid(lot, step),
                lot=lot,
                step=step,
                place=place_of(frozen.plan, one, frozen.origin_at),
            )
        )
    return tuple(found)


def may_leave(hit: Collection[tuple[int, int]], *, here: Collection[tuple[int, int]]) -> bool:
    """Tell whether all lots that are hit may go elsewhere; `here` has those that have come.

    The first step of a lot has nothing to bring along. A later one goes while its pieces are
    with the step before: what has been sent to the factory stays in its hands.
    """
    return all(step == 1 or (lot, step) not in here for lot, step in hit)


def arrives_in_time(plan: PlanDocument, frozen: FrozenPart) -> bool:
    """Tell whether each lot that leaves can be there when `plan` begins it.

    A lot whose step before is done already sets out no sooner than the change is agreed: its way
    begins then, not when that step ended.
    """
    assert frozen.disruption is not None, "something came in between"
    for lot, step in frozen.returned:
        before, here = plan.at(lot, step - 1), plan.at(lot, step)
        assert here is not None, "lots stay as they are cut"
        if before is None or (lot, step - 1) in frozen.returned:
            continue
        sets_out_at = max(instant(frozen.origin_at, before.end), frozen.disruption.begins_at)
        if (instant(frozen.origin_at, here.start) - sets_out_at).total_seconds() < before.lag * 60:
            return False
    return True


def handed_over(
    plan: PlanDocument, leaving: Collection[Leaving]
) -> Iterator[tuple[Leaving, int, UUID | None]]:
    """Yield each operation that leaves, its new supplier's id, and its lot's next operation.

    None where the lot goes to the buyer next.
    """
    for one in leaving:
        here, after = plan.at(one.lot, one.step), plan.at(one.lot, one.step + 1)
        assert here is not None, "lots stay as they are cut"
        following = None if after is None else plan.operation_uid(one.lot, one.step + 1)
        yield one, plan.supplier_of(here).id, following


def waiting_name(offer_uid: UUID, operation_uid: UUID) -> UUID:
    """Return the name of an operation's time while the factory that gives it up still has it."""
    return derived_uid(offer_uid, f"waits/{operation_uid}")
