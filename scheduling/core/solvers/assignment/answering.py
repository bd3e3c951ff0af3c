"""Answer one question about one block, in this process or in another one."""

from dataclasses import dataclass, replace

import highspy
import numpy as np

from scheduling.core.rents import RENT_SCALE
from scheduling.core.solvers.assignment.block import Block, Floats, Ints
from scheduling.core.solvers.assignment.planning import BlockPlan, BlockPlanner
from scheduling.core.solvers.assignment.programme import Programme


@dataclass(frozen=True, kw_only=True)
class BlockQuestion:
    """A block, the minutes of each cell that it may take (None: all), and whether to plan it.

    `basis` is that of an earlier answer about the same block.
    """

    block: Block
    capacity: Floats | None = None
    wants_plan: bool = True
    basis: tuple[Ints, Ints] | None = None


@dataclass(frozen=True, kw_only=True)
class BlockAnswer:
    """Price of a minute of each cell and the plan, if wanted; `basis` if not.

    `rents` are the prices as steps in time, by position of the machine in the problem.
    """

    cell_price: Floats
    rents: dict[int, list[tuple[int, int]]]
    basis: tuple[Ints, Ints] | None = None
    plan: BlockPlan | None = None


def answer(question: BlockQuestion) -> BlockAnswer:
    """Price the time of a block's machines and, if wanted, plan it."""
    block = question.block
    if not block.pairs:
        nothing = BlockPlan(lots=[], missing=dict(enumerate(block.demand.tolist())))
        return BlockAnswer(cell_price=np.zeros(0), rents={}, plan=nothing)
    capacity = question.capacity
    if capacity is None:
        capacity = block.cells.minutes.astype(np.float64)
    programme = Programme(block, capacity)
    relaxed = programme.relaxed(_basis(question.basis))
    price, rents = relaxed.cell_price, rent_steps(block, relaxed.cell_price)
    if not question.wants_plan:
        return BlockAnswer(cell_price=price, rents=rents, basis=_statuses(programme.basis))
    plan = BlockPlanner(block).plan(programme.decided(relaxed).minutes)
    while len(lacking := _lacking(block, plan)):
        # What cannot be made whole makes room for the rest, the worst first.
        given_up = lacking[: (len(lacking) + 1) // 2]
        outside_price = block.outside_price.copy()
        outside_price[given_up] = 0.0
        block = replace(block, outside_price=outside_price)
        programme = Programme(block, capacity)
        plan = BlockPlanner(block).plan(programme.decided(programme.relaxed()).minutes)
    return BlockAnswer(cell_price=price, rents=rents, plan=plan)


def _lacking(block: Block, plan: BlockPlan) -> Ints:
    """Return the orders that lack pieces which must be made, the largest lack first."""
    missing = np.zeros(block.orders)
    for order, pieces in plan.missing.items():
        missing[order] = pieces / block.demand[order]
    missing[np.isfinite(block.outside_price)] = 0.0
    worst_first = np.argsort(-missing, kind="stable")
    return worst_first[missing[worst_first] > 0.0]


def rent_steps(block: Block, cell_price: Floats) -> dict[int, list[tuple[int, int]]]:
    """Turn prices of cells into whole rents by machine: the (minute, rent) where each begins."""
    cells = block.cells
    found: dict[int, list[tuple[int, int]]] = {}
    for cell in np.flatnonzero(cell_price * RENT_SCALE >= 1.0):
        machine = int(block.machine_ids[cells.machine[cell]])
        steps = found.setdefault(machine, [])
        start, end = int(cells.start[cell]), int(cells.end[cell])
        if steps and steps[-1][0] == start:
            steps.pop()
        steps += [(start, round(float(cell_price[cell]) * RENT_SCALE)), (end, 0)]
    return found


def _statuses(basis: highspy.HighsBasis) -> tuple[Ints, Ints]:
    """Turn a basis into numbers that can be sent."""
    columns, rows = ([int(each) for each in part] for part in (basis.col_status, basis.row_status))
    return np.array(columns, dtype=np.int8), np.array(rows, dtype=np.int8)


def _basis(statuses: tuple[Ints, Ints] | None) -> highspy.HighsBasis | None:
    if statuses is None:
        return None
    basis = highspy.HighsBasis()
    basis.col_status, basis.row_status = (
        [highspy.HighsBasisStatus(int(each)) for each in part] for part in statuses
    )
    basis.valid = True
    return basis
