"""What a machine has shown beside what its owner states, for the owner's own page."""

from __future__ import annotations

from dataclasses import dataclass

from devices.core.learned import LEAST_OBSERVED
from devices.models import Machine
from marketplace.core.learned import Figures, Shown, figures_of, learned_of
from marketplace.core.slower import Slow
from marketplace.models import Capability, LearnedRate, Process


@dataclass(frozen=True, kw_only=True)
class LearnedRow:
    """One process: what is stated, what was shown, and what plans reckon with.

    `slow` says so where lots wait that were planned faster than that.
    """

    process: Process
    stated_rate: int
    stated_set_up: int
    shown: Shown
    is_used: bool
    planned: Figures
    slow: Slow | None

    @property
    def has_rate(self) -> bool:
        return self.shown.rate_usual is not None

    @property
    def has_set_up(self) -> bool:
        return self.shown.set_up_usual is not None

    @property
    def planned_rate(self) -> float:
        return float(self.planned.rate_per_hour)

    @property
    def is_enough(self) -> bool:
        return self.has_rate or self.has_set_up

    @property
    def still_needed(self) -> int:
        return max(0, LEAST_OBSERVED - self.shown.runs)


def learned_rows(machine: Machine) -> list[LearnedRow]:
    """Return a machine's processes in the order of the catalogue, in two queries."""
    known = {
        row.process_id: row
        for row in LearnedRate.objects.of(machine.tenant_id).filter(machine=machine)
    }
    capabilities = (
        Capability.objects.of(machine.tenant_id)
        .filter(machine=machine)
        .select_related("process")
        .order_by("process__position")
    )
    return [_row(one, known.get(one.process_id)) for one in capabilities]


def planned_figures(capability: Capability, row: LearnedRate | None) -> Figures:
    """Return what plans reckon with for a machine and process, as its owner decided."""
    stated = {
        "stated_rate": capability.pieces_per_hour,
        "stated_set_up": capability.set_up_minutes,
    }
    learned = None if row is None else learned_of(row.shown, **stated, is_used=row.is_used)
    return figures_of(**stated, learned=learned)


def _row(capability: Capability, row: LearnedRate | None) -> LearnedRow:
    is_used = row is None or row.is_used
    return LearnedRow(
        process=capability.process,
        stated_rate=capability.pieces_per_hour,
        stated_set_up=capability.set_up_minutes,
        shown=Shown() if row is None else row.shown,
        is_used=is_used,
        planned=planned_figures(capability, row),
        slow=row.slow if row is not None and is_used else None,
    )
