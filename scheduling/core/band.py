"""Answer a buyer at once: a band of date and price from real capacity, before any plan.

`earliest` is proven: no plan completes sooner. `likely` reckons with the low rates and with
lots of a usual size. Prices fill machines step by step from the cheapest on, once with all
the time there is and once with only the time until the earliest date. `offers` are plans, which
a quote found in the meantime.
"""

from dataclasses import dataclass, replace

from scheduling.core.book import CapacityBook
from scheduling.core.bounds import makespan_bound, minutes_per_piece, price_per_piece, step_weights
from scheduling.core.calendars import NEVER
from scheduling.core.candidates import removals, why_unplanned
from scheduling.core.faults import InvalidProblem
from scheduling.core.measures import objective_value
from scheduling.core.problem import MINUTES_PER_HOUR, Order, Problem
from scheduling.core.quotes import Offer, quote
from scheduling.core.reach import ReachModel
from scheduling.core.result import Objective, Unplanned
from scheduling.core.safety import cautious
from scheduling.core.schedule import Schedule
from scheduling.core.solvers.dispatch import NoPlace
from scheduling.core.solvers.market import MarketPlanner, Recipe

USUAL_LOTS = 1250
MOST_PLANNED_LOTS = 64
"""An order that takes more is neither planned nor quoted here: that takes its time."""
TRIED_LOTS = (1, 8, 24)
QUOTE_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Band:
    """What can be promised roughly; None everywhere, with `reason`, when nothing can.

    Dates are minutes on the problem's axis, prices minor units for the whole order. `offers` can
    be booked as they stand: the soonest, then one that costs less, if it is not late for it.
    """

    earliest: int | None = None
    likely: int | None = None
    price_low_minor: int | None = None
    price_high_minor: int | None = None
    machines: int = 0
    factories: int = 0
    offers: tuple[Offer, ...] = ()
    reason: Unplanned | None = None


def band(problem: Problem) -> Band:
    """Return the band of the one order in `problem`.

    Raises:
        InvalidProblem: the problem has faults.
        ValueError: the problem has not exactly one order.
    """
    faults = problem.validate()
    if faults:
        raise InvalidProblem(faults)
    if len(problem.orders) != 1:
        raise ValueError("a band is given for one order at a time")
    (order,) = problem.orders
    model = ReachModel(problem)
    capable = _capable(model, order)
    machines = {machine for machine, _ in capable}
    earliest = makespan_bound(model, step_weights(model)).value
    if earliest is None:
        return Band(machines=len(machines), reason=why_unplanned(model, order))
    latest = order.deadline if order.deadline is not None else order.due
    low = _filled_price(model, order, NEVER if latest is None else max(latest, earliest))
    high = _filled_price(model, order, earliest)
    return Band(
        earliest=earliest,
        likely=max(earliest, _likely(problem, order) or earliest),
        price_low_minor=min(low, high),
        price_high_minor=max(low, high),
        machines=len(machines),
        factories=len({factory for _, factory in capable}),
        offers=_offers(problem, model, order),
    )


def _capable(model: ReachModel, order: Order) -> set[tuple[str, str]]:
    removed = {(removal.step, removal.machine) for removal in removals(model, order)}
    return {
        (option.machine.id, option.machine.factory)
        for step in range(len(order.steps))
        for option in model.options[(order.id, step)]
        if (step, option.machine.id) not in removed
    }


def _offers(problem: Problem, model: ReachModel, order: Order) -> tuple[Offer, ...]:
    if MarketPlanner(model).fewest_lots(order) > MOST_PLANNED_LOTS:
        return ()
    quoted = quote(CapacityBook(replace(problem, orders=())), order, time_s=QUOTE_S)
    if quoted.soonest is None or quoted.cheapest is None:
        return ()
    in_time = max(order.due or 0, quoted.soonest.completion)
    is_cheaper = quoted.cheapest.cost_minor < quoted.soonest.cost_minor
    if is_cheaper and quoted.cheapest.completion <= in_time:
        return quoted.soonest, quoted.cheapest
    return (quoted.soonest,)


def _likely(problem: Problem, order: Order) -> int | None:
    """Return a date that low rates allow, deadlines left aside.

    A small order is planned, quickly; for a large one the capacity bound with lots of the
    usual size is close enough, and much quicker than a plan.
    """
    careful = replace(cautious(problem), orders=(replace(order, deadline=None),))
    planner = MarketPlanner(ReachModel(careful))
    if planner.fewest_lots(order) > MOST_PLANNED_LOTS:
        return _capacity_date(careful, order.quantity // USUAL_LOTS)
    found: list[int] = []
    for lots in TRIED_LOTS:
        try:
            plan = planner.plan(Recipe(lots=lots, sequence=(order.id,)))
        except NoPlace:
            continue
        schedule = Schedule(assignments=tuple(plan))
        found.append(objective_value(careful, schedule, Objective.MAKESPAN))
    return min(found, default=None)


def _capacity_date(problem: Problem, usual: int) -> int | None:
    """Return the capacity bound when lots are of the `usual` size."""
    model = ReachModel(problem, usual_lots={order.id: usual for order in problem.orders})
    return makespan_bound(model, step_weights(model)).value


def _filled_price(model: ReachModel, order: Order, finish: int) -> int:
    """Fill each step from its cheapest machine on, as far as time until `finish` allows."""
    keys = [(order.id, step) for step in range(len(order.steps))]
    latest = model.latest({order.id: finish}, keys)
    total = 0.0
    for key in keys:
        left = float(model.demand(key))
        price = 0.0
        for option in sorted(model.options[key], key=price_per_piece):
            if left <= 0:
                break
            price = float(price_per_piece(option))
            minutes = model.capacity(option.machine.id, [key], latest)
            pieces = min(left, minutes / float(minutes_per_piece(option)))
            if pieces > 0:
                set_up = option.set_up_minutes * option.price_per_hour_minor / MINUTES_PER_HOUR
                total += pieces * price + set_up
                left -= pieces
        total += max(0.0, left) * price
    return round(total)
