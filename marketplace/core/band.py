"""A first range of date and price for an order, from the market as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class BandStep:
    """How many can do one step."""

    process: str
    machines: int
    suppliers: int


@dataclass(frozen=True, kw_only=True)
class BandOffer:
    """One plan found at once, for the whole order; it could be booked as it stands."""

    completes_at: datetime
    cost_minor: int


@dataclass(frozen=True, kw_only=True)
class Band:
    """`earliest_at` is proven: no plan completes sooner. `likely_at` reckons with low rates.

    Money fills the machines from the cheapest on: with all the time there is (low), or with only
    the time until the earliest date (high). `offers` are the soonest plan that was found at once
    and, if there is one that is not late, a cheaper one. `assumed` are codes of sentences.
    """

    earliest_at: datetime
    likely_at: datetime
    cost_low_minor: int
    cost_high_minor: int
    currency: str
    machines: int
    suppliers: int
    steps: tuple[BandStep, ...]
    offers: tuple[BandOffer, ...] = ()
    assumed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the band in JSON's own types, ready for `PlanRequest.band`."""
        return {
            "earliest_at": self.earliest_at.isoformat(),
            "likely_at": self.likely_at.isoformat(),
            "cost_low_minor": self.cost_low_minor,
            "cost_high_minor": self.cost_high_minor,
            "currency": self.currency,
            "machines": self.machines,
            "suppliers": self.suppliers,
            "steps": [
                {"process": s.process, "machines": s.machines, "suppliers": s.suppliers}
                for s in self.steps
            ],
            "offers": [
                {"completes_at": one.completes_at.isoformat(), "cost_minor": one.cost_minor}
                for one in self.offers
            ],
            "assumed": list(self.assumed),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Band:
        """Read what `to_json` wrote."""
        fields = dict(document)
        for name in ("earliest_at", "likely_at"):
            fields[name] = datetime.fromisoformat(document[name])
        fields["steps"] = tuple(BandStep(**step) for step in document["steps"])
        fields["offers"] = tuple(
            BandOffer(
                completes_at=datetime.fromisoformat(one["completes_at"]),
                cost_minor=one["cost_minor"],
            )
            for one in document["offers"]
        )
        fields["assumed"] = tuple(document["assumed"])
        return cls(**fields)
