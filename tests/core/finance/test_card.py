"""The points card: additive, monotone in its stated directions, silent about a thin file."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.credit.core.card import CARD, Direction
from finance.credit.core.features import Features
from finance.credit.core.grading import grade_behaviour

SHARE = st.none() | st.floats(0, 1)
FEATURES = st.builds(
    Features,
    days_observed=st.integers(0, 120),
    coverage=SHARE,
    active_day_share=SHARE,
    utilisation=SHARE,
    deliveries=st.integers(0, 50),
    on_time_share=SHARE,
    scrap_share=SHARE,
    claim_deviation=st.none() | st.floats(0, 3),
    orders_delivered=st.integers(0, 20),
)
GOOD = Features(
    days_observed=90,
    coverage=0.99,
    active_day_share=0.95,
    utilisation=0.6,
    deliveries=40,
    on_time_share=1.0,
    scrap_share=0.004,
    claim_deviation=0.002,
    orders_delivered=12,
)


def test_the_best_firm_earns_every_point() -> None:
    graded = grade_behaviour(GOOD)
    assert (graded.grade, graded.points, graded.best_points) == ("A", 100, 100)
    assert all(reason.lost == 0 and reason.next_at is None for reason in graded.reasons)


def test_the_reasons_say_what_was_lost_and_what_would_win_it() -> None:
    graded = grade_behaviour(replace(GOOD, on_time_share=0.91, scrap_share=0.03))
    first, second = graded.reasons[:2]
    assert (first.code, first.measured, first.lost) == ("on_time_share", 0.91, 11)
    assert (first.next_at, first.next_points) == (0.95, 20)
    assert (second.code, second.lost, second.next_at) == ("scrap_share", 9, 0.02)
    assert graded.points == 100 - 11 - 9


@given(FEATURES)
def test_the_points_are_the_sum_of_the_reasons(features: Features) -> None:
    graded = grade_behaviour(features)
    assert graded.points == sum(reason.points for reason in graded.reasons)
    assert 0 <= graded.points <= graded.best_points == 100
    losses = [reason.lost for reason in graded.reasons]
    assert losses == sorted(losses, reverse=True)


@given(FEATURES, st.sampled_from(CARD.factors), st.floats(0, 1))
def test_a_better_value_never_earns_less(features: Features, factor, step: float) -> None:
    value = factor.value(features)
    if value is None:
        return
    better = value + step if factor.direction is Direction.HIGHER else value - step
    assert factor.points(better) >= factor.points(value)


@given(FEATURES)
def test_reaching_the_next_bin_earns_what_it_promised(features: Features) -> None:
    for reason in grade_behaviour(features).reasons:
        if reason.next_at is None:
            assert reason.points == reason.best_points
            continue
        factor = next(one for one in CARD.factors if one.code == reason.code)
        assert factor.points(reason.next_at) == reason.next_points > reason.points


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"days_observed": 9}, ["days_observed"]),
        ({"coverage": 0.59}, ["coverage"]),
        ({"coverage": None}, ["coverage"]),
        ({"deliveries": 0}, ["deliveries"]),
        ({"days_observed": 0, "deliveries": 0}, ["days_observed", "deliveries"]),
    ],
)
def test_a_thin_file_gets_no_grade_and_says_why(change: dict, lacking: list[str]) -> None:
    graded = grade_behaviour(replace(GOOD, **change))
    assert graded.grade == ""
    assert [lack.code for lack in graded.lacks] == lacking


def test_a_month_of_good_days_is_not_yet_an_a() -> None:
    good_card_short = replace(GOOD, days_observed=29)
    graded = grade_behaviour(good_card_short)
    assert (graded.points, graded.grade, graded.is_capped) == (92, "B", True)
    assert grade_behaviour(replace(GOOD, days_observed=30)).grade == "A"


def test_every_factor_says_why_and_falls_from_its_best_bin() -> None:
    for factor in CARD.factors:
        points = [earned for _edge, earned in factor.bins]
        edges = [edge for edge, _earned in factor.bins]
        assert points == sorted(points, reverse=True)
        assert edges == sorted(edges, reverse=factor.direction is Direction.HIGHER)
        assert factor.why
