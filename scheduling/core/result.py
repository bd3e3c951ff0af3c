"""Say how a solve ended: the plan, how good it is proven to be, and what it cost to find."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from scheduling.core.schedule import Schedule

Rents = Mapping[str, Sequence[tuple[int, int]]]
"""Per machine the (minute, rent) from which each rent holds, in order of time; before the first
minute, and on machines that are not named, time bears no rent."""


class Status(StrEnum):
    """How a solve ended. `infeasible` is proven; `timeout` means nothing was found."""

    OPTIMAL = "optimal"
    """A plan whose objective equals the proven lower bound."""
    FEASIBLE = "feasible"
    """A plan that the independent checker accepts."""
    INFEASIBLE = "infeasible"
    """Proven: no plan holds every order."""
    TIMEOUT = "timeout"
    """No full plan was found; none is proven impossible."""
    INVALID = "invalid"
    """The problem itself is wrong; see the faults."""


class Objective(StrEnum):
    """What a solve minimises; never mixed in one unit."""

    MAKESPAN = "makespan"
    """Minutes from 0 until the last order is complete."""
    COST = "cost"
    """Machine cost of all orders, in minor units."""
    TARDINESS = "tardiness"
    """Minutes past their due dates, summed over orders."""
    COMPLETION = "completion"
    """Minutes from 0 until each order is complete, summed over orders."""
    RISK = "risk"
    """Thousandths of a working minute that are expected to be late: each machine's minutes
    by its share of late lots."""


@dataclass(frozen=True, kw_only=True)
class Unplanned:
    """One order that the schedule leaves out, and the first reason why."""

    order: str
    code: str
    sentence: str
    values: Mapping[str, int | str] = field(default_factory=dict)
    is_proven: bool = False


@dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of one solve.

    `lower_bound` is None when nothing is proven, `objective` when there is no full plan.
    `certificate` holds the integer multipliers from which `scheduling.core.bounds` can
    recompute `certified_bound` without any solver, None where it needs none; `rents` (see
    `scheduling.core.rents`) are the multipliers of a bound on cost. A `lower_bound` above
    `certified_bound` was proven by a search, which leaves no certificate.
    """

    status: Status
    objective: int | None = None
    lower_bound: int | None = None
    certified_bound: int | None = None
    runtime_s: float = 0.0
    cpu_s: float = 0.0
    seed: int = 0
    goal: Objective = Objective.MAKESPAN
    schedule: Schedule = field(default_factory=Schedule)
    unplanned: tuple[Unplanned, ...] = ()
    certificate: Mapping[str, int] | None = None
    rents: Rents | None = None

    @property
    def gap(self) -> float | None:
        """Return (objective - lower bound) / objective, or None when either is unknown."""
        if self.objective is None or self.lower_bound is None:
            return None
        if self.objective == self.lower_bound:
            return 0.0
        return (self.objective - self.lower_bound) / self.objective

    @property
    def is_plan(self) -> bool:
        """Tell whether the schedule holds every order of the problem."""
        return self.status in (Status.OPTIMAL, Status.FEASIBLE)
