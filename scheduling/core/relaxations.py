"""Find which single limit of an order has to give way for it to be planned, and by how much.

Each relaxation comes with a plan that keeps all other limits and passes the checker, so whoever
is offered one can have it. `shortfall` says where the trouble is.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from math import ceil

from scheduling.core.bounds import minutes_per_piece
from scheduling.core.calendars import NEVER, calendar_of
from scheduling.core.measures import completion_by_order, cost_by_order, objective_value
from scheduling.core.problem import Machine, Order, Problem
from scheduling.core.reach import ReachModel
from scheduling.core.result import Objective, Result, Status
from scheduling.core.schedule import Assignment, Schedule
from scheduling.core.solvers import solve
from scheduling.core.solvers.dispatch import Lot, NoPlace
from scheduling.core.solvers.incumbent import Clock, Incumbent
from scheduling.core.solvers.market import DEFAULT_MAX_LOTS, MarketPlanner, Recipe


class Limit(StrEnum):
    """A limit of an order that may give way."""

    DATE = "date"
    """Its deadline."""
    PRICE = "price"
    """Its price ceiling."""
    QUANTITY = "quantity"
    """Its pieces: the lots that find no place are left out."""


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """One limit with the value that is enough, and the plan that shows it.

    `value` is the deadline in minutes, the ceiling in minor units or the pieces that are left.
    `problem` has that value in place of the old one; `result` is a plan of it.
    """

    limit: Limit
    value: int
    problem: Problem
    result: Result


def relaxations(
    problem: Problem,
    *,
    time_limit: float = 10.0,
    seed: int = 0,
    max_lots: int = DEFAULT_MAX_LOTS,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[Relaxation, ...]:
    """Relax each limit of the one order in `problem` alone; those that help, by a plan each.

    The date is the earliest that was found, the ceiling the lowest, the quantity what is left
    when lots without a place are dropped one by one. A frozen lot that is dropped loses its
    frozen assignments too; all others stay to the minute. Once `should_stop` is true, what is
    found by then is returned.

    Raises:
        ValueError: the problem has not exactly one order.
    """
    if len(problem.orders) != 1:
        raise ValueError("relaxations are found for one order at a time")
    clock = Clock(time_limit, should_stop)
    found: list[Relaxation] = []
    limits = list(_limits(problem.orders[0]))
    for place, limit in enumerate(limits):
        share = Clock(clock.remaining / (len(limits) - place), should_stop)
        probe = _fewer if limit is Limit.QUANTITY else _later_or_dearer
        one = probe(problem, limit, share, seed=seed, max_lots=max_lots)
        if one is not None:
            found.append(one)
    return tuple(found)


def relaxed(
    problem: Problem, limit: Limit, value: int, *, lots: Collection[int] | None = None
) -> Problem:
    """Return `problem` with one limit at `value`; `lots` are those that a lower quantity keeps."""
    (order,) = problem.orders
    frozen = problem.frozen
    if limit is Limit.DATE:
        order = replace(order, deadline=value)
    elif limit is Limit.PRICE:
        order = replace(order, price_ceiling_minor=value)
    else:
        order = replace(order, quantity=value)
        if lots is not None:
            frozen = tuple(a for a in frozen if a.lot in lots)
    return replace(problem, orders=(order,), frozen=frozen)


def _limits(order: Order) -> Iterator[Limit]:
    if order.deadline is not None:
        yield Limit.DATE
    if order.price_ceiling_minor is not None:
        yield Limit.PRICE
    if order.is_splittable:
        yield Limit.QUANTITY


def _later_or_dearer(
    problem: Problem, limit: Limit, clock: Clock, *, seed: int, max_lots: int
) -> Relaxation | None:
    """Plan without the limit, as early or as cheaply as possible, and see what it comes to."""
    (order,) = problem.orders
    if limit is Limit.DATE:
        goal, free = Objective.MAKESPAN, replace(order, deadline=None)
    else:
        goal, free = Objective.COST, replace(order, price_ceiling_minor=None)
    result = solve(
        replace(problem, orders=(free,)),
        objective=goal,
        time_limit=clock.remaining,
        seed=seed,
        max_lots=max_lots,
        should_stop=lambda: clock.is_over,
    )
    if not result.is_plan:
        return None
    measure = completion_by_order if limit is Limit.DATE else cost_by_order
    value = measure(problem, result.schedule)[order.id]
    return Relaxation(
        limit=limit, value=value, problem=relaxed(problem, limit, value), result=result
    )


def _fewer(
    problem: Problem, limit: Limit, clock: Clock, *, seed: int, max_lots: int
) -> Relaxation | None:
    """Drop lots that find no place until the rest is planned; all open ones when time is over."""
    smaller = problem
    while not isinstance(tried := _try(smaller, clock, max_lots), Schedule):
        if tried is None:
            return None
        smaller = _complete_lots(problem) if clock.is_over else _without(smaller, tried)
        if smaller.orders[0].quantity <= 0:
            return None
    quantity = smaller.orders[0].quantity
    if quantity == problem.orders[0].quantity:
        return None
    result = solve(
        smaller,
        objective=Objective.COST,
        time_limit=clock.remaining,
        seed=seed,
        max_lots=max_lots,
        should_stop=lambda: clock.is_over,
    )
    if not result.is_plan:
        cost = objective_value(smaller, tried, Objective.COST)
        result = Result(status=Status.FEASIBLE, goal=Objective.COST, objective=cost, schedule=tried)
    return Relaxation(limit=limit, value=quantity, problem=smaller, result=result)


def _try(problem: Problem, clock: Clock, max_lots: int) -> Schedule | Lot | None:
    """Return a plan, or a lot that has to go, or None when no open lot is left to drop."""
    (order,) = problem.orders
    planner = MarketPlanner(ReachModel(problem), max_lots=max_lots)
    recipe = Recipe(lots=next(planner.lot_counts()), sequence=(order.id,))
    incumbent = Incumbent(problem, Objective.COST, clock)
    try:
        incumbent.offer(planner.plan(recipe))
    except NoPlace as failure:
        return failure.lot
    if incumbent.schedule is not None:
        return incumbent.schedule
    lots = planner.lots(order, recipe)
    return next((lot for lot in reversed(lots) if len(lot.fixed) < len(order.steps)), None)


def _without(problem: Problem, lot: Lot) -> Problem:
    (order,) = problem.orders
    gone = lot.number if lot.fixed else None
    kept = {a.lot for a in problem.frozen} - {gone}
    return relaxed(problem, Limit.QUANTITY, order.quantity - lot.quantity, lots=kept)


def _complete_lots(problem: Problem) -> Problem:
    """Return the problem with nothing but the lots whose every step is frozen."""
    (order,) = problem.orders
    pieces: dict[int, list[int]] = {}
    for a in problem.frozen:
        pieces.setdefault(a.lot, []).append(a.quantity)
    complete = {lot: each[0] for lot, each in pieces.items() if len(each) == len(order.steps)}
    return relaxed(problem, Limit.QUANTITY, sum(complete.values()), lots=complete)


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """The step whose open lots have the least room: from when to when, and how much is there.

    `end` None means that nothing bounds it. `needed_minutes` is what the open pieces take on
    the fastest machine that has time, `free_minutes` what all machines have open then. These
    add up over `factories`, and say much about one of them where there are few.
    """

    step: int
    start: int
    end: int | None
    needed_minutes: int
    free_minutes: int
    factories: int

    @property
    def short_minutes(self) -> int:
        """Return what is missing at least; 0 when there is enough, but not in the right places."""
        return max(0, self.needed_minutes - self.free_minutes)


def shortfall(problem: Problem) -> Shortfall | None:
    """Name where the open part of the one order has the least room; None when nothing is open.

    Raises:
        ValueError: the problem has not exactly one order.
    """
    if len(problem.orders) != 1:
        raise ValueError("a shortfall is of one order at a time")
    (order,) = problem.orders
    steps = [_room(problem, order, step) for step in range(len(order.steps))]
    return max(
        (room for room in steps if room is not None),
        key=lambda room: (room.short_minutes, room.needed_minutes / max(1, room.free_minutes)),
        default=None,
    )


def _room(problem: Problem, order: Order, step: int) -> Shortfall | None:
    """Return how much room one step's open lots have between the frozen steps around them."""
    fixed: dict[int, dict[int, Assignment]] = {}
    for a in problem.frozen:
        if a.order == order.id:
            fixed.setdefault(a.lot, {})[a.step] = a
    parted = [lot for lot in fixed.values() if step not in lot]
    pieces = order.quantity - sum(lot[step].quantity for lot in fixed.values() if step in lot)
    if pieces <= 0:
        return None
    spans = [_span(problem, order, step, lot) for lot in parted]
    if sum(next(iter(lot.values())).quantity for lot in parted) < pieces:
        spans.append(_span(problem, order, step, {}))
    start = min(start for start, _ in spans)
    ends = [end for _, end in spans if end is not None]
    end = max(ends) if len(ends) == len(spans) else None
    options = problem.options(order, step)
    free = [_open_minutes(problem, option.machine, start, end) for option in options]
    able = [option for option, minutes in zip(options, free, strict=True) if minutes > 0]
    pace = min((minutes_per_piece(option) for option in able or options), default=Fraction(0))
    return Shortfall(
        step=step,
        start=start,
        end=end,
        needed_minutes=ceil(pace * pieces),
        free_minutes=sum(free),
        factories=len({option.machine.factory for option in able}),
    )


def _span(
    problem: Problem, order: Order, step: int, lot: Mapping[int, Assignment]
) -> tuple[int, int | None]:
    """Return the time that a lot has for a step, transport left out."""
    before, after = _reach(order.predecessors, step), _reach(order.successors, step)
    start = max((a.end for at, a in lot.items() if at in before), default=0)
    ends = [a.start for at, a in lot.items() if at in after]
    if order.deadline is not None:
        ends.append(order.deadline)
    return max(start, problem.earliest_start(order)), min(ends, default=None)


def _reach(edges: Sequence[Sequence[int]], step: int) -> set[int]:
    """Return every step that `edges` lead to from `step`."""
    found: set[int] = set()
    waiting = [step]
    while waiting:
        fresh = set(edges[waiting.pop()]) - found
        found |= fresh
        waiting += fresh
    return found


def _open_minutes(problem: Problem, machine: Machine, start: int, end: int | None) -> int:
    """Return the machine's open minutes in a span, less what is frozen there."""
    calendar = calendar_of(machine)
    until = NEVER if end is None else end
    taken = (a for a in problem.frozen if a.machine == machine.id)
    return calendar.open_between(start, until) - sum(
        calendar.open_between(max(start, a.start), min(until, a.end)) for a in taken
    )
