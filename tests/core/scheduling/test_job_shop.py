"""Plain job shops: sound plans from any priorities, planted optima found, figures reported."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.jobshop import bench_jobshop
from bench.scenarios.job_shops import SPAN_MINUTES, Job, jsp_text, planted_shop, rectangular_shop
from scheduling.core import Objective, Order, Problem, Schedule, Status, solve, violations
from scheduling.core.bounds import lower_bound
from scheduling.core.formats import read_problem
from scheduling.core.shop import ShopModel
from scheduling.core.solvers.jobshop.arrays import (
    JobShop,
    Whole,
    job_shop,
    mirrored,
    steps_after,
    work_after,
)
from scheduling.core.solvers.jobshop.critical import new_search, walk
from scheduling.core.solvers.jobshop.dispatching import dispatch, insert
from scheduling.core.solvers.jobshop.graph import graph, makespan_of, move_after, move_before
from scheduling.core.solvers.jobshop.passes import Kernel
from scheduling.core.solvers.jobshop.settling import settle
from scheduling.core.solvers.jobshop.windows import FEASIBLE, INFEASIBLE, narrow, windows
from scheduling.core.solvers.shop import assignments
from tests.core.scheduling.shops import job_shop as shop_of


def plain(*jobs: Job, machines: int, releases: list[int] | None = None) -> Problem:
    problem = shop_of(*[[[pair] for pair in job] for job in jobs], machines=machines)
    orders = tuple(
        Order(id=order.id, steps=order.steps, release=release)
        for order, release in zip(problem.orders, releases or [0] * len(jobs), strict=True)
    )
    return Problem(machines=problem.machines, orders=orders)


def arrays(problem: Problem) -> JobShop:
    shop = job_shop(ShopModel(problem))
    assert shop is not None
    return shop


def schedule(problem: Problem, shop: JobShop, starts: Whole) -> Schedule:
    spans = list(
        zip(shop.machine.tolist(), starts.tolist(), (starts + shop.duration).tolist(), strict=True)
    )
    return Schedule(assignments=tuple(assignments(ShopModel(problem), spans)))


@st.composite
def shops(draw: st.DrawFn) -> Problem:
    machines = draw(st.integers(1, 4))
    operation = st.tuples(st.integers(0, machines - 1), st.integers(1, 9))
    jobs = draw(st.lists(st.lists(operation, min_size=1, max_size=5), min_size=1, max_size=6))
    releases = draw(
        st.lists(st.integers(0, 20), min_size=len(jobs), max_size=len(jobs)) | st.none()
    )
    return plain(*jobs, machines=machines, releases=releases)


@pytest.mark.parametrize("plan", [dispatch, insert])
@settings(max_examples=60)
@given(problem=shops(), seed=st.integers(0, 10**6))
def test_any_priorities_give_a_sound_plan_of_the_length_that_is_said(
    plan: Kernel, problem: Problem, seed: int
) -> None:
    shop = arrays(problem)
    starts = np.empty_like(shop.duration)
    makespan = plan(shop, np.random.default_rng(seed).random(len(starts)), starts)
    assert violations(problem, schedule(problem, shop, starts)) == []
    assert makespan == int((starts + shop.duration).max())
    bound = lower_bound(problem, Objective.MAKESPAN).value
    assert bound is not None
    assert makespan >= bound


@settings(max_examples=60)
@given(problem=shops(), seed=st.integers(0, 10**6))
def test_dispatching_lets_no_machine_stand_while_an_operation_waits(
    problem: Problem, seed: int
) -> None:
    shop = arrays(problem)
    starts = np.empty_like(shop.duration)
    dispatch(shop, np.random.default_rng(seed).random(len(starts)), starts)
    ends = starts + shop.duration
    for operation, start in enumerate(starts.tolist()):
        before = shop.previous[operation]
        ready = shop.release[operation] if before < 0 else ends[before]
        same = shop.machine == shop.machine[operation]
        for minute in range(int(ready), start):
            assert ((starts <= minute) & (minute < ends) & same).any()


@settings(max_examples=60)
@given(problem=shops(), seed=st.integers(0, 10**6))
def test_inserting_again_by_the_ends_never_makes_a_plan_longer(problem: Problem, seed: int) -> None:
    shop = arrays(problem)._replace(release=np.zeros(len(arrays(problem).release), np.int64))
    starts = np.empty_like(shop.duration)
    ahead = insert(shop, np.random.default_rng(seed).random(len(starts)), starts)
    back = np.empty_like(starts)
    assert insert(mirrored(shop), -(starts + shop.duration).astype(np.float64), back) <= ahead


def test_what_follows_an_operation_is_counted_by_hand() -> None:
    shop = arrays(plain([(0, 3), (1, 4), (0, 5)], [(1, 2)], machines=2))
    assert work_after(shop).tolist() == [9, 5, 0, 0]
    assert steps_after(shop).tolist() == [2, 1, 0, 0]


def test_a_choice_of_machines_or_a_branching_job_is_not_a_plain_job_shop() -> None:
    assert job_shop(ShopModel(shop_of([[(0, 1), (1, 1)]], machines=2))) is None


def test_planted_jobs_fill_every_machine_and_never_stay_on_one() -> None:
    jobs = planted_shop(machines=20, operations_per_machine=10, job_length=4, seed=3)
    load = [sum(d for job in jobs for m, d in job if m == machine) for machine in range(20)]
    assert load == [SPAN_MINUTES] * 20
    assert all(a != b for job in jobs for (a, _), (b, _) in itertools.pairwise(job))
    assert jobs == planted_shop(machines=20, operations_per_machine=10, job_length=4, seed=3)
    assert jobs != planted_shop(machines=20, operations_per_machine=10, job_length=4, seed=4)


def test_a_planted_optimum_is_found_and_proven_in_ten_thousand_operations() -> None:
    jobs = planted_shop(machines=100, operations_per_machine=100, job_length=4.8, seed=5)
    problem = read_problem(jsp_text(jobs), "jsp")
    result = solve(problem, time_limit=30, workers=2, seed=1)
    assert (result.status, result.objective) == (Status.OPTIMAL, SPAN_MINUTES)
    assert violations(problem, result.schedule) == []


def test_ten_times_more_jobs_than_machines_end_with_the_busiest_machine() -> None:
    jobs = rectangular_shop(jobs=300, machines=30, seed=2)
    result = solve(read_problem(jsp_text(jobs), "jsp"), time_limit=20, workers=2, seed=1)
    assert result.gap is not None
    assert result.gap <= 0.005


def test_the_bench_reports_every_figure_with_its_goal() -> None:
    report = bench_jobshop(seed=1, scale=0.005)
    assert report["bench"] == "jobshop"
    names = {figure["name"] for figure in report["figures"]}
    assert {"short_gap", "rectangle_gap", "long_gap", "short_cpu_s", "peak_memory_mb"} <= names
    for figure in report["figures"]:
        assert set(figure) == {"name", "value", "unit", "goal", "holds", "yardstick"}


@settings(max_examples=40)
@given(problem=shops())
def test_windows_for_the_optimum_leave_it_room(problem: Problem) -> None:
    shop, model = arrays(problem), ShopModel(problem)
    best = solve(problem, time_limit=3, workers=1)
    assert (best.status, best.objective is None) == (Status.OPTIMAL, False)
    heads, tails = np.array(model.heads), np.array(model.tails)
    held, tree = windows(shop, heads, tails, best.objective or 0)
    assert narrow(shop, held, tree, -1) == FEASIBLE
    assert (held.start + shop.duration <= held.end).all()


def test_a_target_below_the_busiest_machine_leaves_an_operation_no_window() -> None:
    # both jobs need machine 0 for 4 minutes: nothing can end by 7
    problem = plain([(0, 4)], [(0, 4)], machines=1)
    model = ShopModel(problem)
    heads, tails = np.array(model.heads), np.array(model.tails)
    for target, expected in ((7, INFEASIBLE), (8, FEASIBLE)):
        held, tree = windows(arrays(problem), heads, tails, target)
        assert narrow(arrays(problem), held, tree, -1) == expected


def test_jobs_without_slack_are_settled_to_the_planted_optimum() -> None:
    jobs = planted_shop(machines=60, operations_per_machine=40, job_length=40, seed=1)
    problem = read_problem(jsp_text(jobs), "jsp")
    shop, model = arrays(problem), ShopModel(problem)
    heads, tails = np.array(model.heads), np.array(model.tails)
    rank = settle(shop, heads, tails, SPAN_MINUTES, is_over=lambda: False)
    assert rank is not None
    starts = np.empty_like(shop.duration)
    assert insert(shop, rank, starts) == SPAN_MINUTES
    assert violations(problem, schedule(problem, shop, starts)) == []
    assert dispatch(shop, -work_after(shop).astype(np.float64), starts) > 1.2 * SPAN_MINUTES


def test_settling_stops_when_time_is_over() -> None:
    problem = plain([(0, 4)], [(0, 4)], machines=1)
    nothing = np.zeros(2, dtype=np.int64)
    assert settle(arrays(problem), nothing, nothing, 8, is_over=lambda: True) is None


@settings(max_examples=60)
@given(problem=shops(), seed=st.integers(0, 10**6), draws=st.data())
def test_a_graph_is_after_any_moves_what_it_would_be_if_made_anew(
    problem: Problem, seed: int, draws: st.DataObject
) -> None:
    shop = arrays(problem)
    starts = np.empty_like(shop.duration)
    dispatch(shop, np.random.default_rng(seed).random(len(starts)), starts)
    plan = graph(shop, starts)
    for _ in range(6):
        movable = [o for o in range(len(starts)) if plan.after[o] >= 0]
        if not movable:
            return
        early = late = draws.draw(st.sampled_from(movable))
        for _step in range(draws.draw(st.integers(1, 4))):
            late = plan.after[late] if plan.after[late] >= 0 else late
        if draws.draw(st.booleans()):
            move_after(shop, plan, early, late)
        else:
            move_before(shop, plan, late, early)
        anew = graph(shop, plan.head)
        for kept, made in zip(plan, anew, strict=True):
            if kept is not plan.order and kept is not plan.place:
                assert kept.tolist() == made.tolist()
        place = plan.place
        for neighbour in (shop.following, plan.after):
            held = neighbour >= 0
            assert (place[held] < place[neighbour[held]]).all()
        assert violations(problem, schedule(problem, shop, plan.head)) == []


def test_a_move_that_would_close_a_cycle_is_refused_and_changes_nothing() -> None:
    # job 0 goes from machine 0 by machine 1 back to machine 0
    problem = plain([(0, 2), (1, 3), (0, 4)], machines=2)
    shop = arrays(problem)
    plan = graph(shop, np.array([0, 2, 5]))
    before = [array.tolist() for array in plan]
    assert not move_after(shop, plan, 0, 2)
    assert not move_before(shop, plan, 2, 0)
    assert [array.tolist() for array in plan] == before
    assert makespan_of(shop, plan) == 9


@settings(max_examples=30)
@given(problem=shops(), seed=st.integers(0, 10**6))
def test_a_walk_never_ends_worse_than_it_began_nor_below_the_bound(
    problem: Problem, seed: int
) -> None:
    shop = arrays(problem)
    starts = np.empty_like(shop.duration)
    began = dispatch(shop, np.random.default_rng(seed).random(len(starts)), starts)
    bound = lower_bound(problem, Objective.MAKESPAN).value
    assert bound is not None
    search = new_search(shop, starts, seed)
    found = walk(shop, search, bound, 50)
    assert bound <= found <= began
    assert found == int((search.best.head + shop.duration).max())
    assert violations(problem, schedule(problem, shop, search.best.head)) == []


def test_a_walk_finds_the_optimum_that_was_derived_by_hand() -> None:
    # machine 0 must begin with job 1, whose second operation is long: 3 + 5, and then 1
    problem = plain([(0, 2), (1, 1)], [(0, 3), (1, 5)], machines=2)
    shop = arrays(problem)
    search = new_search(shop, np.array([0, 2, 2, 5]), 1)
    assert makespan_of(shop, search.now) == 10
    assert walk(shop, search, 9, 10) == 9
