"""Which lots a halt holds up, and what moved between two plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from marketplace.core.disruption import (
    Disruption,
    Halt,
    Move,
    Reach,
    carried_by,
    hit_by,
    moved_minutes,
    moves_between,
    moves_by_supplier,
)
from marketplace.core.halts import halts_of, still_stand
from marketplace.core.plan_json import PlanDocument, PlanMachine, PlanOperation, PlanSupplier

ORIGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def lot(
    number: int, start: int, *, machine: int = 0, set_up: int = 0, step: int = 1
) -> PlanOperation:
    return PlanOperation(
        lot=number,
        step=step,
        machine=machine,
        start=start,
        end=start + 60,
        quantity=50,
        set_up=set_up,
        price=100,
    )


def plan(*operations: PlanOperation) -> PlanDocument:
    return PlanDocument(
        seed=UUID("019555a0-0000-7000-8000-000000000000"),
        processes=("blanking",),
        suppliers=(PlanSupplier(id=7, name="Cutter"),),
        machines=tuple(
            PlanMachine(id=number, code=f"M{number}", type="Press", supplier=0, place="Hall")
            for number in (11, 12)
        ),
        operations=operations,
    )


def halted(until: int, *, reach: Reach = Reach.HIT) -> Disruption:
    return Disruption(
        supplier_id=7,
        halts=(Halt(machine_id=11, until_at=ORIGIN + until * MINUTE),),
        begins_at=ORIGIN + 30 * MINUTE,
        reach=reach,
    )


QUEUE = plan(lot(1, 0, set_up=10), lot(2, 60), lot(3, 200, set_up=10), lot(4, 60, machine=1))


@pytest.mark.parametrize(
    ("until", "begun", "hit"),
    [
        (1, set(), {1, 2}),  # lot 2 is set up by lot 1 and goes with it
        (61, set(), {1, 2}),
        (201, set(), {1, 2, 3}),
        (61, {1}, {2}),
        (60, {1}, set()),  # set up by a lot that is on the machine already
        (201, {1, 2, 3}, set()),
    ],
)
def test_a_halt_holds_up_what_would_begin_before_its_end(
    until: int, begun: set[int], hit: set[int]
) -> None:
    found = hit_by(QUEUE, ORIGIN, halted(until), begun={(one, 1) for one in begun})
    assert found == {(one, 1) for one in hit}


def test_a_wide_re_plan_frees_all_that_waits_on_the_halted_machine() -> None:
    found = hit_by(QUEUE, ORIGIN, halted(1, reach=Reach.HALTED), begun={(1, 1)})
    assert found == {(2, 1), (3, 1)}


def test_what_comes_later_carries_its_later_steps_and_what_it_sets_up_for() -> None:
    made = plan(
        *QUEUE.operations,
        lot(1, 300, machine=1, step=2, set_up=10),
        lot(2, 400, machine=1, step=2),
        lot(4, 500, machine=1, step=2, set_up=10),
    )
    assert carried_by(made, {(3, 1)}, begun=()) == {(3, 1)}
    assert carried_by(made, {(4, 1)}, begun=()) == {(4, 1), (4, 2)}
    both = {(1, 1), (1, 2), (2, 1), (2, 2)}
    assert carried_by(made, {(1, 1)}, begun=()) == both, "lot 2 is set up by lot 1 in both steps"
    assert carried_by(made, {(1, 1)}, begun={(2, 1), (2, 2)}) == {(1, 1), (1, 2)}


def test_a_halt_holds_up_no_machine_of_another_factory() -> None:
    late = Disruption(
        supplier_id=7,
        halts=(Halt(step=1, until_at=ORIGIN + 90 * MINUTE),),
        begins_at=ORIGIN + 30 * MINUTE,
    )
    assert late.free_from(11, 7) == ORIGIN + 90 * MINUTE
    assert late.free_from(21, 8) == late.begins_at


def test_each_reach_is_tried_after_the_one_before() -> None:
    assert [one.wider for one in Reach] == [
        Reach.HALTED,
        Reach.ELSEWHERE,
        Reach.LATER,
        None,
    ]


def test_late_material_holds_up_its_step_on_every_machine_of_the_factory() -> None:
    late = Disruption(
        supplier_id=7,
        halts=(Halt(step=1, until_at=ORIGIN + 61 * MINUTE),),
        begins_at=ORIGIN + 30 * MINUTE,
    )
    queue = plan(*QUEUE.operations, lot(5, 0, machine=1, step=2, set_up=10))
    assert hit_by(queue, ORIGIN, late, begun=set()) == {(1, 1), (2, 1), (4, 1)}
    assert hit_by(queue, ORIGIN, replace(late, supplier_id=8), begun=set()) == set()
    assert late.free_from(12, 7) == ORIGIN + 61 * MINUTE
    assert Disruption.from_json(late.to_json()) == late


def test_a_halted_machine_is_free_after_the_halt_and_others_after_the_freeze() -> None:
    halt = halted(90)
    assert halt.free_from(11, 7) == ORIGIN + 90 * MINUTE
    assert halt.free_from(12, 7) == halt.begins_at
    assert halted(10).free_from(11, 7) == halt.begins_at
    assert Disruption.from_json(halt.to_json()) == halt


def test_moves_say_where_each_lot_was_and_goes_and_count_machine_time() -> None:
    after = plan(lot(1, 300, machine=1, set_up=10), *QUEUE.operations[1:])
    moves = moves_between(QUEUE, after, ORIGIN, {(1, 1), (2, 1)})
    (move,) = moves
    assert (move.lot, move.before.machine_code, move.after.machine_code) == (1, "M11", "M12")
    assert move.after.start_at == ORIGIN + 300 * MINUTE
    assert move.operation_uid == QUEUE.operation_uid(1, 1)
    assert moved_minutes(moves) == 60
    assert Move.from_json(move.to_json()) == move
    assert moves_by_supplier(QUEUE, moves) == {7: [move]}
    with pytest.raises(ValueError, match="lot 1 is cut anew"):
        moves_between(QUEUE, replace(QUEUE, operations=QUEUE.operations[1:]), ORIGIN, {(1, 1)})


def test_a_slow_machine_makes_what_begins_too_soon_and_all_else_is_placed_anew() -> None:
    """At half the pace the lots from 0 and 60, each with 50 minutes of work, last 100 longer."""
    made = plan(lot(1, 0, set_up=10), lot(2, 60, set_up=10), lot(3, 200), lot(4, 260, step=2))
    entry = {"machine_id": 11, "machine": "M11", "step": 1, "rate": 300.0, "planned_rate": 600.0}
    begins_at = ORIGIN + 90 * MINUTE

    def slowed(*ended: tuple[int, int]) -> Disruption:
        halts = halts_of([entry], made, ORIGIN, ended=ended, begins_at=begins_at)
        return Disruption(supplier_id=7, halts=halts, begins_at=begins_at)

    disruption = slowed()
    (halt,) = disruption.halts
    assert (halt.is_slow, halt.until_at) == (True, ORIGIN + 220 * MINUTE)
    assert slowed((1, 1)).free_from(11, 7) == ORIGIN + 170 * MINUTE
    assert slowed((1, 1), (2, 1)).free_from(11, 7) == begins_at
    assert disruption.free_from(11, 7) == halt.until_at
    assert disruption.free_from(12, 7) == begins_at
    assert Disruption.from_json(disruption.to_json()) == disruption
    for reach in (Reach.HIT, Reach.HALTED):
        wide = replace(disruption, reach=reach)
        assert hit_by(made, ORIGIN, wide, begun=set()) == {(3, 1)}


def outage(until: int, *, machine: int = 11, since: int = 0) -> dict[str, object]:
    entry = {"machine_id": machine, "machine": f"M{machine}", "step": None}
    told = {"reported_since": since, "until": (ORIGIN + until * MINUTE).isoformat()}
    return entry | told


@pytest.mark.parametrize(
    ("after", "stands"),
    [
        ([outage(100)], True),
        ([outage(200)], True),  # the move goes to another machine, and lot 3 begins at 200
        ([outage(201)], False),
        ([outage(200, since=5)], False),  # another outage
        ([outage(200), outage(30, machine=12)], False),
        ([outage(200) | {"machine_id": 12}], False),
        ([], False),
    ],
)
def test_moves_stand_while_an_outage_lasts_that_hits_nothing_more(
    after: list[dict[str, object]], stands: bool
) -> None:
    moved = replace(QUEUE.operations[0], machine=1, start=130, end=190)
    later = replace(QUEUE, operations=(moved, *QUEUE.operations[1:]))
    moves = moves_between(QUEUE, later, ORIGIN, {(1, 1)})
    waiting = {
        QUEUE.operation_uid(one.lot, one.step): (11 + one.machine, ORIGIN + one.start * MINUTE)
        for one in QUEUE.operations
        if one.lot != 2
    }
    assert still_stand(moves, before=[outage(60)], after=after, waiting=waiting) is stands


def test_moves_to_the_machine_itself_stand_until_its_end_reaches_them() -> None:
    later = replace(QUEUE.operations[0], start=300, end=360)
    moves = moves_between(QUEUE, replace(QUEUE, operations=(later,)), ORIGIN, {(1, 1)})

    def stands(until: int) -> bool:
        return still_stand(moves, before=[outage(60)], after=[outage(until)], waiting={})

    assert stands(300)
    assert not stands(301)


def test_what_a_person_says_anew_is_always_news() -> None:
    entry = {"machine_id": 11, "machine": "M11", "step": None, "until": "2026-03-02T10:00+00:00"}
    newer = entry | {"until": "2026-03-02T10:01+00:00"}
    assert still_stand([], before=[entry], after=[entry], waiting={})
    assert not still_stand([], before=[entry], after=[newer], waiting={})
