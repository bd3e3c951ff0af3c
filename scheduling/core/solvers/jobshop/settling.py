"""Settle a shop for a target makespan: fix starts in order of time, windows narrowed each time.

The operation that can start first starts then; if that leaves some window empty, it must come
later, after another of its machine. When even that fails, the windows of that moment still say
well enough who is urgent to make a plan from them.
"""

from collections.abc import Callable

import numpy as np

from scheduling.core.solvers.compiled import kernel
from scheduling.core.solvers.jobshop.arrays import JobShop, Number, Whole
from scheduling.core.solvers.jobshop.dispatching import pop, push
from scheduling.core.solvers.jobshop.windows import (
    FEASIBLE,
    INFEASIBLE,
    UNFINISHED,
    Tree,
    Windows,
    end_by,
    narrow,
    start_from,
    windows,
)

MACHINES_A_LOOK = 2_000
DECISIONS_A_LOOK = 500
NEVER = 2**60


def settle(
    shop: JobShop, heads: Whole, tails: Whole, target: int, *, is_over: Callable[[], bool]
) -> Number | None:
    """Return the middles of the windows, which rank operations; None if nothing is possible.

    Where every window has been closed, inserting by this rank ends by `target`. None also
    means that `is_over` said to stop before anything was known.
    """
    held, tree = windows(shop, heads, tails, target)
    found = UNFINISHED
    while found == UNFINISHED:
        if is_over():
            return None
        found = narrow(shop, held, tree, MACHINES_A_LOOK)
    if found == INFEASIBLE:
        return None
    order = np.argsort(held.start, kind="stable")
    ranks, waiting = held.start[order].astype(np.float64), order.copy()
    size = np.array([len(order)])
    while not is_over():
        if _settle(shop, held, tree, ranks, waiting, size, DECISIONS_A_LOOK) != UNFINISHED:
            break
    return (held.start + held.end).astype(np.float64)


@kernel
def _settle(
    shop: JobShop,
    held: Windows,
    tree: Tree,
    ranks: Number,
    waiting: Whole,
    size: Whole,
    limit: int,
) -> int:
    """Fix starts until all are fixed, none can be, or `limit` were.

    `ranks` and `waiting` are a heap of `size[0]` operations by earliest start, which may be
    out of date: starts only ever rise.
    """
    starts, ends = np.empty_like(held.start), np.empty_like(held.end)
    while size[0]:
        operation = pop(ranks, waiting, 0, size[0])
        size[0] -= 1
        room = held.end[operation] - held.start[operation] - shop.duration[operation]
        if room == 0:
            continue
        start = held.start[operation]
        if size[0] and start > ranks[0]:
            push(ranks, waiting, 0, size[0], float(start), operation)
            size[0] += 1
            continue
        urgent = _most_urgent(shop, held, operation)
        starts[:], ends[:] = held.start, held.end
        end = held.start[urgent] + shop.duration[urgent]
        if not (end_by(shop, held, urgent, end) and narrow(shop, held, tree, -1) == FEASIBLE):
            _restore(held, starts, ends)
            later = _first_end_of_others(shop, held, urgent)
            if not (
                start_from(shop, held, urgent, later) and narrow(shop, held, tree, -1) == FEASIBLE
            ):
                _restore(held, starts, ends)
                return INFEASIBLE
        push(ranks, waiting, 0, size[0], float(held.start[operation]), operation)
        size[0] += 1
        limit -= 1
        if limit == 0:
            return UNFINISHED
    return FEASIBLE


@kernel
def _most_urgent(shop: JobShop, held: Windows, operation: int) -> int:
    """Return the operation of the same machine that could start by then and must start first."""
    machine = shop.machine[operation]
    best = operation
    for other in held.by_start[shop.first[machine] : shop.first[machine + 1]]:
        room = held.end[other] - held.start[other] - shop.duration[other]
        if room == 0 or held.start[other] > held.start[operation]:
            continue
        if held.end[other] - shop.duration[other] < held.end[best] - shop.duration[best]:
            best = other
    return best


@kernel
def _first_end_of_others(shop: JobShop, held: Windows, operation: int) -> int:
    """Return the earliest end of another operation of the machine that this one may follow."""
    machine = shop.machine[operation]
    first = NEVER
    for other in held.by_start[shop.first[machine] : shop.first[machine + 1]]:
        end = held.start[other] + shop.duration[other]
        if other != operation and end > held.start[operation]:
            first = min(first, end)
    return first


@kernel
def _restore(held: Windows, starts: Whole, ends: Whole) -> None:
    """Go back to saved windows, with no machine to look at."""
    held.start[:], held.end[:] = starts, ends
    held.is_queued[:] = 0
    held.waiting[1] = 0
