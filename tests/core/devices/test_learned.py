"""What past runs teach: within their range, blind to their order, never moved by one alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.learned import LEAST_OBSERVED, WIDEST_RATE, credible, pattern_of

figures = st.floats(0.0, 1e6, allow_nan=False)
many = st.lists(figures, min_size=LEAST_OBSERVED, max_size=60)


def test_too_few_runs_teach_nothing() -> None:
    assert pattern_of([500.0] * (LEAST_OBSERVED - 1), widest=WIDEST_RATE) is None


def test_the_figures_of_nineteen_runs_by_hand() -> None:
    """Positions (19 + 1) x 0.1 = 2 and x 0.9 = 18; one run left out at either end."""
    found = pattern_of([float(n) for n in range(101, 120)], widest=WIDEST_RATE)

    assert found is not None
    assert (found.observed, found.usual, found.low, found.high) == (19, 110.0, 102.0, 118.0)


def test_one_run_that_is_far_off_hardly_shows() -> None:
    steady = [500.0] * 18
    slip = pattern_of([*steady, 3.0], widest=WIDEST_RATE)
    jump = pattern_of([*steady, 90_000.0], widest=WIDEST_RATE)

    assert slip is not None
    assert jump is not None
    assert (slip.usual, slip.low) == (500.0, 500.0)
    assert (jump.usual, jump.high) == (500.0, 500.0)


@given(values=many, seed=st.integers(0, 1000), widest=st.sampled_from([1.5, 3.0]))
def test_the_order_of_runs_never_shows(values: list[float], seed: int, widest: float) -> None:
    shuffled = list(values)
    random.Random(seed).shuffle(shuffled)

    assert pattern_of(shuffled, widest=widest) == pattern_of(values, widest=widest)


@given(values=many, widest=st.sampled_from([1.5, 3.0]))
def test_everything_learned_lies_within_what_was_seen(values: list[float], widest: float) -> None:
    found = pattern_of(values, widest=widest)

    assert found is not None
    assert min(values) <= found.low <= found.high <= max(values)
    assert min(values) <= found.usual <= max(values)


@given(values=many, place=st.integers(0, 59), more=figures, widest=st.sampled_from([1.5, 3.0]))
def test_a_faster_run_never_makes_a_machine_slower(
    values: list[float], place: int, more: float, widest: float
) -> None:
    raised = list(values)
    raised[place % len(values)] += more
    before, after = pattern_of(values, widest=widest), pattern_of(raised, widest=widest)

    assert before is not None
    assert after is not None
    slack = 1e-9 * max(raised)
    assert after.usual >= before.usual - slack
    assert after.low >= before.low - slack
    assert after.high >= before.high - slack


@given(stated=figures, usual=figures, few=st.integers(0, 50), further=st.integers(1, 50))
def test_more_runs_draw_the_mean_away_from_what_is_stated(
    stated: float, usual: float, few: int, further: int
) -> None:
    less = credible(stated=stated, usual=usual, observed=few)
    more = credible(stated=stated, usual=usual, observed=few + further)

    assert min(stated, usual) <= less <= max(stated, usual)
    assert abs(more - usual) <= abs(less - usual) + 1e-6
    assert credible(stated=stated, usual=usual, observed=0) == stated


def test_the_mean_of_fourteen_runs_by_hand() -> None:
    assert credible(stated=560.0, usual=500.0, observed=14) == pytest.approx(560 - 60 * 14 / 17)
