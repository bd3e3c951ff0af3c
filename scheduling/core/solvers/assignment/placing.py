"""Give the pieces of each pair their times: lots that fit the windows of one machine.

Pairs take a machine's time one after the other, most urgent first; each takes the first gap
that holds all its pieces or, failing that, as much of each gap as it can. A lot that may not
pause stays within one window; a run of lots of one order pays one set-up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scheduling.core.calendars import NEVER, Calendar
from scheduling.core.problem import ceil_div


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a pair may do on its machine; a piece takes `numerator / denominator` minutes."""

    pair: int
    start: int
    end: int
    numerator: int
    denominator: int
    set_up: int
    min_lot: int
    max_lot: int
    resumable: bool

    def minutes(self, quantity: int) -> int:
        """Return the working minutes of a lot."""
        return ceil_div(quantity * self.numerator, self.denominator)

    def pieces(self, minutes: int) -> int:
        """Return the largest lot that these working minutes hold."""
        return max(0, minutes) * self.denominator // self.numerator


class PlacedLot(NamedTuple):
    """A lot of one pair at its time."""

    pair: int
    start: int
    end: int
    quantity: int
    set_up: int


@dataclass(kw_only=True)
class Placement:
    """The lots of one machine, in order of time, and the pieces of each pair left over."""

    lots: list[PlacedLot] = field(default_factory=list)
    left_over: dict[int, int] = field(default_factory=dict)

    @property
    def rank(self) -> tuple[int, int]:
        """Rank by pieces left over, then by set-up minutes: less is better."""
        return sum(self.left_over.values()), sum(lot.set_up for lot in self.lots)


def place(calendar: Calendar, wanted: Sequence[tuple[Work, int]]) -> Placement:
    """Place quantities of several pairs on one machine, in the better of two sequences."""
    by_end = sorted(wanted, key=lambda each: (each[0].end, each[0].start, each[0].pair))
    best = _placed(calendar, by_end)
    if best.left_over or len(best.lots) > len(wanted):
        by_start = sorted(wanted, key=lambda each: (each[0].start, each[0].end, each[0].pair))
        if by_start != by_end:
            best = min(best, _placed(calendar, by_start), key=lambda placement: placement.rank)
    return best


def _placed(calendar: Calendar, sequence: Sequence[tuple[Work, int]]) -> Placement:
    placement = Placement()
    for work, quantity in sequence:
        runs = _runs(calendar, placement.lots, work, quantity)
        placed = sum(lot.quantity for lot in runs)
        if placed < quantity:
            placement.left_over[work.pair] = quantity - placed
        placement.lots.extend(runs)
        placement.lots.sort(key=lambda lot: lot.start)
    return placement


def _runs(
    calendar: Calendar, lots: Sequence[PlacedLot], work: Work, quantity: int
) -> list[PlacedLot]:
    """Return lots of at most `quantity` pieces in the gaps between `lots`."""
    gaps = list(_gaps(lots, work))
    best: list[PlacedLot] = []
    for start, end in gaps:
        run = _run(calendar, work, start, end, quantity)
        if sum(lot.quantity for lot in run) == quantity:
            return run
        best = best or run
    if len(gaps) < 2:
        return best
    found: list[PlacedLot] = []
    for start, end in gaps:
        run = _run(calendar, work, start, end, quantity)
        quantity -= sum(lot.quantity for lot in run)
        found.extend(run)
    return found


def _gaps(lots: Sequence[PlacedLot], work: Work) -> Iterator[tuple[int, int]]:
    """Yield the free spans; none within a run of lots, whose later ones count on its set-up."""
    at = work.start
    previous: PlacedLot | None = None
    for lot in lots:
        follows = previous is not None and previous.pair == lot.pair and not lot.set_up
        if min(lot.start, work.end) > at and not follows:
            yield at, min(lot.start, work.end)
        at, previous = max(at, lot.end), lot
    if at < work.end:
        yield at, work.end


def _run(calendar: Calendar, work: Work, start: int, end: int, quantity: int) -> list[PlacedLot]:
    """Return a run of lots with one set-up that holds as much of `quantity` as fits the gap."""
    sizes = _paused if work.resumable else _unpaused
    found: list[PlacedLot] = []
    at, set_up = start, work.set_up
    for size in sizes(calendar, work, start, end, quantity):
        minutes = set_up + work.minutes(size)
        at = calendar.next_open(at) if work.resumable else calendar.whole_start(at, minutes)
        finish = calendar.finish(at, minutes) if at < NEVER else NEVER
        if finish > end:
            break
        found.append(PlacedLot(work.pair, at, finish, size, set_up))
        at, set_up = finish, 0
    return found


def _paused(calendar: Calendar, work: Work, start: int, end: int, quantity: int) -> list[int]:
    """Return the sizes of lots that may pause."""
    most = min(quantity, work.pieces(calendar.open_between(start, end) - work.set_up))
    return _sizes(most, work)


def _unpaused(calendar: Calendar, work: Work, start: int, end: int, quantity: int) -> list[int]:
    """Return the sizes of lots that each fit into one window, the first with its set-up."""
    sizes: list[int] = []
    set_up = work.set_up
    windows = list(calendar.slices(start, end))
    for window in windows:
        fits = work.pieces(window.end - window.start - set_up)
        here = _sizes(min(quantity, fits), work)
        if here:
            set_up = 0
            sizes.extend(here)
            quantity -= sum(here)
        if 0 < quantity < work.min_lot and sizes and window is not windows[-1]:
            moved = work.min_lot - quantity
            if sizes[-1] - moved >= work.min_lot:
                sizes[-1] -= moved
                quantity += moved
    return sizes


def _sizes(quantity: int, work: Work) -> list[int]:
    """Cut a quantity into the fewest lots within the limits, all alike to within one piece."""
    if quantity < work.min_lot:
        return []
    count = ceil_div(quantity, work.max_lot)
    if quantity < count * work.min_lot:
        return [work.max_lot] * (count - 1)
    size, larger = divmod(quantity, count)
    return [size + 1] * larger + [size] * (count - larger)
