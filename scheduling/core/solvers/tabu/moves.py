"""Value every place to which a critical operation may go, and choose one of them.

The neighbourhood is that of Mastrolilli and Gambardella, "Effective neighbourhood functions
for the flexible job shop problem", Journal of Scheduling 3 (2000): take a critical operation
out, compute heads and tails of the graph without it, and put it back, on any machine, where
no cycle can arise. Heads and tails are exact, so a move's value is the makespan it leads to.
"""

import numpy as np

from scheduling.core.solvers.compiled import kernel
from scheduling.core.solvers.tabu.graph import Plan, Shop, Whole, link, unlink
from scheduling.core.solvers.tabu.memory import Memory, draw

FAR = np.int64(2**62)


@kernel
def heads_without(shop: Shop, plan: Plan, memory: Memory, v: int) -> int:
    """Compute the heads of what comes after `v`, already unlinked; return the makespan."""
    heads, duration = memory.heads, plan.duration
    p = shop.previous[v]
    start = shop.release[v]
    if p >= 0:
        start = max(start, heads[p] + duration[p])
    heads[v] = start
    longest = max(memory.longest[plan.position[v]], start)
    for index in range(plan.position[v] + 1, len(shop.previous)):
        u = plan.order[index]
        start = shop.release[u]
        p = shop.previous[u]
        if p >= 0:
            start = max(start, heads[p] + duration[p])
        p = plan.before[u]
        if p >= 0:
            start = max(start, heads[p] + duration[p])
        heads[u] = start
        longest = max(longest, start + duration[u])
    return longest


@kernel
def tails_without(shop: Shop, plan: Plan, memory: Memory, v: int) -> None:
    """Compute the tails of what comes before `v`, already unlinked."""
    tails, duration = memory.tails, plan.duration
    s = shop.following[v]
    tails[v] = tails[s] + duration[s] if s >= 0 else 0
    for index in range(plan.position[v] - 1, -1, -1):
        u = plan.order[index]
        rest = 0
        s = shop.following[u]
        if s >= 0:
            rest = tails[s] + duration[s]
        s = plan.after[u]
        if s >= 0:
            rest = max(rest, tails[s] + duration[s])
        tails[u] = rest


@kernel
def arc(arcs: Whole, n: int, a: int, b: int) -> int:
    """Return where `arcs` holds the one from operation `a` to `b`."""
    return (a * n + b) & (len(arcs) - 1)


@kernel
def consider(
    best: Whole, counters: Whole, value: int, through: int, v: int, c: int, x: int
) -> None:
    """Remember the move of `v` to alternative `c` after `x`: it is the best, or as good."""
    if value < best[0] or through < best[1]:
        best[0], best[1], best[2] = value, through, 0
    best[2] += 1
    if draw(counters, best[2]) == 0:
        best[3], best[4], best[5] = v, c, x


@kernel
def consider_tabu(spare: Whole, counters: Whole, v: int, c: int, x: int) -> None:
    """Remember a tabu move, each seen with the same chance."""
    spare[0] += 1
    if draw(counters, spare[0]) == 0:
        spare[1], spare[2], spare[3] = v, c, x


@kernel
def value_places(
    shop: Shop,
    plan: Plan,
    memory: Memory,
    v: int,
    left: int,
    is_inner: bool,
    rest: int,
    record: int,
) -> None:
    """Value all places for `v`, unlinked from its place after `left`, on all its machines.

    Of operations that end after `v` could start, those whose tail is shorter than its own
    must follow it, and the other way round; all places between are free of cycles.
    """
    n, now, block = len(shop.previous), memory.counters[0], memory.block
    heads, tails, duration, best = memory.heads, memory.tails, plan.duration, memory.best
    start, end = heads[v], tails[v]
    for choice in range(shop.first[v], shop.first[v + 1]):
        machine, minutes = shop.machine[choice], shop.duration[choice]
        is_here = machine == plan.machine[v]
        x, y, is_right = plan.last[machine], -1, True
        while x >= 0 and heads[x] + duration[x] > start and tails[x] + duration[x] <= end:
            if x == left:
                is_right = False
            y = x
            x = plan.before[x]
        while True:
            within = is_inner and is_here and x >= 0 and y >= 0
            if is_here and x == left:
                is_right = False
            # A block in another order, its ends as before, is as long as before.
            elif not (within and block[x] == block[v] and block[y] == block[v]):
                through = minutes
                through += start if x < 0 else max(start, heads[x] + duration[x])
                through += end if y < 0 else max(end, tails[y] + duration[y])
                value = max(through, rest)
                if not is_here:
                    is_tabu = memory.moved[choice] > now
                elif is_right:
                    is_tabu = memory.arcs[arc(memory.arcs, n, x, v)] > now
                else:
                    is_tabu = memory.arcs[arc(memory.arcs, n, v, y)] > now
                if is_tabu and value >= record:
                    consider_tabu(memory.spare, memory.counters, v, choice, x)
                elif value < best[0] or (value == best[0] and through <= best[1]):
                    consider(best, memory.counters, value, through, v, choice, x)
            if x < 0 or (heads[x] + duration[x] <= start and tails[x] + duration[x] > end):
                break
            y = x
            x = plan.before[x]


@kernel
def choose_move(shop: Shop, plan: Plan, memory: Memory, record: int) -> tuple[int, int, int]:
    """Return the best move along the path: operation, choice, and what comes before it there.

    Tabu moves count only when they lead below `record`; when all are tabu, one of them is
    taken at random. Operation -1: nothing can be moved.
    """
    n = len(shop.previous)
    memory.heads[:] = plan.head
    memory.tails[:] = plan.tail
    memory.best[:] = -1
    memory.best[0] = FAR
    memory.spare[:] = -1
    memory.spare[0] = 0
    latest = 0
    for index in range(n):
        memory.longest[index] = latest
        latest = max(latest, plan.head[plan.order[index]] + plan.duration[plan.order[index]])
    # From the end of the path: heads after the operation are overwritten, tails restored.
    restored = n
    for step in range(memory.length[0]):
        v = memory.path[step]
        here, own, left, right = plan.machine[v], plan.duration[v], plan.before[v], plan.after[v]
        if left < 0 and right < 0 and shop.first[v + 1] - shop.first[v] == 1:
            continue
        for index in range(plan.position[v], restored):
            memory.tails[plan.order[index]] = plan.tail[plan.order[index]]
        restored = plan.position[v] + 1
        is_inner = left >= 0 and right >= 0
        if is_inner:
            is_inner = memory.block[left] == memory.block[v] == memory.block[right]
        unlink(plan, v)
        plan.duration[v] = 0
        rest = heads_without(shop, plan, memory, v)
        tails_without(shop, plan, memory, v)
        value_places(shop, plan, memory, v, left, is_inner, rest, record)
        link(plan, v, here, own, left)
    chosen = memory.best[3:] if memory.best[3] >= 0 else memory.spare[1:]
    return chosen[0], chosen[1], chosen[2]
