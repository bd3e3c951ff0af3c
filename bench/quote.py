"""`bench quote`: ask a national market, two thirds of it booked, for date and price of orders."""

from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any

import numpy as np

from bench.figures import figure
from bench.machine import machine_facts
from bench.scenarios.booked import booked_market, free_market, orders_to_quote
from bench.scenarios.market import FAMILY_MACHINES
from scheduling.core import Order, Problem, Schedule, violations
from scheduling.core.book import CapacityBook
from scheduling.core.bounds import makespan_bound, step_weights
from scheduling.core.measures import completion_by_order
from scheduling.core.quotes import Offer, quote
from scheduling.core.reach import ReachModel
from scheduling.core.solvers.dispatch import NoPlace
from scheduling.core.solvers.market import MarketPlanner, Recipe

MACHINES = 50_000
ORDERS = 500
LARGE_FAMILY_MACHINES = 5_000
LARGE_FAMILY_ORDERS = 100
COMPARED = 10
"""So many orders of the usual market are compared with their proven bound and a naive scan."""
COMPARED_LARGE = 2
"""So many orders of the market of large families are compared with a naive scan."""


@dataclass(kw_only=True)
class _Run:
    """All quotes of one market, each booked before the next is asked for."""

    machines: int
    load: float
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    naive_ms: list[float] = field(default_factory=list)
    behind_naive: list[float] = field(default_factory=list)
    behind_bound: list[float] = field(default_factory=list)
    answered: int = 0
    explained: int = 0
    violations: int = 0


def bench_quote(*, seed: int = 1, scale: float = 1.0) -> dict[str, Any]:
    """Ask both markets and return the figures.

    `scale` changes the number of machines and, below a tenth, of orders.
    """
    machines = max(400, int(MACHINES * scale))
    share = min(1.0, 10 * scale)
    usual = _run(machines, max(10, int(ORDERS * share)), FAMILY_MACHINES, seed)
    large = _run(machines, max(5, int(LARGE_FAMILY_ORDERS * share)), LARGE_FAMILY_MACHINES, seed)
    return {
        "bench": "quote",
        "simulated": True,
        "seed": seed,
        "scale": scale,
        "machines": machines,
        "yardstick": "one pass over all machines of the order's processes, CPU ms",
        "machine": machine_facts(),
        "figures": [*_figures("", usual), *_figures("large_families_", large)],
    }


def _run(machines: int, orders: int, family_machines: int, seed: int) -> _Run:
    problem, bookings = booked_market(machines=machines, seed=seed, family_machines=family_machines)
    book = CapacityBook(problem, bookings)
    run = _Run(machines=machines, load=_load(book))
    asked = list(orders_to_quote(problem, count=orders, seed=seed))
    refused: list[str] = []
    is_usual = family_machines == FAMILY_MACHINES
    every = max(1, orders // (COMPARED if is_usual else COMPARED_LARGE))
    for number, order in enumerate(asked):
        is_compared = number % every == 0
        naive = None
        if is_compared:
            cpu = process_time()
            naive = _naive_completion(book, order)
            run.naive_ms.append(1000 * (process_time() - cpu))
        wall, cpu = perf_counter(), process_time()
        answer = quote(book, order)
        run.cpu_ms.append(1000 * (process_time() - cpu))
        run.wall_ms.append(1000 * (perf_counter() - wall))
        if answer.soonest is None:
            refused.append(order.id)
            run.explained += answer.refusal is not None
            continue
        run.answered += 1
        if naive is not None:
            run.behind_naive.append(_behind(naive, order, answer.soonest))
        if is_compared and is_usual:
            bound = _bound(free_market(book, order))
            run.behind_bound.append(_behind(bound, order, answer.soonest))
        book.add([order], answer.soonest.assignments)
    schedule = Schedule(assignments=tuple(book.all()))
    run.violations = len(violations(book.as_problem(), schedule, unplanned=refused))
    return run


def _load(book: CapacityBook) -> float:
    worked = sum(a.end - a.start for a in book.all())
    return worked / max(1, sum(book.calendar(m).total_minutes for m in book.machines))


def _behind(date: int, order: Order, offer: Offer) -> float:
    """Return by which share of the time from release the offer's date lies after `date`."""
    return (offer.completion - date) / max(1, offer.completion - order.release)


def _bound(free: Problem) -> int:
    model = ReachModel(free)
    return makespan_bound(model, step_weights(model)).value or 0


def _naive_completion(book: CapacityBook, order: Order) -> int | None:
    """Return when one pass over all machines of the order's processes has it complete."""
    machines = {
        option.machine.id
        for step in range(len(order.steps))
        for option in book.supply.admitted(order, step)
    }
    small = book.around([order], machines)
    planner = MarketPlanner(ReachModel(small, calendars=book.calendars_of(small)))
    recipe = Recipe(lots=max(4, planner.fewest_lots(order)), sequence=(order.id,))
    try:
        schedule = Schedule(assignments=tuple(planner.plan(recipe)))
    except NoPlace:
        return None
    return completion_by_order(small, schedule)[order.id]


def _figures(prefix: str, run: _Run) -> list[dict[str, Any]]:
    orders = len(run.cpu_ms)
    naive = np.array(run.naive_ms)
    figures = [
        figure(f"{prefix}load", run.load, "ratio", "about 0.67", True),
        figure(f"{prefix}answered", run.answered / orders, "ratio", "shown", True),
        figure(
            f"{prefix}refusals_without_reason",
            orders - run.answered - run.explained,
            "count",
            "0",
            run.answered + run.explained == orders,
        ),
        figure(f"{prefix}violations", run.violations, "count", "0", run.violations == 0),
    ]
    for name, shares in (("yardstick", run.behind_naive), ("bound", run.behind_bound)):
        if shares:
            behind = _at(shares, 50)
            figures.append(figure(f"{prefix}behind_{name}_p50", behind, "ratio", "shown", True))
    for clock, times in (("cpu", run.cpu_ms), ("wall", run.wall_ms)):
        for name, percent in (("p50", 50), ("p95", 95), ("max", 100)):
            value = _at(times, percent)
            has_goal = (clock, name) == ("cpu", "p95")
            goal = "<= 100" if has_goal else "shown"
            yardstick = float(np.percentile(naive, percent)) if clock == "cpu" else None
            holds = not has_goal or value <= 100
            figures.append(
                figure(f"{prefix}{clock}_ms_{name}", value, "ms", goal, holds, yardstick)
            )
    return figures


def _at(values: list[float], percent: int) -> float:
    return float(np.percentile(np.array(values), percent)) if values else 0.0
