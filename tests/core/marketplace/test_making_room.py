"""Which lots of another order may make room, and how far; and its plan afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.asked import AskedOrder, AskedStep
from marketplace.core.disruption import Move, Place
from marketplace.core.making_room import (
    Booked,
    OtherLot,
    OtherOrder,
    lots_that_may_move,
    moved_plan,
)
from marketplace.core.plan_json import (
    PlanDocument,
    PlanMachine,
    PlanOperation,
    PlanSupplier,
    instant,
)
from marketplace.core.spans import Span

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = 60


def operation(lot: int, step: int, start: int, *, set_up: int = 0, machine: int = 0):
    return PlanOperation(
        lot=lot,
        step=step,
        machine=machine,
        start=start,
        end=start + HOUR,
        quantity=100,
        set_up=set_up,
        price=10,
        lag=30,
    )


def order(*operations: PlanOperation, steps: int = 1) -> OtherOrder:
    plan = PlanDocument(
        seed=UUID("01a21715-52e4-7a63-8614-f7121e619383"),
        processes=("cutting", "pressing")[:steps],
        suppliers=(PlanSupplier(id=7, name="Works"),),
        machines=tuple(
            PlanMachine(id=70 + n, code=f"M-{n}", type="Press", supplier=0, place="Hall")
            for n in range(2)
        ),
        operations=operations,
    )
    asked = AskedOrder(
        title="Plates",
        quantity=100,
        currency="CNY",
        steps=tuple(AskedStep(process=process) for process in plan.processes),
        earliest_start_at=NOW,
        due_at=NOW + timedelta(days=9),
    )
    return OtherOrder(
        order_uid=UUID(int=1), plan_uid=UUID(int=2), asked=asked, plan=plan, origin_at=NOW
    )


def booked(other: OtherOrder, *, but: tuple[int, ...] = ()) -> Booked:
    plan = other.plan
    return {
        plan.operation_uid(one.lot, one.step): (
            plan.machines[one.machine].id,
            Span(instant(NOW, one.start), instant(NOW, one.end)),
        )
        for one in plan.operations
        if one.lot not in but
    }


def movable(other: OtherOrder, *, freeze: int = 120, but: tuple[int, ...] = ()) -> list[OtherLot]:
    freeze_at = instant(NOW, freeze)
    return list(lots_that_may_move(other, booked=booked(other, but=but), freeze_at=freeze_at))


def told(lots: list[OtherLot]) -> dict[tuple[int, int], tuple[int, int]]:
    """Return by lot and step from which minute until which it may lie."""
    return {
        (lot.operation.lot, lot.operation.step): (
            (lot.ready_at - NOW) // timedelta(minutes=1),
            (lot.until_at - NOW) // timedelta(minutes=1),
        )
        for lot in lots
    }


def test_a_lot_may_lie_between_its_start_and_what_its_order_is_promised() -> None:
    other = order(operation(1, 1, 180), operation(2, 1, 600))
    # All is delivered at 690, and both travel for 30 minutes.
    assert told(movable(other)) == {(1, 1): (0, 660), (2, 1): (0, 660)}


def test_what_begins_in_the_freeze_or_lies_elsewhere_by_now_stays() -> None:
    other = order(operation(1, 1, 60), operation(2, 1, 180), operation(3, 1, 300))
    assert told(movable(other, but=(3,))).keys() == {(2, 1)}


def test_of_two_steps_the_earlier_one_leaves_the_slack_to_the_other() -> None:
    other = order(operation(1, 1, 180), operation(1, 2, 600, machine=1), steps=2)
    # The first step may come sooner; the second waits for it to arrive, 30 minutes after its end.
    assert told(movable(other)) == {(1, 1): (0, 240), (1, 2): (270, 660)}


def test_a_step_whose_neighbours_stay_keeps_its_place_between_them() -> None:
    steps = operation(1, 1, 60), operation(1, 2, 600, machine=1)
    assert told(movable(order(*steps, steps=2))) == {(1, 2): (150, 660)}


def test_lots_that_share_a_set_up_move_only_if_all_are_where_they_were() -> None:
    series = operation(1, 1, 180, set_up=20), operation(2, 1, 240), operation(3, 1, 300)
    assert told(movable(order(*series))).keys() == {(1, 1), (2, 1), (3, 1)}
    assert movable(order(*series), but=(2,)) == []


def test_the_lot_that_the_machine_is_set_up_with_comes_too_and_stays() -> None:
    series = operation(1, 1, 60, set_up=20), operation(2, 1, 120), operation(3, 1, 180)
    found = movable(order(*series))
    assert told(found) == {(2, 1): (0, 240), (3, 1): (0, 240), (1, 1): (60, 120)}
    assert {lot.set_up for lot in found} == {20}


@given(st.lists(st.integers(0, 900), min_size=1, max_size=6), st.integers(0, 900))
def test_where_a_lot_lies_is_where_it_may_lie(starts: list[int], freeze: int) -> None:
    lots = [operation(n, 1, start, machine=n % 2) for n, start in enumerate(starts, start=1)]
    other = order(*lots)
    for lot in movable(other, freeze=freeze):
        assert lot.ready_at <= lot.span.start < lot.span.end <= lot.until_at
        assert lot.span.start >= instant(NOW, freeze)
        assert lot.until_at <= instant(NOW, other.plan.completes)


def test_a_plan_with_a_moved_lot_keeps_all_else_and_names_the_machine_it_went_to() -> None:
    other = order(operation(1, 1, 180), operation(2, 1, 600))
    plan = replace(other.plan, machines=other.plan.machines[:1])
    here = Place(
        machine_id=70,
        machine_code="M-0",
        start_at=instant(NOW, 600),
        end_at=instant(NOW, 660),
        set_up_minutes=0,
    )
    there = replace(
        here,
        machine_id=71,
        machine_code="M-1",
        start_at=instant(NOW, 120),
        end_at=instant(NOW, 190),
    )
    move = Move(operation_uid=plan.operation_uid(2, 1), lot=2, step=1, before=here, after=there)
    known = {one.id: one for one in other.plan.machines}
    moved = moved_plan(plan, [move], NOW, known)
    two = moved.at(2, 1)
    assert two is not None
    assert (moved.machines[two.machine].id, two.start, two.end) == (71, 120, 190)
    assert moved.at(1, 1) == plan.at(1, 1)
    assert (moved.cost_minor, moved.quantity) == (plan.cost_minor, plan.quantity)
    assert moved.completes == 270
    assert moved_plan(plan, [], NOW, known) == plan
