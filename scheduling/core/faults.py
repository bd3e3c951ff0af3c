"""Name each thing that can be wrong with a problem, with a sentence that says how to mend it.

A fault carries a code and its values; the English sentence is made from the template of its
code, so that the site can translate the template and fill in the same values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

TEMPLATES: dict[str, str] = {
    "no_orders": "There is no order to plan: add at least one.",
    "duplicate_order": "Order {order} appears twice: give each order its own id.",
    "duplicate_machine": "Machine {machine} appears twice: give each machine its own id.",
    "quantity_not_positive": "Order {order} asks for {quantity} pieces: ask for at least 1.",
    "quantity_too_large": "Order {order} asks for {quantity} pieces: ask for at most {most}.",
    "quantity_not_splittable": (
        "Order {order} lists machines with fixed durations, so its quantity must be 1, "
        "not {quantity}: name processes instead to have it split."
    ),
    "no_steps": "Order {order} has no steps: add at least one operation to its routing.",
    "step_ambiguous": (
        "Step {step} of order {order} must name either a process or its alternative machines."
    ),
    "routing_unknown_step": (
        "Step {step} of order {order} follows step {after}, which does not exist: "
        "use the positions 0 to {last}."
    ),
    "routing_cycle": (
        "The steps of order {order} wait for each other in a circle: "
        "take one of their predecessors away."
    ),
    "unknown_machine": (
        "{where} names machine {machine}, which does not exist: add it or correct it."
    ),
    "duration_not_positive": (
        "Step {step} of order {order} takes {duration} minutes on machine {machine}: "
        "give a duration of at least 1."
    ),
    "unknown_process": (
        "No machine does “{process}”, which step {step} of order {order} needs: "
        "choose another process or add a machine that does it."
    ),
    "no_capable_machine": (
        "Every machine for step {step} of order {order} is excluded: allow at least one."
    ),
    "too_many_lots": (
        "Step {step} of order {order} needs {lots} lots, because no machine takes larger ones; "
        "{most} are the most: raise a largest lot or divide the order."
    ),
    "rate_not_positive": (
        "Machine {machine} does {rate} pieces of “{process}” an hour: give a rate above 0."
    ),
    "rate_low_out_of_range": (
        "The low rate of machine {machine} for “{process}” is {permille} thousandths: "
        "give 1 to 1000."
    ),
    "reliability_out_of_range": (
        "The reliability of machine {machine} is {permille} thousandths: give 0 to 1000."
    ),
    "negative_set_up": "Set-up of machine {machine} for “{process}” is negative: give 0 or more.",
    "set_up_high_too_low": (
        "The long set-up of machine {machine} for “{process}” is {minutes} minutes: "
        "give at least its usual set-up."
    ),
    "negative_changeover": (
        "The changeover of machine {machine} from “{before}” to “{after}” is negative: "
        "give 0 or more."
    ),
    "max_factories": "Order {order} allows {most} factories: allow at least 1.",
    "quota_step": "A quota of order {order} is for step {step}, which does not exist.",
    "quota_factory": (
        "A quota for step {step} of order {order} names factory {factory}, which does not exist."
    ),
    "quota_range": (
        "The quota of factory {factory} for step {step} of order {order} asks for less than 0 "
        "or for more than it allows: let at_least be from 0 to at_most."
    ),
    "quotas_too_high": (
        "The quotas for step {step} of order {order} ask for {pieces} pieces of {quantity}: "
        "lower some of them."
    ),
    "negative_price": "The price of machine {machine} for “{process}” is negative: give 0 or more.",
    "duplicate_capability": "Machine {machine} lists “{process}” twice: keep one entry.",
    "lot_limits": (
        "Machine {machine} takes lots of “{process}” from {min_lot} to {max_lot} pieces: "
        "make the smallest at least 1 and the largest no less than the smallest."
    ),
    "window_empty": (
        "A window of machine {machine} runs from {start} to {end}: let it end after it starts."
    ),
    "window_out_of_range": (
        "A window of machine {machine} runs from {start} to {end}: "
        "keep it between 0 and {most} minutes."
    ),
    "window_past": (
        "A window of machine {machine} ended at {end}, before now ({now}): take it away."
    ),
    "windows_overlap": (
        "Two windows of machine {machine} overlap between {start} and {end}: join them or move one."
    ),
    "due_past": "Order {order} is due at {due}, which is past ({now}): give a later due date.",
    "deadline_past": (
        "The deadline of order {order} is {deadline}, which is past ({now}): give a later one."
    ),
    "release_after_deadline": (
        "Order {order} may start at {release} only, after its deadline {deadline}: "
        "move one of them."
    ),
    "negative_release": "Order {order} is released at {release}: give 0 or more.",
    "negative_price_ceiling": "The price ceiling of order {order} is negative: give 0 or more.",
    "negative_outside_price": ("The outside price of order {order} is negative: give 0 or more."),
    "negative_transport": (
        "Transport from {origin} to {destination} takes {minutes} minutes: give 0 or more."
    ),
    "cut_lot_steps": (
        "A lot of order {order} that is cut already must name factories for all {steps} steps "
        "or for none."
    ),
    "cut_lots": (
        "The lots of order {order} that are cut already have a number twice, no pieces, or more "
        "than the {quantity} pieces of the order."
    ),
    "unknown_order": "A frozen assignment belongs to order {order}, which does not exist.",
    "frozen_step": (
        "A frozen assignment of order {order} is for step {step}, which does not exist or is "
        "not one that machine {machine} can do."
    ),
    "frozen_quantity": (
        "Frozen lots hold {frozen} pieces of step {step} of order {order}, which asks for "
        "{quantity}: release some of them."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong with a problem, with the values that its sentence needs."""

    code: str
    values: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Say in English what is wrong and how to mend it."""
        return TEMPLATES[self.code].format(**self.values)


def fault(code: str, **values: int | str) -> Fault:
    """Make the fault of `code`; its template names the values it needs."""
    return Fault(code=code, values=values)


class InvalidProblem(ValueError):
    """Raised when a problem with faults is given to a function that needs a sound one."""

    status = 422

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__(" ".join(fault.sentence for fault in faults[:3]))
