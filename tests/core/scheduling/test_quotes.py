"""Quotes: a date and a price that can be booked as they stand, or a reason."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.quote import bench_quote
from bench.scenarios.booked import booked_market, orders_to_quote
from scheduling.core import (
    Machine,
    Order,
    Problem,
    Quota,
    Schedule,
    Step,
    Transport,
    Window,
    violations,
)
from scheduling.core.book import CapacityBook
from scheduling.core.quotes import quote
from tests.core.scheduling.shops import machine, market, order

ALWAYS_TIME_S = 5.0
"""So much that the answer never depends on how busy the machine is."""


def ask(book: CapacityBook, wanted: Order, *, books: bool = True) -> tuple[int, int] | str:
    """Return (completion, cost) of the soonest offer, booked, or the code of the refusal."""
    answer = quote(book, wanted, time_s=ALWAYS_TIME_S)
    if answer.soonest is None:
        assert answer.refusal is not None
        assert answer.cheapest is None
        return answer.refusal.code
    if books:
        book.add([wanted], answer.soonest.assignments)
    return answer.soonest.completion, answer.soonest.cost_minor


def broken(book: CapacityBook, *, refused: frozenset[str] = frozenset()) -> list[str]:
    """Return what the independent checker faults in the whole market."""
    schedule = Schedule(assignments=tuple(book.all()))
    return [each.code for each in violations(book.as_problem(), schedule, unplanned=refused)]


def test_a_quote_tells_date_and_price_in_the_free_time() -> None:
    book = CapacityBook(market(machine("press", price_per_hour_minor=600)))
    assert ask(book, order("first", 60)) == (60, 600)
    assert ask(book, order("second", 60)) == (120, 600)
    assert ask(book, order("third", 1200)) == (1560, 12000)
    assert broken(book) == []


def test_the_soonest_and_the_cheapest_plan_are_both_told() -> None:
    book = CapacityBook(
        market(
            machine("fast", rate=120, price_per_hour_minor=2400),
            machine("cheap", price_per_hour_minor=600),
        )
    )
    answer = quote(book, order(quantity=120), time_s=ALWAYS_TIME_S)
    assert answer.soonest is not None
    assert answer.cheapest is not None
    assert answer.soonest.completion == 40
    assert (answer.cheapest.cost_minor, answer.cheapest.machines) == (1200, {"cheap"})


def test_an_order_that_no_machine_has_time_for_alone_is_spread() -> None:
    short = (Window(start=0, end=100),)
    presses = [machine(f"press-{n}", windows=short) for n in range(4)]
    book = CapacityBook(market(*presses))
    assert ask(book, order("all", 400)) == (100, 0)
    assert broken(book) == []


def test_later_steps_go_to_machines_that_are_soonest_when_the_first_is_done() -> None:
    early = (Window(start=0, end=90),)
    cutters = [machine(f"early-{n}", "cutting", windows=early) for n in range(100)]
    late = machine("late", "cutting", windows=(Window(start=1560, end=6000),), rate=30)
    press = machine("press", min_lot=60, windows=(Window(start=1440, end=1500),))
    book = CapacityBook(market(press, *cutters, late))
    assert ask(book, order("both", 60, steps="pressing,cutting")) == (1680, 0)


def test_what_is_given_back_is_quoted_again() -> None:
    book = CapacityBook(market(machine("press")))
    ask(book, order("first", 600))
    assert ask(book, order("second", 60), books=False) == (660, 0)
    book.remove(book.of("first"))
    assert ask(book, order("second", 60)) == (60, 0)


def test_a_gap_before_a_booking_is_used_only_where_its_set_up_stays_true() -> None:
    red = Step(process="pressing", set_up_family="red")
    blue = Step(process="pressing", set_up_family="blue")
    press = machine("press", set_up_minutes=30)
    first = replace(order("red", 60), steps=(red,), release=300)
    book = CapacityBook(market(replace(press, set_up_family="red")))
    assert ask(book, first) == (360, 0)
    assert ask(book, replace(order("blue", 60), steps=(blue,))) == (450, 0)
    assert ask(book, replace(order("more red", 60), steps=(red,))) == (60, 0)
    assert broken(book) == []


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (order(steps="painting"), "no_candidate"),
        (order(certificates=frozenset({"ISO 9001"})), "no_candidate"),
        (order(quantity=5), "no_candidate"),
        (order(excluded_factories=frozenset({"press-works"})), "no_candidate"),
        (order(admitted_machines=frozenset()), "no_candidate"),
        (order(deadline=5), "deadline_too_early"),
        (order(quantity=5000), "capacity_short"),
        (order(price_ceiling_minor=599), "ceiling_too_low"),
    ],
)
def test_a_refusal_names_the_first_proven_reason(wanted: Order, code: str) -> None:
    book = CapacityBook(market(machine("press", price_per_hour_minor=600, min_lot=10)))
    assert ask(book, wanted) == code
    answer = quote(book, wanted)
    assert answer.refusal is not None
    assert answer.refusal.is_proven
    assert answer.refusal.order == wanted.id


def test_an_order_that_bookings_leave_no_time_is_refused_for_capacity() -> None:
    book = CapacityBook(market(machine("press", windows=(Window(start=0, end=600),))))
    assert ask(book, order("first", 500)) == (500, 0)
    assert ask(book, order("second", 101)) == "capacity_short"
    assert ask(book, order("third", 100)) == (600, 0)


def test_what_is_not_proven_impossible_is_not_called_so() -> None:
    halves = (Window(start=0, end=50), Window(start=100, end=150))
    book = CapacityBook(market(machine("press", windows=halves, resumable=False, min_lot=60)))
    answer = quote(book, order(quantity=60))
    assert answer.refusal is not None
    assert (answer.refusal.code, answer.refusal.is_proven) == ("no_place", False)


def test_a_cap_on_factories_is_kept() -> None:
    shops: list[Machine] = [machine(f"cutter-{n}", "cutting", factory=f"c{n}") for n in range(3)]
    shops += [machine(f"press-{n}", factory=f"p{n}") for n in range(3)]
    shops += [machine("slow-cutter", "cutting", factory="both", rate=20)]
    shops += [machine("slow-press", factory="both", rate=20)]
    book = CapacityBook(market(*shops, transport=Transport(default_minutes=60)))
    one = order("one", 60, steps="cutting,pressing", max_factories=1)
    answer = quote(book, one, time_s=ALWAYS_TIME_S)
    assert answer.soonest is not None
    assert answer.soonest.machines == {"slow-cutter", "slow-press"}
    two = replace(one, id="two", max_factories=2, excluded_factories=frozenset({"both"}))
    assert not isinstance(ask(book, two), str)
    assert ask(book, replace(two, id="none", max_factories=1)) == "no_place"
    assert broken(book, refused=frozenset({"none"})) == []


def test_quotas_are_kept() -> None:
    book = CapacityBook(market(machine("fast", rate=600), machine("slow", rate=30)))
    least = Quota(step=0, factory="slow-works", at_least=30)
    assert ask(book, order("least", 120, quotas=(least,))) == (60, 0)
    most = Quota(step=0, factory="fast-works", at_most=60)
    assert not isinstance(ask(book, order("most", 120, quotas=(most,))), str)
    assert broken(book) == []


@given(seed=st.integers(0, 10**6), family=st.sampled_from([20, 60]))
@settings(max_examples=8)
def test_quotes_booked_as_they_stand_never_break_a_rule_of_the_market(
    seed: int, family: int
) -> None:
    problem, bookings = booked_market(machines=60, seed=seed, family_machines=family)
    book = CapacityBook(problem, bookings)
    assert broken(book) == []
    wanted = list(orders_to_quote(problem, count=8, seed=seed))
    answers = {each.id: ask(book, each) for each in wanted}
    refused = frozenset(name for name, answer in answers.items() if isinstance(answer, str))
    book.orders.update({each.id: each for each in wanted})
    assert broken(book, refused=refused) == []


def test_the_free_minutes_of_a_booked_machine_are_counted_exactly() -> None:
    problem: Problem = market(machine("press", windows=(Window(start=100, end=700),)))
    book = CapacityBook(problem)
    wanted = order("all", 600)
    assert book.supply.pieces_free(wanted, 0) == 600
    ask(book, order("some", 200))
    assert book.supply.pieces_free(wanted, 0) == 400


def test_the_benchmark_finds_no_violation() -> None:
    report = bench_quote(seed=1, scale=0.001)
    figures = {figure["name"]: figure["value"] for figure in report["figures"]}
    assert report["machines"] == 400
    assert figures["violations"] == figures["large_families_violations"] == 0
    assert figures["refusals_without_reason"] == 0
    assert figures["answered"] > 0
