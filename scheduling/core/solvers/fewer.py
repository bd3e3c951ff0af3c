"""Plan as much of an order as finds a place, or as many pieces as make whole lots."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from math import ceil, inf

from scheduling.core.bounds import lower_bound, makespan_bound, step_weights
from scheduling.core.candidates import candidates
from scheduling.core.measures import objective_value
from scheduling.core.problem import Option, Problem
from scheduling.core.reach import ReachModel
from scheduling.core.result import Objective, Result, Status
from scheduling.core.schedule import Schedule
from scheduling.core.solvers.dispatch import Lot, NoPlace
from scheduling.core.solvers.incumbent import Clock, Incumbent
from scheduling.core.solvers.lots import largest_lot
from scheduling.core.solvers.market import MarketPlanner, Recipe
from scheduling.core.solvers.run import solve
from scheduling.core.solvers.suppliers import narrowed

HALVINGS = 5
"""How often the gap between a quantity with a plan and one without is halved."""
TRIED_COUNTS = (1.0, 2.0, 4.0, 0.5)
"""Which numbers of lots are tried for a quantity, as shares of the planner's first: many small
lots fill windows to the end, few large ones spend less time on set-ups."""


def fewer_pieces(
    problem: Problem, clock: Clock, *, seed: int, max_lots: int
) -> tuple[Problem, Result] | None:
    """Plan fewer pieces of the one order, about as many as find a place.

    Beside frozen work, lots that find no place are dropped one by one; when time is over, only
    those are kept whose every step is frozen. Returns the smaller problem with its plan; None
    when no smaller quantity has one, or the whole has.
    """
    search = _by_lots if problem.frozen or problem.orders[0].cut else _by_size
    smaller, schedule = search(problem, clock, max_lots) or (problem, None)
    if schedule is None or smaller.orders[0].quantity == problem.orders[0].quantity:
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
        cost = objective_value(smaller, schedule, Objective.COST)
        result = Result(
            status=Status.FEASIBLE, goal=Objective.COST, objective=cost, schedule=schedule
        )
    return smaller, result


def whole_lots(problem: Problem) -> list[int]:
    """Return numbers of pieces, no fewer than asked for, that are whole lots at every step.

    Ascending: with the smallest lot that some machine of every step takes in the time it has, then
    with the next larger smallest lots. No lot is larger than the largest that some machine of every
    step takes in one go. Empty when no lot suits all steps.
    """
    (order,) = problem.orders
    smallest = [o.min_lot for s in range(len(order.steps)) for o in problem.options(order, s)]
    free = replace(order, quantity=max(order.quantity, *smallest, 1), price_ceiling_minor=None)
    model = ReachModel(replace(problem, orders=(free,)))
    by_step: dict[int, list[Option]] = {step: [] for step in range(len(order.steps))}
    for one in candidates(model, free, Counter()):
        by_step[one.step].append(one.option)
    if not all(by_step.values()):
        return []
    least = max(min(option.min_lot for option in able) for able in by_step.values())
    sizes = {option.min_lot for able in by_step.values() for option in able}
    most = min(_largest(model, able) for able in by_step.values())
    found = {
        max(order.quantity, size * max(1, ceil(order.quantity / most)))
        for size in sizes
        if least <= size <= most
    }
    return sorted(found)


def _largest(model: ReachModel, options: Sequence[Option]) -> float:
    tops = (largest_lot(option, model.calendars[option.machine.id]) for option in options)
    return max(inf if top is None else top for top in tops)


def _by_lots(problem: Problem, clock: Clock, max_lots: int) -> tuple[Problem, Schedule] | None:
    smaller = problem
    while not isinstance(tried := _try(smaller, clock, max_lots), Schedule):
        if tried is None:
            return None
        smaller = _complete_lots(problem) if clock.is_over else _without(smaller, tried)
        if smaller.orders[0].quantity <= 0:
            return None
    return smaller, tried


def _by_size(problem: Problem, clock: Clock, max_lots: int) -> tuple[Problem, Schedule] | None:
    """Try smaller quantities, the largest first, then close in on the largest that has a plan."""
    found: tuple[Problem, Schedule] | None = None
    low, high = 0, problem.orders[0].quantity
    sizes = _sizes(problem)
    closing = HALVINGS
    while not clock.is_over:
        pieces = next(sizes, 0) if found is None else (low + high) // 2
        if pieces <= low or not closing:
            break
        smaller = with_quantity(problem, pieces)
        tried = None if _is_too_much(smaller) else _try_hard(smaller, clock, max_lots)
        closing -= found is not None
        if isinstance(tried, Schedule):
            found, low = (smaller, tried), pieces
        else:
            high = pieces
    return found


def _sizes(problem: Problem) -> Iterator[int]:
    """Yield halves, quarters and so on, and the smallest lots of machines, descending."""
    (order,) = problem.orders
    halves = {order.quantity >> times for times in range(1, order.quantity.bit_length())}
    least = {
        option.min_lot
        for step in range(len(order.steps))
        for option in problem.options(order, step)
    }
    yield from sorted((size for size in halves | least if 0 < size < order.quantity), reverse=True)


def _is_too_much(problem: Problem) -> bool:
    """Tell whether the quantity is proven to have no place or to cost too much."""
    (order,) = problem.orders
    model = ReachModel(problem)
    earliest = makespan_bound(model, step_weights(model)).value
    if earliest is None or (order.deadline is not None and earliest > order.deadline):
        return True
    ceiling = order.price_ceiling_minor
    if ceiling is None:
        return False
    least = lower_bound(problem, Objective.COST, model=model).value
    return least is None or least > ceiling


def _try_hard(problem: Problem, clock: Clock, max_lots: int) -> Schedule | None:
    """Try several numbers of lots; return the first plan."""
    for share in TRIED_COUNTS:
        tried = _try(problem, clock, max_lots, share)
        if isinstance(tried, Schedule) or clock.is_over:
            return tried if isinstance(tried, Schedule) else None
    return None


def _try(
    problem: Problem, clock: Clock, max_lots: int, share: float = 1.0
) -> Schedule | Lot | None:
    """Return a plan, or a lot that has to go, or None when no open lot is left to drop.

    It has `share` of the number of lots that the planner would try first.
    """
    (order,) = problem.orders
    part = next(narrowed(problem, ReachModel(problem)), None)
    if part is None:
        return None
    planner = MarketPlanner(ReachModel(part), max_lots=max_lots)
    count = min(max_lots, max(1, int(share * next(planner.lot_counts()))))
    recipe = Recipe(lots=count, sequence=(order.id,))
    incumbent = Incumbent(problem, Objective.COST, clock)
    try:
        incumbent.offer(planner.plan(recipe))
    except NoPlace as failure:
        return failure.lot
    if incumbent.schedule is not None:
        return incumbent.schedule
    lots = planner.lots(order, recipe)
    return next((lot for lot in reversed(lots) if len(lot.fixed) < len(order.steps)), None)


def with_quantity(
    problem: Problem, quantity: int, *, lots: Collection[int] | None = None
) -> Problem:
    """Return `problem` with another quantity; of what is frozen or cut, only `lots` stay."""
    (order,) = problem.orders
    frozen, cut = problem.frozen, order.cut
    if lots is not None:
        frozen = tuple(a for a in frozen if a.lot in lots)
        cut = tuple(one for one in cut if one.lot in lots)
    return replace(problem, orders=(replace(order, quantity=quantity, cut=cut),), frozen=frozen)


def _without(problem: Problem, lot: Lot) -> Problem:
    kept = {a.lot for a in problem.frozen} | {one.lot for one in problem.orders[0].cut}
    kept.discard(lot.number)
    return with_quantity(problem, problem.orders[0].quantity - lot.quantity, lots=kept)


def _complete_lots(problem: Problem) -> Problem:
    """Return the problem with nothing but the lots whose every step is frozen."""
    (order,) = problem.orders
    pieces: dict[int, list[int]] = {}
    for a in problem.frozen:
        pieces.setdefault(a.lot, []).append(a.quantity)
    complete = {lot: each[0] for lot, each in pieces.items() if len(each) == len(order.steps)}
    return with_quantity(problem, sum(complete.values()), lots=complete)
