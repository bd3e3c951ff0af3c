"""Answer about one order at once, with a plan that the market's bookings leave room for.

A quote is a plan: what it promises can be booked as it stands. It looks at the machines that
would finish first or cost least, spreads the order over few lots, and keeps the soonest and
the cheapest of the plans it has time for. Where no plan is found it says why.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

from scheduling.core.book import CapacityBook, own
from scheduling.core.checker import violations
from scheduling.core.measures import completion_by_order, cost_by_order
from scheduling.core.problem import Option, Order, Problem
from scheduling.core.reach import ReachModel
from scheduling.core.refusals import why_refused
from scheduling.core.result import Unplanned
from scheduling.core.schedule import Assignment, Schedule
from scheduling.core.solvers.dispatch import NoPlace, OutOfTime
from scheduling.core.solvers.market import MarketPlanner, Recipe

SPREADS = (1, 4, 12, 36)
"""How many machines a step is spread over, one after the other."""
CANDIDATES_PER_SHARE = 2
CHEAP_CANDIDATES = 4
CAPPED_CHOICES = 4
"""Choices of factories that are planned for an order that allows only so many."""
CAPPED_MACHINES = 1000
"""Machines of a step among whose factories those choices are made."""
TIME_S = 0.05
"""After this, no further plan is tried; the first always is."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One plan of the order: bookable as it stands, while nothing else is booked."""

    completion: int
    cost_minor: int
    assignments: tuple[Assignment, ...]

    @property
    def machines(self) -> frozenset[str]:
        """The ids of the machines that work for it."""
        return frozenset(a.machine for a in self.assignments)


@dataclass(frozen=True, kw_only=True)
class Quote:
    """The soonest and the cheapest plan seen; where none was, `refusal` says why."""

    soonest: Offer | None = None
    cheapest: Offer | None = None
    refusal: Unplanned | None = None


def quote(book: CapacityBook, order: Order, *, time_s: float = TIME_S) -> Quote:
    """Return date and price of `order` that the free time in `book` can keep.

    Pieces that could be bought outside are quoted as made all the same.

    Args:
        time_s: wall seconds after which the best plans so far are the answer.
    """
    end = monotonic() + time_s
    offers: list[Offer] = []
    for spread, machines in _neighbourhoods(book, order):
        if offers and monotonic() > end:
            break
        small = book.around([order], machines)
        offers.extend(_offers(book, small, order, spread, end, has_one=bool(offers)))
    if not offers:
        return Quote(refusal=why_refused(book, order))
    return Quote(
        soonest=min(offers, key=lambda o: (o.completion, o.cost_minor)),
        cheapest=min(offers, key=lambda o: (o.cost_minor, o.completion)),
    )


def _neighbourhoods(book: CapacityBook, order: Order) -> Iterator[tuple[int, set[str]]]:
    """Yield how many machines a step is spread over, and the machines that suit that best."""
    if order.max_factories is not None:
        for factories in _choices(book, order):
            machines = {m.id for factory in factories for m in book.machines_of(factory)}
            yield max(1, len(machines) // len(order.steps)), machines
        return
    for spread in SPREADS:
        chosen: set[str] = set()
        ready = [0] * len(order.steps)
        for step in order.step_sequence:
            ranked = _ranked(book, order, step, spread, ready[step])
            ranked = ranked or _ranked(book, order, step, spread, 0)
            if not ranked:
                break
            chosen |= {option.machine.id for _, option in ranked}
            for after in order.successors[step]:
                ready[after] = max(ready[after], int(ranked[0][0]))
        else:
            yield spread, chosen


def _ranked(
    book: CapacityBook, order: Order, step: int, spread: int, ready: int
) -> list[tuple[float, Option]]:
    """Return the machines that suit a step best, with those that its quotas ask for."""
    ranked = book.supply.soonest(
        order,
        step,
        pieces=order.quantity / spread,
        ready=ready,
        most=spread * CANDIDATES_PER_SHARE,
        by_price=CHEAP_CANDIDATES,
    )
    asked = {q.factory for q in order.quotas if q.step == step and q.at_least > 0}
    if asked:
        admitted = book.supply.admitted(order, step)
        ranked += [(ready, option) for option in admitted if option.machine.factory in asked]
    return ranked


def _choices(book: CapacityBook, order: Order) -> Iterator[frozenset[str]]:
    """Yield sets of factories within the cap that can do all steps, soonest machines first.

    A set grows from a first member by the factory that covers most of the missing steps; what
    the cap then leaves goes to the next best factories.
    """
    most = order.max_factories
    assert most is not None, "called for capped orders"
    ranks: dict[str, dict[int, int]] = {}
    for step in range(len(order.steps)):
        soonest = book.supply.soonest(
            order, step, pieces=order.quantity / most, most=CAPPED_MACHINES
        )
        for rank, (_, option) in enumerate(soonest):
            ranks.setdefault(option.machine.factory, {}).setdefault(step, rank)
    asked = frozenset(q.factory for q in order.quotas if q.at_least > 0)
    best = sorted(ranks, key=lambda f: (-len(ranks[f]), sum(ranks[f].values()), f))
    seen: set[frozenset[str]] = set()
    for first in best[:CAPPED_CHOICES]:
        chosen = {first} | asked
        missing = set(range(len(order.steps))).difference(*(ranks.get(f, ()) for f in chosen))
        while missing and len(chosen) < most:
            covers = {f: missing & steps.keys() for f, steps in ranks.items()}
            added = min(
                (f for f in covers if covers[f]),
                key=lambda f: (-len(covers[f]), sum(ranks[f][s] for s in covers[f]), f),
                default=None,
            )
            if added is None:
                return
            chosen.add(added)
            missing -= covers[added]
        chosen |= set([f for f in best if f not in chosen][: max(0, most - len(chosen))])
        if not missing and len(chosen) <= most and frozenset(chosen) not in seen:
            seen.add(frozenset(chosen))
            yield frozenset(chosen)


def _offers(
    book: CapacityBook, small: Problem, order: Order, spread: int, end: float, *, has_one: bool
) -> Iterator[Offer]:
    """Plan the order in lots for `spread` machines, soonest first and cheapest first."""
    planner = MarketPlanner(ReachModel(small, calendars=book.calendars_of(small)))
    fewest = planner.fewest_lots(order)
    for lots, cheapest_first in ((spread, False), (spread, True), (3 * spread, False)):
        if has_one and monotonic() > end:
            return
        recipe = Recipe(lots=max(fewest, lots), sequence=(order.id,), cheapest_first=cheapest_first)
        try:
            plan = planner.plan(recipe, is_over=(lambda: monotonic() > end) if has_one else None)
        except (NoPlace, OutOfTime):
            continue
        offer = _offer(small, order, plan)
        if offer is not None:
            has_one = True
            yield offer


def _offer(small: Problem, order: Order, plan: list[Assignment]) -> Offer | None:
    """Return a plan as an offer, unless it misses a limit."""
    schedule = Schedule(assignments=(*small.frozen, *plan))
    if violations(small, schedule):
        return None
    return Offer(
        completion=completion_by_order(small, schedule)[order.id],
        cost_minor=cost_by_order(small, schedule)[order.id],
        assignments=tuple(own(plan)),
    )
