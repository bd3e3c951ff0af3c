"""`bench jobshop`: solve job shops of 100,000 operations, from text to checked JSON.

Every shop goes through files, as with `manage.py solve` and `manage.py check --certify`.
The yardsticks are the best of the textbook's dispatching rules, and CP-SAT on a shop that is
small enough for it, with the same time limit and workers.
"""

import json
import resource
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np

from bench.figures import figure
from bench.machine import machine_facts
from bench.scenarios.job_shops import SHORT_JOB, Job, jsp_text, planted_shop, rectangular_shop
from scheduling.core import Objective, Problem
from scheduling.core.bounds import lower_bound
from scheduling.core.formats import read_problem
from scheduling.core.shop import ShopModel
from scheduling.core.solvers.incumbent import Clock, Incumbent
from scheduling.core.solvers.jobshop.arrays import job_shop, steps_after, work_after
from scheduling.core.solvers.jobshop.dispatching import dispatch
from scheduling.core.solvers.sequencing import SequencingModel
from scheduling.core.solvers.shop import assignments, list_schedule
from scheduling.problem_files import check_file, solve_file, write

MACHINES = 1000
OPERATIONS_PER_MACHINE = 100
RECTANGLE = (1000, 100)
"""Jobs and machines."""
TIME_LIMIT_S = 600.0
SMALL_LIMIT_S = 30.0
WORKERS = 2
GOAL = 0.005
MEMORY_MB = 2048


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one shop: all that `solve` and `check` said, and what it cost."""

    gap: float | None
    violations: int
    is_verified: bool
    cpu_s: float
    wall_s: float
    rule_gap: float


def bench_jobshop(*, seed: int = 1, scale: float = 1.0) -> dict[str, Any]:
    """Solve short, rectangular and long jobs; `scale` shrinks machines, jobs and time."""
    machines = max(5, round(MACHINES * scale))
    limit = max(5.0, TIME_LIMIT_S * scale)
    shops = {
        "short": planted_shop(
            machines=machines,
            operations_per_machine=OPERATIONS_PER_MACHINE,
            job_length=SHORT_JOB,
            seed=seed,
        ),
        "rectangle": rectangular_shop(
            jobs=max(10, round(RECTANGLE[0] * scale**0.5)),
            machines=max(2, round(RECTANGLE[1] * scale**0.5)),
            seed=seed,
        ),
        "long": planted_shop(
            machines=machines,
            operations_per_machine=OPERATIONS_PER_MACHINE,
            job_length=OPERATIONS_PER_MACHINE,
            seed=seed,
        ),
    }
    figures: list[dict[str, Any]] = []
    for name, jobs in shops.items():
        figures += _figures(name, _solved(jobs, limit, seed))
    figures.append(_small(seed, scale))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures.append(figure("peak_memory_mb", memory, "MB", f"<= {MEMORY_MB}", memory <= MEMORY_MB))
    return {
        "bench": "jobshop",
        "simulated": True,
        "seed": seed,
        "scale": scale,
        "time_limit_s": limit,
        "operations": {name: sum(map(len, jobs)) for name, jobs in shops.items()},
        "machine": machine_facts(),
        "figures": figures,
    }


def _solved(jobs: list[Job], limit: float, seed: int) -> Outcome:
    """Write the shop as text, solve the file, and check the result file."""
    text = jsp_text(jobs)
    with TemporaryDirectory() as folder:
        shop, answer = Path(folder) / "shop.txt", Path(folder) / "result.json"
        shop.write_text(text, encoding="utf-8")
        wall, cpu = perf_counter(), process_time()
        solved = solve_file(shop, format_="jsp", time_limit=limit, workers=WORKERS, seed=seed)
        write(solved.document, answer)
        wall, cpu = perf_counter() - wall, process_time() - cpu
        checked = check_file(shop, answer, format_="jsp", certify=True).document
        gap = json.loads(answer.read_text(encoding="utf-8"))["gap"]
    return Outcome(
        gap=gap,
        violations=len(checked["violations"]),
        is_verified=checked["lower_bound_verified"] is True,
        cpu_s=cpu,
        wall_s=wall,
        rule_gap=_best_rule(read_problem(text, "jsp")),
    )


def _figures(name: str, outcome: Outcome) -> list[dict[str, Any]]:
    sound, verified = outcome.violations == 0, outcome.is_verified
    return [
        figure(
            f"{name}_gap",
            outcome.gap,
            "ratio",
            f"<= {GOAL}",
            outcome.gap is not None and outcome.gap <= GOAL,
            outcome.rule_gap,
        ),
        figure(f"{name}_violations", outcome.violations, "count", "0", sound),
        figure(f"{name}_bound_verified", int(verified), "bool", "1", verified),
        figure(f"{name}_cpu_s", outcome.cpu_s, "s", "shown", True),
        figure(f"{name}_wall_s", outcome.wall_s, "s", "shown", True),
    ]


def _best_rule(problem: Problem) -> float:
    """Return the gap of the best textbook rule.

    Shortest or longest operation, most work remaining, most operations remaining.
    """
    shop = job_shop(ShopModel(problem))
    bound = lower_bound(problem, Objective.MAKESPAN).value
    assert shop is not None, "every operation has one machine"
    assert bound is not None, "there are no deadlines"
    duration = shop.duration.astype(np.float64)
    rules = (duration, -duration, -work_after(shop) - duration, -steps_after(shop) * 1.0)
    starts = np.empty_like(shop.duration)
    return min(1.0 - bound / dispatch(shop, rule, starts) for rule in rules)


def _small(seed: int, scale: float) -> dict[str, Any]:
    """Solve a small rectangle, with CP-SAT alone for as long as the yardstick."""
    limit = max(3.0, SMALL_LIMIT_S * scale)
    machines = max(5, round(20 * min(1.0, scale * 5)))
    jobs = rectangular_shop(jobs=machines * 3, machines=machines, seed=seed)
    solved = _solved(jobs, limit, seed)
    problem = read_problem(jsp_text(jobs), "jsp")
    shop = ShopModel(problem)
    alone = Incumbent(problem, Objective.MAKESPAN, Clock(None))
    alone.raise_bound(lower_bound(problem, Objective.MAKESPAN).value)
    start = list_schedule(shop, urgency=1.0)
    alone.offer(assignments(shop, start))
    SequencingModel(shop, alone, assigned=None).improve(
        start,
        seconds=limit,
        workers=WORKERS,
        seed=seed,
        offer=lambda spans: alone.offer(assignments(shop, spans)),
    )
    assert alone.value is not None, "list scheduling found a plan"
    assert alone.lower_bound is not None, "a bound was given"
    cp_sat = 1.0 - alone.lower_bound / alone.value
    name = f"small_gap_{machines * 3}x{machines}"
    holds = solved.gap is not None and solved.gap <= cp_sat
    return figure(name, solved.gap, "ratio", "<= CP-SAT", holds, cp_sat)
