"""Planning again after an event: what was lost finds a place, and little else moves."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replan import bench_replan
from bench.scenarios.running import happenings, running_market
from scheduling.core import (
    Assignment,
    Machine,
    Order,
    Problem,
    Schedule,
    Step,
    Transport,
    Window,
    violations,
)
from scheduling.core.book import CapacityBook
from scheduling.core.consequences import Late, Moved, Repair
from scheduling.core.events import (
    Event,
    FactoryDown,
    MachineDown,
    MaterialLate,
    OrderRushed,
    RateChanged,
    ShareDeclined,
)
from scheduling.core.repair import repair
from tests.core.scheduling.shops import machine, market, order

LONG = (Window(start=0, end=6000),)
ALWAYS_TIME_S = 60.0
"""So much that the answer never depends on how busy the machine is."""


def press(name: str, **figures: object) -> Machine:
    """Make a press that makes a piece a minute in one long window."""
    windows = figures.pop("windows", LONG)
    return machine(name, windows=windows, **figures)  # type: ignore[arg-type]


def lot(
    name: str, start: int, end: int, on: str, *, number: int = 0, step: int = 0, set_up: int = 0
) -> Assignment:
    """Book one lot whose every minute after the set-up makes a piece."""
    return Assignment(
        order=name,
        lot=number,
        step=step,
        machine=on,
        start=start,
        end=end,
        quantity=end - start - set_up,
        set_up_minutes=set_up,
    )


def run(
    book: CapacityBook, event: Event, *, now: int = 0, freeze_until: int | None = None
) -> Repair:
    return repair(book, event, now=now, freeze_until=freeze_until, time_s=ALWAYS_TIME_S)


def broken(book: CapacityBook, facts: Iterable[Assignment] = ()) -> list[str]:
    """Return what the independent checker faults in the whole market, `facts` taken as given."""
    market_now = book.as_problem()
    frozen = tuple(sorted(set(facts) & set(book.all())))
    problem = Problem(
        machines=market_now.machines,
        orders=market_now.orders,
        transport=market_now.transport,
        frozen=frozen,
    )
    return [each.code for each in violations(problem, Schedule(assignments=tuple(book.all())))]


def test_what_a_stopped_machine_had_goes_into_free_time_and_nothing_else_moves() -> None:
    orders = order("lost", 60, due=200), order("other", 60)
    booked = [lot("lost", 60, 120, "a"), lot("other", 0, 60, "b")]
    book = CapacityBook(market(press("a"), press("b"), *orders), booked)
    found = run(book, MachineDown(machine="a", start=30), now=30)
    assert found.lost == (booked[0],)
    assert found.placed == (lot("lost", 60, 120, "b"),)
    assert (found.moved, found.late, found.unplaced) == ((), (), {})
    assert (found.lost_minutes, found.moved_minutes) == (60, 0)
    assert broken(book) == []


def test_a_lot_that_is_under_way_on_a_stopped_machine_is_made_anew() -> None:
    book = CapacityBook(
        market(press("a"), press("b"), order("half made", 60)), [lot("half made", 0, 60, "a")]
    )
    found = run(book, MachineDown(machine="a", start=30), now=30)
    assert found.placed == (lot("half made", 30, 90, "b"),)
    (late,) = found.late
    assert (late.promised, late.completion, late.is_unavoidable) == (60, 90, True)


def test_a_machine_that_stops_for_a_while_is_used_again() -> None:
    book = CapacityBook(market(press("a"), order("lost", 60)), [lot("lost", 0, 60, "a")])
    found = run(book, MachineDown(machine="a", start=0, end=600))
    assert found.placed == (lot("lost", 600, 660, "a"),)
    assert broken(book) == []


def test_the_cheapest_place_in_time_is_taken_and_its_cost_told() -> None:
    dear, cheap = press("dear", price_per_hour_minor=900), press("cheap", price_per_hour_minor=300)
    lost = press("lost", price_per_hour_minor=600)
    wanted = order("plates", 60, due=300)
    booked = [lot("plates", 0, 60, "lost"), lot("other", 0, 240, "cheap")]
    book = CapacityBook(market(dear, cheap, lost, wanted, order("other", 240)), booked)
    found = run(book, MachineDown(machine="lost", start=0))
    assert found.placed == (lot("plates", 240, 300, "cheap"),)
    assert (found.cost_before_minor, found.cost_after_minor) == (600, 300)


def test_later_steps_follow_on_their_machines_only_where_they_must() -> None:
    shops = [machine(n, "cutting", windows=LONG) for n in ("c1", "c2")]
    wanted = order("both", 60, steps="cutting,pressing", due=1000)
    booked = [lot("both", 0, 60, "c1"), lot("both", 100, 160, "press", step=1)]
    busy = [lot("busy", 0, 120, "c2")]
    problem = market(*shops, press("press"), wanted, order("busy", 120, steps="cutting"))
    room = CapacityBook(problem, booked)
    assert run(room, MachineDown(machine="c1", start=0)).moved == ()
    book = CapacityBook(problem, [*booked, *busy])
    found = run(book, MachineDown(machine="c1", start=0))
    follows = lot("both", 180, 240, "press", step=1)
    assert found.placed == (lot("both", 120, 180, "c2"), follows)
    assert found.moved == (Moved(before=booked[1], after=follows),)
    assert found.moved_minutes == 60
    assert found.late == ()
    assert broken(book) == []


def test_another_order_makes_room_when_both_then_keep_their_dates() -> None:
    orders = order("urgent", 60, due=60), order("patient", 60, due=500)
    booked = [lot("urgent", 0, 60, "a"), lot("patient", 0, 60, "b")]
    book = CapacityBook(market(press("a"), press("b"), *orders), booked)
    found = run(book, MachineDown(machine="a", start=0))
    makes_room = lot("patient", 60, 120, "b")
    assert found.moved == (Moved(before=booked[1], after=makes_room),)
    assert found.placed == (makes_room, lot("urgent", 0, 60, "b"))
    assert found.late == ()


def test_nobody_breaks_a_date_to_make_room_and_that_it_is_avoidable_is_not_hidden() -> None:
    orders = order("first", 60, due=60), order("second", 60, due=60)
    booked = [lot("first", 0, 60, "a"), lot("second", 0, 60, "b")]
    book = CapacityBook(market(press("a"), press("b"), *orders), booked)
    found = run(book, MachineDown(machine="a", start=0))
    assert found.moved == ()
    assert found.late == (Late(order="first", promised=60, completion=120, is_unavoidable=False),)


def test_what_starts_in_the_freeze_window_does_not_move() -> None:
    orders = order("urgent", 60, due=60), order("patient", 60, due=500)
    booked = [lot("urgent", 0, 60, "a"), lot("patient", 0, 60, "b")]
    book = CapacityBook(market(press("a"), press("b"), *orders), booked)
    found = run(book, MachineDown(machine="a", start=0), freeze_until=30)
    assert found.moved == ()
    assert [late.completion for late in found.late] == [120]


def test_a_date_that_no_plan_could_keep_is_proven_unavoidable() -> None:
    book = CapacityBook(market(press("a"), order("lost", 60, due=60)), [lot("lost", 0, 60, "a")])
    found = run(book, MachineDown(machine="a", start=0, end=500))
    assert found.late == (Late(order="lost", promised=60, completion=560, is_unavoidable=True),)


def test_a_declined_share_stays_away_from_its_factory_and_what_was_kept_stays_there() -> None:
    works = {"factory": "works"}
    shops = [press("a", **works), press("b", **works), press("c")]
    booked = [lot("plates", 0, 60, "a"), lot("plates", 0, 60, "b", number=1)]
    book = CapacityBook(market(*shops, order("plates", 120, due=500)), booked)
    found = run(book, ShareDeclined(lots=frozenset({("plates", 0, 0)})))
    assert found.lost == (booked[0],)
    assert found.placed == (lot("plates", 0, 60, "c"),)
    assert book.orders["plates"].excluded_factories == {"works"}
    assert broken(book, [booked[1]]) == []


def test_a_rush_order_is_cut_when_one_machine_cannot_make_it_in_time() -> None:
    shops = [press(name) for name in "abcd"]
    rush = order("rush", 200, due=100)
    book = CapacityBook(market(*shops))
    found = run(book, OrderRushed(order=rush))
    assert found.late == ()
    assert [a.quantity for a in found.placed] == [50, 50, 50, 50]
    alone = CapacityBook(market(*shops))
    assert len(run(alone, OrderRushed(order=order("slow", 200, due=200))).placed) == 1
    assert broken(book) == []


def test_a_rush_order_that_cannot_be_in_time_is_placed_late() -> None:
    book = CapacityBook(market(press("a")))
    found = run(book, OrderRushed(order=order("rush", 100, due=50)))
    assert found.late == (Late(order="rush", promised=50, completion=100, is_unavoidable=True),)


def test_late_material_delays_first_steps_only_and_keeps_their_machines() -> None:
    shops = [machine("cutter", "cutting", windows=LONG), press("press"), press("free")]
    wanted = order("plates", 120, steps="cutting,pressing", due=1000)
    booked = [
        lot("plates", 0, 60, "cutter"),
        lot("plates", 60, 120, "press", step=1),
        lot("plates", 60, 120, "cutter", number=1),
        lot("plates", 120, 180, "press", number=1, step=1),
    ]
    book = CapacityBook(market(*shops, wanted), booked)
    found = run(book, MaterialLate(order="plates", until=300), now=10)
    assert found.lost == (booked[2],)
    assert found.placed == (
        lot("plates", 300, 360, "cutter", number=1),
        lot("plates", 360, 420, "press", number=1, step=1),
    )
    assert broken(book, booked[:2]) == []


def test_a_slower_machine_keeps_its_lots_while_their_dates_hold() -> None:
    booked = [lot("early", 0, 60, "a"), lot("late", 60, 120, "a")]
    orders = order("early", 60, due=300), order("late", 60, due=130)
    book = CapacityBook(market(press("a"), press("b"), *orders), booked)
    found = run(book, RateChanged(machine="a", process="pressing", rate_per_hour=30))
    where = {a.order: (a.machine, a.start, a.end) for a in found.placed}
    assert where == {"late": ("a", 0, 120), "early": ("a", 120, 240)}
    assert found.late == ()
    assert broken(book) == []


def test_a_faster_machine_leaves_every_booking_where_it_is() -> None:
    booked = [lot("plates", 0, 60, "a")]
    book = CapacityBook(market(press("a"), order("plates", 60)), booked)
    found = run(book, RateChanged(machine="a", process="pressing", rate_per_hour=120))
    assert (found.lost, found.placed) == ((), ())
    after = run(book, OrderRushed(order=order("next", 120)))
    assert after.placed[0].end - after.placed[0].start == 60


def test_pieces_past_their_deadline_are_bought_outside_or_have_no_place() -> None:
    limits = {"deadline": 60}
    for outside, cost in ((5, 300), (None, 0)):
        wanted = order("plates", 60, outside_price_minor=outside, **limits)
        booked = [lot("plates", 0, 60, "a")]
        book = CapacityBook(market(press("a"), wanted), booked)
        found = run(book, MachineDown(machine="a", start=0, end=100))
        assert found.unplaced == {("plates", 0): 60}
        assert (found.placed, found.cost_after_minor) == ((), cost)


def test_a_lot_too_long_for_what_is_left_is_cut_from_its_first_step() -> None:
    shops = [machine("cutter", "cutting", windows=LONG), press("lost")]
    short = (Window(start=1000, end=1060),)
    shops += [press(name, windows=short, resumable=False) for name in ("p1", "p2")]
    wanted = order("plates", 100, steps="cutting,pressing")
    booked = [lot("plates", 500, 600, "cutter"), lot("plates", 700, 800, "lost", step=1)]
    book = CapacityBook(market(*shops, wanted), booked)
    found = run(book, MachineDown(machine="lost", start=0))
    assert found.unplaced == {}
    assert sorted(a.quantity for a in book.of("plates")) == [50, 50, 50, 50]
    assert broken(book) == []


def test_a_lot_that_shared_a_set_up_gets_its_own_when_the_first_moves_away() -> None:
    shops = [press("a", set_up_minutes=30), press("b", set_up_minutes=30)]
    booked = [lot("plates", 0, 90, "a", set_up=30), lot("plates", 90, 150, "a", number=1)]
    book = CapacityBook(market(*shops, order("plates", 120, due=300)), booked)
    found = run(book, MaterialLate(order="plates", until=50))
    assert found.lost == (booked[0],)
    assert found.placed == (
        lot("plates", 150, 210, "a"),
        lot("plates", 60, 150, "a", number=1, set_up=30),
    )
    assert found.moved == ()
    assert broken(book) == []


def test_a_lot_that_loses_two_set_ups_at_once_is_booked_once() -> None:
    works = {"factory": "works", "set_up_minutes": 30, "windows": LONG}
    shops = [machine("a", "cutting", **works), machine("b", **works)]  # type: ignore[arg-type]
    booked = [
        lot("plates", 0, 90, "a", set_up=30),
        lot("plates", 90, 180, "b", step=1, set_up=30),
        lot("plates", 210, 270, "a", number=1),
        lot("plates", 400, 460, "b", number=1, step=1),
    ]
    wanted = order("plates", 120, steps="cutting,pressing", due=1000)
    book = CapacityBook(market(*shops, wanted), booked)
    found = run(book, FactoryDown(factory="works", start=0, end=200))
    assert (found.late, found.unplaced) == ((), {})
    assert len(found.placed) == len(book.of("plates")) == 4
    assert broken(book) == []


def test_an_event_about_an_unknown_machine_or_order_is_refused() -> None:
    book = CapacityBook(market(press("a")))
    with pytest.raises(KeyError, match="nowhere"):
        run(book, MachineDown(machine="nowhere", start=0))
    with pytest.raises(KeyError, match="nothing"):
        run(book, MaterialLate(order="nothing", until=10))
    assert run(book, FactoryDown(factory="unknown", start=0)).lost == ()


def test_transport_to_other_factories_and_the_buyer_counts() -> None:
    wanted = Order(
        id="plates", quantity=60, steps=(Step(process="pressing"),), due=300, destination="buyer"
    )
    shops = press("a"), press("b")
    problem = market(*shops, wanted, transport=Transport(default_minutes=100))
    book = CapacityBook(problem, [lot("plates", 0, 60, "a")])
    found = run(book, MachineDown(machine="a", start=0, end=50))
    assert found.late == ()
    slow = CapacityBook(problem, [lot("plates", 0, 60, "a")])
    found = run(slow, FactoryDown(factory="b-works", start=0))
    assert found.lost == ()


@pytest.fixture(scope="module")
def drawn() -> tuple[Problem, list[Assignment]]:
    book = running_market(machines=100, orders=20, seed=1, time_limit=60)
    return book.as_problem(), book.all()


@given(seed=st.integers(0, 10**6))
@settings(max_examples=6)
def test_no_event_breaks_a_rule_or_loses_a_piece(
    drawn: tuple[Problem, list[Assignment]], seed: int
) -> None:
    book = CapacityBook(*drawn)
    for happening in happenings(book, count=6, seed=seed):
        before = set(book.all())
        pieces = _pieces(before)
        freeze_until = happening.now + 600
        found = run(book, happening.event, now=happening.now, freeze_until=freeze_until)
        after = set(book.all())
        gone = set(found.lost) | (before - after)
        hit = {a.machine for a in found.lost}
        others = (each.before for each in found.moved if each.before.machine not in hit)
        assert all(a.start >= freeze_until for a in others)
        assert after - before <= set(found.placed)
        for a in gone:
            pieces[(a.order, a.step)] -= a.quantity
        for a in found.placed:
            pieces[(a.order, a.step)] += a.quantity
        assert pieces == _pieces(after)
        wanted = _pieces(before)
        if isinstance(happening.event, OrderRushed):
            rush = happening.event.order
            wanted.update({(rush.id, step): rush.quantity for step in range(len(rush.steps))})
        assert wanted == _pieces(after) + Counter(found.unplaced)


def _pieces(booked: Iterable[Assignment]) -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    for a in booked:
        found[(a.order, a.step)] += a.quantity
    return found


def test_the_benchmark_finds_no_violation_and_moves_little() -> None:
    report = bench_replan(seed=1, scale=0.02)
    figures = {figure["name"]: figure["value"] for figure in report["figures"]}
    assert report["machines"] == 200
    assert figures["lost_minutes"] > 0
    assert figures["violations"] == 0
    assert figures["promises_broken_unproven"] == 0
    assert figures["moved_per_lost"] <= 2
