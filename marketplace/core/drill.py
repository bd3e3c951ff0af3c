"""What it would mean if a factory stopped: its unstarted work moved, compared with the plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketplace.core.frozen import FrozenPart
from marketplace.core.plan_json import PlanDocument, PlanOperation, instant


def stopped_part(
    plan: PlanDocument, *, supplier_id: int, started: Collection[tuple[int, int]], later: bool
) -> frozenset[tuple[int, int]]:
    """Return the (lot, step) that move when a supplier stops: what it has not started.

    With `later`, the later steps of those lots too, which cannot keep their hours when the lot
    comes later; they may stay on their machines.
    """
    there = [
        (one.lot, one.step)
        for one in plan.operations
        if _maker(plan, one) == supplier_id and (one.lot, one.step) not in started
    ]
    if not later:
        return frozenset(there)
    first: dict[int, int] = {}
    for lot, step in there:
        first[lot] = min(step, first.get(lot, step))
    return frozenset(
        (one.lot, one.step)
        for one in plan.operations
        if one.step >= first.get(one.lot, one.step + 1) and (one.lot, one.step) not in started
    )


@dataclass(frozen=True, kw_only=True)
class DrillOutcome:
    """The best re-plan beside the plan. `minutes` are of machine time, `later` may be negative.

    `lots` and `minutes` count what leaves the factory, `shifted` the operations of others that
    change. `earliest_at` is the proven bound; `recovery` runs until the last of it is done.
    """

    lots: int
    minutes: int
    factories: int
    shifted: int
    before_at: datetime
    after_at: datetime
    earliest_at: datetime
    cost_difference_minor: int
    left_out: int
    recovery: timedelta

    @property
    def is_kept(self) -> bool:
        return self.after_at <= self.before_at

    @property
    def is_unavoidable(self) -> bool:
        """Tell whether the bound proves that the promised date cannot be kept."""
        return self.earliest_at > self.before_at

    @property
    def later(self) -> timedelta:
        return self.after_at - self.before_at


def outcome_of(
    frozen: FrozenPart, plan: PlanDocument, *, bound_minutes: int, asked_at: datetime
) -> DrillOutcome:
    """Compare a re-plan with the plan it started from; both count from the same origin.

    `bound_minutes` is how much earlier than the re-plan the proven bound lies.
    """
    before = frozen.plan
    stopped = [
        one
        for one in before.operations
        if (one.lot, one.step) in frozen.returned and _maker(before, one) == frozen.returned_by
    ]
    stays = {_place(before, one) for one in before.operations}
    moved = [one for one in plan.operations if not one.frozen and _place(plan, one) not in stays]
    now_there = {_place(plan, one) for one in plan.operations}
    others = [
        one
        for one in before.operations
        if (one.lot, one.step) in frozen.returned and _maker(before, one) != frozen.returned_by
    ]
    origin, after = frozen.origin_at, instant(frozen.origin_at, plan.completes)
    last = max((instant(origin, one.end) for one in moved), default=asked_at)
    return DrillOutcome(
        lots=len({one.lot for one in stopped}),
        minutes=sum(one.end - one.start for one in stopped),
        factories=len({_maker(plan, one) for one in moved}),
        shifted=sum(_place(before, one) not in now_there for one in others),
        before_at=instant(origin, before.completes),
        after_at=after,
        earliest_at=after - timedelta(minutes=bound_minutes),
        cost_difference_minor=plan.cost_minor - before.cost_minor,
        left_out=before.quantity - plan.quantity,
        recovery=max(timedelta(0), last - asked_at),
    )


def _maker(plan: PlanDocument, one: PlanOperation) -> int:
    return plan.supplier_of(one).id


def _place(plan: PlanDocument, one: PlanOperation) -> tuple[int, ...]:
    return (one.lot, one.step, plan.machines[one.machine].id, one.start, one.end, one.quantity)
