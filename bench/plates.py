"""`bench plates`: plan the simulated licence-plate case and report the acceptance figures."""

import resource
from time import perf_counter, process_time
from typing import Any

from bench.figures import figure
from bench.machine import machine_facts
from bench.scenarios.plates import QUANTITY, one_plant_problem, plates_facts, plates_problem
from scheduling.core import Objective, Problem, Result, alternatives, band, solve, violations
from scheduling.core.bounds import lower_bound
from scheduling.core.certify import certified_bound, is_bound_verified
from scheduling.core.formats.results import ReportedResult
from scheduling.core.reach import ReachModel
from scheduling.core.solvers.dispatch import NoPlace
from scheduling.core.solvers.incumbent import Clock, Incumbent
from scheduling.core.solvers.market import MarketPlanner, Recipe

DAY_MINUTES = 1440
TIME_LIMIT_S = 60.0
GREEDY_LOTS = 940
"""Lots of 5,000 plates, as in the reported case."""


def bench_plates(*, seed: int = 1, scale: float = 1.0) -> dict[str, Any]:
    """Plan the case and return its figures; `scale` changes the quantity only."""
    quantity = max(1000, int(QUANTITY * scale))
    problem = plates_problem(plates_facts(seed, quantity=quantity))
    wall, cpu = perf_counter(), process_time()
    result = solve(problem, time_limit=TIME_LIMIT_S, seed=seed)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    broken = violations(problem, result.schedule)
    reported = ReportedResult(
        schedule=result.schedule,
        objective=result.objective,
        lower_bound=result.lower_bound,
        weights=result.certificate,
    )
    certified = certified_bound(problem, reported)
    verified = is_bound_verified(problem, reported, certified, is_sound=not broken)
    quoted = perf_counter()
    band(problem)
    quoted = perf_counter() - quoted
    four, four_cpu = _four_plans(problem, seed)
    plant = lower_bound(one_plant_problem(quantity=quantity), Objective.MAKESPAN).value
    greedy = _greedy_days(seed, quantity)
    days = None if result.objective is None else result.objective / DAY_MINUTES
    bound = None if result.lower_bound is None else result.lower_bound / DAY_MINUTES
    figures = [
        figure("days", days, "days", "<= 14.0", days is not None and days <= 14.0, greedy),
        figure("lower_bound_days", bound, "days", "computed", bound is not None),
        figure("gap", result.gap, "ratio", "<= 0.03", _at_most(result.gap, 0.03)),
        figure("violations", len(broken), "count", "0", not broken),
        figure("bound_verified", int(verified is True), "bool", "1", verified is True),
        figure("cpu_s", cpu, "s", "<= 10", cpu <= 10),
        figure("wall_s", wall, "s", "<= 60", wall <= 60),
        figure("peak_memory_mb", _peak_memory_mb(), "MB", "<= 1024", _peak_memory_mb() <= 1024),
        figure("lots", len({a.lot for a in result.schedule}), "count", "shown", True),
        figure("factories", _factories(problem, result), "count", "shown", True),
        figure("quote_s", quoted, "s", "<= 0.2", quoted <= 0.2),
        figure(
            "one_plant_bound_days",
            None if plant is None else plant / DAY_MINUTES,
            "days",
            ">= 86",
            plant is not None and plant / DAY_MINUTES >= 86,
        ),
        *four,
        figure("four_plans_cpu_s", four_cpu, "s", "shown", True),
    ]
    return {
        "bench": "plates",
        "simulated": True,
        "seed": seed,
        "scale": scale,
        "machine": machine_facts(),
        "figures": figures,
    }


def _four_plans(problem: Problem, seed: int) -> tuple[list[dict[str, Any]], float]:
    """Return the figures of the plans that a buyer chooses from, and the CPU seconds of all."""
    cpu = process_time()
    made = alternatives(problem, seed=seed)
    cpu = process_time() - cpu
    figures = []
    for plan in made.plans:
        days, gap = plan.completion / DAY_MINUTES, plan.cost_gap
        figures += [
            figure(f"{plan.name}_days", days, "days", "shown", True),
            figure(f"{plan.name}_cost", plan.cost_minor, "minor units", "shown", True),
            figure(f"{plan.name}_cost_gap", gap, "ratio", "shown", True),
            figure(f"{plan.name}_machines", plan.machines, "count", "shown", True),
        ]
    return figures, cpu


def _at_most(value: float | None, most: float) -> bool:
    return value is not None and value <= most


def _greedy_days(seed: int, quantity: int) -> float | None:
    """Return the yardstick: plain list scheduling with lots of 5,000."""
    problem = plates_problem(plates_facts(seed, quantity=quantity))
    incumbent = Incumbent(problem, Objective.MAKESPAN, Clock(None))
    lots = max(1, GREEDY_LOTS * quantity // QUANTITY)
    sequence = (problem.orders[0].id,)
    try:
        incumbent.offer(
            MarketPlanner(ReachModel(problem)).plan(Recipe(lots=lots, sequence=sequence))
        )
    except NoPlace:
        return None
    return None if incumbent.value is None else incumbent.value / DAY_MINUTES


def _factories(problem: Problem, result: Result) -> int:
    return len({problem.machine_by_id[a.machine].factory for a in result.schedule})


def _peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
