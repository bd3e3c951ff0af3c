"""Which limit has to give way when an order cannot be planned, each shown by a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.core import (
    Assignment,
    Limit,
    Problem,
    Relaxation,
    Shortfall,
    Status,
    Window,
    relaxations,
    shortfall,
    solve,
    violations,
)
from tests.core.scheduling.shops import machine, market, order

ONE_DAY = (Window(start=0, end=1200),)


def by_limit(problem: Problem, **asked: object) -> dict[Limit, Relaxation]:
    found = relaxations(problem, seed=1, **asked)  # type: ignore[arg-type]
    for one in found:
        assert one.result.is_plan
        assert violations(one.problem, one.result.schedule) == []
    return {one.limit: one for one in found}


def test_a_deadline_that_is_too_early_gives_way_to_the_earliest_date_or_to_fewer_pieces() -> None:
    # 60 pieces an hour: 600 pieces take until 600, half of them until 300.
    problem = market(machine("press", windows=ONE_DAY), order(quantity=600, deadline=300))
    assert not solve(problem, time_limit=2).is_plan
    found = by_limit(problem, max_lots=20)
    assert set(found) == {Limit.DATE, Limit.QUANTITY}
    assert found[Limit.DATE].value == 600
    assert found[Limit.DATE].problem.orders[0].deadline == 600
    assert 240 <= found[Limit.QUANTITY].value <= 300


def test_a_ceiling_that_is_too_low_gives_way_to_the_least_cost() -> None:
    dear = machine("dear", windows=ONE_DAY, price_per_hour_minor=600)
    problem = market(dear, order(quantity=120, price_ceiling_minor=1000))
    found = by_limit(problem, max_lots=4)
    assert found[Limit.PRICE].value == 1200
    assert Limit.DATE not in found
    assert 1 <= found[Limit.QUANTITY].value <= 100


def test_two_limits_that_bind_together_leave_fewer_pieces_alone() -> None:
    slow = machine("slow", windows=ONE_DAY, price_per_hour_minor=600)
    problem = market(slow, order(quantity=600, deadline=300, price_ceiling_minor=1000))
    assert set(by_limit(problem, max_lots=20)) == {Limit.QUANTITY}


def test_nothing_helps_where_no_machine_has_time() -> None:
    closed = machine("closed", windows=())
    assert relaxations(market(closed, order(quantity=60, deadline=300))) == ()


HOUR_EACH = {"quantity": 60, "steps": "cutting,pressing"}


def test_certificates_are_left_out_no_more_than_needed() -> None:
    plain, food = machine("plain", windows=ONE_DAY), machine("food", windows=ONE_DAY)
    food = replace(food, certificates=frozenset({"food"}))
    asked = order(certificates=frozenset({"food", "space"}))
    found = by_limit(market(plain, food, asked))
    assert set(found) == {Limit.CERTIFICATES}
    assert found[Limit.CERTIFICATES].names == ("space",)
    assert {a.machine for a in found[Limit.CERTIFICATES].result.schedule} == {"food"}


def test_only_as_many_excluded_factories_are_allowed_again_as_work() -> None:
    three = [machine(name, windows=ONE_DAY) for name in ("a", "b", "c")]
    excluded = frozenset(one.factory for one in three)
    found = by_limit(market(*three, order(excluded_factories=excluded)))
    assert set(found) == {Limit.EXCLUSIONS}
    (name,) = found[Limit.EXCLUSIONS].names
    assert found[Limit.EXCLUSIONS].problem.orders[0].excluded_factories == excluded - {name}


def test_a_region_without_a_machine_is_widened_by_those_that_work() -> None:
    near, far = machine("near", "cutting"), machine("far", windows=ONE_DAY)
    found = by_limit(market(near, far, order(admitted_machines=frozenset({"near"}))))
    assert found[Limit.REGION].names == ("far",)


def test_a_cap_on_factories_rises_to_what_is_used() -> None:
    cut, press = machine("cut", "cutting"), machine("press")
    found = by_limit(market(cut, press, order(**HOUR_EACH, max_factories=1)))
    assert set(found) == {Limit.FACTORIES}
    assert found[Limit.FACTORIES].value == 2


def test_pieces_below_the_smallest_lot_rise_to_it() -> None:
    press = machine("press", min_lot=100)
    found = by_limit(market(press, order(quantity=30)))
    assert set(found) == {Limit.LOT}
    assert found[Limit.LOT].value == 100


def test_the_smallest_lot_of_a_machine_that_is_busy_then_is_no_way_out() -> None:
    # The machine with the least lot is open before the release alone.
    early = machine("early", min_lot=40, windows=(Window(start=0, end=300),))
    press = machine("press", min_lot=100, windows=(Window(start=0, end=1200),))
    found = by_limit(market(early, press, order(quantity=30, release=400)))
    assert {limit: one.value for limit, one in found.items()} == {Limit.LOT: 100}


def test_a_lot_too_long_for_any_window_becomes_one_that_fits_or_two() -> None:
    # 120 pieces fit a window and no fewer than 100 are taken: neither 130 nor 2 x 65.
    windows = tuple(Window(start=day * 1440, end=day * 1440 + 120) for day in range(4))
    press = machine("press", windows=windows, min_lot=100, resumable=False)
    found = by_limit(market(press, order(quantity=130)))
    assert set(found) == {Limit.QUANTITY, Limit.LOT}
    assert 110 <= found[Limit.QUANTITY].value <= 120
    assert found[Limit.LOT].value == 200


def test_the_limit_of_which_the_least_part_gives_way_comes_first() -> None:
    # Half an hour more in ten and a half, or half of the pieces.
    press = machine("press", windows=(Window(start=600, end=1200),))
    found = relaxations(market(press, order(quantity=60, deadline=630)), max_lots=4)
    assert [(one.limit, one.value) for one in found] == [(Limit.DATE, 660), (Limit.QUANTITY, 30)]
    assert [one.share for one in found] == [pytest.approx(30 / 630), pytest.approx(1 / 2)]


def returned() -> Problem:
    """Two lots cut and pressed; the pressing of the second came back, and only a slow press is
    free, from 300 on, at a pace of one lot of 60 in 120 minutes."""
    agreed = [("cut", 0, 0, 0, 60), ("cut", 1, 0, 60, 120), ("press", 0, 1, 60, 120)]
    return market(
        machine("cut", "cutting", windows=()),
        machine("press", windows=()),
        machine("slow", rate=30, windows=(Window(start=300, end=900),), price_per_hour_minor=900),
        order(quantity=120, steps="cutting,pressing", deadline=400),
        frozen=tuple(
            Assignment(
                order="plates", lot=lot, step=step, machine=name, start=start, end=end, quantity=60
            )
            for name, lot, step, start, end in agreed
        ),
    )


def test_a_returned_lot_gets_a_later_date_or_is_left_out_whole_and_the_rest_stays() -> None:
    problem = returned()
    found = by_limit(problem)
    assert set(found) == {Limit.DATE, Limit.QUANTITY}
    assert found[Limit.DATE].value == 420
    assert set(problem.frozen) <= set(found[Limit.DATE].result.schedule)
    fewer = found[Limit.QUANTITY]
    assert fewer.value == 60
    assert set(fewer.result.schedule) == {a for a in problem.frozen if a.lot == 0}


def between() -> Problem:
    """The same, with packing agreed from 320 and 360 on: the slow press comes too late."""
    packed = Assignment(
        order="plates", lot=1, step=2, machine="pack", start=360, end=400, quantity=60
    )
    problem = returned()
    return market(
        *problem.machines,
        machine("pack", "packing", windows=ONE_DAY),
        order(quantity=120, steps="cutting,pressing,packing", deadline=400),
        frozen=(*problem.frozen, packed, replace(packed, lot=0, start=320, end=360)),
    )


def test_a_lot_that_must_be_back_before_its_next_step_is_not_helped_by_a_later_date() -> None:
    assert set(by_limit(between())) == {Limit.QUANTITY}


def test_a_half_made_lot_is_no_plan_when_time_is_over_before_the_first_try() -> None:
    problem = between()
    late = replace(problem, orders=(replace(problem.orders[0], deadline=None),))
    result = solve(late, time_limit=0.0)
    assert (result.status, [one.order for one in result.unplanned]) == (Status.TIMEOUT, ["plates"])


def test_where_no_time_is_left_the_complete_lots_are_kept() -> None:
    found = {one.limit: one for one in relaxations(returned(), time_limit=0.0)}
    assert found[Limit.QUANTITY].value == 60


def test_the_shortfall_names_the_step_its_time_and_what_is_missing() -> None:
    assert shortfall(returned()) == Shortfall(
        step=1, start=120, end=400, needed_minutes=120, free_minutes=100, factories=("slow-works",)
    )
    tight = replace(returned(), orders=(replace(returned().orders[0], deadline=330),))
    found = shortfall(tight)
    assert found is not None
    assert (found.free_minutes, found.short_minutes) == (30, 90)


def test_nothing_is_short_where_nothing_is_open() -> None:
    problem = returned()
    done = Assignment(
        order="plates", lot=1, step=1, machine="press", start=120, end=180, quantity=60
    )
    assert shortfall(replace(problem, frozen=(*problem.frozen, done))) is None


def test_two_orders_at_once_are_refused() -> None:
    problem = market(machine("press"), order("one"), order("two"))
    for function in (relaxations, shortfall):
        with pytest.raises(ValueError, match="one order at a time"):
            function(problem)


@settings(max_examples=25)
@given(
    quantity=st.integers(1, 400),
    deadline=st.integers(10, 600),
    ceiling=st.none() | st.integers(0, 6000),
    rates=st.lists(st.integers(20, 200), min_size=1, max_size=3),
)
def test_whatever_is_relaxed_the_plan_keeps_every_other_limit(
    quantity: int, deadline: int, ceiling: int | None, rates: list[int]
) -> None:
    machines = [
        machine(f"m{n}", rate=rate, windows=ONE_DAY, price_per_hour_minor=rate * 10)
        for n, rate in enumerate(rates)
    ]
    asked = order(quantity=quantity, deadline=deadline, price_ceiling_minor=ceiling)
    for limit, one in by_limit(market(*machines, asked), time_limit=0.6, max_lots=8).items():
        (changed,) = one.problem.orders
        named = {
            Limit.DATE: "deadline",
            Limit.PRICE: "price_ceiling_minor",
            Limit.QUANTITY: "quantity",
        }[limit]
        assert getattr(changed, named) == one.value
        assert replace(changed, **{named: getattr(asked, named)}) == asked
