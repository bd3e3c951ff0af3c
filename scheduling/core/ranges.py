"""What the quotas of a step leave open for each factory, and the least that a step costs then.

Factories without a quota may make anything. The least cost is that of a continuous share for
each factory within its range, so it holds for every plan that keeps the quotas.
"""

from collections.abc import Mapping
from fractions import Fraction

from scheduling.core.problem import Key, Problem

Range = tuple[int, int]
"""The least and the most pieces that a factory still makes of a step."""

Ranges = Mapping[Key, Mapping[str, Range]]


def open_ranges(problem: Problem) -> Ranges:
    """Return, per step with quotas and factory with one, the range that frozen pieces leave."""
    found: dict[Key, dict[str, Range]] = {}
    for order in problem.orders:
        for quota in order.quotas:
            ranges = found.setdefault((order.id, quota.step), {})
            least, most = ranges.get(quota.factory, (0, order.quantity))
            top = most if quota.at_most is None else min(most, quota.at_most)
            ranges[quota.factory] = max(least, quota.at_least), top
    for a in problem.frozen:
        ranges = found.get((a.order, a.step), {})
        factory = problem.machine_by_id[a.machine].factory
        if factory in ranges:
            least, most = ranges[factory]
            ranges[factory] = max(0, least - a.quantity), max(0, most - a.quantity)
    return found


def least_cost(
    demand: int, costs: Mapping[str, Fraction], ranges: Mapping[str, Range]
) -> Fraction | None:
    """Return what `demand` pieces cost at least, at `costs` a piece in each able factory.

    None: no shares of the able factories add up to the demand within the ranges.
    """
    if any(least > 0 and factory not in costs for factory, (least, _) in ranges.items()):
        return None
    total, room = Fraction(0), []
    for factory, cost in costs.items():
        least, most = ranges.get(factory, (0, demand))
        total += least * cost
        demand -= least
        room.append((cost, most - least))
    if demand < 0:
        return None
    for cost, pieces in sorted(room):
        taken = min(pieces, demand)
        total += taken * cost
        demand -= taken
    return total if demand == 0 else None
