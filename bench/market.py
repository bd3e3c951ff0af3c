"""`bench market`: plan a generated national market, certified, and one that hangs together."""

import resource
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from time import perf_counter, process_time
from typing import Any

from bench.figures import figure
from bench.machine import PeakMemory, machine_facts
from bench.scenarios.market import market_problem
from bench.yardsticks.market_mip import plain_mip_gap
from scheduling.core import Objective, Problem, Result, solve, violations
from scheduling.core.certify import certified_bound, is_bound_verified
from scheduling.core.formats.results import ReportedResult
from scheduling.core.measures import outside_cost

MACHINES = 50_000
ORDERS = 10_000
TIME_LIMIT_S = 600.0
"""Far above the goal: on a busy machine CPU seconds are what counts."""
WORKERS = 2
SHARED = 0.1
"""Share of machines with a second process in the market that hangs together."""
YARDSTICK_SCALE = 0.04
"""The yardstick gets a market this small: 2,000 machines and 400 orders."""


def bench_market(*, seed: int = 1, scale: float = 1.0) -> dict[str, Any]:
    """Plan both markets and return the figures; `scale` changes machines and orders alike."""
    whole = _run_apart(seed, scale, 0.0)
    giant = _run_apart(seed, scale, SHARED)
    least = min(scale, YARDSTICK_SCALE)
    small = _run_apart(seed, least, 0.0)
    plain = plain_mip_gap(_market(seed, least, 0.0), time_limit=max(5.0, small.cpu_s))
    figures = [
        *_figures("", whole),
        figure("outside_share", whole.outside_share, "ratio", "shown", True),
        *_figures("giant_", giant),
        figure("small_gap", small.gap, "ratio", "<= 0.01", _is_close(small), plain),
        figure("small_cpu_s", small.cpu_s, "s", "shown", True),
    ]
    return {
        "bench": "market",
        "simulated": True,
        "seed": seed,
        "scale": scale,
        "machines": whole.machines,
        "orders": whole.orders,
        "yardstick": "HiGHS on the plain mixed-integer programme of the small market, equal CPU s",
        "machine": machine_facts(),
        "figures": figures,
    }


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One market planned, and what it took; `outside_share` is paid outside of the objective."""

    machines: int
    orders: int
    gap: float | None
    outside_share: float | None
    lots: int
    wall_s: float
    cpu_s: float
    memory_mb: float
    violations: int
    verified: bool


def _run_apart(seed: int, scale: float, shared: float) -> _Run:
    """Run in a process of its own, so that nothing of other markets takes its memory or time."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, seed, scale, shared).result()


def _market(seed: int, scale: float, shared: float) -> Problem:
    return market_problem(
        machines=max(20, int(MACHINES * scale)),
        orders=max(4, int(ORDERS * scale)),
        seed=seed,
        shared=shared,
    )


def _run(seed: int, scale: float, shared: float) -> _Run:
    problem = _market(seed, scale, shared)
    with PeakMemory() as memory:
        wall, cpu = perf_counter(), _cpu_seconds()
        result = solve(
            problem, objective=Objective.COST, time_limit=TIME_LIMIT_S, workers=WORKERS, seed=seed
        )
        wall, cpu = perf_counter() - wall, _cpu_seconds() - cpu
    peak = memory.megabytes
    broken = violations(problem, result.schedule)
    reported = ReportedResult(
        schedule=result.schedule,
        goal=result.goal,
        objective=result.objective,
        lower_bound=result.lower_bound,
        rents=result.rents,
    )
    certified = certified_bound(problem, reported)
    return _Run(
        machines=len(problem.machines),
        orders=len(problem.orders),
        gap=result.gap,
        outside_share=_outside_share(problem, result),
        lots=len(result.schedule),
        wall_s=wall,
        cpu_s=cpu,
        memory_mb=peak,
        violations=len(broken),
        verified=is_bound_verified(problem, reported, certified, is_sound=not broken) is True,
    )


def _outside_share(problem: Problem, result: Result) -> float | None:
    if not result.objective:
        return None
    return outside_cost(problem, result.schedule) / result.objective


def _figures(prefix: str, run: _Run) -> list[dict[str, Any]]:
    memory, wall, cpu = run.memory_mb, run.wall_s, run.cpu_s
    return [
        figure(f"{prefix}gap", run.gap, "ratio", "<= 0.01", _is_close(run)),
        figure(f"{prefix}bound_verified", int(run.verified), "bool", "1", run.verified),
        figure(f"{prefix}violations", run.violations, "count", "0", not run.violations),
        figure(f"{prefix}wall_s", wall, "s", "<= 60", wall <= 60),
        figure(f"{prefix}cpu_s", cpu, "s", "<= 120 on two cores", cpu <= 120),
        figure(f"{prefix}peak_memory_mb", memory, "MB", "<= 2048", memory <= 2048),
        figure(f"{prefix}lots", run.lots, "count", "shown", True),
    ]


def _is_close(run: _Run) -> bool:
    return run.gap is not None and run.gap <= 0.01


def _cpu_seconds() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime
