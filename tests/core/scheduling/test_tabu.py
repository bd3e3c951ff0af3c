"""Tabu search: sound plans from any shop, the same ones again from the same seed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scenarios.flexible_shops import FAMILIES, flexible_shop_text
from scheduling.core import Order, Problem, Schedule, violations
from scheduling.core.bounds import lower_bound
from scheduling.core.formats import read_problem
from scheduling.core.result import Objective
from scheduling.core.shop import ShopModel
from scheduling.core.solvers.shop import assignments
from scheduling.core.solvers.tabu.elites import Settings, Spans, TabuSearch
from scheduling.core.solvers.tabu.graph import empty_plan, shop_arrays
from scheduling.core.solvers.tabu.memory import new_memory
from scheduling.core.solvers.tabu.starts import between, greedy_plan
from tests.core.scheduling.shops import job_shop

DATA = Path(__file__).parents[3] / "bench/scenarios/public_shops"
QUICK = Settings(fewest_elites=3, patience=60, apart=0.0)


def searched(problem: Problem, *, passes: int, seed: int = 1, settings: Settings) -> list[Spans]:
    """Return every plan that one thread offers in so many starts."""
    model = ShopModel(problem)
    found: list[Spans] = []
    TabuSearch(
        shop_arrays(model), model.tails, target=0, seed=seed, most_passes=passes, settings=settings
    ).run(workers=1, offer=found.append, should_stop=lambda: False)
    return found


def makespan(spans: Spans) -> int:
    return max(end for _, _, end in spans)


@st.composite
def shops(draw: st.DrawFn) -> Problem:
    """Draw shops with choices, returning jobs and releases."""
    machines = draw(st.integers(1, 4))
    alternative = st.tuples(st.integers(0, machines - 1), st.integers(1, 9))
    operation = st.lists(alternative, min_size=1, max_size=3, unique_by=lambda pair: pair[0])
    jobs = draw(st.lists(st.lists(operation, min_size=1, max_size=5), min_size=1, max_size=6))
    plain = job_shop(*jobs, machines=machines)
    releases = draw(st.lists(st.integers(0, 20), min_size=len(jobs), max_size=len(jobs)))
    orders = tuple(
        Order(id=order.id, steps=order.steps, release=release)
        for order, release in zip(plain.orders, releases, strict=True)
    )
    return Problem(machines=plain.machines, orders=orders)


@settings(max_examples=60)
@given(problem=shops())
def test_every_plan_is_sound_and_none_is_below_the_bound(problem: Problem) -> None:
    found = searched(problem, passes=6, settings=QUICK)
    assert found
    for spans in found:
        schedule = Schedule(assignments=tuple(assignments(ShopModel(problem), spans)))
        assert violations(problem, schedule) == []
    bound = lower_bound(problem, Objective.MAKESPAN).value
    assert bound is not None
    assert makespan(found[-1]) >= bound


def test_the_same_seed_finds_the_same_plan() -> None:
    problem = read_problem(flexible_shop_text("rdata", seed=3, variant=0))
    last = searched(problem, passes=5, settings=QUICK)[-1]
    assert searched(problem, passes=5, settings=QUICK)[-1] == last
    assert searched(problem, passes=5, seed=2, settings=QUICK)[-1] != last


def test_a_public_instance_is_solved_to_its_optimum_in_a_few_starts() -> None:
    problem = read_problem((DATA / "mk01.txt").read_text())
    assert makespan(searched(problem, passes=20, settings=Settings(patience=2000))[-1]) == 40


def test_a_start_between_two_plans_keeps_what_they_agree_on() -> None:
    model = ShopModel(read_problem(flexible_shop_text("vdata", seed=1, variant=1)))
    shop, memory = shop_arrays(model), new_memory(shop_arrays(model), 1)
    rests = np.array(model.tails, dtype=np.int64)
    one, other, child = empty_plan(shop), empty_plan(shop), empty_plan(shop)
    greedy_plan(shop, one, memory.counters, rests, 1.0, 0.5)
    greedy_plan(shop, other, memory.counters, rests, 1.0, 0.5)
    assert between(shop, child, one, other, memory.counters, 0.5) > 0
    either = (child.machine == one.machine) | (child.machine == other.machine)
    assert either.all()
    for u in range(len(child.machine)):
        v = child.after[u]
        if v >= 0:
            orders = (plan.position[u] < plan.position[v] for plan in (one, other))
            assert any(orders)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_look_alikes_of_every_family_are_read_and_searched(family: str) -> None:
    text = flexible_shop_text(family, seed=1, variant=0)
    assert text == flexible_shop_text(family, seed=1, variant=0)
    problem = read_problem(text)
    assert not problem.validate()
    found = searched(problem, passes=1, settings=QUICK)
    schedule = Schedule(assignments=tuple(assignments(ShopModel(problem), found[-1])))
    assert violations(problem, schedule) == []
