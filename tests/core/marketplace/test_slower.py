"""When a machine counts as slower than planned, and when it does no more."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from marketplace.core.slower import QueuedLot, Slow, slow_after, slow_orders, worst_delay
from tests.factories import NOW

ORDER, OTHER = UUID(int=1), UUID(int=2)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def lot(
    hour: float,
    *,
    minutes: int = 60,
    set_up: int = 0,
    order: UUID = ORDER,
    process: str = "press",
    quantity: int = 600,
    is_waiting: bool = True,
) -> QueuedLot:
    """Return a lot that was planned with 600 pieces an hour, unless told otherwise."""
    start_at = NOW + hour * HOUR
    return QueuedLot(
        order_uid=order,
        process=process,
        start_at=start_at,
        end_at=start_at + (minutes + set_up) * MINUTE,
        set_up_minutes=set_up,
        quantity=quantity,
        is_waiting=is_waiting,
    )


TEN = [lot(hour) for hour in range(10)]


def after(
    rate: float | None, queue: list[QueuedLot] = TEN, *, kept: Slow | None = None
) -> Slow | None:
    return slow_after(kept, rate=rate, process="press", queue=queue)


def test_a_delay_adds_up_over_a_queue_and_gaps_take_it_back() -> None:
    def delay(queue: list[QueuedLot]) -> float:
        return worst_delay(queue, process="press", rate=500) / MINUTE

    assert delay([lot(0)]) == 12
    assert delay(TEN) == 120
    assert delay([lot(0), lot(1), lot(3)]) == 24
    assert delay([lot(0, set_up=30)]) == 12
    # Another process keeps its time, but begins later.
    assert delay([lot(0), lot(1, process="cut")]) == 12
    assert delay([lot(0, minutes=90)]) == 0


@pytest.mark.parametrize(
    ("rate", "is_slow"), [(None, False), (700, False), (600, False), (545, False), (539, True)]
)
def test_a_tenth_below_plan_is_slow(rate: float | None, is_slow: bool) -> None:
    expected = Slow(rate=rate, planned_rate=600.0) if is_slow and rate else None
    assert after(rate) == expected


def test_it_is_said_only_where_a_lot_would_end_an_hour_late() -> None:
    assert after(500, TEN[:4]) is None
    assert after(500, TEN[:5]) is not None
    assert after(500, []) is None
    begun = [lot(hour, is_waiting=False) for hour in range(10)]
    assert after(500, begun) is None, "nothing can be moved any more"
    assert after(500, [*begun, lot(10)]) is not None


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (500.0, 500.0),
        (540.0, 500.0),
        (455.0, 500.0),
        (449.0, 449.0),
        (551.0, 551.0),
        (569.0, 569.0),
        (571.0, None),
        (600.0, None),
        (None, None),
    ],
)
def test_what_is_said_stays_while_little_changes(
    rate: float | None, expected: float | None
) -> None:
    found = after(rate, kept=Slow(rate=500.0, planned_rate=600.0))
    assert (None if found is None else found.rate) == expected


def test_it_ends_when_nothing_waits_that_was_planned_faster() -> None:
    kept = Slow(rate=500.0, planned_rate=600.0)
    assert after(500, TEN[:1], kept=kept) == kept
    assert after(500, [lot(hour, minutes=72) for hour in range(0, 20, 2)], kept=kept) is None
    assert after(500, [lot(hour, is_waiting=False) for hour in range(10)], kept=kept) is None


def test_only_orders_that_were_planned_faster_are_concerned() -> None:
    honest = [lot(hour, minutes=72, order=OTHER) for hour in range(20, 30, 2)]
    cut = [lot(40, process="cut", order=OTHER)]
    assert slow_orders([*TEN, *honest, *cut], process="press", rate=500) == {ORDER}


def test_one_minute_lots_never_say_that_a_machine_is_as_fast_as_planned() -> None:
    """Minutes are whole; a plan of many short lots is slower than the rate it was made with."""
    queue = [lot(n / 60, minutes=1, quantity=7) for n in range(300)]
    assert after(430, queue) is None
    found = after(300, queue)
    assert found == Slow(rate=300, planned_rate=420.0)
