"""Plan orders over machines, in plain Python: no Django, no input or output, no clock.

What the rest of the site calls is importable from here; solvers load on first use.
"""

from scheduling.core.faults import Fault, InvalidProblem
from scheduling.core.problem import (
    Alternative,
    Capability,
    Machine,
    Option,
    Order,
    Problem,
    Step,
    Transport,
    Window,
)
from scheduling.core.result import Objective, Result, Status, Unplanned
from scheduling.core.schedule import Assignment, Schedule

__all__ = [
    "Alternative",
    "Assignment",
    "Capability",
    "Fault",
    "InvalidProblem",
    "Machine",
    "Objective",
    "Option",
    "Order",
    "Problem",
    "Result",
    "Schedule",
    "Status",
    "Step",
    "Transport",
    "Unplanned",
    "Window",
]
