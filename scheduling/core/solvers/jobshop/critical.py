"""Tabu search on the critical path of a plan of any size.

Only moving an operation of the longest path within its block (neighbours on one machine) can
make the plan shorter: an operation goes behind the last or before the first of its block
(Balas and Vazacopoulos, Management Science 44, 1998).
What a move is worth is estimated from the few operations it passes (Taillard, ORSA Journal on
Computing 6, 1994); only the move that is made is computed in full.
"""

from typing import NamedTuple

import numpy as np

from scheduling.core.solvers.compiled import kernel
from scheduling.core.solvers.jobshop.arrays import JobShop, Whole
from scheduling.core.solvers.jobshop.graph import (
    Graph,
    copy_graph,
    end_of,
    graph,
    makespan_of,
    move_after,
    move_before,
    rest_from,
)

FAR = 2**60
ARCS = 1 << 20
LONGEST_JUMP = 40
"""Operations that one move passes at most."""
TENURE = 10
ITERATION, IMPROVED_AT, BEST, RANDOM = 0, 1, 2, 3
PATIENCE = 4_000
"""Moves without a better plan before the search goes back to the best."""


class Search(NamedTuple):
    """A plan under search, the best so far, and what may not be undone yet."""

    now: Graph
    best: Graph
    counters: Whole
    """Iteration, iteration of the last improvement, best makespan, random state."""
    arcs: Whole
    """Per pair of operations (hashed): until when the first may not go before the second."""
    path: Whole


def new_search(shop: JobShop, starts: Whole, seed: int) -> Search:
    """Begin a search at a plan."""
    now, best = graph(shop, starts), graph(shop, starts)
    counters = np.array([0, 0, makespan_of(shop, now), seed * 7919 + 12345], dtype=np.int64)
    return Search(now, best, counters, np.zeros(ARCS, np.int64), np.zeros_like(shop.duration))


@kernel
def walk(shop: JobShop, search: Search, target: int, moves: int) -> int:
    """Make some moves, fewer if `target` is met; return the best makespan."""
    plan, counters = search.now, search.counters
    for _ in range(moves):
        makespan = makespan_of(shop, plan)
        if makespan < counters[BEST]:
            counters[BEST], counters[IMPROVED_AT] = makespan, counters[ITERATION]
            copy_graph(plan, search.best)
        if counters[BEST] <= target:
            break
        if counters[ITERATION] - counters[IMPROVED_AT] > PATIENCE:
            copy_graph(search.best, plan)
            search.arcs[:] = 0
            counters[IMPROVED_AT] = counters[ITERATION]
        counters[ITERATION] += 1
        moved, anchor, is_forward = _best_move(shop, search, _critical_path(shop, search))
        if moved < 0:
            break
        _make(shop, search, moved, anchor, is_forward)
    return counters[BEST]  # type: ignore[no-any-return]


@kernel
def _critical_path(shop: JobShop, search: Search) -> int:
    """Fill in `path`, last operation first; return its length."""
    plan, length = search.now, 0
    at, end = -1, 0
    for operation in plan.last:
        if end_of(shop, plan, operation) > end:
            at, end = operation, end_of(shop, plan, operation)
    while at >= 0:
        search.path[length] = at
        length += 1
        head = plan.head[at]
        previous, before = shop.previous[at], plan.before[at]
        by_job = previous >= 0 and end_of(shop, plan, previous) == head
        by_machine = before >= 0 and end_of(shop, plan, before) == head
        if by_job and by_machine:
            at = previous if _random(search) & 1 else before
        elif by_job:
            at = previous
        elif by_machine:
            at = before
        else:
            at = -1
    return length


@kernel
def _best_move(shop: JobShop, search: Search, length: int) -> tuple[int, int, bool]:
    """Return operation, anchor and direction of the best move that is not forbidden."""
    path, plan, counters = search.path, search.now, search.counters
    best, chosen = FAR, (-1, -1, True)
    any_move, met = (-1, -1, True), 0
    last = 0
    while last < length:
        # path[last] is the last operation of a block, path[first] its first
        first = last
        while first + 1 < length and plan.before[path[first]] == path[first + 1]:
            first += 1
        for at in range(last, first + 1):
            for anchor in (last, first):
                is_forward = anchor == last
                if at == anchor or abs(at - anchor) > LONGEST_JUMP:
                    continue
                if is_forward:
                    value = _value_after(shop, plan, path[at], path[anchor])
                else:
                    value = _value_before(shop, plan, path[at], path[anchor])
                met += 1
                if _random(search) % met == 0:
                    any_move = (path[at], path[anchor], is_forward)
                if value >= best:
                    continue
                if value < counters[BEST] or not _is_forbidden(search, path, at, anchor):
                    best, chosen = value, (path[at], path[anchor], is_forward)
        last = first + 1
    return chosen if chosen[0] >= 0 else any_move


@kernel
def _value_after(shop: JobShop, plan: Graph, moved: int, anchor: int) -> int:
    """Estimate the longest path through the operations passed when one goes behind another."""
    end = end_of(shop, plan, plan.before[moved])
    heads = np.empty(LONGEST_JUMP + 1, np.int64)
    operation, passed = plan.after[moved], 0
    while True:
        heads[passed] = max(
            end, end_of(shop, plan, shop.previous[operation]), shop.release[operation]
        )
        end = heads[passed] + shop.duration[operation]
        passed += 1
        if operation == anchor:
            break
        operation = plan.after[operation]
    head = max(end, end_of(shop, plan, shop.previous[moved]), shop.release[moved])
    rest = shop.duration[moved] + max(
        rest_from(shop, plan, shop.following[moved]), rest_from(shop, plan, plan.after[anchor])
    )
    value = head + rest
    while passed:
        passed -= 1
        rest = shop.duration[operation] + max(
            rest_from(shop, plan, shop.following[operation]), rest
        )
        value = max(value, heads[passed] + rest)
        operation = plan.before[operation]
    return value


@kernel
def _value_before(shop: JobShop, plan: Graph, moved: int, anchor: int) -> int:
    """The same, when one goes before an earlier one."""
    rest = rest_from(shop, plan, plan.after[moved])
    rests = np.empty(LONGEST_JUMP + 1, np.int64)
    operation, passed = plan.before[moved], 0
    while True:
        rest = shop.duration[operation] + max(
            rest, rest_from(shop, plan, shop.following[operation])
        )
        rests[passed] = rest
        passed += 1
        if operation == anchor:
            break
        operation = plan.before[operation]
    head = max(
        end_of(shop, plan, plan.before[anchor]),
        end_of(shop, plan, shop.previous[moved]),
        shop.release[moved],
    )
    end = head + shop.duration[moved]
    value = end + max(rest, rest_from(shop, plan, shop.following[moved]))
    while passed:
        passed -= 1
        head = max(end, end_of(shop, plan, shop.previous[operation]), shop.release[operation])
        value = max(value, head + rests[passed])
        end = head + shop.duration[operation]
        operation = plan.after[operation]
    return value


@kernel
def _is_forbidden(search: Search, path: Whole, at: int, anchor: int) -> bool:
    """Tell whether some pair that a move turns round was turned the other way lately."""
    step = 1 if anchor > at else -1
    for passed in range(at + step, anchor + step, step):
        # Behind it on the path is before it in time: the pair's later one comes first.
        early, late = path[passed], path[at]
        if step > 0:
            early, late = late, early
        if search.arcs[_arc(early, late)] > search.counters[ITERATION]:
            return True
    return False


@kernel
def _make(shop: JobShop, search: Search, moved: int, anchor: int, is_forward: bool) -> None:
    """Make a move if it leaves no cycle, and forbid for a while to turn its pairs back."""
    plan = search.now
    until = search.counters[ITERATION] + TENURE + _random(search) % TENURE
    operation = moved
    while operation != anchor:
        operation = plan.after[operation] if is_forward else plan.before[operation]
        pair = (moved, operation) if is_forward else (operation, moved)
        search.arcs[_arc(pair[0], pair[1])] = until
    if is_forward:
        move_after(shop, plan, moved, anchor)
    else:
        move_before(shop, plan, moved, anchor)


@kernel
def _arc(first: int, second: int) -> int:
    return (first * 1_000_003 + second * 7_919) % ARCS


@kernel
def _random(search: Search) -> int:
    """Return a pseudo-random number of 31 bits (a linear congruence modulo a prime)."""
    state = (search.counters[RANDOM] * 48_271 + 11) % 2_147_483_647
    search.counters[RANDOM] = state
    return state  # type: ignore[no-any-return]
