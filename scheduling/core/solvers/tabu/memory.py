"""What one tabu search remembers from move to move, and its random numbers."""

from typing import NamedTuple

import numpy as np

from scheduling.core.solvers.compiled import kernel
from scheduling.core.solvers.tabu.graph import Plan, Shop, Whole

MOST_ARCS = 1 << 20
ITERATION, IMPROVED_AT, RANDOM = 0, 1, 2
"""Places in `Memory.counters`."""


class Memory(NamedTuple):
    """The arrays of one search; nothing is allocated between moves."""

    counters: Whole
    """Iteration; iteration of the last improvement; state of the random numbers."""
    moved: Whole
    """Per alternative: the iteration until which its operation may not go back to it."""
    arcs: Whole
    """Per pair of operations (hashed): until when the first may not go before the second."""
    heads: Whole
    """Room for the heads of the graph without one operation."""
    tails: Whole
    """Room for the tails of the graph without one operation."""
    longest: Whole
    """The latest finish of what comes before each place of the topological order."""
    path: Whole
    """A critical path, last operation first."""
    length: Whole
    """One number: how many operations of `path` count."""
    block: Whole
    """Per operation: which run of critical operations on one machine holds it, or -1."""
    best: Whole
    """The best move so far: makespan, path through it, equals seen, operation, choice, before."""
    spare: Whole
    """A random tabu move: moves seen, operation, choice, before."""


def new_memory(shop: Shop, seed: int) -> Memory:
    """Return an empty memory; `seed` fixes the random numbers."""
    n = len(shop.previous)
    size = 1 << max(4, min(MOST_ARCS, n * n).bit_length())
    # Scrambled, because neighbouring seeds must not give neighbouring streams.
    state = (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % (2**63 - 2) + 1
    return Memory(
        counters=np.array([0, 0, state], dtype=np.int64),
        moved=np.zeros(len(shop.machine), dtype=np.int64),
        arcs=np.zeros(size, dtype=np.int64),
        heads=np.zeros(n, dtype=np.int64),
        tails=np.zeros(n, dtype=np.int64),
        longest=np.zeros(n, dtype=np.int64),
        path=np.zeros(n, dtype=np.int64),
        length=np.zeros(1, dtype=np.int64),
        block=np.full(n, -1, dtype=np.int64),
        best=np.zeros(6, dtype=np.int64),
        spare=np.zeros(4, dtype=np.int64),
    )


@kernel
def draw(counters: Whole, below: int) -> int:
    """Return a random whole number of `0 <= x < below` (xorshift)."""
    state = np.uint64(counters[2])
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    counters[2] = np.int64(state)
    return int((state >> np.uint64(11)) % np.uint64(below))


@kernel
def critical_path(shop: Shop, plan: Plan, memory: Memory, makespan: int) -> None:
    """Fill in path, length and blocks with one critical path, chosen at random."""
    n = len(shop.previous)
    v = -1
    seen = 0
    for u in range(n):
        if plan.head[u] + plan.duration[u] == makespan:
            seen += 1
            if draw(memory.counters, seen) == 0:
                v = u
    for step in range(memory.length[0]):
        memory.block[memory.path[step]] = -1
    length, blocks = 0, 0
    while v >= 0:
        if length > 0 and plan.after[v] != memory.path[length - 1]:
            blocks += 1
        memory.block[v] = blocks
        memory.path[length] = v
        length += 1
        p, q = shop.previous[v], plan.before[v]
        if p >= 0 and plan.head[p] + plan.duration[p] != plan.head[v]:
            p = -1
        if q >= 0 and plan.head[q] + plan.duration[q] != plan.head[v]:
            q = -1
        v = max(p, q)
        if p >= 0 and q >= 0 and draw(memory.counters, 2) == 0:
            v = min(p, q)
    memory.length[0] = length
