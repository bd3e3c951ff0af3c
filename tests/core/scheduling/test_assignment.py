"""Markets planned by assignment: optima by hand, sound lots, bounds that hold, honest refusals."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.market import bench_market
from bench.scenarios.market import market_problem
from scheduling.core import Machine, Objective, Order, Problem, Result, Status, Window, solve
from scheduling.core.calendars import Calendar
from scheduling.core.candidates import candidates
from scheduling.core.checker import violations
from scheduling.core.measures import outside_cost
from scheduling.core.reach import ReachModel
from scheduling.core.rents import rented_bound
from scheduling.core.solvers.assignment import assign_market, is_assignable
from scheduling.core.solvers.assignment import fan_out as fanning
from scheduling.core.solvers.assignment import market as planning_whole
from scheduling.core.solvers.assignment.blocks import BlockMaker, components
from scheduling.core.solvers.assignment.cutting import cut
from scheduling.core.solvers.assignment.fan_out import AnswererLost, FanOut
from scheduling.core.solvers.assignment.placing import Work, place
from scheduling.core.solvers.incumbent import Clock
from tests.core.scheduling.shops import machine, market, order

HOURS = (Window(start=0, end=100),)


def plan(problem: Problem) -> Result:
    result = solve(problem, objective=Objective.COST, time_limit=20, workers=1, seed=1)
    unplanned = [each.order for each in result.unplanned]
    assert violations(problem, result.schedule, unplanned=unplanned) == []
    return result


def test_the_rest_is_bought_outside_when_the_machine_is_worth_its_set_up() -> None:
    # 100 minutes hold a set-up of 30 and 70 pieces: 1000 for them, 20 for each of the other 30
    press = machine("press", windows=HOURS, set_up_minutes=30, price_per_hour_minor=600)
    result = plan(market(press, order(quantity=100, outside_price_minor=20)))
    assert (result.status, result.objective, result.lower_bound) == (Status.OPTIMAL, 1600, 1600)
    assert [a.quantity for a in result.schedule] == [70]


def test_everything_is_bought_outside_when_the_set_up_costs_more_than_it_saves() -> None:
    # 70 pieces would cost 14.29 each on the machine
    press = machine("press", windows=HOURS, set_up_minutes=30, price_per_hour_minor=600)
    result = plan(market(press, order(quantity=100, outside_price_minor=14)))
    assert (result.status, result.objective, len(result.schedule)) == (Status.OPTIMAL, 1400, 0)


def test_a_smallest_lot_is_made_whole_or_not_at_all() -> None:
    cheap = machine("cheap", windows=HOURS, min_lot=80, price_per_hour_minor=300)
    dear = machine("dear", windows=HOURS, price_per_hour_minor=600)
    # a minute a piece: 5 on the cheap machine, 10 on the dear one
    small = plan(market(cheap, dear, order(quantity=79, outside_price_minor=50)))
    assert (small.status, small.objective) == (Status.OPTIMAL, 790)
    large = plan(market(cheap, dear, order(quantity=80, outside_price_minor=50)))
    assert (large.status, large.objective) == (Status.OPTIMAL, 400)


def test_scarce_time_goes_where_the_other_way_out_is_dearest() -> None:
    press = machine("press", windows=HOURS, price_per_hour_minor=600)
    poor = order("poor", 100, outside_price_minor=15)
    rich = order("rich", 60, outside_price_minor=40)
    result = plan(market(press, poor, rich))
    # 60 rich pieces and 40 poor ones at 10 each, 60 poor ones outside at 15
    assert (result.status, result.objective) == (Status.OPTIMAL, 1900)
    made = Counter({a.order: a.quantity for a in result.schedule})
    assert made == {"rich": 60, "poor": 40}
    assert result.rents is not None
    assert "press" in result.rents


def test_a_price_ceiling_sends_the_rest_outside() -> None:
    press = machine("press", windows=HOURS, price_per_hour_minor=600)
    capped = order(quantity=60, price_ceiling_minor=300, outside_price_minor=40)
    result = plan(market(press, capped))
    (only,) = result.schedule
    # 30 pieces at 10 each would fill the ceiling; a minute is kept back for rounding
    assert 25 <= only.quantity <= 30


def test_an_order_that_admits_few_machines_gets_those_alone() -> None:
    near = machine("near", windows=HOURS, price_per_hour_minor=900)
    far = machine("far", windows=HOURS, price_per_hour_minor=600)
    picky = order(quantity=60, admitted_machines=frozenset({"near"}), outside_price_minor=40)
    result = plan(market(near, far, picky))
    assert {a.machine for a in result.schedule} == {"near"}
    assert (result.status, result.objective) == (Status.OPTIMAL, 900)


def test_what_must_be_made_and_cannot_is_named_with_its_reason() -> None:
    press = machine("press", windows=HOURS, price_per_hour_minor=600)
    soft = order("soft", 30, outside_price_minor=40)
    result = plan(market(press, soft, order("hard", 101)))
    assert result.status is Status.INFEASIBLE
    assert [(each.order, each.code) for each in result.unplanned] == [("hard", "capacity_short")]
    assert {a.order for a in result.schedule} == {"soft"}


def test_two_orders_that_fit_alone_but_not_together_are_a_timeout_not_a_proof() -> None:
    press = machine("press", windows=HOURS, price_per_hour_minor=600)
    problem = market(press, order("a", 60), order("b", 60), order("c", 5, outside_price_minor=20))
    result = plan(problem)
    assert result.status is Status.TIMEOUT
    assert len(result.unplanned) == 1
    assert {each.code for each in result.unplanned} == {"no_place"}


def test_orders_hang_together_only_by_machines_that_may_work_for_both() -> None:
    cutter, press = machine("cutter", "cutting"), machine("press")
    problem = market(
        cutter, press, order("a"), order("b"), order("c", steps="cutting"), order("d", quantity=3)
    )
    model = ReachModel(problem)
    removed: Counter[str] = Counter()
    found = [candidates(model, each, removed) for each in problem.orders]
    assert sorted(components(found)) == [[0, 1, 3], [2]]
    assert removed == Counter()


def work(pair: int, start: int, end: int, **figures: int) -> Work:
    rest = {"set_up": 0, "min_lot": 1, "max_lot": 10**9} | figures
    resumable = bool(rest.pop("resumable", 1))
    return Work(
        pair=pair, start=start, end=end, numerator=1, denominator=1, resumable=resumable, **rest
    )


def test_lots_that_may_not_pause_fit_their_windows_and_pay_one_set_up() -> None:
    calendar = Calendar((Window(start=0, end=50), Window(start=100, end=150)))
    placement = place(calendar, [(work(0, 0, 150, set_up=10, min_lot=15, resumable=0), 60)])
    assert [(lot.start, lot.end, lot.quantity, lot.set_up) for lot in placement.lots] == [
        (0, 50, 40, 10),
        (100, 120, 20, 0),
    ]


def test_a_remainder_below_the_smallest_lot_takes_pieces_from_the_lot_before() -> None:
    calendar = Calendar((Window(start=0, end=50), Window(start=100, end=150)))
    placement = place(calendar, [(work(0, 0, 150, min_lot=20, resumable=0), 60)])
    assert [lot.quantity for lot in placement.lots] == [40, 20]


def test_nobody_comes_between_lots_that_share_a_set_up() -> None:
    calendar = Calendar((Window(start=0, end=50), Window(start=100, end=150)))
    run = work(0, 0, 150, set_up=10, min_lot=25, max_lot=25, resumable=0)
    placement = place(calendar, [(run, 50), (work(1, 30, 160, set_up=2), 10)])
    assert [(lot.pair, lot.start, lot.end, lot.set_up) for lot in placement.lots] == [
        (0, 0, 35, 10),
        (0, 100, 125, 0),
        (1, 125, 137, 2),
    ]


def test_an_order_flows_around_one_that_has_less_time() -> None:
    calendar = Calendar((Window(start=0, end=100),))
    wanted = [(work(0, 0, 100, set_up=5), 70), (work(1, 40, 60, set_up=2), 18)]
    placement = place(calendar, wanted)
    assert placement.left_over == {}
    assert [(lot.pair, lot.quantity, lot.set_up) for lot in placement.lots] == [
        (0, 35, 5),
        (1, 18, 2),
        (0, 35, 5),
    ]


@st.composite
def small_markets(draw: st.DrawFn) -> Problem:
    """Draw up to four machines and four orders, with tight windows, lots and dates."""
    machines: list[Machine] = []
    for number in range(draw(st.integers(1, 4))):
        starts = sorted(draw(st.sets(st.integers(0, 8), min_size=1, max_size=3)))
        least = draw(st.integers(1, 40))
        machines.append(
            machine(
                f"m{number}",
                windows=tuple(Window(start=60 * at, end=60 * at + 60) for at in starts),
                rate=draw(st.integers(20, 90)),
                set_up_minutes=draw(st.integers(0, 30)),
                price_per_hour_minor=draw(st.integers(0, 900)),
                min_lot=least,
                max_lot=draw(st.none() | st.integers(least, 60)),
                resumable=draw(st.booleans()),
            )
        )
    orders: list[Order] = []
    for number in range(draw(st.integers(1, 4))):
        release = draw(st.integers(0, 200))
        orders.append(
            order(
                f"o{number}",
                draw(st.integers(1, 150)),
                release=release,
                deadline=draw(st.none() | st.integers(release + 1, 560)),
                outside_price_minor=draw(st.none() | st.integers(0, 60)),
                price_ceiling_minor=draw(st.none() | st.integers(0, 2000)),
            )
        )
    return market(*machines, *orders)


@settings(max_examples=60)
@given(problem=small_markets())
def test_plans_are_sound_and_no_bound_lies_above_them(problem: Problem) -> None:
    assert is_assignable(problem)
    model = ReachModel(problem)
    found = assign_market(model, clock=Clock(None), workers=1)
    result = plan(problem)
    if result.is_plan:
        assert result.objective is not None
        bound = rented_bound(model, found.rents)
        assert bound is not None
        assert bound <= result.objective
        assert result.lower_bound is not None
        assert result.lower_bound <= result.objective


@settings(max_examples=40)
@given(
    problem=small_markets(),
    rents=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 20_000)), max_size=4),
)
def test_any_rents_at_all_prove_no_more_than_the_plan_costs(
    problem: Problem, rents: list[tuple[int, int]]
) -> None:
    result = plan(problem)
    if result.is_plan:
        assert result.objective is not None
        bound = rented_bound(ReachModel(problem), {"m0": sorted(rents)})
        assert bound is not None
        assert bound <= result.objective


def test_processes_side_by_side_give_the_same_plan_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = market_problem(machines=400, orders=60, seed=5)
    alone = assign_market(ReachModel(problem), clock=Clock(None), workers=1)
    monkeypatch.setattr(fanning, "PAIRS_WORTH_A_CHILD", 1)
    together = assign_market(ReachModel(problem), clock=Clock(None), workers=2)
    assert together == alone
    assert len(alone.assignments) > 300


def test_a_process_that_is_lost_is_an_error_not_a_silent_gap() -> None:
    with FanOut(workers=2, pairs=10**6) as fan_out:
        fan_out._children[0]._process.kill()
        fan_out._children[0]._process.wait()
        with pytest.raises(AnswererLost):
            fan_out._children[0].reply()


def test_time_that_is_over_leaves_a_sound_part_of_the_market() -> None:
    problem = market_problem(machines=400, orders=60, seed=5)
    must_make = replace(
        problem, orders=tuple(replace(o, outside_price_minor=None) for o in problem.orders)
    )
    found = assign_market(ReachModel(must_make), clock=Clock(0.0), workers=1)
    assert len(found.unplanned) == 60
    assert found.assignments == []


def test_a_generated_market_is_within_one_percent_of_its_proof() -> None:
    problem = market_problem(machines=1000, orders=200, seed=3)
    result = plan(problem)
    assert result.gap is not None
    assert result.gap <= 0.01
    assert 0 < outside_cost(problem, result.schedule) < (result.objective or 0)


def test_the_bench_reports_every_figure_with_its_goal() -> None:
    report = bench_market(seed=1, scale=0.01)
    names = {figure["name"] for figure in report["figures"]}
    assert {"gap", "cpu_s", "peak_memory_mb", "violations", "giant_gap", "small_gap"} <= names
    for figure in report["figures"]:
        assert set(figure) == {"name", "value", "unit", "goal", "holds", "yardstick"}
        assert figure["holds"] or figure["name"].endswith("wall_s")


def test_parts_that_share_machines_stay_close_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = market_problem(machines=1000, orders=150, seed=2, shared=0.2)
    result = plan(problem)
    assert result.gap is not None
    assert result.gap <= 0.015
    monkeypatch.setattr(planning_whole, "MOST_ORDERS", 1000)
    together = plan(problem)
    assert together.objective is not None
    assert result.objective is not None
    assert result.objective <= 1.01 * together.objective


def test_parts_hold_every_order_once_and_share_few_machines() -> None:
    problem = market_problem(machines=2000, orders=400, seed=2, shared=0.1)
    model = ReachModel(problem)
    found = [candidates(model, each, Counter()) for each in problem.orders]
    (group,) = components(found)
    block = BlockMaker(model, found).block(group)
    parts = cut(block)
    assert sorted(order for part in parts for order in part) == list(range(400))
    assert max(len(part) for part in parts) <= 60
    part_of = {order: at for at, part in enumerate(parts) for order in part}
    pairs = zip(block.pair_machine.tolist(), block.pair_order.tolist(), strict=True)
    holders = Counter(m for m, _ in {(machine, part_of[order]) for machine, order in pairs})
    assert sum(count > 1 for count in holders.values()) <= 0.25 * block.machines


@settings(max_examples=60)
@given(problem=small_markets())
def test_cells_hold_each_pair_s_open_minutes_once(problem: Problem) -> None:
    model = ReachModel(problem)
    found = [candidates(model, each, Counter()) for each in problem.orders]
    for group in components(found):
        block = BlockMaker(model, found).block(group)
        cells = block.cells
        spans = sorted(zip(cells.machine, cells.start, cells.end, strict=True))
        assert all(one[0] != two[0] or one[2] <= two[1] for one, two in pairwise(spans))
        for cell in range(len(cells.minutes)):
            pairs = cells.slot_pair[cells.slot_cell == cell]
            assert len(pairs)
            assert (block.pair_machine[pairs] == cells.machine[cell]).all()
            assert (block.pair_start[pairs] <= cells.start[cell]).all()
            assert (block.pair_end[pairs] >= cells.end[cell]).all()
        for pair in range(block.pairs):
            machine = problem.machines[block.machine_ids[block.pair_machine[pair]]]
            calendar = model.calendars[machine.id]
            opened = calendar.open_between(int(block.pair_start[pair]), int(block.pair_end[pair]))
            assert cells.minutes[cells.slot_cell[cells.slot_pair == pair]].sum() == opened


def test_a_part_keeps_its_orders_pairs_and_cells() -> None:
    problem = market_problem(machines=400, orders=80, seed=4, shared=0.2)
    model = ReachModel(problem)
    found = [candidates(model, each, Counter()) for each in problem.orders]
    block = BlockMaker(model, found).block(range(80))
    part = block.part(np.array([3, 4, 40, 79]))
    inner, own = part.block, np.isin(block.pair_order, [3, 4, 40, 79])
    assert inner.order_ids.tolist() == [3, 4, 40, 79]
    assert inner.order_ids[inner.pair_order].tolist() == block.pair_order[own].tolist()
    machines = block.machine_ids[block.pair_machine[own]]
    assert inner.machine_ids[inner.pair_machine].tolist() == machines.tolist()
    assert inner.pair_price.tolist() == block.pair_price[own].tolist()
    whole, cells = block.cells, inner.cells
    assert part.slots.tolist() == np.flatnonzero(own[whole.slot_pair]).tolist()
    assert part.cells[cells.slot_cell].tolist() == whole.slot_cell[part.slots].tolist()
    assert cells.minutes.tolist() == whole.minutes[part.cells].tolist()
