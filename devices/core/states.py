"""Machine states from readings: codes, and the spans of time in which a state held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

STATE_OF_CODE: dict[float, str] = {
    0: "offline",
    1: "idle",
    2: "set_up",
    3: "running",
    4: "maintenance",
    5: "down",
}
"""The metric `state` of a frame; any other number is stored and says nothing about the state."""

HOLD_MS = 30 * 60 * 1000
"""Two readings further apart than this do not vouch for the time between them."""


@dataclass(frozen=True, slots=True)
class StateReading:
    """A machine's state at a corrected device time in milliseconds."""

    at_ms: int
    state: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open span in which a machine was in one state."""

    start_ms: int
    end_ms: int
    state: str


def state_of(value: object) -> str | None:
    """Return the state that a frame's `state` value stands for, if it stands for any."""
    return STATE_OF_CODE.get(value) if isinstance(value, int | float) else None


def intervals_of(readings: Sequence[StateReading]) -> list[Interval]:
    """Return the spans that readings in the order of time vouch for.

    A state holds from its reading to the next one, if that comes within HOLD_MS; else nothing is
    known until the next one. The last reading vouches for no time yet.
    """
    spans = (
        Interval(earlier.at_ms, later.at_ms, earlier.state)
        for earlier, later in pairwise(readings)
        if 0 < later.at_ms - earlier.at_ms <= HOLD_MS
    )
    return joined(spans)


def replaced(
    kept: Iterable[Interval], fresh: Iterable[Interval], start_ms: int, end_ms: int
) -> list[Interval]:
    """Return `kept` with everything from `start_ms` to `end_ms` replaced by `fresh`."""
    outside = []
    for one in kept:
        if one.start_ms < start_ms:
            outside.append(Interval(one.start_ms, min(one.end_ms, start_ms), one.state))
        if one.end_ms > end_ms:
            outside.append(Interval(max(one.start_ms, end_ms), one.end_ms, one.state))
    return joined(sorted([*outside, *fresh], key=lambda one: one.start_ms))


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Return intervals in the order of time with touching ones of one state made one."""
    result: list[Interval] = []
    for one in intervals:
        if result and result[-1].state == one.state and result[-1].end_ms == one.start_ms:
            result[-1] = Interval(result[-1].start_ms, one.end_ms, one.state)
        else:
            result.append(one)
    return result
