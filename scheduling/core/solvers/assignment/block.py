"""Hold one part of a market as columns of numbers, small to send and quick to reckon with.

A *pair* is one order on one machine that may work for it. A *cell* is a span of one machine's
time within which the same pairs may work: nothing is lost by asking only how many minutes of a
cell each pair takes. A *slot* is one pair in one cell.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Orders and machines that are planned together; all arrays are indexed by position.

    `order_ids` and `machine_ids` are positions in the problem. Pairs are sorted by order.
    `outside_price` is infinite where every piece must be made, `ceiling` where there is none.
    `window_of` gives for each machine where its windows begin in `window_start` and
    `window_end`, with one more entry at the end. `pair_rate` is (numerator, denominator).
    """

    order_ids: Ints
    machine_ids: Ints
    demand: Ints
    outside_price: Floats
    ceiling: Floats
    pair_order: Ints
    pair_machine: Ints
    pair_rate: Ints
    pair_price: Ints
    pair_set_up: Ints
    pair_min_lot: Ints
    pair_max_lot: Ints
    pair_resumable: npt.NDArray[np.bool_]
    pair_start: Ints
    pair_end: Ints
    window_of: Ints
    window_start: Ints
    window_end: Ints

    @property
    def orders(self) -> int:
        """Number of orders."""
        return len(self.order_ids)

    @property
    def machines(self) -> int:
        """Number of machines."""
        return len(self.machine_ids)

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return len(self.pair_order)

    @cached_property
    def minutes_per_piece(self) -> Floats:
        """Working minutes of one piece, by pair."""
        return 60.0 * self.pair_rate[:, 1] / self.pair_rate[:, 0]

    @cached_property
    def price_per_minute(self) -> Floats:
        """Minor units per working or set-up minute, by pair."""
        return self.pair_price / 60.0

    @cached_property
    def least_minutes(self) -> Floats:
        """Minutes of the smallest use of a pair: its set-up and its smallest lot."""
        return self.pair_set_up + self.pair_min_lot * self.minutes_per_piece

    def windows(self, machine: int) -> tuple[Ints, Ints]:
        """Return the starts and ends of the windows of one machine, in order of time."""
        span = slice(self.window_of[machine], self.window_of[machine + 1])
        return self.window_start[span], self.window_end[span]

    @cached_property
    def reachable_minutes(self) -> Floats:
        """Open minutes that each pair can reach."""
        cells = self.cells
        minutes = cells.minutes[cells.slot_cell]
        total = np.bincount(cells.slot_pair, weights=minutes, minlength=self.pairs)
        return total.astype(np.float64)

    @cached_property
    def cells(self) -> "Cells":
        """The cells of all machines and the slots in them."""
        return _cells(self)

    def part(self, orders: Ints) -> "Part":
        """Return the block of some of the orders, which are sorted, cut into the same cells."""
        pairs, pair_order = _runs(self.pair_order, orders)
        slots, slot_pair = _runs(self.cells.slot_pair, pairs)
        machines, pair_machine = np.unique(self.pair_machine[pairs], return_inverse=True)
        cells, slot_cell = np.unique(self.cells.slot_cell[slots], return_inverse=True)
        block = Block(
            order_ids=self.order_ids[orders],
            machine_ids=self.machine_ids[machines],
            demand=self.demand[orders],
            outside_price=self.outside_price[orders],
            ceiling=self.ceiling[orders],
            pair_order=pair_order,
            pair_machine=pair_machine,
            **{name: getattr(self, name)[pairs] for name in _PAIR_FIGURES},
            window_of=np.zeros(len(machines) + 1, dtype=np.int64),
            window_start=self.window_start[:0],
            window_end=self.window_end[:0],
        )
        block.__dict__["cells"] = Cells(
            machine=np.searchsorted(machines, self.cells.machine[cells]),
            start=self.cells.start[cells],
            end=self.cells.end[cells],
            minutes=self.cells.minutes[cells],
            slot_pair=slot_pair,
            slot_cell=slot_cell,
        )
        return Part(block=block, slots=slots, cells=cells)


_PAIR_FIGURES = (
    "pair_rate",
    "pair_price",
    "pair_set_up",
    "pair_min_lot",
    "pair_max_lot",
    "pair_resumable",
    "pair_start",
    "pair_end",
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some orders of a block as a block without windows, and where its slots and cells were."""

    block: Block
    slots: Ints
    cells: Ints


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a block may take of each of its cells: minutes, each at a rent on top of its price.

    In cells marked `is_shared` others work too, so that their time has a price even where only
    one pair of the block may work. With `is_tight` false, a pair counts as used only as far as
    it fills the whole cell, whatever the share: then a minute more has its true worth.
    """

    minutes: Floats
    rent: Floats
    is_shared: npt.NDArray[np.bool_]
    is_tight: bool = True

    @classmethod
    def everything(cls, block: Block) -> "Share":
        """Return the share of a block that has its machines for itself."""
        minutes = block.cells.minutes.astype(np.float64)
        nothing = np.zeros(len(minutes))
        return cls(minutes=minutes, rent=nothing, is_shared=nothing > 0)


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Spans of machine time, and which pair may work in which; cells with no open time left out.

    Slots are sorted by pair, and within a pair by time.
    """

    machine: Ints
    start: Ints
    end: Ints
    minutes: Ints
    slot_pair: Ints
    slot_cell: Ints


def _cells(block: Block) -> Cells:
    """Cut every machine's time at the starts and ends of its pairs."""
    moments = (block.pair_start, block.pair_end, block.window_start, block.window_end)
    first = min((int(each.min()) for each in moments if len(each)), default=0)
    last = max((int(each.max()) for each in moments if len(each)), default=0)
    length = last - first + 1

    def on_axis(machine: Ints, minute: Ints) -> Ints:
        """Put minutes on one axis on which the machines' times follow each other."""
        return machine * length + (minute - first)

    window_machine = np.repeat(np.arange(block.machines), np.diff(block.window_of))
    opening = on_axis(window_machine, block.window_start)
    closing = np.maximum(opening, on_axis(window_machine, block.window_end))
    start = on_axis(block.pair_machine, block.pair_start)
    end = np.maximum(start, on_axis(block.pair_machine, block.pair_end))
    edges = np.unique(np.concatenate((start, end)))
    begins, ends = np.searchsorted(edges, start), np.searchsorted(edges, end)
    wanted = np.bincount(begins, minlength=len(edges)) - np.bincount(ends, minlength=len(edges))
    minutes = np.diff(_open_before(edges, opening, closing))
    kept = (np.cumsum(wanted)[:-1] > 0) & (minutes > 0)
    number = np.concatenate(([0], np.cumsum(kept)))
    count = number[ends] - number[begins]
    machine, minute = np.divmod(edges, length)
    return Cells(
        machine=machine[:-1][kept],
        start=minute[:-1][kept] + first,
        end=minute[1:][kept] + first,
        minutes=minutes[kept],
        slot_pair=np.repeat(np.arange(block.pairs), count),
        slot_cell=_counted(number[begins], count),
    )


def _open_before(moments: Ints, opening: Ints, closing: Ints) -> Ints:
    """Count the open minutes before each moment; the windows are sorted and do not overlap."""
    if not len(opening):
        return np.zeros(len(moments), dtype=np.int64)
    before = np.concatenate(([0], np.cumsum(closing - opening)))
    window = np.searchsorted(opening, moments, side="right") - 1
    here = np.clip(moments, opening[window], closing[window]) - opening[window]
    return np.where(window < 0, 0, before[window] + here)


def _runs(keys: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """Find `wanted` in `keys`, both sorted: where they stand, and which one stands there."""
    first = np.searchsorted(keys, wanted)
    count = np.searchsorted(keys, wanted, side="right") - first
    return _counted(first, count), np.repeat(np.arange(len(wanted)), count)


def _counted(first: Ints, count: Ints) -> Ints:
    """Return the numbers from each first one on, as many as its count says, one after another."""
    skipped = np.repeat(first - np.cumsum(count) + count, count)
    return skipped + np.arange(len(skipped))
