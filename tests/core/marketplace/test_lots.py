"""A shop's reports: running totals that may come twice, late or out of order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.lots import (
    Claim,
    LotOnMachine,
    Outcome,
    Refusal,
    ReportRefused,
    after_claim,
)
from marketplace.core.progress import deviates

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HERE = LotOnMachine(is_released=True, received=100)


def _claim(good: int, scrap: int = 0, *, minute: int = 0) -> Claim:
    return Claim(good=good, scrap=scrap, at=NOON + timedelta(minutes=minute))


def test_a_claim_starts_the_lot_and_leaves_the_rest_in_process() -> None:
    lot, outcome = after_claim(HERE, _claim(60, 5))
    assert (outcome, lot.in_process, lot.started_at, lot.is_ended) == (
        Outcome.RECORDED,
        35,
        NOON,
        False,
    )


def test_a_lot_is_finished_when_every_piece_is_good_or_scrap() -> None:
    lot, _outcome = after_claim(HERE, _claim(97, 3))
    assert (lot.is_ended, lot.finished_at) == (True, NOON)


def test_the_same_claim_again_changes_nothing() -> None:
    lot, _outcome = after_claim(HERE, _claim(100))
    assert after_claim(lot, _claim(100, minute=5)) == (lot, Outcome.UNCHANGED)


def test_a_late_claim_does_not_undo_a_later_one() -> None:
    lot, _outcome = after_claim(HERE, _claim(80, minute=10))
    after, outcome = after_claim(lot, _claim(50, minute=5))
    assert (after.good, after.reported_at, outcome) == (80, lot.reported_at, Outcome.LATE)


def test_a_later_claim_may_correct_a_slip_of_the_pen() -> None:
    lot, _outcome = after_claim(HERE, _claim(90, minute=1))
    lot, outcome = after_claim(lot, _claim(9, minute=2))
    assert (lot.good, outcome) == (9, Outcome.RECORDED)


def test_work_has_begun_at_the_earliest_claim() -> None:
    lot, _outcome = after_claim(HERE, _claim(80, minute=10))
    lot, outcome = after_claim(lot, _claim(0))
    assert (lot.started_at, lot.good, outcome) == (NOON, 80, Outcome.LATE)


@pytest.mark.parametrize(
    ("lot", "claim", "reason"),
    [
        (LotOnMachine(is_released=True), _claim(1), Refusal.LOT_NOT_HERE),
        (LotOnMachine(is_released=False, received=100), _claim(1), Refusal.NOT_RELEASED),
        (HERE, _claim(99, 2), Refusal.TOO_MANY),
        (HERE, _claim(-1, 2), Refusal.NEGATIVE),
        (after_claim(HERE, _claim(97, 3))[0], _claim(98, 2, minute=1), Refusal.ENDED),
    ],
)
def test_a_claim_that_contradicts_the_lot_is_refused(
    lot: LotOnMachine, claim: Claim, reason: Refusal
) -> None:
    with pytest.raises(ReportRefused) as refused:
        after_claim(lot, claim)
    assert refused.value.reason == reason


@st.composite
def _deliveries(draw: st.DrawFn) -> tuple[list[Claim], list[Claim]]:
    """Return a shop's growing claims in order, and the same with repetitions in any order."""
    grown = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=6))
    claims, good, scrap = [], 0, 0
    for minute, (more_good, more_scrap) in enumerate(grown):
        if good + scrap + more_good + more_scrap > 100:
            break
        good, scrap = good + more_good, scrap + more_scrap
        claims.append(_claim(good, scrap, minute=minute))
        if good + scrap == 100:
            break
    messy = claims + (draw(st.lists(st.sampled_from(claims), max_size=6)) if claims else [])
    return claims, draw(st.permutations(messy))


@given(_deliveries())
def test_claims_end_the_same_in_whatever_order_they_come(
    deliveries: tuple[list[Claim], list[Claim]],
) -> None:
    ends = []
    for claims in deliveries:
        lot = HERE
        for claim in claims:
            lot, _outcome = after_claim(lot, claim)
        assert lot.received == lot.good + lot.scrap + lot.in_process
        ends.append((lot.good, lot.scrap, lot.is_ended, lot.started_at))
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    ("claimed", "counted", "expected"),
    [(100, 0, False), (100, 95, False), (100, 94, True), (94, 100, True), (0, 10, True)],
)
def test_more_than_five_percent_apart_is_a_question(
    claimed: int, counted: int, expected: bool
) -> None:
    assert deviates(claimed=claimed, counted=counted) is expected
