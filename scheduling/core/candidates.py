"""Say for every machine whether it may take a step, and if not, the first reason why."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from scheduling.core.bounds import (
    lower_bound,
    makespan_bound,
    minutes_per_piece,
    price_per_piece,
    step_weights,
)
from scheduling.core.calendars import NEVER
from scheduling.core.cover import smallest_cover
from scheduling.core.problem import MINUTES_PER_HOUR, Key, Option, Order, Problem
from scheduling.core.reach import ReachModel
from scheduling.core.result import Objective, Unplanned

TEMPLATES: dict[str, str] = {
    "excluded_machine": "Machine {machine} is excluded for this order.",
    "not_admitted": "Order {order} does not admit machine {machine}.",
    "excluded_factory": "Factory {factory} is excluded for this order.",
    "certificate_missing": "Machine {machine} does not hold the certificate {certificate}.",
    "min_lot": "Machine {machine} takes {min_lot} pieces at least; the order has {quantity}.",
    "no_window": "Machine {machine} has no idle time left for this order.",
    "window_too_short": (
        "The longest idle time of machine {machine} is {longest} minutes; "
        "its smallest lot runs {needed} minutes without a pause."
    ),
    "too_late": "Machine {machine} cannot end a lot before the order's deadline.",
    "too_dear": "With machine {machine}, the order cannot stay under its price ceiling.",
    "no_candidate": (
        "No machine can take step {step} of order {order}. "
        "The most common reason among {machines}: {reason}"
    ),
    "deadline_too_early": (
        "Order {order} cannot be complete before {earliest}, even on the fastest machines; "
        "its deadline is {deadline}."
    ),
    "capacity_short": (
        "The machines do not have enough idle time for order {order} before its deadline "
        "or the end of their calendars: allow more time, more machines or a smaller quantity."
    ),
    "too_few_factories": (
        "Order {order} allows {most} factories, and no fewer than {needed} can do all its steps."
    ),
    "ceiling_too_low": (
        "Order {order} costs at least {least}, more than its price ceiling {ceiling}."
    ),
    "no_place": (
        "No plan was found that holds order {order}, but none is proven impossible: "
        "allow more time, more machines or a smaller quantity."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason, by its code and the values that its sentence needs."""

    code: str
    values: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Say the reason in English."""
        return TEMPLATES[self.code].format(**self.values)


@dataclass(frozen=True, kw_only=True)
class Removal:
    """A machine that could do the process but may not take this step, with the first reason."""

    step: int
    machine: str
    factory: str
    reason: Reason


def removals(model: ReachModel, order: Order) -> tuple[Removal, ...]:
    """Name, step by step, the machines that the filters take away from `order`."""
    found: list[Removal] = []
    latest = _latest(model, order)
    spare = _spare_price(model, order)
    for step in range(len(order.steps)):
        for option in _all_options(model.problem, order, step):
            reason = _first_reason(model, order, step, option, latest, spare)
            if reason is not None:
                machine = option.machine
                found.append(
                    Removal(step=step, machine=machine.id, factory=machine.factory, reason=reason)
                )
    return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A machine that may take a step, within `[start, end)`."""

    step: int
    option: Option
    start: int
    end: int


def candidates(model: ReachModel, order: Order, removed: Counter[str]) -> list[Candidate]:
    """Name, step by step, the machines that no filter takes away from `order`.

    Each machine that a filter removes is counted in `removed` under its first reason; those
    that the order itself does not admit never come this far.
    """
    latest = _latest(model, order)
    spare = _spare_price(model, order)
    kept: list[Candidate] = []
    for step in range(len(order.steps)):
        key = (order.id, step)
        for option in model.options[key]:
            reason = _first_reason(model, order, step, option, latest, spare)
            if reason is not None:
                removed[reason.code] += 1
                continue
            machine = option.machine.id
            start, end = model.earliest[key][machine], latest[key][machine]
            kept.append(Candidate(step=step, option=option, start=start, end=end))
    return kept


def _all_options(problem: Problem, order: Order, step: int) -> tuple[Option, ...]:
    process = order.steps[step].process
    if process is None:
        return problem.options(order, step)
    return problem.options_by_process.get(process, ())


def _latest(model: ReachModel, order: Order) -> Mapping[Key, Mapping[str, int]]:
    finish = NEVER if order.deadline is None else order.deadline
    keys = [(order.id, step) for step in range(len(order.steps))]
    return model.latest({order.id: finish}, keys)


def _first_reason(
    model: ReachModel,
    order: Order,
    step: int,
    option: Option,
    latest: Mapping[Key, Mapping[str, int]],
    spare: "_Spare | None",
) -> Reason | None:
    refused = not_admitted(order, option)
    if refused is not None:
        return refused
    machine = option.machine
    named: dict[str, int | str] = {"machine": machine.id}
    calendar = model.calendars[machine.id]
    start, end = model.earliest[(order.id, step)][machine.id], latest[(order.id, step)][machine.id]
    if start >= NEVER:
        return Reason(code="no_window", values=named)
    needed = option.least_set_up_minutes + model.least_minutes(order, option)
    if not option.resumable and needed > calendar.longest_window:
        values = named | {"longest": calendar.longest_window, "needed": needed}
        return Reason(code="window_too_short", values=values)
    if calendar.finish(start, needed) > end:
        return Reason(code="no_window" if end >= NEVER else "too_late", values=named)
    if spare is not None and spare.is_exceeded_by(step, option, model.least_minutes(order, option)):
        return Reason(code="too_dear", values=named)
    return None


def not_admitted(order: Order, option: Option) -> Reason | None:
    """Return why a machine may not work for an order at all, whatever its time and price."""
    machine = option.machine
    named: dict[str, int | str] = {"machine": machine.id}
    if machine.id in order.excluded_machines:
        return Reason(code="excluded_machine", values=named)
    if machine.factory in order.excluded_factories:
        return Reason(code="excluded_factory", values={"factory": machine.factory})
    missing = sorted(order.certificates - machine.certificates)
    if missing:
        return Reason(code="certificate_missing", values=named | {"certificate": missing[0]})
    if order.admitted_machines is not None and machine.id not in order.admitted_machines:
        return Reason(code="not_admitted", values=named | {"order": order.id})
    if option.min_lot > order.quantity:
        values = named | {"min_lot": option.min_lot, "quantity": order.quantity}
        return Reason(code="min_lot", values=values)
    return None


@dataclass(frozen=True, kw_only=True)
class _Spare:
    """What an order may pay beyond the cheapest machines, and their prices per piece."""

    money: int
    cheapest: tuple[float, ...]

    def is_exceeded_by(self, step: int, option: Option, minutes: int) -> bool:
        """Tell whether one smallest lot on `option` already breaks the ceiling."""
        pieces = minutes / float(minutes_per_piece(option))
        extra = minutes * option.price_per_hour_minor / MINUTES_PER_HOUR
        return extra - pieces * self.cheapest[step] > self.money + 1


def _spare_price(model: ReachModel, order: Order) -> _Spare | None:
    if order.price_ceiling_minor is None or order.outside_price_minor is not None:
        return None
    cheapest = tuple(
        min(
            (float(price_per_piece(option)) for option in model.options[(order.id, step)]),
            default=0.0,
        )
        for step in range(len(order.steps))
    )
    money = order.price_ceiling_minor - int(order.quantity * sum(cheapest))
    return _Spare(money=money, cheapest=cheapest)


def why_unplanned(model: ReachModel, order: Order) -> Unplanned:
    """Explain why `order` has no place: the first of filters, dates, price and capacity."""
    reason = next(_proofs(model, order), None)
    is_proven = reason is not None
    if reason is None:
        reason = Reason(code="no_place", values={"order": order.id})
    return Unplanned(
        order=order.id,
        code=reason.code,
        sentence=reason.sentence,
        values=reason.values,
        is_proven=is_proven,
    )


def _proofs(model: ReachModel, order: Order) -> Iterator[Reason]:
    """Yield reasons that prove that `order` cannot be planned."""
    named: dict[str, int | str] = {"order": order.id}
    removed: dict[int, list[Removal]] = {}
    for removal in removals(model, order):
        removed.setdefault(removal.step, []).append(removal)
    for step, removals_here in removed.items():
        if model.demand((order.id, step)) <= 0:
            continue  # all of it is frozen: no machine has to be found
        if len(removals_here) == len(_all_options(model.problem, order, step)):
            common = Counter(removal.reason.code for removal in removals_here).most_common(1)[0][0]
            first = next(r for r in removals_here if r.reason.code == common)
            detail: dict[str, int | str] = {
                "step": step,
                "machines": len(removals_here),
                "reason": first.reason.sentence,
            }
            yield Reason(code="no_candidate", values=named | detail)
    cover = None if order.max_factories is None else smallest_cover(model, order)
    if cover is not None and order.max_factories is not None and len(cover) > order.max_factories:
        counts = {"most": order.max_factories, "needed": len(cover)}
        yield Reason(code="too_few_factories", values=named | counts)
    earliest = model.completion(order)
    if order.deadline is not None and earliest > order.deadline:
        dates = {"earliest": earliest, "deadline": order.deadline}
        yield Reason(code="deadline_too_early", values=named | dates)
    alone = model.alone(order)
    if makespan_bound(alone, step_weights(alone)).value is None:
        yield Reason(code="capacity_short", values=named)
    yield from _price_proofs(alone, order)


def _price_proofs(alone: ReachModel, order: Order) -> Iterator[Reason]:
    ceiling = order.price_ceiling_minor
    if ceiling is None:
        return
    least = lower_bound(alone.problem, Objective.COST, model=alone).value
    if least is not None and least > ceiling:
        prices: dict[str, int | str] = {"order": order.id, "least": least, "ceiling": ceiling}
        yield Reason(code="ceiling_too_low", values=prices)
