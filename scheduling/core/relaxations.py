"""Find which single limit of an order has to give way for it to be planned, and by how much.

Each relaxation comes with a plan that keeps all other limits and passes the checker, so whoever
is offered one can have it. What factories and machines ask for (smallest lots, windows, prices)
is theirs and never gives way.
"""

from collections.abc import Callable, Collection, Iterator, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from scheduling.core.measures import completion_by_order, cost_by_order
from scheduling.core.problem import Machine, Order, Problem
from scheduling.core.result import Objective, Result
from scheduling.core.schedule import Schedule
from scheduling.core.solvers import solve
from scheduling.core.solvers.fewer import fewer_pieces, whole_lots, with_quantity
from scheduling.core.solvers.incumbent import Clock
from scheduling.core.solvers.market import DEFAULT_MAX_LOTS

TRIED_NAMES = 4
"""How many certificates or factories are left out one at a time, before all of them together."""
TRIED_CAPS = (1, 2, 4)
"""By how much a cap on factories is raised before it is lifted."""
TRIED_LOTS = 4
"""How many quantities of whole lots are tried, the least first."""


class Limit(StrEnum):
    """A limit of an order that may give way."""

    DATE = "date"
    """Its deadline."""
    PRICE = "price"
    """Its price ceiling."""
    QUANTITY = "quantity"
    """Its pieces: the lots that find no place are left out."""
    LOT = "lot"
    """Its pieces, raised until they make whole lots of a size that the machines take."""
    CERTIFICATES = "certificates"
    """The certificates it asks for."""
    EXCLUSIONS = "exclusions"
    """The factories and machines it excludes."""
    REGION = "region"
    """The machines it is limited to, such as those nearby."""
    FACTORIES = "factories"
    """Over how many factories it may be spread."""


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """One limit with the value that is enough, and the plan that shows it.

    `value` is the deadline in minutes, the ceiling in minor units, the pieces, the most factories,
    or how many `names` are meant: certificates that are not asked for, factories and machines that
    are allowed again, machines that are admitted too. `share` says how much of the limit gives way
    (a tenth more money and a tenth fewer pieces are both 0.1). `problem` has the new limit in place
    of the old one; `result` is a plan of it.
    """

    limit: Limit
    value: int
    names: tuple[str, ...] = ()
    share: float
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
    found by then is returned. The limit of which the least part gives way comes first.

    Raises:
        ValueError: the problem has not exactly one order.
    """
    if len(problem.orders) != 1:
        raise ValueError("relaxations are found for one order at a time")
    clock = Clock(time_limit, should_stop)
    found: list[Relaxation] = []
    limits = list(_limits(problem))
    for place, limit in enumerate(limits):
        share = Clock(clock.remaining / (len(limits) - place), should_stop)
        probe = _fewer if limit is Limit.QUANTITY else _freed
        one = probe(problem, limit, share, seed=seed, max_lots=max_lots)
        if one is not None:
            found.append(one)
    return tuple(sorted(found, key=lambda one: one.share))


def relaxed(
    problem: Problem,
    limit: Limit,
    value: int,
    *,
    names: Collection[str] = (),
    lots: Collection[int] | None = None,
) -> Problem:
    """Return `problem` with one limit at `value`; `lots` are those that a lower quantity keeps."""
    if limit in (Limit.QUANTITY, Limit.LOT):
        return with_quantity(problem, value, lots=lots)
    (order,) = problem.orders
    named = frozenset(names)
    if limit is Limit.DATE:
        order = replace(order, deadline=value)
    elif limit is Limit.PRICE:
        order = replace(order, price_ceiling_minor=value)
    elif limit is Limit.FACTORIES:
        order = replace(order, max_factories=value)
    elif limit is Limit.CERTIFICATES:
        order = replace(order, certificates=order.certificates - named)
    elif limit is Limit.EXCLUSIONS:
        factories, machines = order.excluded_factories - named, order.excluded_machines - named
        order = replace(order, excluded_factories=factories, excluded_machines=machines)
    else:
        order = replace(order, admitted_machines=(order.admitted_machines or frozenset()) | named)
    return replace(problem, orders=(order,))


def _limits(problem: Problem) -> Iterator[Limit]:
    (order,) = problem.orders
    is_set = {
        Limit.DATE: order.deadline is not None,
        Limit.PRICE: order.price_ceiling_minor is not None,
        Limit.QUANTITY: order.is_splittable,
        Limit.LOT: order.is_splittable and not problem.frozen and not order.cut,
        Limit.CERTIFICATES: bool(order.certificates),
        Limit.EXCLUSIONS: bool(order.excluded_factories or order.excluded_machines),
        Limit.REGION: order.admitted_machines is not None,
        Limit.FACTORIES: order.max_factories is not None,
    }
    yield from (limit for limit, applies in is_set.items() if applies)


def _freed(
    problem: Problem, limit: Limit, clock: Clock, *, seed: int, max_lots: int
) -> Relaxation | None:
    """Plan without the limit, as early or as cheaply as possible, and see what it comes to."""
    goal = Objective.MAKESPAN if limit is Limit.DATE else Objective.COST
    found: list[Relaxation] = []
    for free, is_last in _without(problem, limit):
        if is_last and found:
            break
        result = solve(
            free,
            objective=goal,
            time_limit=clock.remaining,
            seed=seed,
            max_lots=max_lots,
            should_stop=lambda: clock.is_over,
        )
        if result.is_plan:
            found.append(_come_to(problem, limit, free, result))
            if limit in (Limit.FACTORIES, Limit.LOT):
                break  # the first is the least
    return min(found, key=lambda one: (one.share, one.result.objective or 0), default=None)


def _without(problem: Problem, limit: Limit) -> Iterator[tuple[Problem, bool]]:
    """Yield problems in which the limit gives way, with whether that is all of it."""
    (order,) = problem.orders
    if limit in (Limit.CERTIFICATES, Limit.EXCLUSIONS):
        names = sorted(_names(order, limit))
        single = names[:TRIED_NAMES] if len(names) > 1 else []
        for name in single:
            yield relaxed(problem, limit, 1, names=[name]), False
        yield relaxed(problem, limit, len(names), names=names), True
    elif limit is Limit.FACTORIES:
        for more in TRIED_CAPS:
            yield relaxed(problem, limit, (order.max_factories or 0) + more), False
        yield replace(problem, orders=(replace(order, max_factories=None),)), True
    elif limit is Limit.LOT:
        larger = (pieces for pieces in whole_lots(problem) if pieces > order.quantity)
        for pieces in islice(larger, TRIED_LOTS):
            yield relaxed(problem, limit, pieces), False
    else:
        free = {
            Limit.DATE: {"deadline": None},
            Limit.PRICE: {"price_ceiling_minor": None},
            Limit.REGION: {"admitted_machines": None},
        }[limit]
        yield replace(problem, orders=(replace(order, **free),)), True  # type: ignore[arg-type]


def _names(order: Order, limit: Limit) -> Set[str]:
    if limit is Limit.CERTIFICATES:
        return order.certificates
    return order.excluded_factories | order.excluded_machines


def _come_to(problem: Problem, limit: Limit, free: Problem, result: Result) -> Relaxation:
    """Return the relaxation that is just enough for a plan of the `free` problem."""
    (order,) = problem.orders
    machines = _machines(problem, result.schedule)
    names: Set[str] = frozenset()
    if limit is Limit.DATE:
        value = completion_by_order(problem, result.schedule)[order.id]
    elif limit is Limit.PRICE:
        value = cost_by_order(problem, result.schedule)[order.id]
    elif limit is Limit.FACTORIES:
        value = len({machine.factory for machine in machines})
    elif limit is Limit.LOT:
        value = free.orders[0].quantity
    else:
        names = _needed_names(order, limit, machines)
        value = len(names)
    return Relaxation(
        limit=limit,
        value=value,
        names=tuple(sorted(names)),
        share=_share(problem, limit, value),
        problem=relaxed(problem, limit, value, names=names),
        result=result,
    )


def _machines(problem: Problem, schedule: Schedule) -> list[Machine]:
    return [problem.machine_by_id[name] for name in {a.machine for a in schedule}]


def _needed_names(order: Order, limit: Limit, machines: list[Machine]) -> Set[str]:
    if limit is Limit.CERTIFICATES:
        return frozenset().union(*(order.certificates - m.certificates for m in machines))
    used = {machine.id for machine in machines}
    if limit is Limit.EXCLUSIONS:
        return (used | {machine.factory for machine in machines}) & _names(order, limit)
    return used - (order.admitted_machines or frozenset())


def _share(problem: Problem, limit: Limit, value: int) -> float:
    """Return how much of a limit gives way at `value`, as a share of what it was."""
    (order,) = problem.orders
    before = {
        Limit.PRICE: order.price_ceiling_minor,
        Limit.QUANTITY: order.quantity,
        Limit.LOT: order.quantity,
        Limit.FACTORIES: order.max_factories,
    }.get(limit)
    if before is not None:
        return abs(value - before) / max(1, before)
    if limit is Limit.DATE:
        deadline = order.deadline or 0
        return (value - deadline) / max(1, deadline - problem.earliest_start(order))
    whole = order.admitted_machines or () if limit is Limit.REGION else _names(order, limit)
    return value / max(1, len(whole))


def _fewer(
    problem: Problem, limit: Limit, clock: Clock, *, seed: int, max_lots: int
) -> Relaxation | None:
    """Leave out lots that find no place."""
    if problem.validate():
        return None
    found = fewer_pieces(problem, clock, seed=seed, max_lots=max_lots)
    if found is None:
        return None
    smaller, result = found
    value = smaller.orders[0].quantity
    share = _share(problem, limit, value)
    return Relaxation(limit=limit, value=value, share=share, problem=smaller, result=result)
