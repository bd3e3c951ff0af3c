"""Say what an event did to a plan: what was lost, what moved for it, and which dates broke."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from scheduling.core.schedule import Assignment


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One booking that nobody took away and that moved all the same.

    `after` is None when its lot was cut anew or found no place.
    """

    before: Assignment
    after: Assignment | None


@dataclass(frozen=True, kw_only=True)
class Late:
    """An order that ends after its promise; `is_unavoidable` when that is proven."""

    order: str
    promised: int
    completion: int
    is_unavoidable: bool


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What became of an event; the book holds it already.

    `lost` was taken away by the event, `placed` are the new bookings, `moved` those that made
    room. `unplaced` counts, per order and step, the pieces that found no place; where their
    order has an outside price, the cost counts them as bought there.
    """

    lost: tuple[Assignment, ...]
    placed: tuple[Assignment, ...]
    moved: tuple[Moved, ...]
    late: tuple[Late, ...]
    unplaced: dict[tuple[str, int], int]
    cost_before_minor: int
    cost_after_minor: int

    @property
    def lost_minutes(self) -> int:
        """Minutes of work that the event took away."""
        return sum(a.end - a.start for a in self.lost)

    @property
    def moved_minutes(self) -> int:
        """Minutes of work that moved although nothing took them away."""
        return sum(moved.before.end - moved.before.start for moved in self.moved)


def moved(gone: Collection[Assignment], new: Collection[Assignment]) -> Iterator[Moved]:
    """Yield what moved; a booking that only got its set-up before it did not."""
    now_at = {(a.order, a.lot, a.step): a for a in new}
    for before in sorted(gone):
        after = now_at.get((before.order, before.lot, before.step))
        if after is None or (after.machine, after.end) != (before.machine, before.end):
            yield Moved(before=before, after=after)
