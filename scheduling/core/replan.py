"""Plan a declined share again and leave the rest where it is.

First only the declined lots are placed anew, between the frozen steps around them. Where that
cannot be, their later steps are freed too and go back to the same machines at a later time;
the last resort frees the machines as well. Everything else stays to the minute.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from scheduling.core.bounds import lower_bound
from scheduling.core.calendars import Calendar
from scheduling.core.faults import InvalidProblem
from scheduling.core.measures import completion_by_order, objective_value
from scheduling.core.problem import Machine, Order, Problem, Window
from scheduling.core.reach import ReachModel
from scheduling.core.result import Objective, Result, Status, Unplanned
from scheduling.core.schedule import Assignment, Schedule
from scheduling.core.solvers.dispatch import NoPlace
from scheduling.core.solvers.incumbent import Clock, Incumbent
from scheduling.core.solvers.market import Kept, MarketPlanner, Recipe

LotStep = tuple[str, int, int]
"""One (order id, lot, step)."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One assignment before and after; `after` None when its lot was cut anew."""

    before: Assignment
    after: Assignment | None


@dataclass(frozen=True, kw_only=True)
class Replanned:
    """The new plan with the problem it was made for and what it changed.

    `declined` are the assignments given back, `moved` those of other steps that had to
    follow; completion is per order, before and after.
    """

    problem: Problem
    result: Result
    declined: tuple[Assignment, ...]
    moved: tuple[Moved, ...]
    completion_before: dict[str, int]
    completion_after: dict[str, int]

    @property
    def moved_minutes(self) -> int:
        """Minutes of work that moved although nobody declined them."""
        return sum(moved.before.end - moved.before.start for moved in self.moved)


def replan(
    problem: Problem,
    previous: Schedule,
    *,
    declined_lots: Collection[LotStep] = (),
    declined_factories: Collection[str] = (),
    now: int | None = None,
    objective: Objective = Objective.MAKESPAN,
    time_limit: float = 10.0,
) -> Replanned:
    """Place what was declined on other machines, the rest frozen.

    Args:
        declined_lots: lots that their machines do not take; those machines get nothing new
            of these orders.
        declined_factories: factories that decline all their lots that have not started.
        now: nothing new starts earlier, and what has started by then cannot be declined.

    Raises:
        InvalidProblem: the problem has faults.
    """
    now = problem.now if now is None else now
    declined = tuple(
        a
        for a in previous
        if a.start >= now
        and (
            (a.order, a.lot, a.step) in declined_lots
            or problem.machine_by_id[a.machine].factory in declined_factories
        )
    )
    base = _without_decliners(problem, declined, frozenset(declined_factories), now)
    clock = Clock(time_limit)
    attempts = _attempts(base, previous, declined, now)
    for frozen, kept in attempts:
        attempt = replace(base, frozen=frozen)
        faults = attempt.validate()
        if faults:
            raise InvalidProblem(faults)
        result = _placed(attempt, kept, objective, clock)
        if result.is_plan or clock.is_over:
            break
    completion_before = completion_by_order(problem, previous)
    return Replanned(
        problem=attempt,
        result=result,
        declined=declined,
        moved=tuple(_moved(previous, declined, result.schedule)) if result.is_plan else (),
        completion_before=completion_before,
        completion_after=completion_by_order(attempt, result.schedule),
    )


def _without_decliners(
    problem: Problem, declined: tuple[Assignment, ...], factories: frozenset[str], now: int
) -> Problem:
    """Return the problem from `now` on, in which decliners get nothing new of their orders."""
    machines_by_order: dict[str, set[str]] = {}
    for a in declined:
        machines_by_order.setdefault(a.order, set()).add(a.machine)
    orders: list[Order] = [
        replace(
            order,
            excluded_machines=order.excluded_machines | machines_by_order.get(order.id, set()),
            excluded_factories=order.excluded_factories | factories,
        )
        for order in problem.orders
    ]
    machines = tuple(_from_now(machine, now) for machine in problem.machines)
    return replace(problem, orders=tuple(orders), machines=machines, now=now)


def _from_now(machine: Machine, now: int) -> Machine:
    if machine.windows is None:
        return machine
    windows = tuple(
        Window(start=max(window.start, now), end=window.end)
        for window in machine.windows
        if window.end > now
    )
    return replace(machine, windows=windows)


def _attempts(
    base: Problem, previous: Schedule, declined: tuple[Assignment, ...], now: int
) -> Iterator[tuple[tuple[Assignment, ...], Kept]]:
    """Yield what stays frozen and which machines are kept, the gentlest change first."""
    gone = frozenset(declined)
    yield tuple(a for a in previous if a not in gone), {}
    later = _later_steps(base, declined)
    freed = {a for a in previous if (a.order, a.lot, a.step) in later and a.start >= now} - gone
    frozen = tuple(a for a in previous if a not in gone and a not in freed)
    kept: dict[tuple[str, int], dict[int, str]] = {}
    for a in freed:
        kept.setdefault((a.order, a.lot), {})[a.step] = a.machine
    yield frozen, kept
    yield frozen, {}


def _later_steps(problem: Problem, declined: tuple[Assignment, ...]) -> set[LotStep]:
    """Return every step that a declined lot goes through afterwards."""
    found: set[LotStep] = set()
    open_steps = [(a.order, a.lot, a.step) for a in declined]
    while open_steps:
        order, lot, step = open_steps.pop()
        for following in problem.order_by_id[order].successors[step]:
            if (order, lot, following) not in found:
                found.add((order, lot, following))
                open_steps.append((order, lot, following))
    return found


def _placed(problem: Problem, kept: Kept, goal: Objective, clock: Clock) -> Result:
    """Place the lots that are not frozen, once; they come in order of their numbers."""
    model = ReachModel(problem, calendars={m.id: Calendar(m.windows) for m in problem.machines})
    incumbent = Incumbent(problem, goal, clock)
    planner = MarketPlanner(model, kept=kept)
    lots = max(1, len({(a.order, a.lot) for a in problem.frozen}))
    sequence = tuple(order.id for order in problem.orders)
    unplanned: tuple[Unplanned, ...] = ()
    try:
        incumbent.offer(planner.plan(Recipe(lots=lots, sequence=sequence)))
    except NoPlace as failure:
        order = failure.lot.order.id
        sentence = f"Lot {failure.lot.number} of order {order} has no place at step {failure.step}."
        unplanned = (Unplanned(order=order, code="no_place", sentence=sentence),)
    if incumbent.schedule is None:
        return Result(
            status=Status.TIMEOUT,
            goal=goal,
            unplanned=unplanned,
            runtime_s=clock.elapsed,
            schedule=Schedule(assignments=problem.frozen),
        )
    bound = lower_bound(problem, goal, model=model)
    value = objective_value(problem, incumbent.schedule, goal)
    return Result(
        status=Status.OPTIMAL if value == bound.value else Status.FEASIBLE,
        goal=goal,
        objective=value,
        lower_bound=bound.value,
        certificate=bound.weights,
        rents=bound.rents,
        runtime_s=clock.elapsed,
        schedule=incumbent.schedule,
    )


def _moved(
    previous: Schedule, declined: tuple[Assignment, ...], after: Schedule
) -> Iterator[Moved]:
    now_at = {(a.order, a.lot, a.step): a for a in after}
    gone = frozenset(declined)
    for before in previous:
        found = now_at.get((before.order, before.lot, before.step))
        if before not in gone and found != before:
            yield Moved(before=before, after=found)
