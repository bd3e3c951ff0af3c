"""Quotas that a buyer asks for by hand: kept, bounded truly, and named when they cannot be."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.core import (
    Near,
    Objective,
    Problem,
    Quota,
    Window,
    solve,
    steered,
    violations,
)
from scheduling.core.bounds import lower_bound
from scheduling.core.ranges import least_cost, open_ranges
from scheduling.core.reach import ReachModel
from scheduling.core.schedule import Assignment
from scheduling.core.solvers.flow import balance_weights
from tests.core.scheduling.shops import machine, market, order

OPEN = (Window(start=0, end=100_000),)


def two_works(quantity: int = 600, *, price: int = 0, **limits: object) -> Problem:
    """Return a market of two machines, 60 and 120 pieces an hour, the fast one dearer."""
    return market(
        machine("slow", windows=OPEN, price_per_hour_minor=600),
        machine("fast", windows=OPEN, rate=120, price_per_hour_minor=3000 + price),
        order(quantity=quantity, **limits),
    )


def pieces(problem: Problem, schedule: tuple[Assignment, ...], factory: str) -> int:
    return sum(a.quantity for a in schedule if problem.machine_by_id[a.machine].factory == factory)


def test_a_quota_raises_the_proven_date_to_what_its_factory_needs() -> None:
    # Together 180 an hour: 200 minutes; 600 pieces on the slow machine alone: 600.
    free = two_works()
    assert lower_bound(free, Objective.MAKESPAN).value == 200
    quota = Quota(step=0, factory="slow-works", at_least=500)
    assert lower_bound(two_works(quotas=(quota,)), Objective.MAKESPAN).value == 500
    capped = Quota(step=0, factory="fast-works", at_most=120)
    assert lower_bound(two_works(quotas=(capped,)), Objective.MAKESPAN).value == 480


def test_a_quota_raises_the_proven_cost_to_what_its_factory_charges() -> None:
    # A piece costs 10 at the slow works, 25 at the fast ones.
    assert lower_bound(two_works(), Objective.COST).value == 6000
    quota = Quota(step=0, factory="fast-works", at_least=400)
    assert lower_bound(two_works(quotas=(quota,)), Objective.COST).value == 12_000
    capped = Quota(step=0, factory="slow-works", at_most=100)
    assert lower_bound(two_works(quotas=(capped,)), Objective.COST).value == 13_500


def test_the_plan_keeps_the_wishes_and_says_what_they_cost() -> None:
    quotas = (Quota(step=0, factory="slow-works", at_least=380, at_most=420),)
    problem = two_works(quotas=quotas)
    found = steered(problem, goal=Objective.MAKESPAN, seed=1)
    assert found.plan is not None
    schedule = found.plan.result.schedule
    assert violations(problem, schedule) == []
    assert 380 <= pieces(problem, schedule.assignments, "slow-works") <= 420
    assert found.plan.completion_bound == 380
    assert 380 <= found.plan.completion <= 420
    assert found.plan.cost_bound_minor is not None
    assert found.plan.cost_bound_minor <= found.plan.cost_minor


def test_a_cheap_plan_keeps_its_date_and_becomes_the_earliest_where_it_cannot() -> None:
    in_time = steered(two_works(), goal=Objective.COST, by=300, seed=1)
    assert in_time.plan is not None
    assert in_time.plan.completion <= 300
    quotas = (Quota(step=0, factory="slow-works", at_least=500),)
    late = steered(two_works(quotas=quotas), goal=Objective.COST, by=300, seed=1)
    assert late.plan is not None
    assert 500 <= late.plan.completion <= 540


def test_a_plan_near_another_is_neither_the_cheapest_nor_the_fastest() -> None:
    # Half of the pieces each take 300 minutes and cost 10,500; alone, the slow works take 600.
    near = Near(completion=300, cost_minor=10_500)
    free = steered(two_works(), goal=near, seed=1)
    assert free.plan is not None
    assert 270 <= free.plan.completion <= 330
    quotas = (Quota(step=0, factory="fast-works", at_most=200),)
    found = steered(two_works(quotas=quotas), goal=near, seed=1)
    assert found.plan is not None
    assert 400 <= found.plan.completion <= 450
    assert found.plan.completion_bound == 400
    assert found.plan.cost_minor <= 9_100
    capped = steered(two_works(quotas=quotas), goal=near, by=420, seed=1)
    assert capped.plan is not None
    assert capped.plan.completion <= 420


def test_what_a_factory_cannot_do_is_proven_and_named() -> None:
    short = market(
        machine("short", windows=(Window(start=0, end=100),)),
        machine("long", windows=OPEN),
        order(
            quantity=600,
            quotas=(
                Quota(step=0, factory="long-works", at_least=200),
                Quota(step=0, factory="short-works", at_least=300),
            ),
        ),
    )
    found = steered(short, goal=Objective.MAKESPAN, seed=1)
    assert found.plan is None
    assert found.unkept is not None
    assert (found.unkept.quota.factory, found.unkept.is_proven) == ("short-works", True)


def test_wishes_that_clash_name_one_without_which_there_is_a_plan() -> None:
    # Each alone fits in 300 minutes; both together leave the third piece of work no machine.
    clash = market(
        machine("a", windows=(Window(start=0, end=300),)),
        machine("b", windows=(Window(start=0, end=300),)),
        order(
            quantity=550,
            quotas=(
                Quota(step=0, factory="a-works", at_most=270),
                Quota(step=0, factory="b-works", at_most=270),
            ),
        ),
    )
    found = steered(clash, goal=Objective.MAKESPAN, seed=1)
    assert found.unkept is not None
    assert not found.unkept.is_proven


def test_frozen_pieces_count_towards_a_quota() -> None:
    frozen = Assignment(
        order="plates", lot=0, step=0, machine="slow", start=0, end=100, quantity=100
    )
    quota = Quota(step=0, factory="slow-works", at_least=150, at_most=220)
    problem = two_works(quotas=(quota,))
    problem = Problem(orders=problem.orders, machines=problem.machines, frozen=(frozen,))
    assert open_ranges(problem) == {("plates", 0): {"slow-works": (50, 120)}}


@given(
    st.integers(0, 9),
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=3
    ),
)
def test_the_least_cost_is_that_of_the_best_share(
    demand: int, factories: list[tuple[int, int, int]]
) -> None:
    names = [str(index) for index in range(len(factories))]
    costs = {name: Fraction(cost) for name, (cost, _, _) in zip(names, factories, strict=True)}
    ranges = {
        name: (least, least + room) for name, (_, least, room) in zip(names, factories, strict=True)
    }
    shares = product(*(range(low, high + 1) for low, high in ranges.values()))
    best = min(
        (
            sum(costs[name] * share for name, share in zip(names, each, strict=True))
            for each in shares
            if sum(each) == demand
        ),
        default=None,
    )
    assert least_cost(demand, costs, ranges) == best


@given(
    st.integers(1, 12),
    st.integers(0, 240),
    st.integers(0, 120),
    st.sampled_from([Objective.MAKESPAN, Objective.COST]),
)
@settings(max_examples=40)
def test_no_plan_that_keeps_its_quotas_beats_the_bound(
    lots: int, least: int, room: int, goal: Objective
) -> None:
    quota = Quota(step=1, factory="fast-works", at_least=least, at_most=least + room)
    problem = market(
        machine("cut", "cutting", factory="slow-works"),
        machine("slow", set_up_minutes=7, price_per_hour_minor=500),
        machine("fast", rate=90, price_per_hour_minor=900),
        order(quantity=240, steps="cutting,pressing", quotas=(quota,)),
    )
    weights = balance_weights(ReachModel(problem), time_limit=1)
    bound = lower_bound(problem, goal, weights).value
    found = solve(problem, objective=goal, time_limit=1, seed=lots, max_lots=lots)
    if found.is_plan:
        assert violations(problem, found.schedule) == []
        assert bound is not None
        assert found.objective is not None
        assert bound <= found.objective


@pytest.mark.parametrize("goal", [Objective.MAKESPAN, Objective.COST])
def test_an_excluded_factory_gets_nothing(goal: Objective) -> None:
    problem = two_works(excluded_factories=frozenset({"fast-works"}))
    found = steered(problem, goal=goal, seed=1)
    assert found.plan is not None
    assert pieces(problem, found.plan.result.schedule.assignments, "fast-works") == 0
