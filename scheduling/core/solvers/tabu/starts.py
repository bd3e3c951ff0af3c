"""Make plans to search from: greedy ones, and ones that lie between two others."""

import numpy as np

from scheduling.core.solvers.compiled import kernel
from scheduling.core.solvers.tabu.graph import Plan, Shop, Whole, append, measure
from scheduling.core.solvers.tabu.memory import draw

NOISE_STEPS = 1024


@kernel
def empty_machines(plan: Plan) -> None:
    """Take every operation off its machine."""
    plan.first[:] = -1
    plan.last[:] = -1


@kernel
def greedy_plan(
    shop: Shop, plan: Plan, counters: Whole, rests: Whole, urgency: float, noise: float
) -> int:
    """Fill `plan` by list scheduling and return its makespan.

    Next comes the operation that can start earliest, less `urgency` times the shortest
    `rests` that follow it, which `noise` (0 to 1) blurs; it goes where it is done first.
    """
    n = len(shop.previous)
    empty_machines(plan)
    free = np.zeros(shop.machines, np.int64)
    weight = np.zeros(n, np.float64)
    for v in range(n):
        blur = 1.0 + noise * (2.0 * draw(counters, NOISE_STEPS) / NOISE_STEPS - 1.0)
        weight[v] = urgency * rests[v] * blur
    ready = np.zeros(n, np.int64)
    open_ = np.zeros(n, np.int64)
    count = 0
    for v in range(n):
        if shop.previous[v] < 0:
            ready[v] = shop.release[v]
            open_[count] = v
            count += 1
    while count > 0:
        rank, place, choice, finish = np.inf, -1, -1, 0
        for index in range(count):
            v = open_[index]
            own, end, start = -1, 0, 0
            for c in range(shop.first[v], shop.first[v + 1]):
                begin = max(ready[v], free[shop.machine[c]])
                if own < 0 or begin + shop.duration[c] < end:
                    own, start, end = c, begin, begin + shop.duration[c]
            if start - weight[v] < rank:
                rank, place, choice, finish = start - weight[v], index, own, end
        v = open_[place]
        append(plan, v, shop.machine[choice], shop.duration[choice])
        free[shop.machine[choice]] = finish
        s = shop.following[v]
        if s >= 0:
            ready[s] = finish
            open_[place] = s
        else:
            count -= 1
            open_[place] = open_[count]
    return measure(shop, plan)


@kernel
def plan_of(shop: Shop, plan: Plan, machine: Whole, starts: Whole) -> int:
    """Fill `plan` from the machines and starts of a sound schedule; return its makespan."""
    empty_machines(plan)
    for v in np.argsort(starts, kind="mergesort"):
        for c in range(shop.first[v], shop.first[v + 1]):
            if shop.machine[c] == machine[v]:
                append(plan, v, shop.machine[c], shop.duration[c])
                break
    return measure(shop, plan)


@kernel
def between(
    shop: Shop, plan: Plan, one: Plan, other: Plan, counters: Whole, nearness: float
) -> int:
    """Fill `plan` with one that lies between two others; return its makespan.

    An operation's rank is the mean of its places in both topological orders, weighted by
    `nearness` (0: like `one`, 1: like `other`), so what both put in the same order keeps it;
    its machine comes from either.
    """
    n = len(shop.previous)
    empty_machines(plan)
    rank = np.zeros(n, np.float64)
    for v in range(n):
        rank[v] = (1.0 - nearness) * one.position[v] + nearness * other.position[v]
    for v in np.argsort(rank, kind="mergesort"):
        source = one
        if draw(counters, NOISE_STEPS) < nearness * NOISE_STEPS:
            source = other
        append(plan, v, source.machine[v], source.duration[v])
    return measure(shop, plan)


@kernel
def distance(one: Plan, other: Plan) -> int:
    """Count operations on other machines, or next to another operation on the same one."""
    apart = 0
    for v in range(len(one.machine)):
        if one.machine[v] != other.machine[v] or one.before[v] != other.before[v]:
            apart += 1
    return apart
