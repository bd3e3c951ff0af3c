"""Plan one order as its buyer steers it: by quotas and exclusions, for a goal or near a plan.

Both proofs of the plan hold for every plan that follows the same hand, so they show what the
wishes themselves cost. Where the wishes cannot be kept, the one that stands in the way is named.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from scheduling.core.alternatives import (
    DEFAULT_MAX_LOTS,
    PlanAlternative,
    PlanName,
    complete_by,
    described,
)
from scheduling.core.bounds import lower_bound, makespan_bound, step_weights
from scheduling.core.candidates import removals
from scheduling.core.faults import InvalidProblem
from scheduling.core.measures import completion_by_order, cost_by_order
from scheduling.core.problem import Order, Problem, Quota
from scheduling.core.reach import ReachModel
from scheduling.core.result import Objective, Result
from scheduling.core.solvers import solve
from scheduling.core.solvers.flow import balance_weights, rent_weights

PROOF_S = 1.5
"""What the second proof, of what is not minimised, may take."""
PROBE_S = 1.0
"""What one look for a plan without a quota may take."""

ROOM_PERCENT = (10, 25, 0, 50)
"""How much longer than a plan those may take that are to stay near it, the likeliest first."""


@dataclass(frozen=True, kw_only=True)
class Near:
    """The completion and cost of a plan that is to change as little as the wishes allow."""

    completion: int
    cost_minor: int

    def dates(self, start: int) -> Iterator[int]:
        """Yield by when to try to complete cheaply what begins at `start`."""
        for percent in ROOM_PERCENT:
            yield self.completion + (self.completion - start) * percent // 100

    def distance(self, completion: int, cost_minor: int) -> tuple[float, float]:
        """Return how much later and dearer, each as a part of what it is here: the least first.

        Of plans that are neither, the one that is sooner and cheaper by more comes first.
        """
        later = completion / max(1, self.completion) - 1
        dearer = cost_minor / max(1, self.cost_minor) - 1
        return max(0.0, later) + max(0.0, dearer), later + dearer


@dataclass(frozen=True, kw_only=True)
class Unkept:
    """A quota that cannot be kept: `is_proven` by itself, else only together with the others."""

    quota: Quota
    is_proven: bool


@dataclass(frozen=True, kw_only=True)
class Steered:
    """The plan that follows the buyer's hand, or why there is none."""

    plan: PlanAlternative | None = None
    failure: Result | None = None
    unkept: Unkept | None = None


def steered(
    problem: Problem,
    *,
    goal: Objective | Near,
    by: int | None = None,
    time_limit: float = 8.0,
    seed: int = 0,
    max_lots: int = DEFAULT_MAX_LOTS,
    on_progress: Callable[[int | None, int | None, float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Steered:
    """Plan the one order in `problem` for `goal`: `COST`, `MAKESPAN`, or near a plan.

    Args:
        by: the minute that cheap and near plans keep. Where none can, the earliest plan answers.
        on_progress: called with (completion, its bound, seconds) while the date is minimised.

    Raises:
        InvalidProblem: the problem has faults.
        ValueError: the problem has not exactly one order.
    """
    faults = problem.validate()
    if faults:
        raise InvalidProblem(faults)
    if len(problem.orders) != 1:
        raise ValueError("one order at a time is steered")

    def plan(wanted: Problem, objective: Objective, seconds: float) -> Result:
        return solve(
            wanted,
            objective=objective,
            time_limit=seconds,
            seed=seed,
            max_lots=max_lots,
            on_progress=on_progress if objective is Objective.MAKESPAN else None,
            should_stop=should_stop,
        )

    capped = complete_by(problem, by)
    if goal is Objective.COST:
        found = plan(capped, Objective.COST, time_limit / 2)
        if found.is_plan:
            return Steered(plan=_described(problem, capped, found))
    found = plan(problem, Objective.MAKESPAN, time_limit / 2)
    if found.is_plan and isinstance(goal, Near):
        found = _nearest(found, goal, capped, time_limit / 5, plan)
    if found.is_plan:
        late = by is not None and _completion(problem, found) > by
        return Steered(plan=_described(problem, problem if late else capped, found))
    return Steered(failure=found, unkept=unkept(problem, seed=seed, max_lots=max_lots))


def _nearest(
    fastest: Result,
    near: Near,
    capped: Problem,
    seconds: float,
    plan: Callable[[Problem, Objective, float], Result],
) -> Result:
    """Return the nearest of the fastest plan and of cheap ones that take about as long."""
    (order,) = capped.orders
    tries = [fastest]
    for date in near.dates(capped.earliest_start(order)):
        tries.append(plan(complete_by(capped, date), Objective.COST, seconds))
        seconds = max(PROBE_S, seconds / 2)
    return min(
        (one for one in tries if one.is_plan),
        key=lambda one: near.distance(_completion(capped, one), _cost(capped, one)),
    )


def unkept(problem: Problem, *, seed: int = 0, max_lots: int = DEFAULT_MAX_LOTS) -> Unkept | None:
    """Name a quota that no plan keeps, or one without which there is a plan; else None."""
    (order,) = problem.orders
    for quota in order.quotas:
        model = ReachModel(_with(problem, order, (quota,)))
        if makespan_bound(model, step_weights(model)).value is None:
            return Unkept(quota=quota, is_proven=True)
    if len(order.quotas) < 2:
        return None
    for quota in order.quotas:
        others = tuple(each for each in order.quotas if each is not quota)
        without = _with(problem, order, others)
        if solve(without, time_limit=PROBE_S, seed=seed, max_lots=max_lots).is_plan:
            return Unkept(quota=quota, is_proven=False)
    return None


def _described(problem: Problem, capped: Problem, found: Result) -> PlanAlternative:
    """Describe a plan, with the proof that its solve gave and a quick one of the other number."""
    dates, costs = found.lower_bound, found.lower_bound
    if found.goal is Objective.COST:
        weights = balance_weights(ReachModel(problem), time_limit=PROOF_S)
        dates = lower_bound(problem, Objective.MAKESPAN, weights).value
    else:
        weights = rent_weights(ReachModel(capped), time_limit=PROOF_S)
        costs = lower_bound(capped, Objective.COST, weights).value
    return described(
        problem,
        PlanName.STEERED,
        found,
        removed=removals(ReachModel(problem), problem.orders[0]),
        completion_bound=dates,
        cost_bound_minor=costs,
    )


def _completion(problem: Problem, found: Result) -> int:
    return completion_by_order(problem, found.schedule)[problem.orders[0].id]


def _cost(problem: Problem, found: Result) -> int:
    return cost_by_order(problem, found.schedule)[problem.orders[0].id]


def _with(problem: Problem, order: Order, quotas: tuple[Quota, ...]) -> Problem:
    return replace(problem, orders=(replace(order, quotas=quotas),))
