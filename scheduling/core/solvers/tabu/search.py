"""Walk from plan to plan by the best move that is not tabu."""

from scheduling.core.solvers.compiled import kernel
from scheduling.core.solvers.tabu.graph import Plan, Shop, copy_plan, link, measure, unlink
from scheduling.core.solvers.tabu.memory import Memory, critical_path, draw
from scheduling.core.solvers.tabu.moves import arc, choose_move


@kernel
def forbid(
    shop: Shop, plan: Plan, memory: Memory, move: tuple[int, int, int], tenure: int, stay: int
) -> None:
    """Forbid what would undo `move`, which is not yet made, for a while from now.

    Orders that it turns round may not be turned back for `tenure` moves, nor may the
    operation go back to a machine it leaves for `stay` moves; each at most twice as long.
    """
    n = len(shop.previous)
    v, choice, before = move
    here = plan.machine[v]
    if shop.machine[choice] != here:
        for old in range(shop.first[v], shop.first[v + 1]):
            if shop.machine[old] == here:
                memory.moved[old] = memory.counters[0] + stay + draw(memory.counters, stay)
        return
    until = memory.counters[0] + tenure + draw(memory.counters, tenure)
    u = plan.after[v]
    while u >= 0 and u != before:
        u = plan.after[u]
    if u >= 0:
        # To the right: `before` comes after `v`.
        u = plan.after[v]
        while u != plan.after[before]:
            memory.arcs[arc(memory.arcs, n, v, u)] = until
            u = plan.after[u]
        return
    u = plan.before[v]
    while u != before:
        memory.arcs[arc(memory.arcs, n, u, v)] = until
        u = plan.before[u]


@kernel
def tabu_search(
    shop: Shop,
    plan: Plan,
    best: Plan,
    memory: Memory,
    record: int,
    steps: int,
    patience: int,
    target: int,
    tenure: int,
    stay: int,
) -> int:
    """Search on from `plan` for `steps` moves; keep the best plan and return its makespan.

    Ends early `patience` moves after the last improvement of `record`, the makespan of
    `best`, and at `target`, below which no plan can be.
    """
    counters = memory.counters
    makespan = measure(shop, plan)
    for _ in range(steps):
        if record <= target or counters[0] - counters[1] >= patience:
            break
        counters[0] += 1
        critical_path(shop, plan, memory, makespan)
        move = choose_move(shop, plan, memory, record)
        v, choice, before = move
        if v < 0:
            break
        forbid(shop, plan, memory, move, tenure, stay)
        unlink(plan, v)
        link(plan, v, shop.machine[choice], shop.duration[choice], before)
        makespan = measure(shop, plan)
        if makespan < record:
            record = makespan
            counters[1] = counters[0]
            copy_plan(plan, best)
    return record
