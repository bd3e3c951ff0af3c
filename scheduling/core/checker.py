"""Find what is wrong with a schedule, knowing nothing of how it was made.

The checker reads only the problem and the schedule, and counts minutes by itself: it shares
no arithmetic with any solver. Frozen assignments are facts: they must be present, must not
overlap anything and keep their place in the routing, but they answer to no calendar.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from scheduling.core.problem import CutLot, Option, Order, Problem
from scheduling.core.schedule import Assignment, Schedule

TEMPLATES: dict[str, str] = {
    "unknown_order": "An assignment names order {order}, which does not exist.",
    "unknown_step": "Order {order} has no step {step}.",
    "unknown_machine": "Lot {lot} of order {order} names machine {machine}, which does not exist.",
    "not_eligible": "Machine {machine} may not do step {step} of order {order}.",
    "lot_limits": (
        "Lot {lot} of order {order} has {quantity} pieces, outside the limits of machine {machine}."
    ),
    "before_release": (
        "Lot {lot} of order {order} starts at {start} on machine {machine}, before {earliest}."
    ),
    "span_empty": "Lot {lot} of order {order} ends before it starts on machine {machine}.",
    "closed": (
        "Lot {lot} of order {order} starts or ends outside the windows of machine {machine}."
    ),
    "too_short": (
        "Lot {lot} of order {order} has {open} working minutes on machine {machine} "
        "and needs {needed}."
    ),
    "paused": (
        "Lot {lot} of order {order} pauses on machine {machine}, where it must run through."
    ),
    "set_up_missing": (
        "Lot {lot} of order {order} needs {needed} minutes of set-up on machine {machine} "
        "and has {set_up}."
    ),
    "overlap": "Machine {machine} does two lots at once between {start} and {end}.",
    "lot_incomplete": (
        "Lot {lot} of order {order} is not planned on exactly one machine at step {step}."
    ),
    "lot_changes_quantity": "Lot {lot} of order {order} changes its quantity between steps.",
    "cut_anew": "Lot {lot} of order {order}, which is cut already, is lost or cut anew.",
    "not_its_factory": (
        "Lot {lot} of order {order} is in factory {factory} at step {step}, where it may not be."
    ),
    "quantity": "Step {step} of order {order} makes {planned} pieces instead of {quantity}.",
    "too_many": "Step {step} of order {order} makes {planned} pieces; it asks for {quantity}.",
    "too_early": (
        "Lot {lot} of order {order} starts step {step} at {start}, "
        "before it can arrive at {arrival}."
    ),
    "deadline": "Order {order} is complete at {completed}, after its deadline {deadline}.",
    "too_many_factories": ("Order {order} is spread over {factories} factories; it allows {most}."),
    "quota": (
        "Factory {factory} makes {pieces} pieces of step {step} of order {order}, "
        "outside its quota from {at_least} to {at_most}."
    ),
    "price_ceiling": "Order {order} costs {cost}, more than its ceiling {ceiling}.",
    "frozen_missing": "The frozen lot {lot} of order {order} at step {step} was moved or lost.",
    "order_missing": "Order {order} is not planned.",
}


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One rule that a schedule breaks, with the values that its sentence needs."""

    code: str
    values: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Say in English what is wrong."""
        return TEMPLATES[self.code].format(**self.values)


def _broken(code: str, **values: int | str) -> Violation:
    return Violation(code=code, values=values)


def violations(
    problem: Problem, schedule: Schedule, *, unplanned: Collection[str] = ()
) -> list[Violation]:
    """List every rule of `problem` that `schedule` breaks; empty means the plan is sound.

    Orders named in `unplanned` may be absent, but not half present. Orders with an outside
    price may lack pieces or be absent.
    """
    references = list(_reference_violations(problem, schedule))
    if references:
        return references
    frozen = frozenset(problem.frozen)
    found: list[Violation] = []
    costs: dict[str, int] = {}
    for machine, assignments in schedule.by_machine.items():
        found.extend(_machine_violations(problem, machine, assignments, frozen, costs))
    lots_of: dict[str, dict[int, Mapping[int, tuple[Assignment, ...]]]] = {}
    for (name, lot), steps in schedule.by_lot.items():
        lots_of.setdefault(name, {})[lot] = steps
    for order in problem.orders:
        lots = lots_of.get(order.id)
        if not lots:
            if order.id not in unplanned and order.outside_price_minor is None:
                found.append(_broken("order_missing", order=order.id))
            continue
        found.extend(_order_violations(problem, order, lots))
        ceiling, cost = order.price_ceiling_minor, costs.get(order.id, 0)
        if ceiling is not None and cost > ceiling:
            found.append(_broken("price_ceiling", order=order.id, cost=cost, ceiling=ceiling))
    found.extend(_frozen_violations(problem, schedule))
    return found


def _reference_violations(problem: Problem, schedule: Schedule) -> Iterator[Violation]:
    for a in schedule:
        order = problem.order_by_id.get(a.order)
        if order is None:
            yield _broken("unknown_order", order=a.order)
        elif not 0 <= a.step < len(order.steps):
            yield _broken("unknown_step", order=a.order, step=a.step)
        elif a.machine not in problem.machine_by_id:
            yield _broken("unknown_machine", order=a.order, lot=a.lot, machine=a.machine)


def _machine_violations(
    problem: Problem,
    machine: str,
    assignments: tuple[Assignment, ...],
    frozen: frozenset[Assignment],
    costs: dict[str, int],
) -> Iterator[Violation]:
    """Check one machine's lots in order of start, adding up what each order pays there."""
    options: dict[tuple[str, int], Option | None] = {}
    previous: Assignment | None = None
    busy_until = 0
    for a in assignments:
        key = (a.order, a.step)
        if key not in options:
            options[key] = problem.option(problem.order_by_id[a.order], a.step, machine)
        option = options[key]
        if previous is not None and a.start < busy_until:
            until = min(a.end, busy_until)
            yield _broken("overlap", machine=machine, start=a.start, end=until)
        if option is not None:
            costs[a.order] = costs.get(a.order, 0) + option.cost_minor(a.quantity, a.set_up_minutes)
        if a not in frozen:
            yield from _assignment_violations(problem, a, option, previous)
        previous, busy_until = a, max(busy_until, a.end)


def _assignment_violations(
    problem: Problem, a: Assignment, option: Option | None, previous: Assignment | None
) -> Iterator[Violation]:
    order = problem.order_by_id[a.order]
    if option is None:
        yield _broken("not_eligible", order=a.order, step=a.step, machine=a.machine)
        return
    earliest = problem.earliest_start(order)
    if a.start < earliest:
        yield _broken(
            "before_release",
            order=a.order,
            lot=a.lot,
            machine=a.machine,
            start=a.start,
            earliest=earliest,
        )
    if a.end <= a.start:
        yield _broken("span_empty", order=a.order, lot=a.lot, machine=a.machine)
        return
    if not option.takes_lot(a.quantity):
        yield _broken(
            "lot_limits", order=a.order, lot=a.lot, machine=a.machine, quantity=a.quantity
        )
    needed_set_up = _needed_set_up(problem, a, option, previous)
    if a.set_up_minutes < needed_set_up:
        yield _broken(
            "set_up_missing",
            order=a.order,
            lot=a.lot,
            machine=a.machine,
            needed=needed_set_up,
            set_up=a.set_up_minutes,
        )
    yield from _time_violations(a, option)


def _needed_set_up(
    problem: Problem, a: Assignment, option: Option, previous: Assignment | None
) -> int:
    """Return the set-up after `previous` on the machine, by the two steps' families."""

    def family_of(one: Assignment) -> str:
        return problem.order_by_id[one.order].steps[one.step].set_up_family

    if previous is not None and (previous.order, previous.step) == (a.order, a.step):
        return 0
    before = option.machine.set_up_family if previous is None else family_of(previous)
    after = family_of(a)
    if after and (before, after) in option.machine.changeovers:
        return option.machine.changeovers[(before, after)]
    return 0 if after and before == after else option.set_up_minutes


def _time_violations(a: Assignment, option: Option) -> Iterator[Violation]:
    windows = option.machine.windows
    if windows is None:
        open_minutes, starts_open, ends_open, parts = a.end - a.start, a.start >= 0, True, 1
    else:
        touched = [w for w in windows if w.start < a.end and a.start < w.end]
        open_minutes = sum(min(w.end, a.end) - max(w.start, a.start) for w in touched)
        starts_open = any(w.start <= a.start < w.end for w in touched)
        ends_open = any(w.start < a.end <= w.end for w in touched)
        parts = sum(all(other.end != w.start for other in touched) for w in touched)
    if not (starts_open and ends_open):
        yield _broken("closed", order=a.order, lot=a.lot, machine=a.machine)
    needed = option.work_minutes(a.quantity) + a.set_up_minutes
    if open_minutes < needed:
        yield _broken(
            "too_short",
            order=a.order,
            lot=a.lot,
            machine=a.machine,
            open=open_minutes,
            needed=needed,
        )
    if parts > 1 and not option.resumable:
        yield _broken("paused", order=a.order, lot=a.lot, machine=a.machine)


def _order_violations(
    problem: Problem, order: Order, lots: Mapping[int, Mapping[int, tuple[Assignment, ...]]]
) -> Iterator[Violation]:
    made = [0] * len(order.steps)
    completed = 0
    for lot, steps in lots.items():
        single: dict[int, Assignment] = {}
        for step in range(len(order.steps)):
            at_step = steps.get(step, ())
            made[step] += sum(a.quantity for a in at_step)
            if len(at_step) == 1:
                single[step] = at_step[0]
            else:
                yield _broken("lot_incomplete", order=order.id, lot=lot, step=step)
        if len({a.quantity for a in single.values()}) > 1:
            yield _broken("lot_changes_quantity", order=order.id, lot=lot)
        yield from _precedence_violations(problem, order, single)
        for step, a in single.items():
            if not order.successors[step]:
                factory = problem.machine_by_id[a.machine].factory
                completed = max(
                    completed, a.end + problem.transport.lag(factory, order.destination)
                )
    for cut in order.cut:
        pieces = {a.quantity for at_step in lots.get(cut.lot, {}).values() for a in at_step}
        if pieces != {cut.quantity}:
            yield _broken("cut_anew", order=order.id, lot=cut.lot)
        yield from _place_violations(problem, order, cut, lots.get(cut.lot, {}))
    yield from _spread_violations(problem, order, lots)
    for step, planned in enumerate(made):
        if order.outside_price_minor is not None and planned > order.quantity:
            yield _broken(
                "too_many", order=order.id, step=step, planned=planned, quantity=order.quantity
            )
        elif order.outside_price_minor is None and planned != order.quantity:
            yield _broken(
                "quantity", order=order.id, step=step, planned=planned, quantity=order.quantity
            )
    if order.deadline is not None and completed > order.deadline:
        yield _broken("deadline", order=order.id, completed=completed, deadline=order.deadline)


def _place_violations(
    problem: Problem, order: Order, cut: CutLot, steps: Mapping[int, tuple[Assignment, ...]]
) -> Iterator[Violation]:
    for step, at_step in steps.items():
        for a in at_step:
            factory = problem.machine_by_id[a.machine].factory
            if not cut.admits(step, factory) and a not in problem.frozen:
                yield _broken(
                    "not_its_factory", order=order.id, lot=cut.lot, step=step, factory=factory
                )


def _spread_violations(
    problem: Problem, order: Order, lots: Mapping[int, Mapping[int, tuple[Assignment, ...]]]
) -> Iterator[Violation]:
    """Check how many factories work on an order, and how much of a step each of them makes."""
    if order.max_factories is None and not order.quotas:
        return
    pieces: dict[tuple[int, str], int] = {}
    for steps in lots.values():
        for step, at_step in steps.items():
            for a in at_step:
                place = (step, problem.machine_by_id[a.machine].factory)
                pieces[place] = pieces.get(place, 0) + a.quantity
    factories = {factory for _, factory in pieces}
    if order.max_factories is not None and len(factories) > order.max_factories:
        yield _broken(
            "too_many_factories",
            order=order.id,
            factories=len(factories),
            most=order.max_factories,
        )
    for quota in order.quotas:
        made = pieces.get((quota.step, quota.factory), 0)
        if made < quota.at_least or (quota.at_most is not None and made > quota.at_most):
            yield _broken(
                "quota",
                order=order.id,
                step=quota.step,
                factory=quota.factory,
                pieces=made,
                at_least=quota.at_least,
                at_most="∞" if quota.at_most is None else quota.at_most,
            )


def _precedence_violations(
    problem: Problem, order: Order, single: Mapping[int, Assignment]
) -> Iterator[Violation]:
    for step, a in single.items():
        factory = problem.machine_by_id[a.machine].factory
        for before in order.predecessors[step]:
            if before not in single:
                continue
            origin = problem.machine_by_id[single[before].machine].factory
            arrival = single[before].end + problem.transport.lag(origin, factory)
            if a.start < arrival:
                yield _broken(
                    "too_early",
                    order=order.id,
                    lot=a.lot,
                    step=step,
                    start=a.start,
                    arrival=arrival,
                )


def _frozen_violations(problem: Problem, schedule: Schedule) -> Iterator[Violation]:
    present = frozenset(schedule)
    for a in problem.frozen:
        if a not in present:
            yield _broken("frozen_missing", order=a.order, lot=a.lot, step=a.step)
