"""`bench fjsp`: solve flexible job shops of every family, public ones and look-alikes.

Every shop goes through files, as with `manage.py solve` and `manage.py check --certify`. The
yardstick is CP-SAT alone, from a list schedule, with the same time limit and workers.
"""

import resource
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from bench.figures import figure
from bench.machine import machine_facts
from bench.scenarios.flexible_shops import FAMILIES, flexible_shop_text
from scheduling.core import Objective
from scheduling.core.formats import read_problem
from scheduling.core.shop import ShopModel
from scheduling.core.solvers.incumbent import Clock, Incumbent
from scheduling.core.solvers.sequencing import SequencingModel
from scheduling.core.solvers.shop import Spans, assignments, list_schedule
from scheduling.problem_files import check_file, solve_file, write

PUBLIC = Path(__file__).parent / "scenarios" / "public_shops"
BEST_KNOWN = {
    "mk01": 40,
    "mk04": 60,
    "mk10": 193,
    "dpp01a": 2505,
    "la26_vdata": 1052,
    "behnke6": 125,
}
"""Makespans to compare with; the README beside the files says whose they are."""
CERTIFIED = ("mk", "dpp", "vdata")
"""The families whose own proven gap is a goal."""
TIME_LIMIT_S = 60.0
WORKERS = 2
MEMORY_MB = 2048


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one shop; `alone` is what CP-SAT found and proved by itself.

    `bound` may rest on a search, `certified` is what the check recomputed. `is_verified` None: the
    first is above the second. False: it is no bound at all.
    """

    name: str
    family: str
    makespan: int
    bound: int
    certified: int
    is_verified: bool | None
    violations: int
    cpu_s: float
    wall_s: float
    alone: tuple[int, int]

    @property
    def gap(self) -> float:
        """The gap that is proven by a certificate."""
        return (self.makespan - self.certified) / self.makespan

    @property
    def gap_alone(self) -> float:
        """The yardstick's own gap."""
        return (self.alone[0] - self.alone[1]) / self.alone[0]


def bench_flexible(*, seed: int = 1, scale: float = 1.0) -> dict[str, Any]:
    """Solve the six public shops and one look-alike of each family; `scale` shrinks the time."""
    limit = max(2.0, TIME_LIMIT_S * scale)
    texts = {name: (PUBLIC / f"{name}.txt").read_text() for name in BEST_KNOWN}
    outcomes = [_solved(name, _family(name), text, limit, seed) for name, text in texts.items()]
    outcomes += [
        _solved(
            f"{family}-{seed}",
            family,
            flexible_shop_text(family, seed=seed, variant=seed),
            limit,
            seed,
        )
        for family in FAMILIES
    ]
    return {
        "bench": "fjsp",
        "simulated": "look-alikes; the six public shops are real",
        "seed": seed,
        "scale": scale,
        "time_limit_s": limit,
        "machine": machine_facts(),
        "figures": [*_figures(outcomes, limit), *map(_shown, outcomes)],
    }


def _family(name: str) -> str:
    return next(family for family in FAMILIES if family in name)


def _solved(name: str, family: str, text: str, limit: float, seed: int) -> Outcome:
    """Write the shop as text, solve the file, check the result, and let CP-SAT try."""
    with TemporaryDirectory() as folder:
        shop, answer = Path(folder) / "shop.txt", Path(folder) / "result.json"
        shop.write_text(text, encoding="utf-8")
        wall, cpu = perf_counter(), process_time()
        solved = solve_file(shop, format_="fjsp", time_limit=limit, workers=WORKERS, seed=seed)
        wall, cpu = perf_counter() - wall, process_time() - cpu
        write(solved.document, answer)
        checked = check_file(shop, answer, format_="fjsp", certify=True).document
    return Outcome(
        name=name,
        family=family,
        makespan=checked["objective"],
        bound=solved.document["lower_bound"],
        certified=checked["certified_bound"],
        is_verified=checked["lower_bound_verified"],
        violations=len(checked["violations"]),
        cpu_s=cpu,
        wall_s=wall,
        alone=_alone(text, limit, seed),
    )


def _alone(text: str, limit: float, seed: int) -> tuple[int, int]:
    """Return the makespan and the bound that CP-SAT reaches by itself."""
    problem = read_problem(text, "fjsp")
    shop = ShopModel(problem)
    incumbent = Incumbent(problem, Objective.MAKESPAN, Clock(None))

    def offer(spans: Spans) -> None:
        incumbent.offer(assignments(shop, spans))

    start = list_schedule(shop, urgency=1.0)
    offer(start)
    model = SequencingModel(shop, incumbent, assigned=None)
    proven = model.improve(start, seconds=limit, workers=WORKERS, seed=seed, offer=offer)
    assert incumbent.value is not None, "list scheduling found a plan"
    return incumbent.value, proven or 0


def _figures(outcomes: list[Outcome], limit: float) -> list[dict[str, Any]]:
    public = [each for each in outcomes if each.name in BEST_KNOWN]
    over = [each.makespan / BEST_KNOWN[each.name] - 1 for each in public]
    over_alone = [each.alone[0] / BEST_KNOWN[each.name] - 1 for each in public]
    proven = [each for each in outcomes if each.family in CERTIFIED]
    gap = fmean(each.gap for each in proven)
    broken = sum(each.violations for each in outcomes)
    refuted = sum(each.is_verified is False for each in outcomes)
    late = max(each.wall_s for each in outcomes)
    allowed = limit * 1.05 + 2
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        figure(
            "mean_over_best_known",
            fmean(over),
            "ratio",
            "<= 0.02",
            fmean(over) <= 0.02,
            fmean(over_alone),
        ),
        figure(
            "worst_over_best_known",
            max(over),
            "ratio",
            "<= 0.06",
            max(over) <= 0.06,
            max(over_alone),
        ),
        figure(
            "certified_gap",
            gap,
            "ratio",
            "<= 0.03",
            gap <= 0.03,
            fmean(each.gap_alone for each in proven),
        ),
        figure("violations", broken, "count", "0", broken == 0),
        figure("bounds_refuted", refuted, "count", "0", refuted == 0),
        figure("longest_wall_s", late, "s", f"<= {allowed:.1f}", late <= allowed),
        figure("cpu_s", sum(each.cpu_s for each in outcomes), "s", "shown", True),
        figure("peak_memory_mb", memory, "MB", f"<= {MEMORY_MB}", memory <= MEMORY_MB),
    ]


def _shown(outcome: Outcome) -> dict[str, Any]:
    shown = figure(
        f"{outcome.name}_makespan", outcome.makespan, "minutes", "shown", True, outcome.alone[0]
    )
    return shown | {
        "best_known": BEST_KNOWN.get(outcome.name),
        "lower_bound": outcome.bound,
        "certified_bound": outcome.certified,
        "cpu_s": round(outcome.cpu_s, 1),
    }
