"""Plan a new order where others have the hours: a few of their lots make room for it.

They keep what their orders were promised. Where this is asked, everything else has been tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from scheduling.core.book import CapacityBook
from scheduling.core.bounds import lower_bound
from scheduling.core.consequences import Moved
from scheduling.core.events import OrderRushed
from scheduling.core.measures import completion_by_order
from scheduling.core.problem import Order, Problem
from scheduling.core.repair import TIME_S, repair
from scheduling.core.result import Objective, Result, Status
from scheduling.core.schedule import Assignment, Schedule


@dataclass(frozen=True, kw_only=True)
class Rush:
    """A plan of a new order by its deadline, and the bookings of others that move for it.

    `alone` is the order as if all that may move were gone: what its bound is proven for.
    """

    alone: Problem
    result: Result
    moved: tuple[Moved, ...]

    @property
    def moved_minutes(self) -> int:
        """Minutes of others' work that move."""
        return sum(one.before.end - one.before.start for one in self.moved)


def rush(
    problem: Problem, order_id: str, *, freeze_until: int, time_s: float = TIME_S
) -> Rush | None:
    """Place one order of `problem` by its deadline; the frozen bookings of others may move.

    Each stays in one piece and within the release and the deadline of its own order. None where
    that was not found, and where nobody has to move.

    Args:
        freeze_until: bookings that start before it stay.
        time_s: wall seconds after which nobody else is asked to make room.

    Raises:
        KeyError: the problem has no such order.
        FaultySchedule: the new bookings break a rule: our bug.
    """
    order = problem.order_by_id[order_id]
    others = tuple(one for one in problem.orders if one.id != order_id)
    book = CapacityBook(replace(problem, orders=others, frozen=()), problem.frozen)
    found = repair(
        book, OrderRushed(order=order), now=problem.now, freeze_until=freeze_until, time_s=time_s
    )
    changed = _changed(book, problem.frozen)
    if found.unplaced or found.late or any(one.after is None for one in changed):
        return None
    moved = _needed(book, changed)
    if not moved:
        return None
    alone = replace(problem, orders=(order,), frozen=())
    return Rush(alone=alone, result=_result(alone, order, book.of(order.id)), moved=moved)


def _changed(book: CapacityBook, before: Sequence[Assignment]) -> list[Moved]:
    """Return every booking that is not as it was, also where it only got a set-up before it."""
    after = [book.lot(one.order, one.lot).get(one.step) for one in before]
    pairs = zip(before, after, strict=True)
    return [Moved(before=one, after=other) for one, other in pairs if other != one]


def _needed(book: CapacityBook, moved: Sequence[Moved]) -> tuple[Moved, ...]:
    """Put back into `book` what moved for nothing; return the others."""
    left = []
    for one in moved:
        assert one.after is not None, "it has a place"
        book.remove([one.after])
        book.add((), [one.before])
        touched = {one.before.machine, one.after.machine}
        if _clash(book.on(one.before.machine)) or book.bereft(touched, since=0):
            book.remove([one.before])
            book.add((), [one.after])
            left.append(one)
    return tuple(left)


def _clash(booked: Sequence[Assignment]) -> bool:
    """Tell whether two bookings on a machine, in order of start, overlap."""
    return any(a.end > b.start for a, b in pairwise(booked))


def _result(alone: Problem, order: Order, booked: Sequence[Assignment]) -> Result:
    schedule = Schedule(assignments=tuple(sorted(booked)))
    return Result(
        status=Status.FEASIBLE,
        objective=completion_by_order(alone, schedule)[order.id],
        lower_bound=lower_bound(alone, Objective.MAKESPAN).value,
        schedule=schedule,
    )
