"""From features to a behaviour grade with its reasons, or to a plain "too little is known"."""

from __future__ import annotations

from dataclasses import dataclass

from finance.credit.core.card import CARD, Card, Direction
from finance.credit.core.features import Features

LEAST_DAYS = 10
LEAST_COVERAGE = 0.6
LEAST_DELIVERIES = 1
"""A file thinner than this gets no grade."""
SHORT_HISTORY_DAYS = 30
BEST_WITH_SHORT_HISTORY = "B"
"""A month of good days is not yet an A."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One factor's part in the grade: what was measured, what it earned, what would earn more."""

    code: str
    direction: Direction
    measured: float | None
    points: int
    best_points: int
    next_at: float | None
    next_points: int | None

    @property
    def lost(self) -> int:
        """Points lost against the best bin."""
        return self.best_points - self.points


@dataclass(frozen=True, kw_only=True)
class Lack:
    """What a thin file lacks: the factor, what is there and what is needed."""

    code: str
    measured: float
    needed: float


@dataclass(frozen=True, kw_only=True)
class BehaviourGrade:
    """`grade` is empty for a thin file, whose `lacks` say why. Points add up to the reasons'."""

    card_version: str
    grade: str
    points: int
    best_points: int
    reasons: tuple[Reason, ...]
    lacks: tuple[Lack, ...]
    is_capped: bool


def grade_behaviour(features: Features, card: Card = CARD) -> BehaviourGrade:
    """Grade one firm's behaviour; the reasons stand with the greatest loss first."""
    reasons = []
    for factor in card.factors:
        value = factor.value(features)
        better = factor.next_bin(value)
        reasons.append(
            Reason(
                code=factor.code,
                direction=factor.direction,
                measured=value,
                points=factor.points(value),
                best_points=factor.best_points,
                next_at=better[0] if better else None,
                next_points=better[1] if better else None,
            )
        )
    points = sum(reason.points for reason in reasons)
    lacks = _lacks(features)
    earned = card.grade(points)
    is_capped = not lacks and _is_short(features) and earned < BEST_WITH_SHORT_HISTORY
    grade = "" if lacks else BEST_WITH_SHORT_HISTORY if is_capped else earned
    return BehaviourGrade(
        card_version=card.version,
        grade=grade,
        points=points,
        best_points=card.best_points,
        reasons=tuple(sorted(reasons, key=lambda reason: -reason.lost)),
        lacks=lacks,
        is_capped=is_capped,
    )


def _is_short(features: Features) -> bool:
    return features.days_observed < SHORT_HISTORY_DAYS


def _lacks(features: Features) -> tuple[Lack, ...]:
    measured = {
        "days_observed": (float(features.days_observed), float(LEAST_DAYS)),
        "coverage": (features.coverage or 0.0, LEAST_COVERAGE),
        "deliveries": (float(features.deliveries), float(LEAST_DELIVERIES)),
    }
    return tuple(
        Lack(code=code, measured=value, needed=needed)
        for code, (value, needed) in measured.items()
        if value < needed
    )
