"""The steady part of the difference between a device's clock and the site's.

A frame that waited in its device's queue looks like a slow clock. What tells them apart is
steadiness: the difference of a wrong clock stays the same over a long time of arrival, those of
frames that waited do not. So differences are gathered in bins of a minute, and the bin that was
met most often over the longest time speaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BIN_MS = 60_000
SURE_COUNT = 5
SURE_SPAN_MS = 2 * 60_000


@dataclass(frozen=True, slots=True)
class OffsetBin:
    """How often, with which sum and over which time of arrival a difference was met."""

    bin: int
    count: int
    sum_ms: int
    first_ms: int
    last_ms: int


def bin_of(difference_ms: int) -> int:
    """Return the bin of a difference; bin 0 reaches 30 s to either side."""
    return (difference_ms + BIN_MS // 2) // BIN_MS


def steadiest(bins: Iterable[OffsetBin]) -> OffsetBin | None:
    """Return the bin that speaks for the clock, whatever the order of arrival was."""
    return max(bins, key=_weight, default=None)


def offset_ms(steady: OffsetBin) -> int:
    """Return the offset to show: the mean of the bin, device time minus arrival."""
    return round(steady.sum_ms / steady.count)


def correction_ms(steady: OffsetBin | None) -> int:
    """Return what to take from the device's times: whole minutes, and only when it is sure."""
    if steady is None or steady.count < SURE_COUNT:
        return 0
    return steady.bin * BIN_MS if steady.last_ms - steady.first_ms >= SURE_SPAN_MS else 0


def _weight(one: OffsetBin) -> tuple[int, int, int, int]:
    minutes = (one.last_ms - one.first_ms) // BIN_MS
    return min(one.count, minutes), one.count, -abs(one.bin), one.bin
