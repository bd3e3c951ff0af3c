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
