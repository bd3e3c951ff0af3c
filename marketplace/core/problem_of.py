"""Translate an order and the market into the scheduler's terms, and its schedule back.

Minutes count from an origin that the caller chooses, never later than anything frozen. A step
is a process of its own in the problem (`"2:emboss"`), because each step of an order may ask
its machines for something else. Steps and lots count from 0 there and from 1 here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.core.asked import AskedOrder
from marketplace.core.disruption import Disruption
from marketplace.core.fitting import Fit, OnSale
from marketplace.core.frozen import FrozenPart
from marketplace.core.plan_json import (
    PlanDocument,
    PlanMachine,
    PlanOperation,
    PlanSupplier,
)
from scheduling.core import (
    Assignment,
    Capability,
    CutLot,
    Machine,
    Order,
    Problem,
    Schedule,
    Step,
    Transport,
    Window,
)
from scheduling.core.haul import LOADING_MINUTES, haul_minutes
from scheduling.core.measures import assignment_cost

DESTINATION = "buyer"
LONGEST_HORIZON = timedelta(days=400)
MINUTE = timedelta(minutes=1)


def floor_minute(moment: datetime, origin_at: datetime) -> int:
    """Return the whole minutes from the origin to `moment`, rounded down."""
    return (moment - origin_at) // MINUTE


def ceil_minute(moment: datetime, origin_at: datetime) -> int:
    """Return the whole minutes from the origin to `moment`, rounded up."""
    return -((origin_at - moment) // MINUTE)


def step_process(number: int, process: str) -> str:
    """Return the problem's name of a step's process; `number` counts from 1."""
    return f"{number}:{process}"


def problem_of(
    order: AskedOrder,
    found: Fit,
    *,
    order_id: str,
    origin_at: datetime,
    now: datetime,
    frozen: FrozenPart | None = None,
    market: Sequence[OnSale] = (),
) -> Problem:
    """State an order over the machines that fit as a problem of the scheduler.

    `market` is needed beside `frozen`: machines of frozen work stay in the problem even when
    they would not be taken today. Beside frozen work the due date is a deadline, or the later
    date that the frozen plan was chosen with. After a disruption the lots stay as they are cut.
    """
    kept = frozen.kept if frozen is not None else None
    disruption = None if frozen is None else frozen.disruption
    if disruption is not None:
        now = max(now, disruption.begins_at)
    start = max(0, ceil_minute(now, origin_at))
    due, deadline = floor_minute(order.due_at, origin_at), None
    if frozen is not None:
        due = deadline = max(due, frozen.plan.completes, start)
    machines = _machines(order, found, kept, market, origin_at, now, disruption)
    asked = Order(
        id=order_id,
        quantity=order.quantity,
        steps=tuple(
            Step(process=step_process(number, step.process))
            for number, step in enumerate(order.steps, start=1)
        ),
        release=max(0, ceil_minute(order.earliest_start_at, origin_at)),
        due=due,
        deadline=deadline,
        price_ceiling_minor=order.price_ceiling_minor,
        destination=DESTINATION,
        cut=() if frozen is None or disruption is None else _cut_lots(frozen, market),
    )
    used = {machine.id for machine in machines}
    return Problem(
        orders=(asked,),
        machines=machines,
        transport=_transport(
            order, [one for one in market or found.machines if str(one.machine_id) in used]
        ),
        frozen=_frozen(order_id, kept),
        now=start,
        currency=order.currency,
    )


def _machines(
    order: AskedOrder,
    found: Fit,
    kept: PlanDocument | None,
    market: Sequence[OnSale],
    origin_at: datetime,
    now: datetime,
    disruption: Disruption | None,
) -> tuple[Machine, ...]:
    steps_of: dict[int, list[int]] = {}
    for number, able in enumerate(found.by_step, start=1):
        for one in able:
            steps_of.setdefault(one.machine_id, []).append(number)
    open_to_new = set(steps_of)
    if kept is not None:
        for operation in kept.operations:
            steps = steps_of.setdefault(kept.machines[operation.machine].id, [])
            if operation.step not in steps:
                steps.append(operation.step)
    listed = {one.machine_id: one for one in [*found.machines, *market]}

    def windows(number: int) -> tuple[Window, ...]:
        if number not in open_to_new:
            return ()
        one, free_at = listed[number], now
        if disruption is not None:
            free_at = max(now, disruption.free_from(number, one.supplier_id))
        return windows_of(one, origin_at, free_at)

    return tuple(
        Machine(
            id=str(number),
            factory=listed[number].place,
            capabilities=tuple(
                capability_of(order, listed[number], step) for step in sorted(steps)
            ),
            windows=windows(number),
            reliability_permille=_permille(listed[number].on_time_share),
        )
        for number, steps in sorted(steps_of.items())
        if number in listed
    )


def capability_of(order: AskedOrder, one: OnSale, step: int) -> Capability:
    """State what a machine that fits does of a step of the order; steps count from 1."""
    process = order.steps[step - 1].process
    capability = one.machine.capability(process)
    assert capability is not None, "only machines with a capability fit"
    figures = capability.planned
    return Capability(
        process=step_process(step, process),
        rate_per_hour=figures.rate_per_hour,
        set_up_minutes=figures.set_up_minutes,
        price_per_hour_minor=one.price_minor_per_hour,
        min_lot=one.minimum_lot,
        max_lot=order.lot_size,
        rate_low_permille=figures.rate_low_permille,
        set_up_high_minutes=figures.set_up_high_minutes,
    )


def _cut_lots(frozen: FrozenPart, market: Sequence[OnSale]) -> tuple[CutLot, ...]:
    """Return the plan's lots, which stay as they are cut; what moves stays with its supplier.

    What leaves may go anywhere: the factory that it leaves takes no part.
    """
    plan, steps = frozen.plan, len(frozen.plan.processes)
    sites: dict[int, frozenset[str]] = {}
    for one in market:
        sites[one.supplier_id] = sites.get(one.supplier_id, frozenset()) | {one.place}
    pieces = {one.lot: one.quantity for one in plan.operations}
    places: dict[int, list[frozenset[str]]] = {}
    leaves = frozen.disruption is not None and frozen.disruption.leaves
    for lot, step in () if leaves else frozen.returned:
        operation = plan.at(lot, step)
        assert operation is not None, "what moves is in the plan"
        here = sites.get(plan.supplier_of(operation).id, frozenset())
        places.setdefault(lot, [frozenset()] * steps)[step - 1] = here
    return tuple(
        CutLot(lot=lot - 1, quantity=pieces[lot], factories=tuple(places.get(lot, ())))
        for lot in sorted(pieces)
    )


def _permille(share: float | None) -> int:
    return 1000 if share is None else min(1000, max(0, round(share * 1000)))


def windows_of(one: OnSale, origin_at: datetime, now: datetime) -> tuple[Window, ...]:
    """Return a machine's free time from `now` on, in whole minutes from the origin."""
    last = ceil_minute(now + LONGEST_HORIZON, origin_at)
    earliest = max(0, ceil_minute(now, origin_at))
    windows = []
    for start_at, end_at in one.free:
        start = max(earliest, ceil_minute(start_at, origin_at))
        end = min(last, floor_minute(end_at, origin_at))
        if start < end:
            windows.append(Window(start=start, end=end))
    return tuple(windows)


def _transport(order: AskedOrder, machines: Iterable[OnSale]) -> Transport:
    places = {one.place: (one.machine.x_km, one.machine.y_km) for one in machines}
    minutes = {(a, b): haul_minutes(places[a], places[b]) for a in places for b in places if a != b}
    home = (order.ship_to_x_km, order.ship_to_y_km)
    minutes |= {(a, DESTINATION): haul_minutes(places[a], home) for a in places}
    return Transport(minutes=minutes, default_minutes=LOADING_MINUTES)


def _frozen(order_id: str, kept: PlanDocument | None) -> tuple[Assignment, ...]:
    if kept is None:
        return ()
    return tuple(
        Assignment(
            order=order_id,
            lot=one.lot - 1,
            step=one.step - 1,
            machine=str(kept.machines[one.machine].id),
            start=one.start,
            end=one.end,
            quantity=one.quantity,
            set_up_minutes=one.set_up,
        )
        for one in kept.operations
    )


def plan_of(
    order: AskedOrder,
    problem: Problem,
    schedule: Schedule,
    market: Sequence[OnSale],
    *,
    seed: UUID,
    frozen: FrozenPart | None = None,
    is_cautious: bool = False,
) -> PlanDocument:
    """Translate a schedule of one order back into the market's terms, with its prices.

    Frozen operations keep the price that was offered for them, and so do those of open offers
    that have to be asked anew because the schedule leaves lots out. A cautious plan has reckoned
    with the low rates.
    """
    listed = {one.machine_id: one for one in market}
    prices = _frozen_prices(frozen)
    agreed = _agreed_prices(frozen)
    assignments = sorted(schedule, key=lambda a: (a.start, a.step, a.lot))
    used = sorted({int(a.machine) for a in assignments})
    suppliers = sorted({listed[number].supplier_id for number in used})
    position = {number: index for index, number in enumerate(used)}
    place_of = {(a.lot, a.step): problem.machine_by_id[a.machine].factory for a in assignments}
    lots = {a.lot + 1 for a in assignments}
    anew = frozenset() if frozen is None else frozen.asked_again(lots)
    operations = []
    for a in assignments:
        here = place_of[(a.lot, a.step)]
        there = place_of.get((a.lot, a.step + 1), DESTINATION)
        key = (a.lot + 1, a.step + 1)
        price = prices.get(key)
        cost = agreed.get(key, assignment_cost(problem, a))
        operations.append(
            PlanOperation(
                lot=a.lot + 1,
                step=a.step + 1,
                machine=position[int(a.machine)],
                start=a.start,
                end=a.end,
                quantity=a.quantity,
                set_up=a.set_up_minutes,
                price=cost if price is None else price,
                lag=problem.transport.lag(here, there),
                frozen=price is not None and key not in anew,
            )
        )
    return PlanDocument(
        seed=seed,
        processes=tuple(step.process for step in order.steps),
        suppliers=tuple(_supplier(number, listed.values()) for number in suppliers),
        machines=tuple(
            _machine(
                listed[number], suppliers, _rates(problem.machine_by_id[str(number)], is_cautious)
            )
            for number in used
        ),
        operations=tuple(operations),
    )


def schedule_of(plan: PlanDocument, *, order_id: str) -> Schedule:
    """Translate a plan into the scheduler's terms again, for its checker."""
    return Schedule(assignments=_frozen(order_id, plan))


def _frozen_prices(frozen: FrozenPart | None) -> dict[tuple[int, int], int]:
    if frozen is None:
        return {}
    return {(one.lot, one.step): one.price for one in frozen.kept.operations}


def _agreed_prices(frozen: FrozenPart | None) -> dict[tuple[int, int], int]:
    """Return what stays to be paid for lots that move within the factory that took them."""
    if frozen is None or frozen.disruption is None or frozen.disruption.leaves:
        return {}
    return {(one.lot, one.step): one.price for one in frozen.plan.operations}


def _supplier(number: int, listed: Iterable[OnSale]) -> PlanSupplier:
    machine = next(one.machine for one in listed if one.supplier_id == number)
    return PlanSupplier(
        id=number, name=machine.supplier_name, name_zh=machine.supplier_name_zh, city=machine.city
    )


def _rates(machine: Machine, is_cautious: bool) -> tuple[tuple[int, float], ...]:
    return tuple(
        (
            int(one.process.partition(":")[0]),
            float(one.rate_per_hour) * (one.rate_low_permille / 1000 if is_cautious else 1.0),
        )
        for one in machine.capabilities
    )


def _machine(
    one: OnSale, suppliers: list[int], rates: tuple[tuple[int, float], ...]
) -> PlanMachine:
    return PlanMachine(
        id=one.machine_id,
        code=one.machine.machine_code,
        type=one.machine.machine_type,
        supplier=suppliers.index(one.supplier_id),
        place=one.machine.site_name,
        is_simulated=one.machine.is_simulated,
        rates=rates,
    )
