"""Plans are polished by placing some of their lots anew; every limit still holds."""

from dataclasses import replace
from random import Random

import pytest

from scheduling.core import (
    Capability,
    Machine,
    Objective,
    Order,
    Problem,
    Result,
    Step,
    Transport,
    Window,
    solve,
    violations,
)
from scheduling.core.measures import completion_by_order, cost_by_order

PROCESSES = ("cutting", "pressing", "drilling", "painting", "packing")


def town(*, orders: int, machines: int = 40, days: int = 20, seed: int = 1) -> Problem:
    """Draw a town of shops that all set up, close at night and differ in pace and price."""
    random = Random(seed)
    return Problem(
        machines=tuple(_machine(number, days, random) for number in range(machines)),
        orders=tuple(_order(number, random) for number in range(orders)),
        transport=Transport(default_minutes=120),
    )


def _machine(number: int, days: int, random: Random) -> Machine:
    opens, minutes = random.choice((0, 360, 480)), random.choice((360, 480, 720))
    return Machine(
        id=f"m{number}",
        factory=f"f{number % 12}",
        windows=tuple(
            Window(start=day * 1440 + opens, end=day * 1440 + opens + minutes)
            for day in range(days)
        ),
        capabilities=tuple(
            Capability(
                process=process,
                rate_per_hour=random.randint(40, 120),
                set_up_minutes=random.choice((0, 15, 30, 60)),
                price_per_hour_minor=random.randint(3000, 9000),
                resumable=random.random() < 0.7,
            )
            for process in random.sample(PROCESSES, random.choice((1, 1, 2)))
        ),
    )


def _order(number: int, random: Random) -> Order:
    steps = random.sample(PROCESSES, random.randint(2, 4))
    families = [random.choice(("", "red", "blue")) for _ in steps]
    release = random.randint(0, 3) * 1440
    return Order(
        id=f"o{number}",
        quantity=random.randint(200, 2000),
        steps=tuple(
            Step(process=process, set_up_family=family)
            for process, family in zip(steps, families, strict=True)
        ),
        release=release,
        due=release + random.randint(3, 10) * 1440,
    )


def plan(problem: Problem, objective: Objective) -> Result:
    result = solve(problem, objective=objective, time_limit=15, workers=1, seed=1)
    assert result.is_plan
    assert violations(problem, result.schedule) == []
    return result


def test_one_order_with_time_to_spare_costs_little_more_than_is_proven() -> None:
    problem = town(orders=1)
    fastest = plan(problem, Objective.MAKESPAN)
    assert fastest.objective is not None
    patient = replace(problem.orders[0], deadline=3 * fastest.objective)
    cheapest = plan(replace(problem, orders=(patient,)), Objective.COST)
    assert cheapest.gap is not None
    assert cheapest.gap < 0.1


def test_many_orders_together_cost_little_more_than_is_proven() -> None:
    cheapest = plan(town(orders=6, machines=30), Objective.COST)
    assert cheapest.gap is not None
    assert cheapest.gap < 0.15


@pytest.mark.parametrize("objective", [Objective.COST, Objective.TARDINESS])
def test_ceilings_deadlines_and_frozen_work_outlast_the_polish(objective: Objective) -> None:
    problem = town(orders=3, machines=16)
    alone = tuple(replace(step, set_up_family="") for step in problem.orders[0].steps)
    orders = (replace(problem.orders[0], steps=alone), *problem.orders[1:])
    problem = replace(problem, orders=orders)
    first = plan(problem, objective)
    costs = cost_by_order(problem, first.schedule)
    ends = completion_by_order(problem, first.schedule)
    frozen = first.schedule.by_order["o0"]
    limited = replace(
        problem,
        orders=tuple(
            replace(
                order,
                price_ceiling_minor=round(2 * costs[order.id]),
                deadline=round(2 * ends[order.id]),
            )
            for order in problem.orders
        ),
        frozen=frozen,
    )
    second = plan(limited, objective)
    assert set(frozen) <= set(second.schedule)
