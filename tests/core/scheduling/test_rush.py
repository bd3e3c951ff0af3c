"""A new order comes in where others have the hours: a few of their lots make room, and no date
breaks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.core import Assignment, Machine, Order, Problem, Schedule, Window, violations
from scheduling.core.rush import Rush, rush
from tests.core.scheduling.shops import machine, market, order

ALWAYS_TIME_S = 60.0
LONG = (Window(start=0, end=2000),)


def press(name: str, **figures: object) -> Machine:
    return machine(name, **{"windows": LONG, **figures})  # type: ignore[arg-type]


def booked(one: Order, start: int, on: str) -> Assignment:
    return Assignment(
        order=one.id,
        lot=0,
        step=0,
        machine=on,
        start=start,
        end=start + one.quantity,
        quantity=one.quantity,
        set_up_minutes=0,
    )


def ask(problem: Problem, *, freeze_until: int = 0) -> Rush | None:
    return rush(problem, "rush", freeze_until=freeze_until, time_s=ALWAYS_TIME_S)


def faults(problem: Problem, found: Rush) -> list[str]:
    """Return what the independent checker faults with all bookings where they lie by now."""
    gone = {one.before for one in found.moved}
    stands = tuple(a for a in problem.frozen if a not in gone)
    after = tuple(one.after for one in found.moved if one.after is not None)
    schedule = Schedule(assignments=(*stands, *after, *found.result.schedule))
    return [each.code for each in violations(replace(problem, frozen=stands), schedule)]


def test_a_lot_of_another_order_goes_later_on_its_machine_and_keeps_its_date() -> None:
    patient, urgent = order("patient", 60, deadline=500), order("rush", 60, deadline=60)
    before = booked(patient, 0, "a")
    problem = replace(market(press("a"), patient, urgent), frozen=(before,))
    found = ask(problem)
    assert found is not None
    (moved,) = found.moved
    assert (moved.before, moved.after) == (before, booked(patient, 60, "a"))
    assert (found.result.objective, found.moved_minutes) == (60, 60)
    assert faults(problem, found) == []


def test_where_the_other_would_break_its_date_nothing_is_found() -> None:
    firm, urgent = order("firm", 60, deadline=100), order("rush", 60, deadline=60)
    problem = replace(market(press("a"), firm, urgent), frozen=(booked(firm, 0, "a"),))
    assert ask(problem) is None


def test_what_begins_in_the_freeze_stays() -> None:
    patient, urgent = order("patient", 60, deadline=500), order("rush", 60, deadline=60)
    problem = replace(market(press("a"), patient, urgent), frozen=(booked(patient, 0, "a"),))
    assert ask(problem, freeze_until=1) is None


def test_where_there_is_free_time_nobody_is_asked() -> None:
    patient, urgent = order("patient", 60, deadline=500), order("rush", 60, deadline=60)
    shops = press("a"), press("b")
    problem = replace(market(*shops, patient, urgent), frozen=(booked(patient, 0, "a"),))
    assert ask(problem) is None


def test_lots_of_one_family_keep_the_set_up_that_one_of_them_has() -> None:
    """Two lots of one series are told as two orders; the first one brings the set-up."""
    shop = press("a", set_up_minutes=30)

    def lot(name: str) -> Order:
        one = order(name, 60, deadline=1000)
        return replace(one, steps=(replace(one.steps[0], set_up_family="series"),))

    first, second = lot("first"), lot("second")
    urgent = order("rush", 60, deadline=500)
    frozen = (
        replace(booked(first, 30, "a"), start=0, end=90, set_up_minutes=30),
        booked(second, 90, "a"),
    )
    busy = order("busy", 270, deadline=480)
    stays = replace(booked(busy, 180, "a"), start=150, end=450, set_up_minutes=30)
    problem = replace(market(shop, first, second, busy, urgent), frozen=(*frozen, stays))
    found = ask(problem, freeze_until=0)
    assert found is not None
    assert {one.before.order for one in found.moved} <= {"first", "second"}
    assert faults(problem, found) == []


def test_a_lot_that_loses_the_set_up_before_it_is_told_to_begin_with_its_own() -> None:
    def lot(name: str) -> Order:
        one = order(name, 60, deadline=1000)
        return replace(one, steps=(replace(one.steps[0], set_up_family="series"),))

    shops = press("a", set_up_minutes=30), press("spare", set_up_minutes=30, min_lot=60)
    first, second = lot("first"), lot("second")
    urgent = order("rush", 20, deadline=100)
    frozen = (
        replace(booked(first, 30, "a"), start=0, end=90, set_up_minutes=30),
        booked(second, 90, "a"),
    )
    problem = replace(market(*shops, first, second, urgent), frozen=frozen)
    found = ask(problem)
    assert found is not None
    after = {one.before.order: one.after for one in found.moved}
    own = after["second"]
    assert own is not None, "the machine has done something else in between"
    assert own.set_up_minutes == 30 or own.machine == "spare"
    assert faults(problem, found) == []


@st.composite
def crowded(draw: st.DrawFn) -> Problem:
    """Draw machines full of others' lots, and an order that wants some of their time."""
    machines = [press(name, factory=f"works {name}") for name in "abc"[: draw(st.integers(1, 3))]]
    orders, frozen = [], []
    for shop in machines:
        at = 0
        for number in range(draw(st.integers(0, 4))):
            pieces = draw(st.integers(20, 90))
            at += draw(st.sampled_from((0, 0, 15)))
            slack = draw(st.sampled_from((0, 60, 600)))
            one = order(f"{shop.id}{number}", pieces, deadline=at + pieces + slack)
            orders.append(replace(one, admitted_machines=frozenset({shop.id})))
            frozen.append(booked(one, at, shop.id))
            at += pieces
    wanted = order("rush", draw(st.integers(20, 200)), deadline=draw(st.integers(60, 400)))
    return replace(market(*machines, *orders, wanted), frozen=tuple(frozen))


@settings(deadline=None, max_examples=60)
@given(crowded(), st.sampled_from((0, 50)))
def test_whatever_is_found_is_faultless_and_moves_nothing_for_nothing(
    problem: Problem, freeze_until: int
) -> None:
    found = ask(problem, freeze_until=freeze_until)
    if found is None:
        return
    assert faults(problem, found) == []
    assert all(one.before.start >= freeze_until for one in found.moved)
    assert sum(a.quantity for a in found.result.schedule) == problem.order_by_id["rush"].quantity
    taken = {a.machine: [] for a in problem.frozen}  # type: ignore[var-annotated]
    for a in (*found.result.schedule, *(one.after for one in found.moved if one.after)):
        taken.setdefault(a.machine, []).append(a)
    for one in found.moved:
        assert any(
            a.start < one.before.end and one.before.start < a.end
            for a in taken[one.before.machine]
            if a is not one.after
        ), "its place is needed by somebody"


def test_an_order_that_is_not_there_is_no_question() -> None:
    with pytest.raises(KeyError):
        ask(market(press("a"), order("other", 60)))
