"""Spans of time and the local clocks they are written in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.spans import (
    DoubledLocalTime,
    NoSuchLocalTime,
    Span,
    WorkingTime,
    find_overlap,
    idle_spans,
    intersect,
    local_moment,
    merge,
    split_at_midnights,
    subtract,
    to_instant,
    to_local,
    week_frame,
    working_spans,
)

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 2, tzinfo=UTC)
FRAME_MINUTES = 600


def _span(first: int, second: int) -> Span:
    return Span(START + timedelta(minutes=first), START + timedelta(minutes=second))


def _minutes(spans: list[Span]) -> set[int]:
    return {
        minute
        for span in spans
        for minute in range(
            int((span.start - START).total_seconds() // 60),
            int((span.end - START).total_seconds() // 60),
        )
    }


spans = st.lists(
    st.tuples(st.integers(0, FRAME_MINUTES), st.integers(0, 90)).map(
        lambda pair: _span(pair[0], pair[0] + pair[1])
    ),
    max_size=12,
)


@given(spans)
def test_merged_spans_hold_the_same_minutes_in_order_and_apart(found: list[Span]) -> None:
    merged = merge(found)
    assert _minutes(merged) == _minutes(found)
    assert all(span.start < span.end for span in merged)
    assert all(a.end < b.start for a, b in pairwise(merged))


@given(spans, spans)
def test_subtracting_leaves_exactly_the_minutes_outside(
    found: list[Span], holes: list[Span]
) -> None:
    assert _minutes(subtract(found, holes)) == _minutes(found) - _minutes(holes)


@given(spans)
def test_a_frame_keeps_exactly_the_minutes_inside(found: list[Span]) -> None:
    frame = _span(100, 300)
    assert _minutes(intersect(found, frame)) == _minutes(found) & set(range(100, 300))


@given(spans)
def test_an_overlap_is_found_whenever_minutes_are_counted_twice(found: list[Span]) -> None:
    real = [span for span in found if span.start < span.end]
    counted = sum(len(_minutes([span])) for span in real)
    assert (find_overlap(real) is not None) == (counted > len(_minutes(real)))


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)),
    st.integers(1, 6000),
)
def test_pieces_between_midnights_add_up_to_the_span(start: datetime, minutes: int) -> None:
    span = Span(start, start + timedelta(minutes=minutes))
    pieces = split_at_midnights(span)
    assert merge(pieces) == [span]
    assert all(
        p.end <= datetime.combine(p.start.date() + timedelta(days=1), time.min) for p in pieces
    )


def test_a_local_time_that_the_clocks_jump_over_is_refused() -> None:
    with pytest.raises(NoSuchLocalTime) as refused:
        to_instant(datetime(2026, 3, 29, 2, 30), BERLIN)
    assert refused.value.before == datetime(2026, 3, 29, 1, 30)
    assert refused.value.after == datetime(2026, 3, 29, 3, 0)


def test_a_local_time_that_comes_twice_is_refused() -> None:
    with pytest.raises(DoubledLocalTime) as refused:
        to_instant(datetime(2026, 10, 25, 2, 0), BERLIN)
    assert refused.value.before == datetime(2026, 10, 25, 1, 30)
    assert refused.value.after == datetime(2026, 10, 25, 3, 0)


def test_a_night_across_a_clock_change_is_an_hour_shorter_or_longer() -> None:
    spring = [to_instant(local_moment(date(2026, 3, 28), m), BERLIN) for m in (22 * 60, 30 * 60)]
    autumn = [to_instant(local_moment(date(2026, 10, 24), m), BERLIN) for m in (22 * 60, 30 * 60)]
    assert Span(*spring).hours == 7
    assert Span(*autumn).hours == 9


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))
def test_a_clear_local_time_comes_back_from_utc(local: datetime) -> None:
    try:
        instant = to_instant(local, BERLIN)
    except (NoSuchLocalTime, DoubledLocalTime):
        return
    assert to_local(Span(instant, instant), BERLIN).start == local


EARLY_AND_NIGHT = [
    *(WorkingTime(weekday=d, starts_at=time(8), ends_at=time(18)) for d in range(5)),
    WorkingTime(weekday=4, starts_at=time(22), ends_at=time(6)),
]


def test_idle_time_is_what_the_shifts_leave() -> None:
    frame = week_frame(date(2026, 3, 2), BERLIN)
    idle = [to_local(span, BERLIN) for span in idle_spans(EARLY_AND_NIGHT, BERLIN, frame)]
    assert idle[:2] == [
        Span(datetime(2026, 3, 2, 0), datetime(2026, 3, 2, 8)),
        Span(datetime(2026, 3, 2, 18), datetime(2026, 3, 3, 8)),
    ]
    assert idle[-2:] == [
        Span(datetime(2026, 3, 6, 18), datetime(2026, 3, 6, 22)),
        Span(datetime(2026, 3, 7, 6), datetime(2026, 3, 9, 0)),
    ]


def test_a_shift_that_began_before_the_frame_still_counts() -> None:
    frame = Span(
        to_instant(datetime(2026, 3, 7, 1), BERLIN), to_instant(datetime(2026, 3, 7, 12), BERLIN)
    )
    assert [to_local(s, BERLIN).end for s in working_spans(EARLY_AND_NIGHT, BERLIN, frame)] == [
        datetime(2026, 3, 7, 6)
    ]


def test_an_hour_that_comes_twice_counts_as_the_shift() -> None:
    shift = [WorkingTime(weekday=6, starts_at=time(2), ends_at=time(2, 30))]
    frame = week_frame(date(2026, 10, 19), BERLIN)
    assert [span.hours for span in working_spans(shift, BERLIN, frame)] == [1.5]
    assert frame.hours == 7 * 24 + 1
