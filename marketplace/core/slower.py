"""A machine that is slower than the lots that wait for it were planned with, and when that counts.

The planned rate is read from the lots' own minutes: one that rounding hides delays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

MINUTE = timedelta(minutes=1)
FALLS = 0.10
"""By more than this share below the planned rate a machine is slow; so much is news again."""
RECOVERS = 0.05
"""By less than this it is slow no more; in between it stays as it was."""
LATE_AFTER = timedelta(hours=1)
"""So much later than planned a lot would end, at the least, where it matters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slow:
    """What is said of a machine and process: its rate, and the one that lots were planned with."""

    rate: float
    planned_rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedLot:
    """A lot of a machine that has not ended; `is_waiting` where it has not begun either."""

    order_uid: UUID
    process: str
    start_at: datetime
    end_at: datetime
    set_up_minutes: int
    quantity: int
    is_waiting: bool

    @property
    def work_minutes(self) -> int:
        """Return the machine time that was planned without set-up, at least a minute."""
        return max(1, (self.end_at - self.start_at) // MINUTE - self.set_up_minutes)


def slow_orders(queue: Iterable[QueuedLot], *, process: str, rate: float) -> set[UUID]:
    """Return the orders of which lots wait that were planned faster than a rate."""
    found: dict[UUID, list[QueuedLot]] = {}
    for one in queue:
        if one.is_waiting and one.process == process:
            found.setdefault(one.order_uid, []).append(one)
    return {uid for uid, lots in found.items() if rate < (1 - RECOVERS) * _planned_rate(lots)}


def worst_delay(queue: Iterable[QueuedLot], *, process: str, rate: float) -> timedelta:
    """Return by how much the latest lot ends after its plan when a process has this rate.

    Each lot begins as planned or after the one before it. Hours in which the shop is closed are
    not looked up: what is pushed across them ends later still.
    """
    worst, free_at = timedelta(0), None
    for one in sorted(queue, key=lambda lot: lot.start_at):
        start_at = one.start_at if free_at is None else max(one.start_at, free_at)
        length = one.end_at - one.start_at
        if one.process == process:
            length = max(length, (one.set_up_minutes + one.quantity * 60 / rate) * MINUTE)
        free_at = start_at + length
        worst = max(worst, free_at - one.end_at)
    return worst


def slow_after(
    kept: Slow | None, *, rate: float | None, process: str, queue: Sequence[QueuedLot]
) -> Slow | None:
    """Return what is to be said of a machine's pace for a process now, if anything.

    It is said first when lots would end late, stays while the rate changes little, and ends when
    the machine has caught up or nothing waits any more that was planned faster.

    Args:
        rate: what plans reckon with now, pieces an hour; None: nothing that has been learned.
        queue: the machine's lots that have not ended, of all processes.
    """
    orders = set() if rate is None else slow_orders(queue, process=process, rate=rate)
    if rate is None or not orders:
        return None
    if kept is not None and abs(rate - kept.rate) <= FALLS * kept.rate:
        return kept
    lots = [
        one
        for one in queue
        if one.is_waiting and one.process == process and one.order_uid in orders
    ]
    said = Slow(rate=rate, planned_rate=_planned_rate(lots))
    is_far = rate < (1 - FALLS) * said.planned_rate
    is_late = worst_delay(queue, process=process, rate=rate) >= LATE_AFTER
    return said if kept is not None or (is_far and is_late) else None


def _planned_rate(lots: Sequence[QueuedLot]) -> float:
    """Return with how many pieces an hour lots were planned, all together."""
    return sum(one.quantity for one in lots) * 60 / sum(one.work_minutes for one in lots)
