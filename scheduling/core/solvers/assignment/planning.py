"""Turn assigned minutes into lots on machines, and mend what does not fit."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scheduling.core.calendars import Calendar
from scheduling.core.problem import MINUTES_PER_HOUR, Window
from scheduling.core.solvers.assignment.block import Block, Floats
from scheduling.core.solvers.assignment.placing import PlacedLot, Placement, Work, place

ROUNDING = 1e-6
NEGLIGIBLE = 1e-4
"""Share of an order that is not worth mending, when it can be bought outside."""


@dataclass(frozen=True, kw_only=True)
class BlockPlan:
    """The lots of one block, and how many pieces of each order (by position) no lot makes."""

    lots: list[PlacedLot]
    missing: dict[int, int]


class BlockPlanner:
    """Plans the machines of one block one by one; use it once."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self._calendars: dict[int, Calendar] = {}
        self._wanted: dict[int, dict[int, int]] = defaultdict(dict)
        self._placements: dict[int, Placement] = {}

    def plan(self, minutes: Floats) -> BlockPlan:
        """Place what `minutes` of each slot make; where pieces are left over, look elsewhere."""
        made = self._quantities(minutes)
        for pair, quantity in made.items():
            self._wanted[int(self.block.pair_machine[pair])][pair] = quantity
        for machine in sorted(self._wanted):
            self._placements[machine] = self._placed(machine, self._wanted[machine])
        missing = dict(enumerate(self.block.demand.tolist()))
        for pair, quantity in made.items():
            missing[int(self.block.pair_order[pair])] -= quantity
        left_over = self._settled()
        for order in sorted(missing):
            must_make = not np.isfinite(self.block.outside_price[order])
            wanted = left_over[order] + (missing[order] if must_make else 0)
            missing[order] += left_over[order]
            if wanted > (0 if must_make else NEGLIGIBLE * self.block.demand[order]):
                missing[order] -= self._mended(order, wanted)
        lots = [lot for m in sorted(self._placements) for lot in self._placements[m].lots]
        return BlockPlan(lots=lots, missing={o: count for o, count in missing.items() if count})

    def _settled(self) -> dict[int, int]:
        """Let machines want no more than they make; return per order what they leave over.

        What is left over is looked for on every machine again, and must not turn up twice.
        """
        left_over: dict[int, int] = defaultdict(int)
        for machine, placement in self._placements.items():
            for pair, pieces in placement.left_over.items():
                left_over[int(self.block.pair_order[pair])] += pieces
                self._wanted[machine][pair] -= pieces
            placement.left_over.clear()
        return left_over

    def _quantities(self, minutes: Floats) -> dict[int, int]:
        """Return whole pieces for each pair that is used, no more than each order asks for."""
        block = self.block
        worked = np.bincount(block.cells.slot_pair, weights=minutes, minlength=block.pairs)
        pieces = (worked - block.pair_set_up) / block.minutes_per_piece
        used = np.flatnonzero(pieces >= block.pair_min_lot - 0.5)
        whole = {int(pair): int(pieces[pair] + ROUNDING) for pair in used}
        for pair in whole:
            whole[pair] = max(whole[pair], int(block.pair_min_lot[pair]))
        for order, pairs in self._by_order(used):
            total = sum(pieces[pair] for pair in pairs)
            spare = min(int(total + ROUNDING), int(block.demand[order]))
            spare -= sum(whole[pair] for pair in pairs)
            for pair in sorted(pairs, key=lambda pair: whole[pair] - pieces[pair]):
                step = (
                    min(1, spare)
                    if spare > 0
                    else max(spare, block.pair_min_lot[pair] - whole[pair])
                )
                whole[pair] += int(step)
                spare -= int(step)
            if spare < 0:
                del whole[min(pairs, key=lambda pair: whole[pair])]
        return whole

    def _by_order(self, pairs: np.ndarray) -> Iterator[tuple[int, list[int]]]:
        """Group pairs, which are sorted by order."""
        groups: dict[int, list[int]] = {}
        for pair in pairs:
            groups.setdefault(int(self.block.pair_order[pair]), []).append(int(pair))
        yield from groups.items()

    def _mended(self, order: int, wanted: int) -> int:
        """Find room for `wanted` more pieces of an order, on its cheapest machines first."""
        block = self.block
        prices = block.price_per_minute * block.minutes_per_piece
        first, last = np.searchsorted(block.pair_order, (order, order + 1))
        found = 0
        for pair in sorted(range(first, last), key=lambda pair: (prices[pair], pair)):
            if found == wanted or prices[pair] >= block.outside_price[order]:
                break
            found += self._added(pair, wanted - found)
        return found

    def _added(self, pair: int, pieces: int) -> int:
        """Give a pair up to `pieces` more, if nothing else has to give way; return how many."""
        machine = int(self.block.pair_machine[pair])
        wanted = self._wanted[machine]
        had = wanted.get(pair, 0)
        trial = self._placed(machine, wanted | {pair: had + pieces})
        gained = pieces - trial.left_over.get(pair, 0)
        if gained <= 0 or trial.left_over.keys() - {pair}:
            return 0
        wanted[pair] = had + gained
        self._placements[machine] = trial
        trial.left_over.pop(pair, None)
        return gained

    def _placed(self, machine: int, wanted: dict[int, int]) -> Placement:
        works = [(self._work(pair), quantity) for pair, quantity in wanted.items()]
        return place(self._calendar(machine), works)

    def _calendar(self, machine: int) -> Calendar:
        if machine not in self._calendars:
            starts, ends = self.block.windows(machine)
            spans = zip(starts.tolist(), ends.tolist(), strict=True)
            windows = [Window(start=start, end=end) for start, end in spans]
            self._calendars[machine] = Calendar(windows)
        return self._calendars[machine]

    def _work(self, pair: int) -> Work:
        block = self.block
        pieces, per = (int(part) for part in block.pair_rate[pair])
        return Work(
            pair=pair,
            start=int(block.pair_start[pair]),
            end=int(block.pair_end[pair]),
            numerator=MINUTES_PER_HOUR * per,
            denominator=pieces,
            set_up=int(block.pair_set_up[pair]),
            min_lot=int(block.pair_min_lot[pair]),
            max_lot=int(block.pair_max_lot[pair]),
            resumable=bool(block.pair_resumable[pair]),
        )
