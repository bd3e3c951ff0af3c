"""Shop and plan as arrays: the disjunctive graph, its heads and its tails.

A plan is a machine per operation and, per machine, a doubly linked list of operations. The
head of an operation is the longest path to its start, the tail the longest path from its end;
an operation is critical when head + duration + tail is the makespan.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scheduling.core.shop import ShopModel
from scheduling.core.solvers.compiled import kernel

Whole = NDArray[np.int64]
NONE = -1


class Shop(NamedTuple):
    """A shop whose jobs are chains. Alternatives of operation `v` are `first[v]:first[v + 1]`."""

    machines: int
    first: Whole
    """Per operation, and one past the last: where its alternatives begin."""
    machine: Whole
    """Per alternative: the machine."""
    duration: Whole
    """Per alternative: the minutes."""
    previous: Whole
    """Per operation: the one before it in its job, or -1."""
    following: Whole
    """Per operation: the one after it in its job, or -1."""
    release: Whole
    """Per operation: the earliest start of its job."""


class Plan(NamedTuple):
    """One plan and its graph; the arrays are changed in place."""

    machine: Whole
    duration: Whole
    before: Whole
    """Per operation: the one before it on its machine, or -1."""
    after: Whole
    """Per operation: the one after it on its machine, or -1."""
    first: Whole
    """Per machine: its first operation, or -1."""
    last: Whole
    """Per machine: its last operation, or -1."""
    order: Whole
    """Operations in a topological order of the graph."""
    position: Whole
    """Per operation: its place in `order`."""
    head: Whole
    tail: Whole


def shop_arrays(model: ShopModel) -> Shop:
    """Return the arrays of a shop whose jobs are all chains."""
    operations = model.operations
    counts = [len(operation.alternatives) for operation in operations]
    pairs = [pair for operation in operations for pair in operation.alternatives]
    return Shop(
        machines=len(model.problem.machines),
        first=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        machine=np.array([machine for machine, _ in pairs], dtype=np.int64),
        duration=np.array([duration for _, duration in pairs], dtype=np.int64),
        previous=np.array([o.before[0] if o.before else NONE for o in operations], dtype=np.int64),
        following=np.array([o.after[0] if o.after else NONE for o in operations], dtype=np.int64),
        release=np.array([model.releases[o.job] for o in operations], dtype=np.int64),
    )


@kernel
def empty_plan(shop: Shop) -> Plan:
    """Return arrays for a plan of `shop`, not filled in."""
    n = len(shop.previous)
    return Plan(
        np.full(n, -1, np.int64),
        np.zeros(n, np.int64),
        np.full(n, -1, np.int64),
        np.full(n, -1, np.int64),
        np.full(shop.machines, -1, np.int64),
        np.full(shop.machines, -1, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
    )


@kernel
def copy_plan(source: Plan, target: Plan) -> None:
    """Make `target` the same plan as `source`."""
    target.machine[:] = source.machine
    target.duration[:] = source.duration
    target.before[:] = source.before
    target.after[:] = source.after
    target.first[:] = source.first
    target.last[:] = source.last
    target.order[:] = source.order
    target.position[:] = source.position
    target.head[:] = source.head
    target.tail[:] = source.tail


@kernel
def append(plan: Plan, operation: int, machine: int, duration: int) -> None:
    """Put `operation` at the end of `machine`."""
    last = plan.last[machine]
    plan.machine[operation] = machine
    plan.duration[operation] = duration
    plan.before[operation] = last
    plan.after[operation] = -1
    plan.last[machine] = operation
    if last >= 0:
        plan.after[last] = operation
    else:
        plan.first[machine] = operation


@kernel
def unlink(plan: Plan, operation: int) -> None:
    """Take `operation` off its machine's list."""
    machine, before, after = plan.machine[operation], plan.before[operation], plan.after[operation]
    if before >= 0:
        plan.after[before] = after
    else:
        plan.first[machine] = after
    if after >= 0:
        plan.before[after] = before
    else:
        plan.last[machine] = before


@kernel
def link(plan: Plan, operation: int, machine: int, duration: int, before: int) -> None:
    """Put `operation` on `machine` directly after `before`, or first when that is -1."""
    after = plan.after[before] if before >= 0 else plan.first[machine]
    plan.machine[operation] = machine
    plan.duration[operation] = duration
    plan.before[operation] = before
    plan.after[operation] = after
    if before >= 0:
        plan.after[before] = operation
    else:
        plan.first[machine] = operation
    if after >= 0:
        plan.before[after] = operation
    else:
        plan.last[machine] = operation


@kernel
def measure(shop: Shop, plan: Plan) -> int:
    """Fill in order, heads and tails; return the makespan."""
    n = len(shop.previous)
    order, position, head, tail = plan.order, plan.position, plan.head, plan.tail
    duration, before, after = plan.duration, plan.before, plan.after
    known = 0
    for v in range(n):
        waits = 0
        if shop.previous[v] >= 0:
            waits += 1
        if before[v] >= 0:
            waits += 1
        position[v] = -waits
        if waits == 0:
            order[known] = v
            known += 1
    makespan = 0
    done = 0
    while done < known:
        v = order[done]
        position[v] = done
        done += 1
        start = shop.release[v]
        p = shop.previous[v]
        if p >= 0:
            start = max(start, head[p] + duration[p])
        p = before[v]
        if p >= 0:
            start = max(start, head[p] + duration[p])
        head[v] = start
        makespan = max(makespan, start + duration[v])
        s = shop.following[v]
        if s >= 0:
            position[s] += 1
            if position[s] == 0:
                order[known] = s
                known += 1
        s = after[v]
        if s >= 0:
            position[s] += 1
            if position[s] == 0:
                order[known] = s
                known += 1
    for index in range(n - 1, -1, -1):
        v = order[index]
        rest = 0
        s = shop.following[v]
        if s >= 0:
            rest = tail[s] + duration[s]
        s = after[v]
        if s >= 0:
            rest = max(rest, tail[s] + duration[s])
        tail[v] = rest
    return makespan
