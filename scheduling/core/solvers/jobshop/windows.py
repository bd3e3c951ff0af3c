"""Narrow each operation's window for a target makespan: what must be, if the target is met.

An operation that can no longer go after some others of its machine must go after none of them
ends: Vilím's *detectable precedences* with his Θ-trees (CP 2004), forwards and, by mirrored
time, backwards, until nothing changes. Where jobs or machines have hardly any slack this alone
settles nearly every sequence; dispatching never sees such shops through.
"""

from typing import NamedTuple

import numpy as np

from scheduling.core.solvers.compiled import kernel
from scheduling.core.solvers.jobshop.arrays import JobShop, Whole

LONG_AGO = -(2**60)
FEASIBLE, INFEASIBLE, UNFINISHED = 1, 0, 2


class Windows(NamedTuple):
    """Earliest start and latest end per operation, with the machines still to look at."""

    start: Whole
    end: Whole
    by_start: Whole
    """Operations by machine (as `JobShop.first` says), each machine's by earliest start."""
    by_early_end: Whole
    by_late_start: Whole
    by_end: Whole
    queue: Whole
    """A ring of the machines to look at; `waiting` holds its first place and its length."""
    waiting: Whole
    is_queued: Whole
    mirrored_start: Whole
    mirrored_end: Whole


class Tree(NamedTuple):
    """A Θ-tree: per node the work of the operations below it and when they end at the earliest."""

    leaf: Whole
    """Per operation: its node; leaves stand in order of earliest start."""
    work: Whole
    finish: Whole


def windows(shop: JobShop, heads: Whole, tails: Whole, target: int) -> tuple[Windows, Tree]:
    """Return the windows that the jobs alone leave, and an empty tree."""
    operations, machines = len(shop.duration), len(shop.first) - 1
    by_machine = np.argsort(shop.machine, kind="stable")
    most = int(np.diff(shop.first).max())
    nodes = 2 << max(0, most - 1).bit_length()
    found = Windows(
        start=heads.copy(),
        end=target - tails,
        by_start=by_machine.copy(),
        by_early_end=by_machine.copy(),
        by_late_start=by_machine.copy(),
        by_end=by_machine.copy(),
        queue=np.arange(machines),
        waiting=np.array([0, machines]),
        is_queued=np.ones(machines, dtype=np.int64),
        mirrored_start=np.zeros(operations, dtype=np.int64),
        mirrored_end=np.zeros(operations, dtype=np.int64),
    )
    tree = Tree(
        leaf=np.zeros(operations, dtype=np.int64),
        work=np.zeros(nodes, dtype=np.int64),
        finish=np.zeros(nodes, dtype=np.int64),
    )
    return found, tree


@kernel
def narrow(shop: JobShop, held: Windows, tree: Tree, limit: int) -> int:
    """Narrow windows until nothing changes, one is empty, or `limit` machines were looked at."""
    machines = len(shop.first) - 1
    while held.waiting[1]:
        if limit == 0:
            return UNFINISHED
        limit -= 1
        machine = held.queue[held.waiting[0]]
        held.waiting[0] = (held.waiting[0] + 1) % machines
        held.waiting[1] -= 1
        held.is_queued[machine] = 0
        if not _narrow_machine(shop, held, tree, machine):
            return INFEASIBLE
    return FEASIBLE


@kernel
def start_from(shop: JobShop, held: Windows, operation: int, start: int) -> bool:
    """Raise an earliest start and those after it in the job; false when a window is empty."""
    while operation >= 0 and held.start[operation] < start:
        held.start[operation] = start
        _look_at(held, shop.machine[operation])
        start += shop.duration[operation]
        if start > held.end[operation]:
            return False
        operation = shop.following[operation]
    return True


@kernel
def end_by(shop: JobShop, held: Windows, operation: int, end: int) -> bool:
    """Lower a latest end and those before it in the job; false when a window is empty."""
    while operation >= 0 and held.end[operation] > end:
        held.end[operation] = end
        _look_at(held, shop.machine[operation])
        end -= shop.duration[operation]
        if end < held.start[operation]:
            return False
        operation = shop.previous[operation]
    return True


@kernel
def _look_at(held: Windows, machine: int) -> None:
    if not held.is_queued[machine]:
        held.is_queued[machine] = 1
        held.queue[(held.waiting[0] + held.waiting[1]) % len(held.queue)] = machine
        held.waiting[1] += 1


@kernel
def _narrow_machine(shop: JobShop, held: Windows, tree: Tree, machine: int) -> bool:
    low, high = shop.first[machine], shop.first[machine + 1]
    duration, start, end = shop.duration, held.start, held.end
    by_early_end, by_late_start = held.by_early_end[low:high], held.by_late_start[low:high]
    _sort(held.by_start[low:high], start, duration, 0)
    _sort(by_early_end, start, duration, 1)
    _sort(by_late_start, end, duration, -1)
    _sort(held.by_end[low:high], end, duration, 0)
    _plant(tree, held.by_start[low:high])
    for operation in held.by_end[low:high]:
        _grow(tree, operation, start[operation] + duration[operation], duration[operation])
        if tree.finish[1] > end[operation]:
            return False
    by_start = held.by_start[low:high]
    found = _starts(duration, start, end, by_start, by_early_end, by_late_start, tree)
    for place, operation in enumerate(by_early_end.copy()):
        if not start_from(shop, held, operation, found[place]):
            return False
    _sort(by_early_end, start, duration, 1)
    for operation in by_early_end:
        held.mirrored_start[operation] = -end[operation]
        held.mirrored_end[operation] = -start[operation]
    found = _starts(
        duration,
        held.mirrored_start,
        held.mirrored_end,
        held.by_end[low:high][::-1].copy(),
        by_late_start[::-1].copy(),
        by_early_end[::-1].copy(),
        tree,
    )
    for place, operation in enumerate(by_late_start[::-1].copy()):
        if not end_by(shop, held, operation, -found[place]):
            return False
    return True


@kernel
def _sort(order: Whole, key: Whole, duration: Whole, times: int) -> None:
    """Sort by `key` + `times` durations; insertion sort, because hardly anything moves."""
    for place in range(1, len(order)):
        moved = order[place]
        rank = key[moved] + times * duration[moved]
        at = place - 1
        while at >= 0 and key[order[at]] + times * duration[order[at]] > rank:
            order[at + 1] = order[at]
            at -= 1
        order[at + 1] = moved


@kernel
def _starts(
    duration: Whole,
    start: Whole,
    end: Whole,
    by_start: Whole,
    by_early_end: Whole,
    by_late_start: Whole,
    tree: Tree,
) -> Whole:
    """Return, in the sequence of `by_early_end`, when what must go before each may end."""
    found = np.empty(len(by_early_end), np.int64)
    _plant(tree, by_start)
    entered = 0
    for place, operation in enumerate(by_early_end):
        early_end = start[operation] + duration[operation]
        while entered < len(by_late_start):
            other = by_late_start[entered]
            if early_end <= end[other] - duration[other]:
                break
            _grow(tree, other, start[other] + duration[other], duration[other])
            entered += 1
        found[place] = _finish_without(tree, operation)
    return found


@kernel
def _plant(tree: Tree, by_start: Whole) -> None:
    """Empty the tree and give each operation its leaf."""
    leaves = 1
    while leaves < len(by_start):
        leaves *= 2
    tree.work[: 2 * leaves] = 0
    tree.finish[: 2 * leaves] = LONG_AGO
    for place, operation in enumerate(by_start):
        tree.leaf[operation] = leaves + place


@kernel
def _grow(tree: Tree, operation: int, early_end: int, duration: int) -> None:
    """Add an operation to the tree."""
    node = tree.leaf[operation]
    tree.work[node], tree.finish[node] = duration, early_end
    node >>= 1
    while node:
        left, right = 2 * node, 2 * node + 1
        tree.work[node] = tree.work[left] + tree.work[right]
        tree.finish[node] = max(tree.finish[left] + tree.work[right], tree.finish[right])
        node >>= 1


@kernel
def _finish_without(tree: Tree, operation: int) -> int:
    """Return when all operations in the tree but this one may end at the earliest."""
    node = tree.leaf[operation]
    if not tree.work[node]:
        return tree.finish[1]  # type: ignore[no-any-return]
    work, finish = 0, LONG_AGO
    while node > 1:
        beside = node ^ 1
        if node & 1:
            finish = max(finish, tree.finish[beside] + work)
        else:
            finish = max(tree.finish[beside], finish + tree.work[beside])
        work += tree.work[beside]
        node >>= 1
    return finish
