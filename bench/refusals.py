"""`bench refusals`: refuse orders of all kinds, and book what is offered in their place.

Every case is an order without a plan in a generated market in use. It must get a cause and a way
out; the first way out is booked into the market as it stands, and the checker looks at everybody's
work. The next case of the same market meets what was booked before.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from statistics import quantiles
from time import process_time
from typing import Any

from bench.figures import figure
from bench.machine import machine_facts
from bench.scenarios.refusals import (
    BREAKS,
    MAX_LOTS,
    TIME_LIMIT_S,
    Feasible,
    UsedMarket,
    drawn_order,
    planned,
    unheard_of,
    used_market,
)
from scheduling.core import Objective, Order, Problem, refusal, violations
from scheduling.core.ways_out import Refusal

CASES = 1_000
CASES_A_MARKET = 20
CONTROLS_A_MARKET = 1
"""Orders for a process that nobody does: they have no way out, and must be told so."""


@dataclass(kw_only=True)
class _Tally:
    """What became of the cases."""

    kinds: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    with_cause: int = 0
    with_way: int = 0
    accepted: int = 0
    by_date: int = 0
    controls: int = 0
    controls_told: int = 0
    milliseconds: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.kinds.total()


def bench_refusals(*, seed: int = 1, scale: float = 1.0) -> dict[str, Any]:
    """Refuse the cases and return the figures; `scale` changes their number only."""
    wanted = max(len(BREAKS), round(CASES * scale))
    tally, cpu = _Tally(), process_time()
    number = 0
    while tally.cases < wanted:
        random = Random(f"{seed}/{number}")
        market = used_market(random)
        _refuse_in(market, random, tally, min(CASES_A_MARKET, wanted - tally.cases), number)
        number += 1
    return {
        "bench": "refusals",
        "simulated": True,
        "seed": seed,
        "scale": scale,
        "markets": number,
        "kinds": dict(tally.kinds),
        "causes": dict(tally.causes),
        "ways": dict(tally.ways),
        "missed": tally.missed[:20],
        "yardstick": "the only counter-offer is the date of the earliest plan without a deadline",
        "machine": machine_facts(),
        "figures": _figures(tally, process_time() - cpu),
    }


def _figures(tally: _Tally, cpu: float) -> list[dict[str, Any]]:
    cases = tally.cases
    cuts = quantiles(tally.milliseconds, n=100)
    told, controls = tally.controls_told, tally.controls
    return [
        figure("cases", cases, "count", f"{cases}", True),
        figure("with_cause", tally.with_cause, "count", f"{cases}", tally.with_cause == cases),
        figure("with_counter_offer", tally.with_way, "count", f"{cases}", tally.with_way == cases),
        figure(
            "accepted", tally.accepted, "count", f"{cases}", tally.accepted == cases, tally.by_date
        ),
        figure("hopeless_told_so", told, "count", f"{controls}", told == controls),
        figure("cpu_ms_p50", cuts[49], "ms", "shown", True),
        figure("cpu_ms_p95", cuts[94], "ms", "shown", True),
        figure("cpu_s", cpu, "s", "<= 600", cpu <= 600),
    ]


def _refuse_in(market: UsedMarket, random: Random, tally: _Tally, wanted: int, number: int) -> None:
    """Draw orders in one market until enough of them have no plan."""
    kinds, done, drawn = list(BREAKS), 0, 0
    while done < wanted and drawn < 6 * CASES_A_MARKET:
        drawn += 1
        order = drawn_order(f"case-{number}-{drawn}", random)
        problem = market.asked(order)
        plan = planned(problem, Objective.COST)
        if not plan.is_plan:
            continue
        ground = Feasible(order=order, problem=problem, result=plan)
        if drawn <= CONTROLS_A_MARKET:
            tally.controls += 1
            told = refusal(market.asked(unheard_of(ground)))
            tally.controls_told += told.cause.code == "unknown_process" and not told.ways
        kind = kinds[tally.cases % len(kinds)]
        broken = BREAKS[kind](ground, random)
        if _has_plan(market.asked(broken)):
            continue
        done += 1
        tally.kinds[kind] += 1
        _judge(market, broken, kind, tally)


def _has_plan(problem: Problem) -> bool:
    """Tell whether an order is no case, because it can be planned as it is."""
    is_priced = problem.orders[0].price_ceiling_minor is not None
    goal = Objective.COST if is_priced else Objective.MAKESPAN
    return planned(problem, goal).is_plan


def _judge(market: UsedMarket, order: Order, kind: str, tally: _Tally) -> None:
    problem = market.asked(order)
    begin = process_time()
    refused = refusal(problem, time_limit=TIME_LIMIT_S, max_lots=MAX_LOTS)
    tally.milliseconds.append(1000 * (process_time() - begin))
    tally.with_cause += refused.cause.code != "no_place"
    tally.causes[refused.cause.code] += 1
    tally.with_way += bool(refused.ways)
    tally.by_date += _by_date_alone(market, problem)
    if refused.ways and _book(market, refused):
        tally.accepted += 1
        tally.ways[refused.ways[0].limit] += 1
    else:
        tally.missed.append(f"{kind} {order.id}: {refused.cause.code}")


def _book(market: UsedMarket, refused: Refusal) -> bool:
    """Accept the first way out; tell whether the checker finds no fault in the whole market."""
    way = refused.ways[0]
    (order,) = way.problem.orders
    work = market.as_booked(way.result.schedule)
    whole, everything = market.with_order(order, work)
    if violations(whole, everything):
        return False
    market.book(order, work)
    return True


def _by_date_alone(market: UsedMarket, problem: Problem) -> bool:
    """Tell whether the yardstick has an answer: a later date and nothing else."""
    (order,) = problem.orders
    free = replace(problem, orders=(replace(order, deadline=None),))
    return order.deadline is not None and planned(free, Objective.MAKESPAN).is_plan
