"""A plan as its disjunctive graph, kept up to date as operations move on their machines.

The head of an operation is the longest path to its start, the tail the longest path from its
end. A move changes the order of a few operations; heads and tails are recomputed for those
that really change, in topological order, which is repaired where it was disturbed.
"""

from typing import NamedTuple

import numpy as np

from scheduling.core.solvers.compiled import kernel
from scheduling.core.solvers.jobshop.arrays import NONE, JobShop, Whole


class Graph(NamedTuple):
    """One plan; the arrays are changed in place."""

    before: Whole
    """Per operation: the one before it on its machine, or -1."""
    after: Whole
    last: Whole
    """Per machine: its last operation, or -1."""
    order: Whole
    """Operations in a topological order."""
    place: Whole
    """Per operation: its place in `order`."""
    head: Whole
    tail: Whole
    touched: Whole
    """Per place of `order`: whether its head or tail must be looked at; all 0 between moves."""


def graph(shop: JobShop, starts: Whole) -> Graph:
    """Return the graph of the plan in which operations follow each other as `starts` say."""
    operations, machines = len(starts), len(shop.first) - 1
    order = np.argsort(starts, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(operations)
    by_machine = np.lexsort((starts, shop.machine))
    before, after = np.full(operations, NONE), np.full(operations, NONE)
    same = shop.machine[by_machine[1:]] == shop.machine[by_machine[:-1]]
    after[by_machine[:-1][same]] = by_machine[1:][same]
    before[by_machine[1:][same]] = by_machine[:-1][same]
    last = np.full(machines, NONE)
    ends = by_machine[after[by_machine] == NONE]
    last[shop.machine[ends]] = ends
    made = Graph(
        before=before,
        after=after,
        last=last,
        order=order,
        place=place,
        head=np.zeros(operations, dtype=np.int64),
        tail=np.zeros(operations, dtype=np.int64),
        touched=np.ones(operations, dtype=np.int64),
    )
    update_heads(shop, made, 0, operations)
    made.touched[:] = 1
    update_tails(shop, made, operations - 1, operations)
    return made


@kernel
def copy_graph(source: Graph, target: Graph) -> None:
    """Overwrite `target` with `source`."""
    target.before[:], target.after[:], target.last[:] = source.before, source.after, source.last
    target.order[:], target.place[:] = source.order, source.place
    target.head[:], target.tail[:] = source.head, source.tail


@kernel
def end_of(shop: JobShop, plan: Graph, operation: int) -> int:
    """Return when an operation ends; 0 for none."""
    if operation < 0:
        return 0
    return plan.head[operation] + shop.duration[operation]  # type: ignore[no-any-return]


@kernel
def rest_from(shop: JobShop, plan: Graph, operation: int) -> int:
    """Return the longest path from the start of an operation; 0 for none."""
    if operation < 0:
        return 0
    return plan.tail[operation] + shop.duration[operation]  # type: ignore[no-any-return]


@kernel
def makespan_of(shop: JobShop, plan: Graph) -> int:
    """Return when the last machine ends."""
    makespan = 0
    for operation in plan.last:
        makespan = max(makespan, end_of(shop, plan, operation))
    return makespan


@kernel
def update_heads(shop: JobShop, plan: Graph, place: int, waiting: int) -> None:
    """Recompute the `waiting` touched heads from `place` on, and those that follow from them."""
    while waiting:
        if plan.touched[place]:
            plan.touched[place] = 0
            waiting -= 1
            operation = plan.order[place]
            head = max(
                shop.release[operation],
                end_of(shop, plan, shop.previous[operation]),
                end_of(shop, plan, plan.before[operation]),
            )
            if head != plan.head[operation]:
                plan.head[operation] = head
                for following in (shop.following[operation], plan.after[operation]):
                    if following >= 0 and not plan.touched[plan.place[following]]:
                        plan.touched[plan.place[following]] = 1
                        waiting += 1
        place += 1


@kernel
def update_tails(shop: JobShop, plan: Graph, place: int, waiting: int) -> None:
    """Recompute the `waiting` touched tails from `place` down, and those that follow."""
    while waiting:
        if plan.touched[place]:
            plan.touched[place] = 0
            waiting -= 1
            operation = plan.order[place]
            tail = max(
                rest_from(shop, plan, shop.following[operation]),
                rest_from(shop, plan, plan.after[operation]),
            )
            if tail != plan.tail[operation]:
                plan.tail[operation] = tail
                for previous in (shop.previous[operation], plan.before[operation]):
                    if previous >= 0 and not plan.touched[plan.place[previous]]:
                        plan.touched[plan.place[previous]] = 1
                        waiting += 1
        place -= 1


@kernel
def move_after(shop: JobShop, plan: Graph, moved: int, anchor: int) -> bool:
    """Move an operation to directly after a later one of its machine; false if that is a cycle.

    Between the two in `order`, all that depends on the moved one goes behind the rest.
    """
    low, high = plan.place[moved], plan.place[anchor]
    first, before = plan.after[moved], plan.before[moved]
    _unlink(shop, plan, moved)
    _link(shop, plan, moved, anchor, plan.after[anchor])
    plan.touched[low] = 1
    for place in range(low + 1, high + 1):
        operation = plan.order[place]
        for previous in (shop.previous[operation], plan.before[operation]):
            if previous >= 0 and plan.touched[plan.place[previous]]:
                plan.touched[place] = 1
    if plan.touched[high]:
        plan.touched[low : high + 1] = 0
        _unlink(shop, plan, moved)
        _link(shop, plan, moved, before, first)
        return False
    _reorder(plan, low, high, 0)
    _refresh(shop, plan, low, high, moved, first)
    return True


@kernel
def move_before(shop: JobShop, plan: Graph, moved: int, anchor: int) -> bool:
    """Move an operation to directly before an earlier one of its machine; false if a cycle."""
    low, high = plan.place[anchor], plan.place[moved]
    last, after = plan.before[moved], plan.after[moved]
    _unlink(shop, plan, moved)
    _link(shop, plan, moved, plan.before[anchor], anchor)
    plan.touched[high] = 1
    for place in range(high - 1, low - 1, -1):
        operation = plan.order[place]
        for following in (shop.following[operation], plan.after[operation]):
            if following >= 0 and plan.touched[plan.place[following]]:
                plan.touched[place] = 1
    if plan.touched[low]:
        plan.touched[low : high + 1] = 0
        _unlink(shop, plan, moved)
        _link(shop, plan, moved, last, after)
        return False
    _reorder(plan, low, high, 1)
    _refresh(shop, plan, low, high, moved, last)
    return True


@kernel
def _unlink(shop: JobShop, plan: Graph, operation: int) -> None:
    before, after = plan.before[operation], plan.after[operation]
    if before >= 0:
        plan.after[before] = after
    if after >= 0:
        plan.before[after] = before
    else:
        plan.last[shop.machine[operation]] = before


@kernel
def _link(shop: JobShop, plan: Graph, operation: int, before: int, after: int) -> None:
    plan.before[operation], plan.after[operation] = before, after
    if before >= 0:
        plan.after[before] = operation
    if after >= 0:
        plan.before[after] = operation
    else:
        plan.last[shop.machine[operation]] = operation


@kernel
def _reorder(plan: Graph, low: int, high: int, ahead: int) -> None:
    """Put those in `low..high` whose `touched` is `ahead` first; forget what was touched."""
    behind, late, to = np.empty(high - low + 1, np.int64), 0, low
    for place in range(low, high + 1):
        operation = plan.order[place]
        if plan.touched[place] == ahead:
            plan.order[to] = operation
            to += 1
        else:
            behind[late] = operation
            late += 1
    plan.order[to : high + 1] = behind[:late]
    plan.touched[low : high + 1] = 0
    for place in range(low, high + 1):
        plan.place[plan.order[place]] = place


@kernel
def _refresh(shop: JobShop, plan: Graph, low: int, high: int, moved: int, other: int) -> None:
    """Recompute heads and tails around the operations whose neighbours changed."""
    waiting = 0
    for operation in (moved, other, plan.after[moved], plan.after[other]):
        if operation >= 0 and not plan.touched[plan.place[operation]]:
            plan.touched[plan.place[operation]] = 1
            waiting += 1
    update_heads(shop, plan, low, waiting)
    waiting, top = 0, high
    for operation in (moved, other, plan.before[moved], plan.before[other]):
        if operation >= 0 and not plan.touched[plan.place[operation]]:
            plan.touched[plan.place[operation]] = 1
            top = max(top, plan.place[operation])
            waiting += 1
    update_tails(shop, plan, top, waiting)
