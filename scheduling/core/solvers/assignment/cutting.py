"""Cut a component that is too large to plan at once into parts that share few machines."""

from collections import Counter
from collections.abc import Sequence

from scheduling.core.solvers.assignment.block import Block

MOST_ORDERS = 120
"""A component of more orders is cut."""
PART_ORDERS = 60
FEWEST_ORDERS = 15
LOOSE = 0.25
"""An order that shares fewer than this share of its machines starts a new part."""


def cut(block: Block) -> list[list[int]]:
    """Return the orders (by position) of each part, grown order by order.

    Next comes the order of whose machines most can work for the part already.
    """
    machines_of: list[list[int]] = [[] for _ in range(block.orders)]
    orders_on: list[list[int]] = [[] for _ in range(block.machines)]
    for order, machine in zip(block.pair_order.tolist(), block.pair_machine.tolist(), strict=True):
        machines_of[order].append(machine)
        orders_on[machine].append(order)
    free = dict.fromkeys(range(block.orders))
    parts: list[list[int]] = []
    while free:
        part = _grown(next(iter(free)), machines_of, orders_on, free)
        parts.append(sorted(part))
    return parts


def _grown(
    first: int,
    machines_of: Sequence[Sequence[int]],
    orders_on: Sequence[Sequence[int]],
    free: dict[int, None],
) -> list[int]:
    part: list[int] = []
    reached: set[int] = set()
    ties: Counter[int] = Counter({first: 0})
    while ties and len(part) < PART_ORDERS:
        order = max(ties, key=lambda each: (ties[each], -each))
        is_loose = ties[order] < LOOSE * len(machines_of[order])
        if is_loose and len(part) >= FEWEST_ORDERS:
            break
        part.append(order)
        del free[order], ties[order]
        for machine in set(machines_of[order]) - reached:
            reached.add(machine)
            for other in orders_on[machine]:
                if other in free:
                    ties[other] += 1
    return part
