"""The simulated licence-plate case: planned in time, proven, and sound to the last plate."""

from bench.plates import DAY_MINUTES, bench_plates
from bench.scenarios.plates import (
    QUANTITY,
    ROUTE,
    one_plant_problem,
    plates_facts,
    plates_problem,
)
from scheduling.core import Objective, Order, solve, violations
from scheduling.core.bounds import lower_bound
from scheduling.core.solvers.market import DEFAULT_MAX_LOTS


def test_the_case_has_the_sizes_that_were_reported() -> None:
    facts = plates_facts(1)
    assert len(facts.factories) == 62
    assert {len(factory.machines) for factory in facts.factories} <= {1, 2, 3, 4}
    machines = [each for factory in facts.factories for each in factory.machines]
    assert len(machines) == 153
    counts = {p.code: sum(m.process == p for m in machines) for p in ROUTE}
    assert counts == {"blanking": 30, "film": 38, "emboss": 55, "hot_stamp_pack": 30}
    assert len({factory.name_zh for factory in facts.factories}) == 62
    assert plates_facts(1) == facts != plates_facts(2)


def test_the_plan_takes_less_than_14_days_and_loses_no_plate() -> None:
    problem = plates_problem(plates_facts(1))
    assert problem.validate() == ()
    result = solve(problem, time_limit=30, seed=1, max_lots=1000)
    assert violations(problem, result.schedule) == []
    assert result.objective is not None
    assert result.objective <= 14 * DAY_MINUTES
    for step in range(len(ROUTE)):
        assert sum(a.quantity for a in result.schedule if a.step == step) == QUANTITY


def test_the_bound_is_the_film_stage_and_what_lies_before_and_after_it() -> None:
    # 4.7 million plates on 38 machines of 560 an hour: 220.9 working hours, 11.04 days
    bound = lower_bound(plates_problem(plates_facts(1)), Objective.MAKESPAN).value
    assert bound is not None
    assert 11.04 <= bound / DAY_MINUTES <= 11.5


def test_one_plant_needs_86_days_at_least() -> None:
    problem = one_plant_problem()
    (order,) = problem.orders
    assert isinstance(order, Order)
    bound = lower_bound(problem, Objective.MAKESPAN).value
    assert bound is not None
    assert 86.0 <= bound / DAY_MINUTES <= 87.0


def test_the_bench_reports_every_figure_with_its_goal() -> None:
    report = bench_plates(seed=1, scale=0.02)
    assert report["bench"] == "plates"
    names = {figure["name"] for figure in report["figures"]}
    assert {"days", "lower_bound_days", "gap", "cpu_s", "peak_memory_mb"} <= names
    for figure in report["figures"]:
        assert set(figure) == {"name", "value", "unit", "goal", "holds", "yardstick"}


def test_the_gap_is_three_percent_at_most() -> None:
    result = solve(plates_problem(plates_facts(2)), time_limit=200, seed=2)
    assert result.gap is not None
    assert result.gap <= 0.03
    lots = {a.lot for a in result.schedule}
    assert len(lots) <= DEFAULT_MAX_LOTS
