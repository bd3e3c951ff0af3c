"""Lots of other orders that may make room for one in a hurry, and what is asked with them.

Each lot that may move is an order of its own in the problem, of one step, bound by its release
and its deadline to the time that the rest of its own order leaves it. Lots that share a set-up
are of one family there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from marketplace.core.asked import AskedOrder
from marketplace.core.disruption import Move, Place
from marketplace.core.fitting import Fit, OnSale, fit
from marketplace.core.plan_json import PlanDocument, PlanMachine, PlanOperation, instant
from marketplace.core.problem_of import capability_of, ceil_minute, floor_minute, windows_of
from marketplace.core.spans import Span, merge
from scheduling.core import Assignment, Capability, Machine, Order, Problem, Step

Booked = Mapping[UUID, tuple[int, Span]]
"""Machine and hours that are booked for operations, by their names."""


@dataclass(frozen=True, kw_only=True)
class OtherOrder:
    """An order whose factories have all accepted, as the platform knows it."""

    order_uid: UUID
    plan_uid: UUID
    asked: AskedOrder
    plan: PlanDocument
    origin_at: datetime


@dataclass(frozen=True, kw_only=True)
class OtherLot:
    """A lot of another order that may lie anywhere from `ready_at` until `until_at`.

    So it arrives after its step before and leaves for the one after, or is delivered when its
    order is promised. It stays on its site and in one piece. `set_up` is what was agreed for its
    series: lots of a step that follow each other on a machine.
    """

    order: OtherOrder
    operation: PlanOperation
    set_up: int
    ready_at: datetime
    until_at: datetime

    @property
    def uid(self) -> UUID:
        return self.order.plan.operation_uid(self.operation.lot, self.operation.step)

    @property
    def machine_id(self) -> int:
        return self.order.plan.machines[self.operation.machine].id

    @property
    def supplier_id(self) -> int:
        return self.order.plan.supplier_of(self.operation).id

    @property
    def span(self) -> Span:
        one, origin_at = self.operation, self.order.origin_at
        return Span(instant(origin_at, one.start), instant(origin_at, one.end))


def lots_that_may_move(
    other: OtherOrder, *, booked: Booked, freeze_at: datetime
) -> Iterator[OtherLot]:
    """Yield the lots of an order that lie where its plan says and begin after the freeze.

    `booked` are those on machines that are wanted. Where two steps of a lot may move, the earlier
    one ends no later than it does and so leaves the slack to the other. Of lots that share a
    set-up the last one before the freeze comes too: it stays, and tells what the machine is set up
    for. Where another of them lies elsewhere by now, none moves.
    """
    plan, origin_at = other.plan, other.origin_at

    def is_late(one: PlanOperation) -> bool:
        return instant(origin_at, one.start) >= freeze_at

    def is_there(one: PlanOperation) -> bool:
        span = Span(instant(origin_at, one.start), instant(origin_at, one.end))
        here = (plan.machines[one.machine].id, span)
        return booked.get(plan.operation_uid(one.lot, one.step)) == here

    moving: list[tuple[PlanOperation, int]] = []
    staying: list[tuple[PlanOperation, int]] = []
    for series in _series_of(plan):
        set_up, late = series[0].set_up, [one for one in series if is_late(one)]
        there = [one for one in late if is_there(one)]
        if not there or (set_up and there != late):
            continue
        moving += [(one, set_up) for one in there]
        if set_up and len(series) > len(late):
            staying.append((series[-len(late) - 1], set_up))
    movable = {(one.lot, one.step) for one, _ in moving}
    for one, set_up in moving:
        yield _free_lot(other, one, set_up, movable)
    for one, set_up in staying:
        begin, end = instant(origin_at, one.start), instant(origin_at, one.end)
        yield OtherLot(order=other, operation=one, set_up=set_up, ready_at=begin, until_at=end)


def _free_lot(
    other: OtherOrder, one: PlanOperation, set_up: int, movable: Collection[tuple[int, int]]
) -> OtherLot:
    plan, origin_at = other.plan, other.origin_at
    before, after = plan.at(one.lot, one.step - 1), plan.at(one.lot, one.step + 1)
    ready_at = other.asked.earliest_start_at
    if before is not None:
        ready_at = instant(origin_at, before.end + before.lag)
    until = plan.completes if after is None else after.start
    if after is not None and (after.lot, after.step) in movable:
        until = one.end + one.lag
    return OtherLot(
        order=other,
        operation=one,
        set_up=set_up,
        ready_at=min(ready_at, instant(origin_at, one.start)),
        until_at=max(instant(origin_at, until - one.lag), instant(origin_at, one.end)),
    )


def _series_of(plan: PlanDocument) -> Iterator[list[PlanOperation]]:
    """Yield the lots of a step that follow each other on a machine with one set-up, in order."""
    queue = sorted(plan.operations, key=lambda one: (one.machine, one.start))
    for _, on_machine in groupby(queue, key=lambda one: one.machine):
        series: list[PlanOperation] = []
        for one in on_machine:
            if series and (one.step != series[-1].step or one.set_up):
                yield series
                series = []
            series.append(one)
        yield series


def with_hours_of(market: Iterable[OnSale], lots: Iterable[OtherLot]) -> list[OnSale]:
    """Return the market as if the hours of these lots were free."""
    hours: dict[int, list[Span]] = {}
    for lot in lots:
        hours.setdefault(lot.machine_id, []).append(lot.span)
    return [
        replace(one, free=tuple(merge([*one.free, *hours.get(one.machine_id, ())])))
        for one in market
    ]


@dataclass(frozen=True, kw_only=True)
class Room:
    """An order in a hurry among lots that may make room for it: the whole question.

    `problem` has these lots as orders and frozen, beside the order in `alone`; nothing moves to
    before its `now`. `market` and `found` are as if their hours were free.
    """

    alone: Problem
    problem: Problem
    lots: Mapping[str, OtherLot]
    found: Fit
    market: Sequence[OnSale]

    @property
    def order_id(self) -> str:
        return self.alone.orders[0].id

    def to_json(self, problem: Mapping[str, Any]) -> dict[str, Any]:
        """Return the question for the scheduler, with its problem in JSON's own types."""
        return {"problem": problem, "order": self.order_id, "freeze_until": self.problem.now}

    def with_moved(
        self, moved: Sequence[Mapping[str, Any]]
    ) -> tuple[Problem, tuple[Assignment, ...]]:
        """Return the problem in which only lots that stay are frozen, and where all others go."""
        gone = {one["order"] for one in moved}
        frozen = tuple(one for one in self.problem.frozen if one.order not in gone)
        return replace(self.problem, frozen=frozen), tuple(Assignment(**one) for one in moved)

    def moves(
        self, moved: Sequence[Mapping[str, Any]], *, origin_at: datetime
    ) -> dict[int, list[tuple[OtherLot, Move]]]:
        """Return what moves at each supplier, by the supplier's own id."""
        codes = {one.machine_id: one.machine.machine_code for one in self.market}
        found: dict[int, list[tuple[OtherLot, Move]]] = {}
        for one in moved:
            lot = self.lots[one["order"]]
            before = Place(
                machine_id=lot.machine_id,
                machine_code=codes[lot.machine_id],
                start_at=lot.span.start,
                end_at=lot.span.end,
                set_up_minutes=lot.operation.set_up,
            )
            after = Place(
                machine_id=int(one["machine"]),
                machine_code=codes[int(one["machine"])],
                start_at=instant(origin_at, one["start"]),
                end_at=instant(origin_at, one["end"]),
                set_up_minutes=one["set_up_minutes"],
            )
            move = Move(
                operation_uid=lot.uid,
                lot=lot.operation.lot,
                step=lot.operation.step,
                before=before,
                after=after,
            )
            found.setdefault(lot.supplier_id, []).append((lot, move))
        return found


def room_of(
    problem: Problem,
    found: Fit,
    market: Sequence[OnSale],
    lots: Sequence[OtherLot],
    *,
    origin_at: datetime,
) -> Room:
    """Put lots that may move into the problem of the one order that is in a hurry."""
    (order,) = problem.orders
    by_id = {one.machine_id: one for one in market}
    machines = {int(machine.id): machine for machine in problem.machines}
    now_at = instant(origin_at, problem.now)
    series: dict[str, list[OtherLot]] = {}
    for lot in lots:
        if lot.machine_id in by_id:
            series.setdefault(_series(lot, by_id), []).append(lot)
    process_of: dict[UUID, str] = {}
    for process, together in series.items():
        abilities = _abilities(process, together, by_id)
        process_of |= {lot.uid: process for lot in together if lot.machine_id in abilities}
        for number, capability in abilities.items():
            one = by_id[number]
            machine = machines.get(number) or Machine(
                id=str(number), factory=one.place, windows=windows_of(one, origin_at, now_at)
            )
            abilities_so_far = (*machine.capabilities, capability)
            machines[number] = replace(machine, capabilities=abilities_so_far)
    placed = [lot for lot in lots if lot.uid in process_of]
    whole = replace(
        problem,
        orders=(order, *(_order(lot, process_of[lot.uid], origin_at) for lot in placed)),
        machines=tuple(machines[number] for number in sorted(machines)),
        frozen=tuple(_booking(lot, origin_at) for lot in placed),
    )
    return Room(
        alone=problem,
        problem=whole,
        lots={str(lot.uid): lot for lot in placed},
        found=found,
        market=market,
    )


def _series(lot: OtherLot, market: Mapping[int, OnSale]) -> str:
    """Name a step of an order on one site: a process of its own, whose lots share a set-up."""
    return f"{lot.order.order_uid}/{lot.operation.step}/{market[lot.machine_id].place}"


def _abilities(
    process: str, lots: Sequence[OtherLot], market: Mapping[int, OnSale]
) -> dict[int, Capability]:
    """Return what the machines on the site of a series do of it, by machine.

    Where it is booked the set-up is no longer than agreed; what is paid stays wherever it goes.
    """
    asked, step = lots[0].order.asked, lots[0].operation.step
    site = market[lots[0].machine_id].place
    able = fit(asked, [one for one in market.values() if one.place == site]).by_step[step - 1]
    found = {}
    for one in able:
        capability = replace(
            capability_of(asked, one, step), process=process, price_per_hour_minor=0
        )
        agreed = [lot.set_up for lot in lots if lot.machine_id == one.machine_id]
        set_up = min([capability.set_up_minutes, *agreed])
        found[one.machine_id] = replace(capability, set_up_minutes=set_up)
    return found


def _order(lot: OtherLot, process: str, origin_at: datetime) -> Order:
    until = max(1, floor_minute(lot.until_at, origin_at))
    return Order(
        id=str(lot.uid),
        quantity=lot.operation.quantity,
        steps=(Step(process=process, set_up_family=process),),
        release=max(0, ceil_minute(lot.ready_at, origin_at)),
        due=until,
        deadline=until,
    )


def _booking(lot: OtherLot, origin_at: datetime) -> Assignment:
    """State a lot where it lies; what has begun before the origin begins there."""
    return Assignment(
        order=str(lot.uid),
        lot=0,
        step=0,
        machine=str(lot.machine_id),
        start=max(0, ceil_minute(lot.span.start, origin_at)),
        end=max(1, floor_minute(lot.span.end, origin_at)),
        quantity=lot.operation.quantity,
        set_up_minutes=lot.operation.set_up,
    )


def moved_plan(
    plan: PlanDocument,
    moves: Iterable[Move],
    origin_at: datetime,
    machines: Mapping[int, PlanMachine],
) -> PlanDocument:
    """Return a plan with lots elsewhere on their sites; `machines` are what it may use, by id."""
    after = {(one.lot, one.step): one.after for one in moves}
    place_of = {
        (one.lot, one.step): plan.machines[one.machine].id
        if (one.lot, one.step) not in after
        else after[one.lot, one.step].machine_id
        for one in plan.operations
    }
    used = sorted(set(place_of.values()))
    position = {number: index for index, number in enumerate(used)}
    operations = []
    for one in plan.operations:
        key = (one.lot, one.step)
        there = after.get(key)
        moved = replace(one, machine=position[place_of[key]])
        if there is not None:
            moved = replace(
                moved,
                start=floor_minute(there.start_at, origin_at),
                end=floor_minute(there.end_at, origin_at),
                set_up=there.set_up_minutes,
            )
        operations.append(moved)
    return replace(
        plan,
        machines=tuple(machines[number] for number in used),
        operations=tuple(sorted(operations, key=lambda one: (one.start, one.step, one.lot))),
    )
