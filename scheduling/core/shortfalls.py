"""Say where an order has the least room: which step, from when to when, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from scheduling.core.bounds import minutes_per_piece
from scheduling.core.calendars import NEVER, calendar_of
from scheduling.core.problem import Machine, Order, Problem
from scheduling.core.schedule import Assignment


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """The step whose open lots have the least room: from when to when, and how much is there.

    `end` None means that nothing bounds it. `needed_minutes` is what the open pieces take on
    the fastest machine that has time, `free_minutes` what all machines have open then. These
    add up over `factories`, by name, and say much about one of them where there are few.
    """

    step: int
    start: int
    end: int | None
    needed_minutes: int
    free_minutes: int
    factories: tuple[str, ...]

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
        factories=tuple(sorted({option.machine.factory for option in able})),
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
