"""Pieces from a monotonic counter: resets found, pieces given to the runs by time.

Everything is a sum over pairs of neighbouring readings of one device, so a reading that comes
late only replaces one pair by two: any order of arrival ends in the same counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class CounterReading:
    """A counter's value at a corrected device time in milliseconds; `value` is never negative."""

    at_ms: int
    value: int


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open span of time that pieces can be given to: a planned run."""

    key: int
    start_ms: int
    end_ms: int


def pieces_between(earlier: CounterReading, later: CounterReading) -> int:
    """Return what was made between two readings; a fall means that the counter began again at 0."""
    if later.value >= earlier.value:
        return later.value - earlier.value
    return later.value


def counted_by_span(readings: Sequence[CounterReading], spans: Sequence[Span]) -> dict[int, int]:
    """Return the pieces of each span, from one device's readings in the order of (boot, seq).

    The pieces between two readings go to the spans that overlap the time between them, in
    proportion to the overlap (largest remainder, so that none is lost or doubled). Pieces made
    while no span was under way go to none.
    """
    counts: dict[int, int] = {}
    for earlier, later in pairwise(readings):
        pieces = pieces_between(earlier, later)
        if pieces:
            for key, share in _shares(pieces, earlier.at_ms, later.at_ms, spans):
                counts[key] = counts.get(key, 0) + share
    return counts


def made_by_hour(readings: Sequence[CounterReading]) -> dict[int, int]:
    """Return the pieces of each hour (epoch hours), counted when the later reading was taken."""
    made: dict[int, int] = {}
    for earlier, later in pairwise(readings):
        pieces = pieces_between(earlier, later)
        if pieces:
            hour = later.at_ms // 3_600_000
            made[hour] = made.get(hour, 0) + pieces
    return made


def _shares(
    pieces: int, start_ms: int, end_ms: int, spans: Sequence[Span]
) -> list[tuple[int, int]]:
    """Split `pieces` over the spans that overlap (start, end]; exact to the piece."""
    # Two readings of one instant (or a clock set back) still lie somewhere.
    start_ms, end_ms = min(start_ms, end_ms - 1), end_ms
    overlaps = [
        (span.key, min(end_ms, span.end_ms) - max(start_ms, span.start_ms)) for span in spans
    ]
    overlaps = sorted((key, overlap) for key, overlap in overlaps if overlap > 0)
    whole = sum(overlap for _key, overlap in overlaps)
    shares = [(key, *divmod(pieces * overlap, whole)) for key, overlap in overlaps]
    left = pieces - sum(share for _key, share, _rest in shares) if shares else 0
    by_rest = sorted(shares, key=lambda one: (-one[2], one[0]))
    lucky = {key for key, _share, _rest in by_rest[:left]}
    return [(key, share + (key in lucky)) for key, share, _rest in shares]


def changes(before: dict[int, int], after: dict[int, int]) -> dict[int, int]:
    """Return what must be added to each count to get from `before` to `after`."""
    keys = before.keys() | after.keys()
    return {
        key: after.get(key, 0) - before.get(key, 0)
        for key in keys
        if after.get(key, 0) != before.get(key, 0)
    }
