"""How far an order is: pieces at each step, and the shop's claim beside the machine's count."""

from __future__ import annotations

from dataclasses import dataclass

DEVIATION_SHARE = 0.05
"""Claim and machine count may differ by this share before the shop is asked about it."""


def deviates(*, claimed: int, counted: int) -> bool:
    """Say whether the shop's claim and the machine's count differ by more than 5 %.

    Nothing counted yet is no deviation: not every machine has a device.
    """
    if counted == 0:
        return False
    return abs(claimed - counted) > DEVIATION_SHARE * max(claimed, counted)


@dataclass(frozen=True, kw_only=True)
class StepBalance:
    """Pieces of one step of an order, over all its lots."""

    step: int
    process: str
    planned: int
    received: int
    started: int
    good: int
    scrap: int
    counted: int
    sent: int
    arrived: int
    """Of what was sent, at the next step or with the buyer."""

    @property
    def in_process(self) -> int:
        """Started = good + scrap + in process."""
        return self.started - self.good - self.scrap

    @property
    def waiting(self) -> int:
        """Here, not yet on a machine."""
        return self.received - self.started

    @property
    def to_send(self) -> int:
        return self.good - self.sent

    @property
    def in_transit(self) -> int:
        return self.sent - self.arrived
