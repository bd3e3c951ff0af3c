"""Make the plans that a buyer chooses from, and say why each machine is in or out.

*Fastest* completes first. *Cheapest* costs least among plans that keep the due date (the
deadline, or the end of the calendars, where there is no due date or it cannot be kept).
*Balanced* is the best compromise among all plans seen on the way from the one to the other,
cost and time each measured by its range. *Safest* reckons with the low rate and the long
set-up of every machine, pays a surcharge for reliable ones, and ends a tenth of the available
time before the due date if it can.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from time import monotonic

from scheduling.core.calendars import NEVER
from scheduling.core.candidates import Removal, removals
from scheduling.core.choices import Choice, Idle, choices, idle_machines
from scheduling.core.faults import InvalidProblem
from scheduling.core.measures import completion_by_order, cost_by_order
from scheduling.core.problem import Order, Problem
from scheduling.core.reach import ReachModel
from scheduling.core.result import Objective, Result, Status
from scheduling.core.safety import cautious, with_usual_set_ups
from scheduling.core.schedule import Schedule
from scheduling.core.solvers import solve

DEFAULT_MAX_LOTS = 1250
COMPROMISES = (0.2, 0.45, 0.7)
SMALL_PLAN = 500
SAFE_SLACK_PERMILLE = 100
SAFE_STRETCH_PERMILLE = 150


class PlanName(StrEnum):
    """The four plans that are offered, and those that follow a buyer's hand."""

    CHEAPEST = "cheapest"
    """Least cost by the due date."""
    FASTEST = "fastest"
    """Earliest completion."""
    SAFEST = "safest"
    """Low rates, reliable machines, time in reserve."""
    BALANCED = "balanced"
    """Between cheapest and fastest."""
    STEERED = "steered"
    """Made to the buyer's own quotas and exclusions."""


@dataclass(frozen=True, kw_only=True)
class PlanAlternative:
    """One plan with its price, date, proof and reasons.

    `completion_bound` holds for every plan of the order, `cost_bound_minor` for every plan
    that keeps its date, so each can show how far from the best possible it is in either.
    """

    name: PlanName
    result: Result
    cost_minor: int
    completion: int
    suppliers: int
    machines: int
    reliability_permille: int
    completion_bound: int | None
    cost_bound_minor: int | None
    chosen: tuple[Choice, ...]
    idle: tuple[Idle, ...]
    removed: tuple[Removal, ...]

    @property
    def completion_gap(self) -> float | None:
        """Return how much later than the proven earliest date, as a part of the time."""
        return _gap(self.completion, self.completion_bound)

    @property
    def cost_gap(self) -> float | None:
        """Return how much dearer than the proven least cost, as a part of the cost."""
        return _gap(self.cost_minor, self.cost_bound_minor)


@dataclass(frozen=True, kw_only=True)
class Alternatives:
    """The plans on offer, or `failure` saying why there is none.

    `frontier` holds every (completion, cost) that no other plan seen beats in both.
    """

    plans: tuple[PlanAlternative, ...]
    frontier: tuple[tuple[int, int], ...] = ()
    failure: Result | None = None

    def plan(self, name: PlanName) -> PlanAlternative:
        """Return the plan of that name; only when there are plans."""
        return next(plan for plan in self.plans if plan.name is name)


def alternatives(
    problem: Problem,
    *,
    time_limit: float = 20.0,
    seed: int = 0,
    max_lots: int = DEFAULT_MAX_LOTS,
    on_progress: Callable[[PlanName, int | None, int | None, float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Alternatives:
    """Make the four plans of the one order in `problem`.

    Args:
        on_progress: called with (plan being made, incumbent, bound, seconds).
        should_stop: once true, the plans found so far stand in for the rest.

    Raises:
        InvalidProblem: the problem has faults.
        ValueError: the problem has not exactly one order.
    """
    faults = problem.validate()
    if faults:
        raise InvalidProblem(faults)
    if len(problem.orders) != 1:
        raise ValueError("alternatives are made for one order at a time")
    return _Maker(problem, time_limit, seed, max_lots, on_progress, should_stop).make()


class _Maker:
    """Makes the four plans one after the other within one time limit."""

    def __init__(
        self,
        problem: Problem,
        time_limit: float,
        seed: int,
        max_lots: int,
        on_progress: Callable[[PlanName, int | None, int | None, float], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self.problem = problem
        self.order = problem.orders[0]
        self.seed = seed
        self.max_lots = max_lots
        self.should_stop = should_stop or (lambda: False)
        self._on_progress = on_progress
        self._seen: list[Schedule] = []
        self._start = monotonic()
        self._end = self._start + time_limit

    def make(self) -> Alternatives:
        """Make all plans; fastest first, because it tells what dates can be kept."""
        fastest = self._solve(PlanName.FASTEST, self.problem, Objective.MAKESPAN, share=0.3)
        if not fastest.is_plan:
            return Alternatives(plans=(), failure=fastest)
        limit = self._limit(fastest)
        capped = complete_by(self.problem, limit)
        cheapest = self._solve(PlanName.CHEAPEST, capped, Objective.COST, share=0.4)
        if not cheapest.is_plan or self._cost(fastest) < self._cost(cheapest):
            cheapest = replace(
                fastest,
                goal=Objective.COST,
                objective=self._cost(fastest),
                lower_bound=cheapest.lower_bound,
                certified_bound=cheapest.certified_bound,
                certificate=cheapest.certificate,
                rents=cheapest.rents,
                status=Status.FEASIBLE,
            )
        safest = self._safest(fastest, limit)
        balanced = self._balanced(fastest, cheapest)
        found = {
            PlanName.CHEAPEST: cheapest,
            PlanName.FASTEST: fastest,
            PlanName.SAFEST: safest,
            PlanName.BALANCED: balanced,
        }
        return Alternatives(
            plans=tuple(self._described(found, fastest, cheapest)), frontier=self._frontier()
        )

    def _limit(self, fastest: Result) -> int | None:
        """Return the date that cheaper plans must keep."""
        due, deadline = self.order.due, self.order.deadline
        if due is not None and self._completion(fastest) <= due:
            return due if deadline is None else min(due, deadline)
        return deadline

    def _balanced(self, fastest: Result, cheapest: Result) -> Result:
        """Return the plan seen that is nearest to the earliest date and the least cost at once.

        Distances are squared, so that of plans along a line one in the middle is nearest
        (compromise programming; Zeleny 1973).
        """
        early, late = self._completion(fastest), self._completion(cheapest)
        if len(cheapest.schedule) <= SMALL_PLAN and late > early:
            for part in COMPROMISES:
                if self._is_over:
                    break
                capped = complete_by(self.problem, early + int((late - early) * part))
                self._solve(PlanName.BALANCED, capped, Objective.COST, share=0.3)
        low, high = self._cost(cheapest), self._cost(fastest)

        def compromise(plan: Result) -> float:
            time = (self._completion(plan) - early) / max(1, late - early)
            cost = (self._cost(plan) - low) / max(1, high - low)
            return float(time**2 + cost**2)

        seen = [replace(fastest, schedule=schedule) for schedule in self._seen]
        return self._as_makespan(min([fastest, cheapest, *seen], key=compromise), fastest)

    def _frontier(self) -> tuple[tuple[int, int], ...]:
        points = sorted(
            (
                completion_by_order(self.problem, schedule).get(self.order.id, NEVER),
                cost_by_order(self.problem, schedule).get(self.order.id, NEVER),
            )
            for schedule in self._seen
        )
        best: list[tuple[int, int]] = []
        for completion, cost in points:
            if not best or cost < best[-1][1]:
                best.append((completion, cost))
        return tuple(best)

    def _safest(self, fastest: Result, limit: int | None) -> Result:
        """Return the most cautious plan that can be made, at worst the fastest one."""
        careful = cautious(self.problem)
        for date in self._safe_dates(fastest, limit):
            if self._is_over:
                break
            plan = self._solve(
                PlanName.SAFEST, complete_by(careful, date), Objective.COST, share=0.4
            )
            if plan.is_plan:
                charged = with_usual_set_ups(self.problem, plan.schedule)
                return self._as_makespan(replace(plan, schedule=charged), fastest)
        return fastest

    def _safe_dates(self, fastest: Result, limit: int | None) -> Iterator[int | None]:
        begin = self.problem.earliest_start(self.order)
        soonest = self._completion(fastest)
        if limit is None:
            yield soonest + (soonest - begin) * SAFE_STRETCH_PERMILLE // 1000
        else:
            early = limit - (limit - begin) * SAFE_SLACK_PERMILLE // 1000
            if early > soonest:
                yield early
            yield limit
        yield self.order.deadline

    def _as_makespan(self, plan: Result, fastest: Result) -> Result:
        """Restate a plan that was made for another goal by its completion."""
        completion = self._completion(plan)
        is_best = completion == fastest.lower_bound
        return replace(
            plan,
            goal=Objective.MAKESPAN,
            objective=completion,
            lower_bound=fastest.lower_bound,
            certified_bound=fastest.certified_bound,
            certificate=fastest.certificate,
            status=Status.OPTIMAL if is_best else Status.FEASIBLE,
        )

    def _described(
        self, found: dict[PlanName, Result], fastest: Result, cheapest: Result
    ) -> Iterator[PlanAlternative]:
        removed = removals(ReachModel(self.problem), self.order)
        for name, result in found.items():
            yield described(
                self.problem,
                name,
                result,
                removed=removed,
                completion_bound=fastest.lower_bound,
                cost_bound_minor=cheapest.lower_bound,
            )

    def _solve(self, name: PlanName, problem: Problem, goal: Objective, *, share: float) -> Result:
        def tell(value: int | None, bound: int | None, seconds: float) -> None:
            if self._on_progress is not None:
                self._on_progress(name, value, bound, monotonic() - self._start)

        return solve(
            problem,
            objective=goal,
            time_limit=max(0.3, (self._end - monotonic()) * share),
            seed=self.seed,
            max_lots=self.max_lots,
            on_progress=tell,
            on_plan=self._seen.append if name is not PlanName.SAFEST else None,
            should_stop=self.should_stop,
        )

    @property
    def _is_over(self) -> bool:
        return monotonic() >= self._end or self.should_stop()

    def _completion(self, plan: Result) -> int:
        return _completion(self.problem, plan)

    def _cost(self, plan: Result) -> int:
        return _cost(self.problem, plan)


def described(
    problem: Problem,
    name: PlanName,
    result: Result,
    *,
    removed: tuple[Removal, ...],
    completion_bound: int | None = None,
    cost_bound_minor: int | None = None,
) -> PlanAlternative:
    """Describe a plan of the one order in `problem`, with the reasons for and against machines."""
    (order,) = problem.orders
    chosen = choices(problem, order, result.schedule)
    return PlanAlternative(
        name=name,
        result=result,
        cost_minor=_cost(problem, result),
        completion=_completion(problem, result),
        suppliers=len({choice.factory for choice in chosen}),
        machines=len({choice.machine for choice in chosen}),
        reliability_permille=_reliability(problem, order, result),
        completion_bound=completion_bound,
        cost_bound_minor=cost_bound_minor,
        chosen=chosen,
        idle=idle_machines(problem, order, chosen, removed),
        removed=removed,
    )


def _completion(problem: Problem, plan: Result) -> int:
    return completion_by_order(problem, plan.schedule).get(problem.orders[0].id, NEVER)


def _cost(problem: Problem, plan: Result) -> int:
    return cost_by_order(problem, plan.schedule).get(problem.orders[0].id, NEVER)


def complete_by(problem: Problem, date: int | None) -> Problem:
    """Return `problem` with its order to be complete by `date`."""
    if date is None:
        return problem
    (order,) = problem.orders
    deadline = date if order.deadline is None else min(date, order.deadline)
    return replace(problem, orders=(replace(order, deadline=deadline),))


def _reliability(problem: Problem, order: Order, plan: Result) -> int:
    """Return the reliability of the machines, weighted by the pieces they make."""
    pieces = sum(a.quantity for a in plan.schedule if a.order == order.id)
    weighted = sum(
        a.quantity * problem.machine_by_id[a.machine].reliability_permille
        for a in plan.schedule
        if a.order == order.id
    )
    return weighted // max(1, pieces)


def _gap(value: int, bound: int | None) -> float | None:
    return None if bound is None or value <= 0 else max(0.0, (value - bound) / value)
