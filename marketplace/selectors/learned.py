"""What a machine has shown beside what its owner states, for the owner's own page."""

from __future__ import annotations

from dataclasses import dataclass

from devices.core.learned import LEAST_OBSERVED
from devices.models import Machine
from marketplace.core.learned import Figures, Shown, figures_of, learned_of
from marketplace.models import Capability, LearnedRate, Process


@dataclass(frozen=True, kw_only=True)
class LearnedRow:
    """One process: what is stated, what was shown, and what plans reckon with."""

    process: Process
    stated_rate: int
    stated_set_up: int
    shown: Shown
    is_used: bool
    planned: Figures

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


def _row(capability: Capability, row: LearnedRate | None) -> LearnedRow:
    shown = Shown() if row is None else row.shown
    is_used = row is None or row.is_used
    stated = {
        "stated_rate": capability.pieces_per_hour,
        "stated_set_up": capability.set_up_minutes,
    }
    return LearnedRow(
        process=capability.process,
        shown=shown,
        is_used=is_used,
        planned=figures_of(**stated, learned=learned_of(shown, **stated, is_used=is_used)),
        **stated,
    )
