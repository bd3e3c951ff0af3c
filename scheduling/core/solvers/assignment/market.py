"""Plan a whole market of single-step orders at least cost: filter, cut, assign, place, prove."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scheduling.core.candidates import candidates
from scheduling.core.problem import MINUTES_PER_HOUR, Order, Problem, ceil_div
from scheduling.core.reach import ReachModel
from scheduling.core.result import Rents
from scheduling.core.schedule import Assignment
from scheduling.core.solvers.assignment.answering import BlockQuestion, MachineRents
from scheduling.core.solvers.assignment.block import Block
from scheduling.core.solvers.assignment.blocks import BlockMaker, components
from scheduling.core.solvers.assignment.cutting import MOST_ORDERS
from scheduling.core.solvers.assignment.fan_out import FanOut
from scheduling.core.solvers.assignment.placing import PlacedLot
from scheduling.core.solvers.assignment.planning import BlockPlan
from scheduling.core.solvers.assignment.sharing import plan_shared
from scheduling.core.solvers.incumbent import Clock

CLOSING_S_PER_PAIR = 4e-5
"""Seconds to keep for checking and proving the plan, for each pair of an order and a machine."""


@dataclass(frozen=True, kw_only=True)
class MarketPlan:
    """Sound assignments of all orders but those in `unplanned`, and rents that bound the cost.

    `removed` counts the machines that each filter took away from some order.
    """

    assignments: list[Assignment]
    unplanned: list[str]
    rents: Rents
    components: int
    removed: Counter[str]


def is_assignable(problem: Problem) -> bool:
    """Tell whether this planner serves: nothing frozen, and orders of one plain step each."""
    return not problem.frozen and all(_is_plain(order) for order in problem.orders)


def _is_plain(order: Order) -> bool:
    """Tell whether an order has one plain step by process, and no spread or lots to keep."""
    return (
        len(order.steps) == 1
        and order.is_splittable
        and not order.steps[0].set_up_family
        and order.max_factories is None
        and not order.quotas
        and not order.cut
    )


def assign_market(model: ReachModel, *, clock: Clock, workers: int) -> MarketPlan:
    """Plan every order, or name it as unplanned; blocks that time does not allow stay so."""
    removed: Counter[str] = Counter()
    found = [candidates(model, order, removed) for order in model.problem.orders]
    groups = components(found)
    maker = BlockMaker(model, found)
    blocks = [maker.block(group) for group in groups]
    assignments: list[Assignment] = []
    unplanned: list[str] = []
    rents: MachineRents = {}
    for block, plan, its_rents in _planned(blocks, clock, workers):
        placed, lacking = _assignments(model.problem, block, plan)
        assignments += placed
        unplanned += lacking
        rents |= its_rents
    return MarketPlan(
        assignments=assignments,
        unplanned=unplanned,
        rents=_named(model.problem, rents),
        components=len(groups),
        removed=removed,
    )


def _planned(
    blocks: Sequence[Block], clock: Clock, workers: int
) -> Iterator[tuple[Block, BlockPlan | None, MachineRents]]:
    """Yield each block with its plan, None when time is over, and its rents."""
    small = [block for block in blocks if block.orders <= MOST_ORDERS]
    large = [block for block in blocks if block.orders > MOST_ORDERS]
    pairs = sum(block.pairs for block in blocks)

    def is_over() -> bool:
        return clock.is_over or clock.remaining < CLOSING_S_PER_PAIR * pairs

    with FanOut(workers=workers, pairs=pairs) as fan_out:
        for block in large:
            shared = plan_shared(block, fan_out, clock=clock, is_over=is_over)
            if shared is None:
                yield block, None, {}
            else:
                yield block, shared.plan, shared.rents
        questions = [BlockQuestion(block=block) for block in small]
        replies = fan_out.answers(questions, is_over=is_over)
    for block, reply in zip(small, replies, strict=True):
        yield (block, None, {}) if reply is None else (block, reply.plan, reply.rents)


def _named(problem: Problem, rents: MachineRents) -> Rents:
    return {problem.machines[place].id: steps for place, steps in sorted(rents.items())}


def _assignments(
    problem: Problem, block: Block, plan: BlockPlan | None
) -> tuple[list[Assignment], list[str]]:
    """Name the lots of a block as the problem does, and the orders that lack pieces."""
    orders = [problem.orders[place] for place in block.order_ids]
    missing = range(block.orders) if plan is None else plan.missing
    lots = [] if plan is None else plan.lots
    lacking = {at for at in missing if orders[at].outside_price_minor is None}
    dear = _above_ceiling(block, lots)
    lacking |= {at for at in dear if orders[at].outside_price_minor is None}
    numbers: Counter[int] = Counter()
    found: list[Assignment] = []
    for lot in lots:
        at = int(block.pair_order[lot.pair])
        if at in lacking or at in dear:
            continue
        found.append(
            Assignment(
                order=orders[at].id,
                lot=numbers[at],
                step=0,
                machine=problem.machines[block.machine_ids[block.pair_machine[lot.pair]]].id,
                start=lot.start,
                end=lot.end,
                quantity=lot.quantity,
                set_up_minutes=lot.set_up,
            )
        )
        numbers[at] += 1
    return found, [orders[at].id for at in sorted(lacking)]


def _above_ceiling(block: Block, lots: list[PlacedLot]) -> set[int]:
    """Return the orders whose lots, each rounded up, cost more than the order may pay."""
    costs: Counter[int] = Counter()
    for lot in lots:
        pieces, per = (int(part) for part in block.pair_rate[lot.pair])
        minutes = ceil_div(lot.quantity * MINUTES_PER_HOUR * per, pieces) + lot.set_up
        price = int(block.pair_price[lot.pair])
        costs[int(block.pair_order[lot.pair])] += ceil_div(minutes * price, MINUTES_PER_HOUR)
    return {order for order, cost in costs.items() if cost > block.ceiling[order]}
