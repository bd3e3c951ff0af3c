"""Check a problem before any solver sees it."""

from collections.abc import Iterator

from scheduling.core.faults import Fault, fault
from scheduling.core.problem import Capability, Machine, Order, Problem, Window, ceil_div

MAX_MINUTE = 10**9
MAX_QUANTITY = 10**12
MAX_LOTS = 20_000


def faults(problem: Problem) -> tuple[Fault, ...]:
    """Name everything that is wrong with `problem`, in the order of its parts."""
    return tuple(_faults(problem))


def _faults(problem: Problem) -> Iterator[Fault]:
    if not problem.orders:
        yield fault("no_orders")
    yield from _duplicates(problem)
    for machine in problem.machines:
        yield from _machine_faults(machine, problem.now)
    yield from _transport_faults(problem)
    for order in problem.orders:
        yield from _order_faults(order, problem.now)
        yield from _routing_faults(order)
        yield from _option_faults(problem, order)
        yield from _spread_faults(problem, order)
    yield from _frozen_faults(problem)


def _duplicates(problem: Problem) -> Iterator[Fault]:
    seen: set[str] = set()
    for order in problem.orders:
        if order.id in seen:
            yield fault("duplicate_order", order=order.id)
        seen.add(order.id)
    seen = set()
    for machine in problem.machines:
        if machine.id in seen:
            yield fault("duplicate_machine", machine=machine.id)
        seen.add(machine.id)


def _transport_faults(problem: Problem) -> Iterator[Fault]:
    transport = problem.transport
    for (origin, destination), minutes in transport.minutes.items():
        if minutes < 0:
            yield fault(
                "negative_transport", origin=origin, destination=destination, minutes=minutes
            )
    if transport.default_minutes < 0:
        yield fault(
            "negative_transport", origin="*", destination="*", minutes=transport.default_minutes
        )


def _machine_faults(machine: Machine, now: int) -> Iterator[Fault]:
    if not 0 <= machine.reliability_permille <= 1000:
        permille = machine.reliability_permille
        yield fault("reliability_out_of_range", machine=machine.id, permille=permille)
    processes: set[str] = set()
    for capability in machine.capabilities:
        if capability.process in processes:
            yield fault("duplicate_capability", machine=machine.id, process=capability.process)
        processes.add(capability.process)
        yield from _capability_faults(machine.id, capability)
    for (before, after), minutes in machine.changeovers.items():
        if minutes < 0:
            yield fault("negative_changeover", machine=machine.id, before=before, after=after)
    if machine.windows is not None:
        yield from _window_faults(machine.id, machine.windows, now)


def _capability_faults(machine: str, capability: Capability) -> Iterator[Fault]:
    process = capability.process
    if capability.rate_per_hour <= 0:
        rate = str(capability.rate_per_hour)
        yield fault("rate_not_positive", machine=machine, process=process, rate=rate)
    if not 1 <= capability.rate_low_permille <= 1000:
        permille = capability.rate_low_permille
        yield fault("rate_low_out_of_range", machine=machine, process=process, permille=permille)
    if capability.set_up_minutes < 0:
        yield fault("negative_set_up", machine=machine, process=process)
    high = capability.set_up_high_minutes
    if high is not None and high < capability.set_up_minutes:
        yield fault("set_up_high_too_low", machine=machine, process=process, minutes=high)
    if capability.price_per_hour_minor < 0:
        yield fault("negative_price", machine=machine, process=process)
    least, most = capability.min_lot, capability.max_lot
    if least < 1 or (most is not None and most < least):
        yield fault(
            "lot_limits",
            machine=machine,
            process=process,
            min_lot=least,
            max_lot="∞" if most is None else most,
        )


def _window_faults(machine: str, windows: tuple[Window, ...], now: int) -> Iterator[Fault]:
    previous: Window | None = None
    for window in sorted(windows):
        start, end = window.start, window.end
        if end <= start:
            yield fault("window_empty", machine=machine, start=start, end=end)
            continue
        if start < 0 or end > MAX_MINUTE:
            yield fault(
                "window_out_of_range", machine=machine, start=start, end=end, most=MAX_MINUTE
            )
        elif end <= now:
            yield fault("window_past", machine=machine, end=end, now=now)
        if previous is not None and start < previous.end:
            until = min(previous.end, end)
            yield fault("windows_overlap", machine=machine, start=start, end=until)
        if previous is None or end > previous.end:
            previous = window


def _order_faults(order: Order, now: int) -> Iterator[Fault]:
    if order.quantity < 1:
        yield fault("quantity_not_positive", order=order.id, quantity=order.quantity)
    elif order.quantity > MAX_QUANTITY:
        yield fault(
            "quantity_too_large", order=order.id, quantity=order.quantity, most=MAX_QUANTITY
        )
    elif order.quantity > 1 and not order.is_splittable:
        yield fault("quantity_not_splittable", order=order.id, quantity=order.quantity)
    if order.release < 0:
        yield fault("negative_release", order=order.id, release=order.release)
    if order.price_ceiling_minor is not None and order.price_ceiling_minor < 0:
        yield fault("negative_price_ceiling", order=order.id)
    if order.outside_price_minor is not None and order.outside_price_minor < 0:
        yield fault("negative_outside_price", order=order.id)
    cut = {one.lot: one.quantity for one in order.cut if one.quantity > 0}
    if len(cut) < len(order.cut) or sum(cut.values()) > order.quantity:
        yield fault("cut_lots", order=order.id, quantity=order.quantity)
    if any(len(one.factories) not in (0, len(order.steps)) for one in order.cut):
        yield fault("cut_lot_steps", order=order.id, steps=len(order.steps))
    if order.due is not None and order.due < now:
        yield fault("due_past", order=order.id, due=order.due, now=now)
    if order.deadline is not None:
        deadline = order.deadline
        if deadline < now:
            yield fault("deadline_past", order=order.id, deadline=deadline, now=now)
        elif order.release > deadline:
            yield fault(
                "release_after_deadline",
                order=order.id,
                release=order.release,
                deadline=deadline,
            )


def _routing_faults(order: Order) -> Iterator[Fault]:
    if not order.steps:
        yield fault("no_steps", order=order.id)
        return
    last = len(order.steps) - 1
    unknown = False
    for index, before in enumerate(order.predecessors):
        for after in before:
            if not 0 <= after <= last:
                unknown = True
                yield fault(
                    "routing_unknown_step", order=order.id, step=index, after=after, last=last
                )
    if not unknown and len(order.step_sequence) < len(order.steps):
        yield fault("routing_cycle", order=order.id)


def _spread_faults(problem: Problem, order: Order) -> Iterator[Fault]:
    """Check the cap on factories and the quotas."""
    if order.max_factories is not None and order.max_factories < 1:
        yield fault("max_factories", order=order.id, most=order.max_factories)
    owed: dict[int, int] = {}
    for quota in order.quotas:
        named: dict[str, int | str] = {"order": order.id, "step": quota.step}
        if not 0 <= quota.step < len(order.steps):
            yield fault("quota_step", **named)
            continue
        if quota.factory not in problem.factories:
            yield fault("quota_factory", factory=quota.factory, **named)
        most = order.quantity if quota.at_most is None else quota.at_most
        if not 0 <= quota.at_least <= most:
            yield fault("quota_range", factory=quota.factory, **named)
        owed[quota.step] = owed.get(quota.step, 0) + max(0, quota.at_least)
    for step, pieces in owed.items():
        if pieces > order.quantity:
            yield fault(
                "quotas_too_high",
                order=order.id,
                step=step,
                pieces=pieces,
                quantity=order.quantity,
            )


def _option_faults(problem: Problem, order: Order) -> Iterator[Fault]:
    for index, step in enumerate(order.steps):
        if (step.process is None) == (not step.alternatives):
            yield fault("step_ambiguous", order=order.id, step=index)
            continue
        process = step.process
        if process is not None and process not in problem.options_by_process:
            yield fault("unknown_process", order=order.id, step=index, process=process)
            continue
        alternative_faults = tuple(_alternative_faults(problem, order, index))
        yield from alternative_faults
        options = () if alternative_faults else problem.options(order, index)
        if not alternative_faults and not options:
            yield fault("no_capable_machine", order=order.id, step=index)
        largest = [option.max_lot for option in options if option.max_lot is not None]
        if options and len(largest) == len(options):
            lots = ceil_div(order.quantity, max(1, *largest))
            if lots > MAX_LOTS:
                yield fault("too_many_lots", order=order.id, step=index, lots=lots, most=MAX_LOTS)


def _alternative_faults(problem: Problem, order: Order, index: int) -> Iterator[Fault]:
    for alternative in order.steps[index].alternatives:
        machine, duration = alternative.machine, alternative.duration_minutes
        if machine not in problem.machine_by_id:
            where = f"Step {index} of order {order.id}"
            yield fault("unknown_machine", where=where, machine=machine)
        if duration < 1:
            yield fault(
                "duration_not_positive",
                order=order.id,
                step=index,
                machine=machine,
                duration=duration,
            )


def _frozen_faults(problem: Problem) -> Iterator[Fault]:
    totals: dict[tuple[str, int], int] = {}
    for assignment in problem.frozen:
        order, step = problem.order_by_id.get(assignment.order), assignment.step
        if order is None:
            yield fault("unknown_order", order=assignment.order)
        elif assignment.machine not in problem.machine_by_id:
            where = "A frozen assignment"
            yield fault("unknown_machine", where=where, machine=assignment.machine)
        elif not _can_do(problem, order, step, assignment.machine):
            yield fault("frozen_step", order=order.id, step=step, machine=assignment.machine)
        else:
            key = (order.id, step)
            totals[key] = totals.get(key, 0) + assignment.quantity
    for (order_id, step), frozen in totals.items():
        quantity = problem.order_by_id[order_id].quantity
        if frozen > quantity:
            yield fault(
                "frozen_quantity", order=order_id, step=step, frozen=frozen, quantity=quantity
            )


def _can_do(problem: Problem, order: Order, step: int, machine: str) -> bool:
    if not 0 <= step < len(order.steps):
        return False
    wanted = order.steps[step]
    if wanted.process is None:
        return any(alternative.machine == machine for alternative in wanted.alternatives)
    capabilities = problem.machine_by_id[machine].capabilities
    return any(capability.process == wanted.process for capability in capabilities)
