"""Plan a whole market of single-step orders at least cost: filter, cut, assign, place, prove."""

from collections import Counter
from dataclasses import dataclass

from scheduling.core.candidates import candidates
from scheduling.core.problem import MINUTES_PER_HOUR, Order, Problem, ceil_div
from scheduling.core.reach import ReachModel
from scheduling.core.result import Rents
from scheduling.core.schedule import Assignment
from scheduling.core.solvers.assignment.answering import BlockAnswer, BlockQuestion
from scheduling.core.solvers.assignment.block import Block
from scheduling.core.solvers.assignment.blocks import BlockMaker, components
from scheduling.core.solvers.assignment.fan_out import FanOut
from scheduling.core.solvers.assignment.placing import PlacedLot
from scheduling.core.solvers.incumbent import Clock


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
    """Tell whether an order has one step by process, a set-up like any, and no spread to keep."""
    return (
        len(order.steps) == 1
        and order.is_splittable
        and not order.steps[0].set_up_family
        and order.max_factories is None
        and not order.quotas
    )


def assign_market(model: ReachModel, *, clock: Clock, workers: int) -> MarketPlan:
    """Plan every order, or name it as unplanned; blocks that time does not allow stay so."""
    removed: Counter[str] = Counter()
    found = [candidates(model, order, removed) for order in model.problem.orders]
    groups = components(found)
    maker = BlockMaker(model, found)
    blocks = [maker.block(group) for group in groups]
    pairs = sum(block.pairs for block in blocks)
    with FanOut(workers=workers, pairs=pairs) as fan_out:
        questions = [BlockQuestion(block=block) for block in blocks]
        answers = fan_out.answers(questions, is_over=lambda: clock.is_over)
    assignments: list[Assignment] = []
    unplanned: list[str] = []
    rents: dict[str, list[tuple[int, int]]] = {}
    for block, reply in zip(blocks, answers, strict=True):
        placed, lacking = _assignments(model.problem, block, reply)
        assignments += placed
        unplanned += lacking
        if reply is not None:
            rents |= {model.problem.machines[m].id: steps for m, steps in reply.rents.items()}
    return MarketPlan(
        assignments=assignments,
        unplanned=unplanned,
        rents=rents,
        components=len(groups),
        removed=removed,
    )


def _assignments(
    problem: Problem, block: Block, reply: BlockAnswer | None
) -> tuple[list[Assignment], list[str]]:
    """Name the lots of a block as the problem does, and the orders that lack pieces."""
    orders = [problem.orders[place] for place in block.order_ids]
    plan = None if reply is None else reply.plan
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
