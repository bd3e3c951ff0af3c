"""What a shop's report does to a lot on a machine: decided here, without a database.

Claims are running totals with the time at which they were true, so a report may come twice, late
or out of order: of two claims the later one stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Refusal(StrEnum):
    """Why a report cannot be taken."""

    UNKNOWN = "unknown"
    """No such operation in this organisation."""
    NOT_RELEASED = "not_released"
    """The work order still waits for the order's money."""
    LOT_NOT_HERE = "lot_not_here"
    """The lot has not arrived from the step before."""
    MOVING = "moving"
    """It is agreed that the lot moves to other hours, and it has not moved yet."""
    TOO_MANY = "too_many"
    """More pieces than came in."""
    NEGATIVE = "negative"
    """Below zero."""
    ENDED = "ended"
    """Every piece of the lot is reported already, and differently."""


class Outcome(StrEnum):
    """What became of a report."""

    RECORDED = "recorded"
    """The claim stands."""
    UNCHANGED = "unchanged"
    """It was known already."""
    LATE = "late"
    """A later claim stands."""


class ReportRefused(Exception):
    """A report that contradicts the lot."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class LotOnMachine:
    """A lot at one operation. In process = received - good - scrap."""

    is_released: bool
    is_moving: bool = False
    is_ended: bool = False
    received: int | None = None
    good: int = 0
    scrap: int = 0
    started_at: datetime | None = None
    reported_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def in_process(self) -> int:
        return 0 if self.received is None else self.received - self.good - self.scrap


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the shop says is good and scrap so far, at the instant `at`."""

    good: int
    scrap: int
    at: datetime


def after_claim(lot: LotOnMachine, claim: Claim) -> tuple[LotOnMachine, Outcome]:
    """Return the lot as the claim leaves it, and what became of the claim.

    Work has begun at the earliest claim of all; a claim of nothing says just that. The lot is
    finished, once and for all, when every piece that came in is good or scrap.

    Raises:
        ReportRefused: it contradicts what is known of the lot.
    """
    _refuse_absent(lot)
    if claim.good < 0 or claim.scrap < 0:
        raise ReportRefused(Refusal.NEGATIVE)
    total = claim.good + claim.scrap
    if total > (lot.received or 0):
        raise ReportRefused(Refusal.TOO_MANY)
    if lot.reported_at is not None:
        known = replace(lot, started_at=min(lot.started_at or claim.at, claim.at))
        if (claim.good, claim.scrap) == (lot.good, lot.scrap):
            return known, Outcome.UNCHANGED
        if claim.at < lot.reported_at:
            return known, Outcome.LATE
    if lot.is_ended:
        raise ReportRefused(Refusal.ENDED)
    return replace(
        lot,
        good=claim.good,
        scrap=claim.scrap,
        started_at=lot.started_at or claim.at,
        reported_at=claim.at,
        is_ended=total == lot.received,
        finished_at=claim.at if total == lot.received else None,
    ), Outcome.RECORDED


def _refuse_absent(lot: LotOnMachine) -> None:
    if lot.received is None:
        raise ReportRefused(Refusal.LOT_NOT_HERE)
    if not lot.is_released:
        raise ReportRefused(Refusal.NOT_RELEASED)
    if lot.is_moving and lot.started_at is None:
        raise ReportRefused(Refusal.MOVING)
