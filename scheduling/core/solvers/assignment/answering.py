"""Answer one question about one block, in this process or in another one."""

from dataclasses import dataclass, field, replace
from enum import Enum

import highspy
import numpy as np
import numpy.typing as npt

from scheduling.core.rents import RENT_SCALE
from scheduling.core.solvers.assignment.block import Block, Floats, Ints, Share
from scheduling.core.solvers.assignment.planning import BlockPlan, BlockPlanner
from scheduling.core.solvers.assignment.programme import Assigned, Programme

Statuses = tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]
"""The basis statuses of columns and rows, as numbers that can be sent."""

MachineRents = dict[int, list[tuple[int, int]]]
"""By position of the machine in the problem: the (minute, rent) from which each rent holds."""


class Wanted(Enum):
    """How far to go."""

    PRICES = "prices"
    """Solve the linear relaxation."""
    MINUTES = "minutes"
    """Decide which pairs to use, too."""
    PLAN = "plan"
    """Place lots, too."""


@dataclass(frozen=True, kw_only=True)
class BlockQuestion:
    """A block, its share of the cells' time (None: all of it), and how far to go.

    `basis` is that of an earlier answer about the same block.
    """

    block: Block
    wanted: Wanted = Wanted.PLAN
    share: Share | None = None
    basis: Statuses | None = None


@dataclass(frozen=True, kw_only=True)
class BlockAnswer:
    """Price of a minute of each cell, minutes of each slot, and the plan if it was wanted.

    With a plan come the prices as `rents`, by position of the machine in the problem.
    """

    cell_price: Floats
    minutes: Floats
    basis: Statuses | None = None
    plan: BlockPlan | None = None
    rents: MachineRents = field(default_factory=dict)


def answer(question: BlockQuestion) -> BlockAnswer:
    """Price the time of a block's machines and, if wanted, assign and plan it."""
    block = question.block
    if not block.pairs:
        nothing = BlockPlan(lots=[], missing=dict(enumerate(block.demand.tolist())))
        return BlockAnswer(cell_price=np.zeros(0), minutes=np.zeros(0), plan=nothing)
    share = question.share or Share.everything(block)
    programme = Programme(block, share)
    relaxed = programme.relaxed(_basis(question.basis))
    if question.wanted is Wanted.PRICES:
        basis = _statuses(programme.basis)
        return BlockAnswer(cell_price=relaxed.cell_price, minutes=relaxed.minutes, basis=basis)
    decided = programme.decided(relaxed)
    if question.wanted is Wanted.MINUTES:
        return BlockAnswer(cell_price=relaxed.cell_price, minutes=decided.minutes)
    return BlockAnswer(
        cell_price=relaxed.cell_price,
        minutes=decided.minutes,
        plan=_plan(block, share, decided),
        rents=machine_rents(block, relaxed.cell_price),
    )


def _plan(block: Block, share: Share, decided: Assigned) -> BlockPlan:
    """Place lots; where an order cannot be made whole, let it make room for the others."""
    plan = BlockPlanner(block).plan(decided.minutes)
    while len(lacking := _lacking(block, plan)):
        given_up = lacking[: (len(lacking) + 1) // 2]
        outside_price = block.outside_price.copy()
        outside_price[given_up] = 0.0
        block = replace(block, outside_price=outside_price)
        programme = Programme(block, share)
        plan = BlockPlanner(block).plan(programme.decided(programme.relaxed()).minutes)
    return plan


def _lacking(block: Block, plan: BlockPlan) -> Ints:
    """Return the orders that lack pieces which must be made, the largest lack first."""
    missing = np.zeros(block.orders)
    for order, pieces in plan.missing.items():
        missing[order] = pieces / block.demand[order]
    missing[np.isfinite(block.outside_price)] = 0.0
    worst_first = np.argsort(-missing, kind="stable")
    return worst_first[missing[worst_first] > 0.0]


def machine_rents(block: Block, cell_price: Floats) -> MachineRents:
    """Turn prices of cells into whole rents by machine: the (minute, rent) where each begins."""
    cells = block.cells
    found: MachineRents = {}
    for cell in np.flatnonzero(cell_price * RENT_SCALE >= 1.0):
        machine = int(block.machine_ids[cells.machine[cell]])
        steps = found.setdefault(machine, [])
        start, end = int(cells.start[cell]), int(cells.end[cell])
        if steps and steps[-1][0] == start:
            steps.pop()
        steps += [(start, round(float(cell_price[cell]) * RENT_SCALE)), (end, 0)]
    return found


def _statuses(basis: highspy.HighsBasis) -> Statuses:
    columns, rows = ([int(each) for each in part] for part in (basis.col_status, basis.row_status))
    return np.array(columns, dtype=np.int8), np.array(rows, dtype=np.int8)


def _basis(statuses: Statuses | None) -> highspy.HighsBasis | None:
    if statuses is None:
        return None
    basis = highspy.HighsBasis()
    basis.col_status, basis.row_status = (
        [highspy.HighsBasisStatus(int(each)) for each in part] for part in statuses
    )
    basis.valid = True
    return basis
