"""Counters, states and clocks: what readings say, whatever the order they came in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from devices.core.clocks import OffsetBin, bin_of, correction_ms, offset_ms, steadiest
from devices.core.counters import CounterReading, Span, changes, counted_by_span, made_by_hour
from devices.core.states import Interval, StateReading, intervals_of, replaced

MINUTE = 60_000
HOUR = 60 * MINUTE


def series(*pairs: tuple[int, int]) -> list[CounterReading]:
    return [CounterReading(minute * MINUTE, value) for minute, value in pairs]


def test_pieces_go_to_the_run_that_was_under_way() -> None:
    run = Span(1, 0, 60 * MINUTE)

    assert counted_by_span(series((0, 100), (15, 150), (30, 190)), [run]) == {1: 90}
    assert counted_by_span(series((60, 100), (75, 150)), [run]) == {}


def test_a_counter_that_falls_has_begun_again_at_zero() -> None:
    assert counted_by_span(series((0, 980), (5, 990), (10, 7)), [Span(1, 0, HOUR)]) == {1: 17}


def test_a_frame_across_two_runs_is_split_by_time_and_no_piece_is_lost() -> None:
    runs = [Span(1, 0, 10 * MINUTE), Span(2, 10 * MINUTE, 60 * MINUTE)]

    assert counted_by_span(series((5, 0), (20, 100)), runs) == {1: 33, 2: 67}


def test_the_part_of_a_frame_outside_any_run_follows_the_run() -> None:
    assert counted_by_span(series((0, 0), (20, 60)), [Span(1, 0, 10 * MINUTE)]) == {1: 60}


def test_hours_take_what_the_later_reading_tells() -> None:
    assert made_by_hour(series((50, 0), (65, 30), (70, 40))) == {1: 40}


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 50)), max_size=12),
    st.lists(st.integers(1, 100), min_size=2, max_size=4),
)
def test_pieces_inside_seamless_runs_are_all_given_out(
    steps: list[tuple[int, int]], lengths: list[int]
) -> None:
    edges = [0]
    for length in lengths:
        edges.append(edges[-1] + length * MINUTE)
    edges[-1] = 10_000 * MINUTE
    runs = [Span(n, start, end) for n, (start, end) in enumerate(pairwise(edges))]
    value, readings = 0, []
    for minute, more in sorted(steps):
        value += more
        readings.append(CounterReading(minute * MINUTE + 1, value))
    total = readings[-1].value - readings[0].value if readings else 0

    assert sum(counted_by_span(readings, runs).values()) == total


def test_changes_are_the_difference_both_ways() -> None:
    assert changes({1: 5, 2: 3}, {1: 7, 3: 1}) == {1: 2, 2: -3, 3: 1}


def test_a_state_holds_until_the_next_reading_if_that_comes_in_time() -> None:
    readings = [
        StateReading(0, "running"),
        StateReading(10 * MINUTE, "running"),
        StateReading(20 * MINUTE, "idle"),
        StateReading(80 * MINUTE, "idle"),
        StateReading(90 * MINUTE, "down"),
    ]

    assert intervals_of(readings) == [
        Interval(0, 20 * MINUTE, "running"),
        Interval(80 * MINUTE, 90 * MINUTE, "idle"),
    ]


def test_a_span_is_replaced_and_what_touches_is_joined() -> None:
    kept = [Interval(0, 10, "running"), Interval(12, 30, "idle")]

    assert replaced(kept, [Interval(10, 15, "running")], 10, 20) == [
        Interval(0, 15, "running"),
        Interval(20, 30, "idle"),
    ]


def test_the_steady_difference_is_told_from_frames_that_waited() -> None:
    behind = -8 * HOUR
    live = OffsetBin(bin_of(behind), 20, 20 * (behind - 200), 0, 10 * MINUTE)
    waited = [OffsetBin(bin_of(behind) - n, 60, 60 * behind, 0, 1000) for n in range(1, 90)]
    steady = steadiest([*waited, live])

    assert steady == live
    assert offset_ms(live) == behind - 200
    assert correction_ms(steady) == behind


def test_a_clock_is_not_corrected_on_little_evidence_or_for_half_a_minute() -> None:
    assert correction_ms(None) == 0
    assert correction_ms(OffsetBin(60, 4, 0, 0, HOUR)) == 0
    assert correction_ms(OffsetBin(60, 50, 0, 0, 1000)) == 0
    assert correction_ms(OffsetBin(bin_of(29_999), 50, 0, 0, HOUR)) == 0
