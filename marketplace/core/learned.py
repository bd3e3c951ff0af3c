"""What a machine has shown for one process, beside what its owner states of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from devices.core.learned import credible

TENTHS_BELOW = 100
"""A slower rate is kept to a tenth of a piece an hour, a faster one to the piece."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the runs of a machine show for one process; None where they are too few.

    Rates are pieces per running hour, set-ups minutes; `runs` and `set_ups` count what they are
    made from. `rate_low` is undercut by one run in ten, `set_up_high` exceeded by one in ten.
    """

    runs: int = 0
    rate_usual: float | None = None
    rate_low: float | None = None
    set_ups: int = 0
    set_up_usual: float | None = None
    set_up_high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What the market may know of it, for the stated rate and set-up of the day it was written.

    `rate_share` (the mean to reckon with) and `rate_low_share` are parts of the stated rate.
    `is_used` is its owner's decision whether plans reckon with the learned means. A bad day is
    counted on by the safest plan whatever the owner decides.
    """

    runs: int = 0
    rate_share: float | None = None
    rate_low_share: float | None = None
    set_ups: int = 0
    set_up_minutes: float | None = None
    set_up_high_minutes: float | None = None
    is_used: bool = True

    @property
    def changes_plans(self) -> bool:
        """Tell whether plans reckon with something else than what is stated."""
        return self.is_used and (self.rate_share is not None or self.set_up_minutes is not None)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Learned:
        return cls(**document)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a plan reckons with for one machine and process."""

    rate_per_hour: int | Fraction
    rate_low_permille: int
    set_up_minutes: int
    set_up_high_minutes: int | None


def learned_of(
    shown: Shown, *, stated_rate: int, stated_set_up: int, is_used: bool
) -> Learned | None:
    """Put what was shown in relation to what is stated; None when nothing was shown."""
    if not shown.runs:
        return None
    rate = set_up = None
    if shown.rate_usual is not None:
        rate = credible(stated=stated_rate, usual=shown.rate_usual, observed=shown.runs)
    if shown.set_up_usual is not None:
        set_up = credible(stated=stated_set_up, usual=shown.set_up_usual, observed=shown.set_ups)
    return Learned(
        runs=shown.runs,
        rate_share=_share(rate, stated_rate),
        rate_low_share=_share(shown.rate_low, stated_rate),
        set_ups=shown.set_ups,
        set_up_minutes=_rounded(set_up),
        set_up_high_minutes=_rounded(shown.set_up_high),
        is_used=is_used,
    )


def figures_of(*, stated_rate: int, stated_set_up: int, learned: Learned | None) -> Figures:
    """Return what plans reckon with: learned means where they are used, else what is stated."""
    known = learned or Learned()
    rate: int | Fraction = stated_rate
    if known.is_used and known.rate_share is not None:
        rate = _rate(stated_rate * known.rate_share)
    low = 1000
    if known.rate_low_share is not None:
        low = round(1000 * stated_rate * known.rate_low_share / rate)
    set_up, high = stated_set_up, None
    if known.is_used and known.set_up_minutes is not None:
        set_up = round(known.set_up_minutes)
    if known.set_up_high_minutes is not None:
        high = max(set_up, round(known.set_up_high_minutes))
    return Figures(
        rate_per_hour=rate,
        rate_low_permille=min(1000, max(1, low)),
        set_up_minutes=set_up,
        set_up_high_minutes=high,
    )


def _rate(per_hour: float) -> int | Fraction:
    if per_hour >= TENTHS_BELOW:
        return round(per_hour)
    tenths = Fraction(max(1, round(per_hour * 10)), 10)
    return tenths.numerator if tenths.denominator == 1 else tenths


def _share(per_hour: float | None, stated_rate: int) -> float | None:
    return None if per_hour is None else round(per_hour / stated_rate, 4)


def _rounded(minutes: float | None) -> float | None:
    return None if minutes is None else round(minutes, 1)
