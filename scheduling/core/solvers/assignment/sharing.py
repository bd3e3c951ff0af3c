"""Plan one large component part by part, and let the parts trade the machines they share.

Every cell of time on a shared machine is allotted among its parts. In each round each part
solves its own linear relaxation and says what a minute more of each cell is worth to it; time
then moves from parts where it is worth less to those where it is worth more, in ever smaller
steps (price-directed decomposition). The worths at the end are rents for the bound; since any
rents prove one, nothing depends on how far the trade has come but the gap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scheduling.core.solvers.assignment.answering import (
    BlockAnswer,
    BlockQuestion,
    MachineRents,
    Statuses,
    Wanted,
    machine_rents,
)
from scheduling.core.solvers.assignment.block import Block, Floats, Share
from scheduling.core.solvers.assignment.cutting import cut
from scheduling.core.solvers.assignment.fan_out import FanOut
from scheduling.core.solvers.assignment.planning import BlockPlan, BlockPlanner
from scheduling.core.solvers.incumbent import Clock

IsOver = Callable[[], bool]

STEPS = (2.0, 1.0, 0.5, 0.25)
"""How far holdings move, round by round: by which multiple of a cell at most, before they are
scaled to fit it again. Large first steps reach in four rounds what small ones reach in ten."""


@dataclass(frozen=True, kw_only=True)
class SharedPlan:
    """The plan of the whole block, and rents that bound its cost."""

    plan: BlockPlan
    rents: MachineRents


def plan_shared(
    block: Block, fan_out: FanOut, *, clock: Clock, is_over: IsOver
) -> SharedPlan | None:
    """Plan a block that is too large for one programme; None when there is no time for it.

    The trade ends early when half of the time is gone; parts that are not decided in the rest
    make nothing.
    """
    half = clock.remaining / 2
    trade = _Trade(block, fan_out)
    if not trade.settle(None, is_over=is_over):
        return None
    for step in STEPS:
        if not trade.settle(step, is_over=lambda: clock.remaining < half or is_over()):
            break
    rents = machine_rents(block, trade.worth(is_over=is_over))
    plan = BlockPlanner(block).plan(trade.minutes(is_over=is_over))
    return SharedPlan(plan=plan, rents=rents)


class _Trade:
    """The state of the trade: what each part holds of each shared cell, and what it is worth.

    A *holding* is one part in one shared cell; arrays of holdings are sorted by part.
    """

    def __init__(self, block: Block, fan_out: FanOut) -> None:
        self.block = block
        self.parts = [block.part(np.array(orders, dtype=np.int64)) for orders in cut(block)]
        self._fan_out = fan_out
        cells = block.cells
        self._whole = cells.minutes.astype(np.float64)
        holders = np.bincount(
            np.concatenate([part.cells for part in self.parts]), minlength=len(cells.minutes)
        )
        self._is_shared = holders > 1
        self._shared = [self._is_shared[part.cells] for part in self.parts]
        held = [part.cells[shared] for part, shared in zip(self.parts, self._shared, strict=True)]
        self._cell = np.concatenate(held)
        self._of_part = np.split(np.arange(len(self._cell)), np.cumsum([len(h) for h in held])[:-1])
        self._holding = self._whole[self._cell]
        self._worth = np.zeros(len(self._cell))
        self._price = np.zeros(len(self._whole))
        self._bases: list[Statuses | None] = [None] * len(self.parts)

    def settle(self, step: float | None, *, is_over: IsOver) -> bool:
        """Ask all parts for worths, and let holdings change by `step`; False when time is over.

        With `step` None, parts are asked as if each had all shared time, and what they would
        use becomes their first holding.
        """
        used = np.zeros(len(self._cell))
        replies = self._asked(Wanted.PRICES, self._shares(is_tight=False), is_over=is_over)
        for at, reply in enumerate(replies):
            if reply is None:
                return False
            part, mine = self.parts[at], self._of_part[at]
            self._bases[at] = reply.basis
            self._price[part.cells] = reply.cell_price
            self._worth[mine] = reply.cell_price[self._shared[at]]
            slot_cell = part.block.cells.slot_cell
            by_cell = np.bincount(slot_cell, weights=reply.minutes, minlength=len(part.cells))
            used[mine] = by_cell[self._shared[at]]
        if step is None:
            self._holding = self._to_whole(used + 1e-3)
        else:
            mean = self._mean_worth()[self._cell]
            most = np.zeros(len(self._whole))
            np.maximum.at(most, self._cell, self._worth)
            pull = (self._worth - mean) / np.maximum(most[self._cell], 1e-9)
            moved = self._holding + step * self._whole[self._cell] * pull
            self._holding = self._to_whole(np.maximum(moved, 0.0))
        return True

    def worth(self, *, is_over: IsOver) -> Floats:
        """Return the price of each cell: of shared ones, the holders' mean worth.

        The others' are those that parts find when they pay that much for shared time.
        """
        mean = self._mean_worth()
        shares = [
            Share(
                minutes=self._whole[part.cells],
                rent=np.where(shared, mean[part.cells], 0.0),
                is_shared=shared,
            )
            for part, shared in zip(self.parts, self._shared, strict=True)
        ]
        replies = self._asked(Wanted.PRICES, shares, is_over=is_over)
        price = np.where(self._is_shared, mean, self._price)
        for part, shared, reply in zip(self.parts, self._shared, replies, strict=True):
            if reply is not None:
                price[part.cells[~shared]] = reply.cell_price[~shared]
        return price

    def minutes(self, *, is_over: IsOver) -> Floats:
        """Return what the parts decide to use of their holdings, by slot of the block."""
        shares = self._shares(is_tight=True)
        replies = self._asked(Wanted.MINUTES, shares, is_over=is_over)
        minutes = np.zeros(len(self.block.cells.slot_pair))
        for part, reply in zip(self.parts, replies, strict=True):
            if reply is not None:
                minutes[part.slots] = reply.minutes
        return minutes

    def _asked(
        self, wanted: Wanted, shares: Sequence[Share], *, is_over: IsOver
    ) -> list[BlockAnswer | None]:
        questions = [
            BlockQuestion(block=part.block, wanted=wanted, share=share, basis=basis)
            for part, share, basis in zip(self.parts, shares, self._bases, strict=True)
        ]
        return self._fan_out.answers(questions, is_over=is_over)

    def _shares(self, *, is_tight: bool) -> list[Share]:
        shares: list[Share] = []
        for part, shared, mine in zip(self.parts, self._shared, self._of_part, strict=True):
            minutes = self._whole[part.cells]
            minutes[shared] = self._holding[mine]
            rent = np.zeros(len(minutes))
            shares.append(Share(minutes=minutes, rent=rent, is_shared=shared, is_tight=is_tight))
        return shares

    def _to_whole(self, holding: Floats) -> Floats:
        """Scale holdings so that those of each cell add up to its time."""
        total = np.bincount(self._cell, weights=holding, minlength=len(self._whole))
        scale = self._whole / np.maximum(total, 1e-9)
        return np.asarray(holding * scale[self._cell], dtype=np.float64)

    def _mean_worth(self) -> Floats:
        """Return the worth of each shared cell, each holder's counting by what it holds."""
        size = len(self._whole)
        weight = self._holding + 1e-3
        total = np.bincount(self._cell, weights=weight * self._worth, minlength=size)
        weights = np.bincount(self._cell, weights=weight, minlength=size)
        return np.asarray(total / np.maximum(weights, 1e-9), dtype=np.float64)
