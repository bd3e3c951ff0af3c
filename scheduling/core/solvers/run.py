"""Solve a problem: choose the planner, watch the clock, and vouch for the result."""

from collections.abc import Callable
from dataclasses import replace
from time import process_time

from scheduling.core.bounds import Bound, lower_bound
from scheduling.core.candidates import why_unplanned
from scheduling.core.checker import violations
from scheduling.core.goals import as_known_goal
from scheduling.core.measures import objective_value
from scheduling.core.problem import Problem
from scheduling.core.reach import ReachModel
from scheduling.core.rents import rented_bound
from scheduling.core.result import Objective, Rents, Result, Status, Unplanned
from scheduling.core.schedule import Schedule
from scheduling.core.solvers.assignment import assign_market, is_assignable
from scheduling.core.solvers.flow import balance_weights, rent_weights
from scheduling.core.solvers.incumbent import Clock, FaultySchedule, Incumbent, Progress
from scheduling.core.solvers.market import DEFAULT_MAX_LOTS, MarketPlanner
from scheduling.core.solvers.portfolio import improve_market
from scheduling.core.solvers.shop import improve_shop
from scheduling.core.solvers.suppliers import narrowed

MANY_ORDERS = 100
"""From this many orders of one plain step on, a market is planned by assignment alone."""


def solve(
    problem: Problem,
    *,
    objective: Objective = Objective.MAKESPAN,
    time_limit: float | None = 30.0,
    workers: int = 2,
    seed: int = 0,
    max_lots: int = DEFAULT_MAX_LOTS,
    on_progress: Progress | None = None,
    on_plan: Callable[[Schedule], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Result:
    """Find a good plan, with a proven bound, within `time_limit` wall seconds.

    Args:
        workers: threads for constraint programming (shops), processes for large markets.
        max_lots: the most lots an order is cut into; more lots overlap steps better.
        on_progress: called with (incumbent, lower bound, seconds) as either improves.
        on_plan: called with each sound plan that is better than those before.
        should_stop: asked often; once true, the best plan so far is handed back.

    Raises:
        FaultySchedule: a solver broke a rule of the problem. Every plan passes the checker
            before it may become the incumbent, so nothing faulty is returned.
    """
    clock = Clock(time_limit, should_stop)
    cpu_start = process_time()
    result = Result(status=Status.INVALID, goal=objective, seed=seed)
    if not problem.validate():
        known, goal = as_known_goal(problem, objective)
        incumbent = Incumbent(known, goal, clock, on_progress, on_plan)
        result = _search(incumbent, workers=workers, seed=seed, max_lots=max_lots)
        if result.is_plan and known is not problem and violations(problem, result.schedule):
            result = _within_ceilings(problem, objective, clock, result, seed, max_lots)
        result = replace(result, goal=objective, seed=seed)
    return replace(result, runtime_s=clock.elapsed, cpu_s=process_time() - cpu_start)


def _search(incumbent: Incumbent, *, workers: int, seed: int, max_lots: int) -> Result:
    """Bound, plan, and say how it ended."""
    problem = incumbent.problem
    model = ReachModel(problem)
    if incumbent.goal is Objective.COST and _is_for_assignment(problem):
        return _assigned(incumbent, model, workers=workers)
    bound = lower_bound(problem, incumbent.goal, model=model)
    if bound.value is None:
        return _without_the_hopeless(incumbent, model, seed=seed, max_lots=max_lots)
    incumbent.raise_bound(bound.value)
    if problem.is_shop:
        bound = improve_shop(incumbent, bound, workers=workers, seed=seed)
    else:
        bounds = [bound]
        for part in narrowed(problem, model):
            improve_market(
                MarketPlanner(_model_of(part, model), max_lots=max_lots),
                incumbent,
                seed=seed,
                tighten=lambda: bounds.append(_tightened(model, incumbent, bounds[0])),
            )
            if incumbent.is_optimal or incumbent.clock.is_over:
                break
        bound = bounds[-1]
        _down_to_ceilings(incumbent, model, seed=seed, max_lots=max_lots)
    if incumbent.schedule is None:
        return _without_the_hopeless(incumbent, model, seed=seed, max_lots=max_lots)
    return _planned(incumbent, bound)


def _model_of(part: Problem, model: ReachModel) -> ReachModel:
    return model if part is model.problem else ReachModel(part, calendars=model.calendars)


def _down_to_ceilings(incumbent: Incumbent, model: ReachModel, *, seed: int, max_lots: int) -> None:
    """Where no plan is cheap enough, make one without the price ceilings cheaper until it is."""
    orders = incumbent.problem.orders
    if incumbent.schedule is not None or all(o.price_ceiling_minor is None for o in orders):
        return
    clock = incumbent.clock

    def try_plan(plan: Schedule) -> None:
        incumbent.offer(list(plan))

    free = replace(
        incumbent.problem, orders=tuple(replace(o, price_ceiling_minor=None) for o in orders)
    )
    until_found = Clock(clock.remaining, lambda: clock.is_over or incumbent.schedule is not None)
    cheaper = Incumbent(free, Objective.COST, until_found, on_plan=try_plan)
    reach = ReachModel(free, calendars=model.calendars)
    improve_market(MarketPlanner(reach, max_lots=max_lots), cheaper, seed=seed)


def _within_ceilings(
    problem: Problem,
    objective: Objective,
    clock: Clock,
    free: Result,
    seed: int,
    max_lots: int,
) -> Result:
    """Return the cheapest plan, when the one of least risk breaks a price ceiling.

    What was proven without the ceilings still bounds it.
    """
    incumbent = Incumbent(problem, Objective.COST, clock)
    cheap = _search(incumbent, workers=1, seed=seed, max_lots=max_lots)
    if not cheap.is_plan:
        return cheap
    return replace(
        cheap,
        status=Status.FEASIBLE,
        objective=objective_value(problem, cheap.schedule, objective),
        lower_bound=free.lower_bound,
        certified_bound=free.certified_bound,
        certificate=free.certificate,
        rents=free.rents,
    )


def _is_for_assignment(problem: Problem) -> bool:
    """Tell whether to plan by assignment alone.

    List scheduling does not end in time for many orders, and knows nothing of buying outside.
    """
    has_outside = any(order.outside_price_minor is not None for order in problem.orders)
    return (len(problem.orders) >= MANY_ORDERS or has_outside) and is_assignable(problem)


def _assigned(incumbent: Incumbent, model: ReachModel, *, workers: int) -> Result:
    """Plan a market by assignment, and prove how good that is with the prices it found."""
    plan = assign_market(model, clock=incumbent.clock, workers=workers)
    if not plan.unplanned and incumbent.offer(plan.assignments):
        bound = Bound(value=rented_bound(model, plan.rents), rents=plan.rents)
        incumbent.raise_bound(bound.value)
        return _planned(incumbent, bound)
    schedule = Schedule(assignments=tuple(plan.assignments))
    broken = violations(incumbent.problem, schedule, unplanned=plan.unplanned)
    if broken:
        raise FaultySchedule(broken[0].sentence)
    whys = [why_unplanned(model, model.problem.order_by_id[order]) for order in plan.unplanned]
    is_proven = any(why.is_proven for why in whys)
    return Result(
        status=Status.INFEASIBLE if is_proven else Status.TIMEOUT,
        schedule=schedule,
        unplanned=tuple(whys),
    )


def _tightened(model: ReachModel, incumbent: Incumbent, bound: Bound) -> Bound:
    """Let the prices of a linear programme serve as weights of a better bound."""
    seconds = incumbent.clock.remaining / 2
    if incumbent.is_optimal or incumbent.clock.is_over or incumbent.goal is Objective.TARDINESS:
        return bound
    weights: list[dict[str, int]] = []
    rents: list[Rents] = []
    if incumbent.goal is Objective.COST and is_assignable(incumbent.problem):
        plan = assign_market(model, clock=incumbent.clock, workers=1)
        rents.append(plan.rents)
        if not plan.unplanned:
            incumbent.offer(plan.assignments)
    elif incumbent.goal is Objective.COST:
        weights = rent_weights(model, time_limit=seconds)
    else:
        weights = balance_weights(model, time_limit=seconds)
    better = lower_bound(incumbent.problem, incumbent.goal, weights, rents=rents, model=model)
    if better.value is None or bound.value is None or better.value <= bound.value:
        return bound
    incumbent.raise_bound(better.value)
    return better


def _planned(incumbent: Incumbent, bound: Bound) -> Result:
    assert incumbent.schedule is not None, "called with a plan"
    return Result(
        status=Status.OPTIMAL if incumbent.is_optimal else Status.FEASIBLE,
        objective=incumbent.value,
        lower_bound=incumbent.lower_bound,
        certified_bound=bound.value,
        schedule=incumbent.schedule,
        certificate=bound.weights,
        rents=bound.rents,
    )


def _without_the_hopeless(
    incumbent: Incumbent, model: ReachModel, *, seed: int, max_lots: int
) -> Result:
    """Plan what can be planned and explain the rest, when no plan holds every order."""
    problem = incumbent.problem
    whys = {order.id: why_unplanned(model, order) for order in problem.orders}
    proven = {order for order, why in whys.items() if why.is_proven}
    left_out: list[Unplanned] = [why for why in whys.values() if why.is_proven]
    keep = [order for order in problem.orders if order.id not in proven]
    held_by_frozen = {a.order for a in problem.frozen}
    schedule = Schedule(assignments=problem.frozen)
    planned = {order.id for order in problem.orders if model.is_settled(order)}
    while keep and not incumbent.clock.is_over:
        part = replace(
            problem,
            orders=tuple(o for o in problem.orders if o in keep or o.id in held_by_frozen),
        )
        attempt = Incumbent(part, incumbent.goal, incumbent.clock)
        whole = ReachModel(part, calendars=model.calendars)
        narrow = next(narrowed(part, whole), part)
        planner = MarketPlanner(_model_of(narrow, whole), max_lots=max_lots)
        failure = improve_market(planner, attempt, seed=seed)
        if attempt.schedule is not None:
            schedule = attempt.schedule
            planned = {a.order for a in schedule}
            break
        dropped = failure.lot.order if failure is not None else keep[-1]
        keep = [order for order in keep if order.id != dropped.id]
        left_out.append(whys[dropped.id])
    named = {why.order for why in left_out}
    left_out += [whys[o.id] for o in problem.orders if o.id not in planned and o.id not in named]
    must_make = {o.id for o in problem.orders if o.outside_price_minor is None}
    left_out = [why for why in left_out if why.order in must_make]
    if not left_out and incumbent.offer(list(schedule)):
        return _planned(incumbent, Bound(value=incumbent.lower_bound))
    return Result(
        status=Status.INFEASIBLE if proven else Status.TIMEOUT,
        schedule=schedule,
        unplanned=tuple(left_out),
    )
