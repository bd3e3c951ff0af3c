"""Plan orders over machines, in plain Python: no Django, no input or output, no clock.

What the rest of the site calls is importable from here; CP-SAT loads on first use.
"""

from scheduling.core.alternatives import Alternatives, PlanAlternative, PlanName, alternatives
from scheduling.core.band import Band, band
from scheduling.core.checker import Violation, violations
from scheduling.core.faults import Fault, InvalidProblem
from scheduling.core.problem import (
    Alternative,
    Capability,
    CutLot,
    Machine,
    Option,
    Order,
    Problem,
    Quota,
    Step,
    Transport,
    Window,
)
from scheduling.core.relaxations import Limit, Relaxation, relaxations
from scheduling.core.result import Objective, Result, Status, Unplanned
from scheduling.core.schedule import Assignment, Schedule
from scheduling.core.shortfalls import Shortfall, shortfall
from scheduling.core.solvers import solve
from scheduling.core.steering import Near, Steered, Unkept, steered
from scheduling.core.ways_out import Refusal, refusal

__all__ = [
    "Alternative",
    "Alternatives",
    "Assignment",
    "Band",
    "Capability",
    "CutLot",
    "Fault",
    "InvalidProblem",
    "Limit",
    "Machine",
    "Near",
    "Objective",
    "Option",
    "Order",
    "PlanAlternative",
    "PlanName",
    "Problem",
    "Quota",
    "Refusal",
    "Relaxation",
    "Result",
    "Schedule",
    "Shortfall",
    "Status",
    "Steered",
    "Step",
    "Transport",
    "Unkept",
    "Unplanned",
    "Violation",
    "Window",
    "alternatives",
    "band",
    "refusal",
    "relaxations",
    "shortfall",
    "solve",
    "steered",
    "violations",
]
