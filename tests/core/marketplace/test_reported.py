"""What becomes of a downtime by a device's word, and when the machine is assumed to run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from devices.core.outages import Service
from marketplace.core.reported import (
    MARGIN,
    Ends,
    Lasts,
    Opens,
    Said,
    Step,
    assumed_until,
    next_step,
)
from tests.factories import NOW

HOUR = timedelta(hours=1)


def told(is_down: bool, hours: float, *, ago: float = 0.0) -> Service:
    """Return what has been told for some hours until some hours ago."""
    until = NOW - ago * HOUR
    since_ms, told_ms = (round(at.timestamp() * 1000) for at in (until - hours * HOUR, until))
    return Service(is_down, since_ms, told_ms)


def step(service: Service | None, *, said: Said | None = None, **changes: Any) -> Step | None:
    given: dict[str, Any] = {"work_at": NOW + HOUR, "is_told_now": True, "now": NOW}
    return next_step(service, said=said, **{**given, **changes})


def person(*, until: float, ended: float | None = None) -> Said:
    return Said(
        until_at=NOW + until * HOUR,
        ended_at=None if ended is None else NOW + ended * HOUR,
        reported_since=None,
    )


def device(*, since: float, until: float, ended: float | None = None) -> Said:
    return Said(
        until_at=NOW + until * HOUR,
        ended_at=None if ended is None else NOW + ended * HOUR,
        reported_since=NOW + since * HOUR,
    )


def opens(since: float, until: float) -> Opens:
    return Opens(since_at=NOW + since * HOUR, until_at=NOW + until * HOUR)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(0, 4), (2.9, 4), (3, 4), (3.1, 8), (7, 8), (8, 16), (100, 128), (169, 256), (500, 592)],
)
def test_an_outage_is_assumed_to_last_as_long_again(hours: float, expected: float) -> None:
    until_at = assumed_until(NOW, now=NOW + hours * HOUR)
    assert until_at == NOW + expected * HOUR
    assert until_at >= NOW + hours * HOUR + MARGIN


def test_a_stop_of_minutes_opens_nothing_and_one_that_lasts_does() -> None:
    assert step(None) is None
    assert step(told(True, 1.4)) is None
    assert step(told(True, 1.5)) == opens(-1.5, 2.5)
    assert step(told(False, 5)) is None


def test_only_what_has_been_told_counts_and_only_while_it_is_told() -> None:
    assert step(told(True, 1.4, ago=0.4)) is None
    assert step(told(True, 1.5, ago=0.4)) == opens(-1.9, 2.1)
    assert step(told(True, 5), is_told_now=False) is None


@pytest.mark.parametrize(
    ("work_at", "is_hit"),
    [(None, False), (NOW - 9 * HOUR, True), (NOW + 1.9 * HOUR, True), (NOW + 2 * HOUR, False)],
)
def test_it_opens_where_a_lot_is_to_begin_before_the_assumed_end(
    work_at: datetime | None, is_hit: bool
) -> None:
    assert (step(told(True, 2), work_at=work_at) is not None) == is_hit


def test_a_persons_word_stands_above_the_devices() -> None:
    assert step(told(True, 5), said=person(until=0.1)) is None, "down by their word"
    assert step(told(False, 5), said=person(until=2)) is None, "in service by the device's"
    assert step(told(True, 5), said=person(until=2, ended=-0.1)) is None, "it runs by theirs"
    assert step(told(True, 5), said=device(since=-5, until=2, ended=-1)) is None, "the same"


def test_a_word_that_is_over_leaves_the_next_to_the_device() -> None:
    assert step(told(True, 5), said=person(until=-1)) is None
    assert step(told(True, 5), said=person(until=-1.5)) == opens(-5, 3)
    assert step(told(True, 2), said=person(until=9, ended=-3)) == opens(-2, 2)
    assert step(told(True, 2), said=device(since=-9, until=3, ended=-2.5)) == opens(-2, 2)


def test_what_a_device_has_reported_lasts_and_ends_by_its_word() -> None:
    known = device(since=-2, until=2)
    assert step(told(True, 2), said=known) is None, "the assumed end is far enough away"
    assert step(told(True, 3.1), said=device(since=-3.1, until=0.9)) == Lasts(
        until_at=NOW + 4.9 * HOUR
    )
    assert step(told(False, 0.25), said=known) == Ends(at=NOW - 0.25 * HOUR)
    assert step(None, said=known) is None


def test_an_assumption_is_not_prolonged_while_the_device_is_silent() -> None:
    known = device(since=-6, until=-2)
    assert step(told(True, 1, ago=4), said=known, is_told_now=False) is None
    assert step(told(True, 1), said=known, is_told_now=True) == Lasts(until_at=NOW + 2 * HOUR)
    assert step(told(False, 1), said=known, is_told_now=False) == Ends(at=NOW - HOUR)


def test_no_work_is_needed_for_what_is_open_to_end_or_last() -> None:
    known = device(since=-3.5, until=0.5)
    assert step(told(True, 3.5), said=known, work_at=None) is not None
    assert step(told(False, 1), said=known, work_at=None) is not None
