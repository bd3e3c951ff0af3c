"""Which lots may go to other factories, and whether they get there in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from marketplace.core.disruption import Disruption, Halt, Reach
from marketplace.core.frozen import FrozenPart
from marketplace.core.leaving import Leaving, arrives_in_time, leaving_of, may_leave
from marketplace.core.plan_json import PlanDocument
from tests.core.marketplace.test_disruption import ORIGIN, lot, plan

UID = UUID("019555a0-0000-7000-8000-000000000001")
MINUTE = timedelta(minutes=1)


def chain(start: int, *, lag: int = 30) -> PlanDocument:
    """Return a lot whose second step begins at a minute, its first at the origin."""
    made = plan(lot(1, 0), lot(1, start, machine=1, step=2))
    first, second = made.operations
    return replace(made, operations=(replace(first, lag=lag), second))


def frozen(document: PlanDocument, *, begins: int) -> FrozenPart:
    return FrozenPart(
        plan=document,
        plan_uid=UID,
        origin_at=ORIGIN,
        returned=frozenset({(1, 2)}),
        returned_by=7,
        offer_uid=UID,
        disruption=Disruption(
            supplier_id=7,
            halts=(Halt(machine_id=12, until_at=ORIGIN + 900 * MINUTE),),
            begins_at=ORIGIN + begins * MINUTE,
            reach=Reach.ELSEWHERE,
        ),
    )


def test_what_has_been_sent_to_a_factory_stays_there_and_keeps_all_that_are_hit() -> None:
    assert may_leave({(1, 1), (2, 2)}, here=set())
    assert may_leave({(1, 1)}, here={(1, 1), (2, 2)})
    assert not may_leave({(1, 1), (2, 2)}, here={(2, 2)})


@pytest.mark.parametrize(
    ("start", "begins", "is_in_time"),
    [
        (90, 0, True),
        (89, 0, False),
        (150, 120, True),  # made long ago, but nobody sends it before all have agreed
        (149, 120, False),
    ],
)
def test_a_lot_sets_out_when_it_is_made_and_the_change_is_agreed(
    start: int, begins: int, is_in_time: bool
) -> None:
    document = chain(start)
    assert arrives_in_time(document, frozen(document, begins=begins)) is is_in_time


def test_what_leaves_is_named_with_its_place_and_reads_back() -> None:
    document = chain(90)
    (one,) = leaving_of(frozen(document, begins=0))
    assert (one.lot, one.step, one.operation_uid) == (1, 2, document.operation_uid(1, 2))
    assert one.place.start_at == ORIGIN + 90 * MINUTE
    assert Leaving.from_json(one.to_json()) == one
