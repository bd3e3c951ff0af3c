"""Choose which factories may work on an order that allows only so many."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from itertools import islice

from scheduling.core.bounds import minutes_per_piece
from scheduling.core.cover import smallest_cover
from scheduling.core.problem import Order, Problem
from scheduling.core.reach import ReachModel

TRIED_CHOICES = 6
"""How many choices of factories are planned in full, the most promising first."""

Speeds = Mapping[str, Mapping[int, float]]
"""Per factory and step: pieces per day, counting only idle minutes."""

Rank = tuple[int, float, float]
"""Steps that nobody does, days of the slowest step, days of all steps: the less the better."""


def narrowed(problem: Problem, model: ReachModel) -> Iterator[Problem]:
    """Yield `problem` with each capped order left to one choice of factories, best first.

    Yields `problem` itself when no order has a cap; nothing when some cap cannot be kept.
    """
    choices = {
        order.id: list(islice(_choices(model, order), TRIED_CHOICES))
        for order in problem.orders
        if order.max_factories is not None
    }
    if not choices:
        yield problem
    if not all(choices.values()):
        return
    for turn in range(max((len(found) for found in choices.values()), default=0)):
        yield replace(
            problem,
            orders=tuple(
                _left_to(problem, order, choices[order.id][turn % len(choices[order.id])])
                if order.id in choices
                else order
                for order in problem.orders
            ),
        )


def _left_to(problem: Problem, order: Order, chosen: frozenset[str]) -> Order:
    others = problem.factories - chosen
    return replace(order, excluded_factories=order.excluded_factories | others)


def _choices(model: ReachModel, order: Order) -> Iterator[frozenset[str]]:
    """Yield sets of factories that can do all steps, grown from different first members.

    Best first; the smallest cover is among them, so there is one whenever one exists.
    """
    assert order.max_factories is not None, "called for capped orders"
    speeds = _speeds(model, order)
    at_work = {
        model.problem.machine_by_id[a.machine].factory
        for a in model.problem.frozen
        if a.order == order.id
    }
    found: dict[frozenset[str], Rank] = {}
    for first in (*({factory} for factory in speeds), smallest_cover(model, order) or set()):
        chosen = _grown(order, speeds, first | at_work)
        rank = _rank(order, speeds, chosen)
        if len(chosen) <= order.max_factories and rank[0] == 0:
            found[chosen] = rank
    yield from sorted(found, key=lambda chosen: (found[chosen], sorted(chosen)))


def _speeds(model: ReachModel, order: Order) -> Speeds:
    speeds: dict[str, dict[int, float]] = {}
    for step in range(len(order.steps)):
        for option in model.options[(order.id, step)]:
            machine = option.machine
            calendar = model.calendars[machine.id]
            end = calendar.ends[-1] if calendar.ends else 0
            share = calendar.total_minutes / end if end else 0.0
            at_factory = speeds.setdefault(machine.factory, {})
            pieces = 1440 * share / float(minutes_per_piece(option))
            at_factory[step] = at_factory.get(step, 0.0) + pieces
    return speeds


def _grown(order: Order, speeds: Speeds, start: Set[str]) -> frozenset[str]:
    """Add the factory that helps the slowest step most, until the cap or no gain."""
    assert order.max_factories is not None, "called for capped orders"
    chosen = frozenset(start)
    while len(chosen) < order.max_factories:
        best = min(
            (chosen | {factory} for factory in speeds if factory not in chosen),
            key=lambda grown: (_rank(order, speeds, grown), sorted(grown)),
            default=chosen,
        )
        if _rank(order, speeds, best) >= _rank(order, speeds, chosen):
            break
        chosen = best
    return chosen


def _rank(order: Order, speeds: Speeds, chosen: frozenset[str]) -> Rank:
    totals = [
        sum(speeds.get(factory, {}).get(step, 0.0) for factory in chosen)
        for step in range(len(order.steps))
    ]
    days = [order.quantity / total for total in totals if total > 0]
    return sum(total <= 0 for total in totals), max(days, default=0.0), sum(days)
