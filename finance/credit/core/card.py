"""The points card: an additive table, each factor monotone in a stated direction.

The points are judgement, not statistics: there are no outcomes to train on yet, so the card says
how a firm behaves and gives no probability of default. A later card gets a new version; a stored
report names the version that made it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from finance.credit.core.features import Features


class Direction(StrEnum):
    HIGHER = "higher"
    """More is better."""
    LOWER = "lower"
    """Less is better."""


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One line of the card.

    `bins` are (edge, points) from the best to the worst: a value at or beyond an edge, in the
    better direction, earns its points; a value beyond none earns nothing. `why` is the reason for
    the direction.
    """

    code: str
    value: Callable[[Features], float | None]
    direction: Direction
    bins: tuple[tuple[float, int], ...]
    why: str

    @property
    def best_points(self) -> int:
        return self.bins[0][1]

    def reaches(self, value: float, edge: float) -> bool:
        return value >= edge if self.direction is Direction.HIGHER else value <= edge

    def points(self, value: float | None) -> int:
        """Return what a measured value earns; what was not measured earns nothing."""
        if value is None:
            return 0
        return next((points for edge, points in self.bins if self.reaches(value, edge)), 0)

    def next_bin(self, value: float | None) -> tuple[float, int] | None:
        """Return the nearest better bin: its edge and what it earns; None at the best."""
        better = [(e, p) for e, p in self.bins if p > self.points(value)]
        return better[-1] if better else None


@dataclass(frozen=True, kw_only=True)
class Card:
    """A version of the card: its factors, and the least points of each grade, best first."""

    version: str
    factors: tuple[Factor, ...]
    grades: tuple[tuple[str, int], ...]

    @property
    def best_points(self) -> int:
        return sum(factor.best_points for factor in self.factors)

    def grade(self, points: int) -> str:
        return next(grade for grade, least in self.grades if points >= least)


CARD = Card(
    version="2026-1",
    grades=(("A", 85), ("B", 70), ("C", 55), ("D", 40), ("E", 0)),
    factors=(
        Factor(
            code="on_time_share",
            value=lambda f: f.on_time_share,
            direction=Direction.HIGHER,
            bins=((0.98, 25), (0.95, 20), (0.90, 14), (0.80, 7)),
            why="a firm that delivers when it said so has its production in hand",
        ),
        Factor(
            code="claim_deviation",
            value=lambda f: f.claim_deviation,
            direction=Direction.LOWER,
            bins=((0.01, 20), (0.02, 16), (0.05, 9), (0.10, 3)),
            why="reports that agree with the machines' count can be relied on",
        ),
        Factor(
            code="scrap_share",
            value=lambda f: f.scrap_share,
            direction=Direction.LOWER,
            bins=((0.01, 15), (0.02, 12), (0.05, 6)),
            why="scrap is paid for by the firm",
        ),
        Factor(
            code="active_day_share",
            value=lambda f: f.active_day_share,
            direction=Direction.HIGHER,
            bins=((0.90, 10), (0.75, 7), (0.50, 4)),
            why="days without work are days without income",
        ),
        Factor(
            code="coverage",
            value=lambda f: f.coverage,
            direction=Direction.HIGHER,
            bins=((0.98, 10), (0.95, 8), (0.90, 5), (0.80, 2)),
            why="what was not seen cannot be relied on",
        ),
        Factor(
            code="days_observed",
            value=lambda f: f.days_observed,
            direction=Direction.HIGHER,
            bins=((90, 10), (60, 7), (30, 4), (14, 2)),
            why="a longer record says more",
        ),
        Factor(
            code="utilisation",
            value=lambda f: f.utilisation,
            direction=Direction.HIGHER,
            bins=((0.50, 5), (0.30, 3), (0.15, 1)),
            why="machines that run earn",
        ),
        Factor(
            code="orders_delivered",
            value=lambda f: f.orders_delivered,
            direction=Direction.HIGHER,
            bins=((10, 5), (3, 3), (1, 1)),
            why="finished orders are the proof",
        ),
    ),
)
"""The card in use."""
