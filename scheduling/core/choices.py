"""Explain a plan machine by machine: what each does and why, and why the others do nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scheduling.core.bounds import price_per_piece
from scheduling.core.candidates import Removal
from scheduling.core.measures import assignment_cost
from scheduling.core.problem import Option, Order, Problem
from scheduling.core.schedule import Assignment, Schedule

TEMPLATES: dict[str, str] = {
    "price_rank": "Its price is number {rank} of {candidates} for this step.",
    "only_machine": "It is the only machine for this step.",
    "same_place": "It works in one place with another step, which saves transport.",
    "reliability": "It finished {permille} of 1000 past lots on time.",
    "finish": "It finishes its share at {end}.",
    "dearer": "Machines that cost less were enough.",
    "less_reliable": "More reliable machines were enough.",
    "not_needed": "The chosen machines were enough.",
}


@dataclass(frozen=True, kw_only=True)
class Why:
    """One reason for or against a machine, by its code and values."""

    code: str
    values: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Say the reason in English."""
        return TEMPLATES[self.code].format(**self.values)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What one machine does of one step, and the reasons, weightiest first."""

    step: int
    machine: str
    factory: str
    quantity: int
    lots: int
    start: int
    end: int
    cost_minor: int
    reasons: tuple[Why, ...]


@dataclass(frozen=True, kw_only=True)
class Idle:
    """A machine that might have taken a step and was left out, with the reason."""

    step: int
    machine: str
    factory: str
    reason: Why


def choices(problem: Problem, order: Order, schedule: Schedule) -> tuple[Choice, ...]:
    """Describe each (step, machine) that works for `order` in `schedule`."""
    shares: dict[tuple[int, str], list[Assignment]] = {}
    for assignment in schedule.by_order.get(order.id, ()):
        shares.setdefault((assignment.step, assignment.machine), []).append(assignment)
    places: dict[str, set[int]] = {}
    for step, machine in shares:
        places.setdefault(problem.machine_by_id[machine].factory, set()).add(step)
    ranked = {step: _by_price(problem, order, step) for step in range(len(order.steps))}
    return tuple(
        _choice(problem, shares[step, machine], ranked[step], places)
        for step, machine in sorted(shares)
    )


def _choice(
    problem: Problem,
    share: list[Assignment],
    ranked: list[Option],
    places: Mapping[str, set[int]],
) -> Choice:
    step, machine = share[0].step, problem.machine_by_id[share[0].machine]
    end = max(assignment.end for assignment in share)
    reasons: list[Why] = []
    if len(ranked) == 1:
        reasons.append(Why(code="only_machine"))
    else:
        names = [option.machine.id for option in ranked]
        rank = names.index(machine.id) + 1 if machine.id in names else len(names)
        reasons.append(Why(code="price_rank", values={"rank": rank, "candidates": len(names)}))
    reasons.append(Why(code="finish", values={"end": end}))
    if len(places[machine.factory]) > 1:
        reasons.append(Why(code="same_place"))
    reasons.append(Why(code="reliability", values={"permille": machine.reliability_permille}))
    return Choice(
        step=step,
        machine=machine.id,
        factory=machine.factory,
        quantity=sum(assignment.quantity for assignment in share),
        lots=len(share),
        start=min(assignment.start for assignment in share),
        end=end,
        cost_minor=sum(assignment_cost(problem, assignment) for assignment in share),
        reasons=tuple(reasons),
    )


def idle_machines(
    problem: Problem,
    order: Order,
    chosen: tuple[Choice, ...],
    removed: tuple[Removal, ...],
) -> tuple[Idle, ...]:
    """Name the machines that no filter removed and that still do nothing, with the reason."""
    out = {(removal.step, removal.machine) for removal in removed}
    working = {(choice.step, choice.machine) for choice in chosen}
    found: list[Idle] = []
    for step in range(len(order.steps)):
        used = [o for o in problem.options(order, step) if (step, o.machine.id) in working]
        for option in problem.options(order, step):
            machine = option.machine
            if (step, machine.id) in working | out:
                continue
            reason = Why(code=_idle_code(option, used))
            found.append(
                Idle(step=step, machine=machine.id, factory=machine.factory, reason=reason)
            )
    return tuple(found)


def _idle_code(option: Option, used: list[Option]) -> str:
    if used and price_per_piece(option) > max(price_per_piece(other) for other in used):
        return "dearer"
    least = min((other.machine.reliability_permille for other in used), default=0)
    if option.machine.reliability_permille < least:
        return "less_reliable"
    return "not_needed"


def _by_price(problem: Problem, order: Order, step: int) -> list[Option]:
    return sorted(problem.options(order, step), key=price_per_piece)
