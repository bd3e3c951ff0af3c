"""What past runs teach about a machine: its usual figure, and those of a good and a bad day.

Figures are in the caller's unit (pieces per hour, minutes) and never negative. Everything is
made of order statistics, so the order of the runs never shows, and a larger observation never
makes a result smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

LEAST_OBSERVED = 9
"""Fewer teach nothing. Of exchangeable runs the next one is as good as the worst of n with
probability n / (n + 1) (Wilks 1941, Determination of Sample Sizes for Setting Tolerance Limits),
so nine are the fewest from which "in nine of ten" can be said at all."""
STATED_WEIGHT = 3.0
"""What is stated counts like so many runs: credibility Z = n / (n + k) (Bühlmann 1967,
Experience Rating and Credibility)."""
TRIMMED_SHARE = 0.1
"""Of the best and of the worst runs each, this share is left out of the usual figure."""
TAIL = 0.1
WIDEST_RATE = 1.5
"""A run's rate counts as at most this many times the median, and at least as one part of so many:
a counter that jumps or a state that was told wrongly is no slow day."""
WIDEST_SET_UP = 3.0


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """`usual` is a trimmed mean; one in ten is expected below `low`, and one above `high`."""

    observed: int
    usual: float
    low: float
    high: float


def pattern_of(values: Sequence[float], *, widest: float) -> Pattern | None:
    """Return what `values` teach, all of it within their range; None when they are too few.

    `widest` bounds each value by the median, times and divided by it (winsorising), so that one
    false observation cannot carry a result away.
    """
    if len(values) < LEAST_OBSERVED:
        return None
    ordered = sorted(values)
    middle = _quantile(ordered, 0.5)
    bounded = [min(max(value, middle / widest), middle * widest) for value in ordered]
    out = int(len(bounded) * TRIMMED_SHARE)
    kept = bounded[out : len(bounded) - out]
    usual = min(max(fsum(kept) / len(kept), kept[0]), kept[-1])
    return Pattern(
        observed=len(bounded),
        usual=usual,
        low=_quantile(bounded, TAIL),
        high=_quantile(bounded, 1 - TAIL),
    )


def credible(*, stated: float, usual: float, observed: int) -> float:
    """Return the mean to reckon with: between what is stated and what was observed."""
    weight = observed / (observed + STATED_WEIGHT)
    between = stated + weight * (usual - stated)
    return min(max(between, min(stated, usual)), max(stated, usual))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile at position (n + 1)·share (Hyndman & Fan 1996, definition 6).

    It is the only common definition that keeps the promise to the *next* observation.
    """
    place = min(max((len(ordered) + 1) * share, 1.0), float(len(ordered)))
    below = int(place)
    lower, upper = ordered[below - 1], ordered[min(below, len(ordered) - 1)]
    return min(lower + (place - below) * (upper - lower), upper)
