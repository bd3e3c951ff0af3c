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

    def open_before(self, machine: int, minutes: Ints) -> Ints:
        """Count the open minutes of a machine before each of `minutes`."""
        starts, ends = self.windows(machine)
        reached = np.clip(minutes[:, None], starts[None, :], ends[None, :]) - starts[None, :]
        return reached.sum(axis=1)

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
        """Return the block of some of the orders, cut into the same cells."""
        pairs = np.flatnonzero(np.isin(self.pair_order, orders))
        machines, pair_machine = np.unique(self.pair_machine[pairs], return_inverse=True)
        pair_at = np.full(self.pairs, -1)
        pair_at[pairs] = np.arange(len(pairs))
        slots = np.flatnonzero(pair_at[self.cells.slot_pair] >= 0)
        cells, slot_cell = np.unique(self.cells.slot_cell[slots], return_inverse=True)
        block = Block(
            order_ids=self.order_ids[orders],
            machine_ids=self.machine_ids[machines],
            demand=self.demand[orders],
            outside_price=self.outside_price[orders],
            ceiling=self.ceiling[orders],
            pair_order=np.searchsorted(orders, self.pair_order[pairs]),
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
            slot_pair=pair_at[self.cells.slot_pair[slots]],
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
    machine: list[int] = []
    start: list[int] = []
    end: list[int] = []
    minutes: list[int] = []
    slots: list[tuple[int, int]] = []
    by_machine = np.argsort(block.pair_machine, kind="stable")
    bounds = np.searchsorted(block.pair_machine[by_machine], np.arange(block.machines + 1))
    for m in range(block.machines):
        pairs = by_machine[bounds[m] : bounds[m + 1]]
        edges = np.unique(np.concatenate((block.pair_start[pairs], block.pair_end[pairs])))
        opened = block.open_before(m, edges)
        for index in range(len(edges) - 1):
            if opened[index + 1] <= opened[index]:
                continue
            here = pairs[
                (block.pair_start[pairs] <= edges[index])
                & (block.pair_end[pairs] >= edges[index + 1])
            ]
            if len(here):
                slots.extend((int(pair), len(machine)) for pair in here)
                machine.append(m)
                start.append(int(edges[index]))
                end.append(int(edges[index + 1]))
                minutes.append(int(opened[index + 1] - opened[index]))
    slots.sort()
    return Cells(
        machine=np.array(machine, dtype=np.int64),
        start=np.array(start, dtype=np.int64),
        end=np.array(end, dtype=np.int64),
        minutes=np.array(minutes, dtype=np.int64),
        slot_pair=np.array([pair for pair, _ in slots], dtype=np.int64),
        slot_cell=np.array([cell for _, cell in slots], dtype=np.int64),
    )
