"""`bench replan`: let events befall a running market, and plan again after each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter, process_time
from typing import Any

import numpy as np

from bench.figures import figure
from bench.machine import machine_facts
from bench.scenarios.running import Happening, happenings, open_family, running_market
from scheduling.core import Assignment, Objective, Problem, Result, Schedule, solve, violations
from scheduling.core.book import CapacityBook
from scheduling.core.consequences import Repair
from scheduling.core.events import (
    FactoryDown,
    MachineDown,
    MaterialLate,
    RateChanged,
    ShareDeclined,
)
from scheduling.core.placing import cost_of
from scheduling.core.repair import repair

MACHINES = 10_000
ORDERS = 2_000
EVENTS = 100
FREEZE_MINUTES = 240
PLAN_LIMIT_S = 600.0
COMPARED_EVENTS = 20
"""So many failures of machines are compared with planning their family anew."""


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """One failure beside a new plan of the whole family, costs in minor units."""

    cost: int
    growth: int
    naive_growth: int
    bound_growth: int
    naive_moved: int
    lost: int

    @property
    def regret(self) -> float:
        """Share by which the cost grew more than that of plans made anew before and after."""
        return (self.growth - self.naive_growth) / max(1, self.cost)

    @property
    def regret_to_bound(self) -> float:
        """Share by which the cost grew more than its proven bound did."""
        return (self.growth - self.bound_growth) / max(1, self.cost)


_NOTHING = _Compared(cost=0, growth=0, naive_growth=0, bound_growth=0, naive_moved=0, lost=0)


@dataclass(kw_only=True)
class _Run:
    """All events of one market."""

    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    repairs: list[tuple[Happening, Repair]] = field(default_factory=list)
    compared: list[_Compared] = field(default_factory=list)
    facts: set[Assignment] = field(default_factory=set)
    """What was begun before its machine slowed down, its factory declined or material was late."""


def bench_replan(*, seed: int = 1, scale: float = 1.0) -> dict[str, Any]:
    """Let the events happen and return the figures; `scale` changes machines and orders."""
    machines, orders = max(200, int(MACHINES * scale)), max(40, int(ORDERS * scale))
    book = running_market(machines=machines, orders=orders, seed=seed, time_limit=PLAN_LIMIT_S)
    run = _Run()
    count = max(10, int(EVENTS * scale))
    for happening in happenings(book, count=count, seed=seed):
        _happen(book, happening, run)
    unplaced = {
        order
        for _, each in run.repairs
        for order, _ in each.unplaced
        if book.orders[order].outside_price_minor is None
    }
    problem = replace(book.as_problem(), frozen=tuple(run.facts & set(book.all())))
    broken = violations(problem, Schedule(assignments=tuple(book.all())))
    faults = [v for v in broken if v.values.get("order") not in unplaced]
    return {
        "bench": "replan",
        "simulated": True,
        "seed": seed,
        "scale": scale,
        "machines": machines,
        "orders": len(book.orders),
        "events": count,
        "yardstick": "planning the affected family anew without regard to the old plan",
        "machine": machine_facts(),
        "figures": _figures(run, len(faults), len(unplaced)),
    }


def _happen(book: CapacityBook, happening: Happening, run: _Run) -> None:
    event, now = happening.event, happening.now
    if isinstance(event, RateChanged):
        run.facts.update(a for a in book.on(event.machine) if a.start < now)
    process = _comparable(book, happening) if len(run.compared) < COMPARED_EVENTS else None
    before = None if process is None else open_family(book, process, now)
    wall, cpu = perf_counter(), process_time()
    repaired = repair(book, event, now=now, freeze_until=now + FREEZE_MINUTES)
    run.cpu_s.append(process_time() - cpu)
    run.wall_s.append(perf_counter() - wall)
    run.repairs.append((happening, repaired))
    if isinstance(event, MaterialLate):
        run.facts.update(a for a in book.of(event.order) if a.start < event.until)
    if isinstance(event, ShareDeclined):
        orders = {order for order, _, _ in event.lots}
        run.facts.update(a for order in orders for a in book.of(order) if a.start < now)
    if before is not None and process is not None and repaired.lost:
        after = open_family(book, process, now)
        run.compared.append(_compared(book, repaired, before, after))


def _comparable(book: CapacityBook, happening: Happening) -> str | None:
    """Return the process of a machine that fails while no lot is under way on it."""
    event = happening.event
    if isinstance(event, MachineDown):
        machine = book.machine(event.machine)
    elif isinstance(event, FactoryDown):
        machine = book.machines_of(event.factory)[0]
    else:
        return None
    if any(a.start < happening.now < a.end for a in book.on(machine.id)):
        return None
    return machine.capabilities[0].process


def _compared(
    book: CapacityBook,
    repaired: Repair,
    before: tuple[Problem, list[Assignment]],
    after: tuple[Problem, list[Assignment]],
) -> _Compared:
    """Compare the growth of the cost with that of new plans and of their proven bounds.

    The new plans know the open work only: orders under way pay their set-ups again in both,
    so that only differences compare.
    """
    first = _planned(before[0])
    again = _planned(replace(before[0], machines=after[0].machines))
    cost_before = cost_of(book, before[1])
    missing = {order.id: order.quantity for order in before[0].orders}
    for a in after[1]:
        if a.order in missing:
            missing[a.order] -= a.quantity
    cost = cost_of(book, after[1]) + sum(
        max(0, pieces) * (book.orders[name].outside_price_minor or 0)
        for name, pieces in missing.items()
    )
    down = {a.machine for a in repaired.lost}
    return _Compared(
        cost=cost,
        growth=cost - cost_before,
        naive_growth=(again.objective or 0) - (first.objective or 0),
        bound_growth=(again.lower_bound or 0) - (first.lower_bound or 0),
        naive_moved=_moved(before[1], again.schedule.assignments, down),
        lost=repaired.lost_minutes,
    )


def _planned(problem: Problem) -> Result:
    return solve(problem, objective=Objective.COST, time_limit=PLAN_LIMIT_S, workers=1)


def _moved(before: Sequence[Assignment], after: Sequence[Assignment], without: set[str]) -> int:
    """Return the minutes of each order on each machine that are no longer there."""
    minutes: dict[tuple[str, str], int] = {}
    for a in before:
        if a.machine not in without:
            key = (a.order, a.machine)
            minutes[key] = minutes.get(key, 0) + a.end - a.start
    for a in after:
        key = (a.order, a.machine)
        if key in minutes:
            minutes[key] -= a.end - a.start
    return sum(max(0, left) for left in minutes.values())


def _figures(run: _Run, faults: int, unplaced: int) -> list[dict[str, Any]]:
    repairs = [each for _, each in run.repairs]
    lost = sum(each.lost_minutes for each in repairs)
    moved = sum(each.moved_minutes for each in repairs)
    late = [late for each in repairs for late in each.late]
    unproven = sum(not each.is_unavoidable for each in late)
    compared = run.compared or [_NOTHING]
    regret = float(np.mean([each.regret for each in compared]))
    to_bound = float(np.mean([each.regret_to_bound for each in compared]))
    naive = sum(each.naive_moved for each in run.compared) / max(
        1, sum(each.lost for each in run.compared)
    )
    cpu_p95 = float(np.percentile(run.cpu_s, 95))
    per_lost = moved / max(1, lost)
    return [
        figure("cpu_s_p50", float(np.percentile(run.cpu_s, 50)), "s", "shown", True),
        figure("cpu_s_p95", cpu_p95, "s", "<= 2", cpu_p95 <= 2),
        figure("cpu_s_max", max(run.cpu_s), "s", "shown", True),
        figure("wall_s_p95", float(np.percentile(run.wall_s, 95)), "s", "shown", True),
        figure("lost_minutes", lost, "min", "shown", True),
        figure("moved_per_lost", per_lost, "ratio", "<= 2", per_lost <= 2, naive),
        figure("compared", len(run.compared), "count", "shown", True),
        figure("regret", regret, "ratio", "<= 0.001", regret <= 0.001),
        figure("regret_max", max(each.regret for each in compared), "ratio", "shown", True),
        figure("regret_to_bound", to_bound, "ratio", "<= 0.001", to_bound <= 0.001),
        figure("bought_outside", _outside_share(repairs), "ratio", "shown", True),
        figure("promises_broken", len(late), "count", "shown", True),
        figure("promises_broken_unproven", unproven, "count", "0", unproven == 0),
        figure("orders_unplaced", unplaced, "count", "0", unplaced == 0),
        figure("violations", faults, "count", "0", faults == 0),
    ]


def _outside_share(repairs: Sequence[Repair]) -> float:
    """Return which share of all lost pieces no machine could make in time."""
    lost = sum(a.quantity for each in repairs for a in each.lost)
    return sum(n for each in repairs for n in each.unplaced.values()) / max(1, lost)
