"""Job shops: optima derived by hand, public instances, bounds that never exceed the optimum."""

from itertools import product
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.core import Objective, Problem, Status, solve, violations
from scheduling.core.bounds import lower_bound
from scheduling.core.formats import read_problem
from scheduling.core.shop import ShopModel
from tests.core.scheduling.shops import job_shop

DATA = Path(__file__).parents[3] / "bench/scenarios/public_shops"


def test_two_jobs_on_two_machines_meet_the_hand_derived_optimum() -> None:
    # both jobs start on machine 0; the shorter first operation goes first: 2 + 4 + 5
    problem = job_shop([[(0, 2)], [(1, 3)]], [[(0, 4)], [(1, 5)]], machines=2)
    result = solve(problem, time_limit=5, workers=1, seed=1)
    assert (result.status, result.objective, result.lower_bound) == (Status.OPTIMAL, 11, 11)


def test_flexible_machines_balance() -> None:
    operation = [(0, 4), (1, 4)]
    problem = job_shop(*[[operation]] * 4, machines=2)
    result = solve(problem, time_limit=5, workers=1)
    assert (result.status, result.objective) == (Status.OPTIMAL, 8)


def test_what_only_a_search_proves_is_no_certified_bound() -> None:
    # 12 minutes of work on two machines take 6 at least, three operations of 4 take 8
    problem = job_shop(*[[[(0, 4), (1, 4)]]] * 3, machines=2)
    result = solve(problem, time_limit=5, workers=1)
    assert (result.status, result.objective) == (Status.OPTIMAL, 8)
    assert (result.lower_bound, result.certified_bound, result.gap) == (8, 6, 0.0)
    assert result.certificate == {"0": 10**9, "1": 10**9}


def test_a_small_public_shop_ends_proven_optimal_long_before_its_time_is_over() -> None:
    problem = read_problem((DATA / "mk01.txt").read_text())
    result = solve(problem, time_limit=120, workers=2, seed=1)
    assert (result.status, result.objective, result.lower_bound) == (Status.OPTIMAL, 40, 40)
    assert result.certified_bound is not None
    assert result.certified_bound <= 40
    assert result.runtime_s < 100


def test_tardiness_orders_jobs_by_due_date() -> None:
    plain = job_shop([[(0, 5)]], [[(0, 5)]], machines=1)
    late, soon = plain.orders
    dated = Problem(
        machines=plain.machines,
        orders=(
            type(late)(id="late", steps=late.steps, due=10),
            type(soon)(id="soon", steps=soon.steps, due=5),
        ),
    )
    result = solve(dated, objective=Objective.TARDINESS, time_limit=5, workers=1)
    assert (result.status, result.objective) == (Status.OPTIMAL, 0)


@pytest.mark.parametrize(
    ("name", "best", "within", "bound"),
    [("mk01", 40, 44, 36), ("dpp01a", 2505, 3200, 2505), ("la26_vdata", 1052, 1250, 1052)],
)
def test_public_instances_come_close_to_the_best_known(
    name: str, best: int, within: int, bound: int
) -> None:
    problem = read_problem((DATA / f"{name}.txt").read_text())
    result = solve(problem, time_limit=4, workers=2, seed=1)
    assert violations(problem, result.schedule) == []
    assert result.objective is not None
    assert best <= result.objective <= within
    assert result.lower_bound is not None
    assert bound <= result.lower_bound <= best


def test_the_time_limit_is_kept() -> None:
    problem = read_problem((DATA / "dpp01a.txt").read_text())
    began = monotonic()
    assert solve(problem, time_limit=1.5, workers=2).is_plan
    assert monotonic() - began < 1.5 * 1.05 + 2


def test_a_large_job_shop_is_answered_without_constraint_programming() -> None:
    jobs = [
        [[((job * 7 + step * 3) % 50, 1 + (job + step) % 9)] for step in range(20)]
        for job in range(500)
    ]
    problem = job_shop(*jobs, machines=50)
    result = solve(problem, time_limit=6, workers=1, seed=1)
    assert result.is_plan
    assert result.gap is not None
    assert result.gap < 0.2


@st.composite
def tiny_shops(draw: st.DrawFn) -> Problem:
    machines = draw(st.integers(1, 3))
    alternative = st.tuples(st.integers(0, machines - 1), st.integers(1, 6))
    operation = st.lists(alternative, min_size=1, max_size=2, unique_by=lambda pair: pair[0])
    jobs = draw(st.lists(st.lists(operation, min_size=1, max_size=2), min_size=1, max_size=3))
    return job_shop(*jobs, machines=machines)


def optimum(problem: Problem) -> int:
    """Try every machine choice and every sequence of operations."""
    shop = ShopModel(problem)
    best = sum(max(d for _, d in operation.alternatives) for operation in shop.operations)
    for choice in product(*(operation.alternatives for operation in shop.operations)):
        best = min(best, _shortest(shop, choice, frozenset(), {}, {}, best))
    return best


def _shortest(
    shop: ShopModel,
    choice: tuple[tuple[int, int], ...],
    done: frozenset[int],
    ends: dict[int, int],
    free: dict[int, int],
    best: int,
) -> int:
    if len(done) == len(choice):
        return max(ends.values(), default=0)
    for index, operation in enumerate(shop.operations):
        if index in done or not all(before in done for before in operation.before):
            continue
        machine, duration = choice[index]
        start = max([free.get(machine, 0), *(ends[before] for before in operation.before)])
        if start + duration < best:
            ended = ends | {index: start + duration}
            used = free | {machine: start + duration}
            best = min(best, _shortest(shop, choice, done | {index}, ended, used, best))
    return best


@settings(max_examples=25)
@given(problem=tiny_shops())
def test_tiny_shops_are_solved_to_the_optimum_and_bounds_stay_below(problem: Problem) -> None:
    best = optimum(problem)
    bound = lower_bound(problem, Objective.MAKESPAN).value
    assert bound is not None
    assert bound <= best
    result = solve(problem, time_limit=3, workers=1)
    assert violations(problem, result.schedule) == []
    assert (result.status, result.objective) == (Status.OPTIMAL, best)


@settings(max_examples=50)
@given(problem=tiny_shops(), weights=st.lists(st.integers(0, 20), min_size=3, max_size=3))
def test_any_weights_at_all_prove_no_more_than_the_optimum(
    problem: Problem, weights: list[int]
) -> None:
    named = {machine.id: weights[index] for index, machine in enumerate(problem.machines)}
    bound = lower_bound(problem, Objective.MAKESPAN, [named]).value
    assert bound is not None
    assert bound <= optimum(problem)
