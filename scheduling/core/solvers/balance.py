"""Spread a shop's work over its machines by a linear programme, whose prices prove a bound."""

from scheduling.core.shop import ShopModel
from scheduling.core.solvers.linear import INFINITY, LinearProgramme

WEIGHT_SCALE = 10**9


def balanced(shop: ShopModel, *, time_limit: float) -> tuple[list[int], dict[str, int]] | None:
    """Minimise the finishing time of the busiest machine, heads and tails counted."""
    programme = LinearProgramme()
    heads: dict[int, int] = {}
    tails: dict[int, int] = {}
    for index, operation in enumerate(shop.operations):
        for machine, _ in operation.alternatives:
            heads[machine] = min(heads.get(machine, shop.heads[index]), shop.heads[index])
            tails[machine] = min(tails.get(machine, shop.tails[index]), shop.tails[index])
    load = {m: programme.add_row(-INFINITY, -float(heads[m] + tails[m])) for m in heads}
    programme.add_column(1.0, [(row, -1.0) for row in load.values()])
    columns: list[list[int]] = []
    for operation in shop.operations:
        once = programme.add_row(1.0, 1.0)
        columns.append(
            [
                programme.add_column(0.0, [(once, 1.0), (load[machine], float(duration))])
                for machine, duration in operation.alternatives
            ]
        )
    solution = programme.solve(time_limit=time_limit)
    if solution is None:
        return None
    assigned = [
        operation.alternatives[max(range(len(own)), key=lambda i: solution.values[own[i]])][0]
        for operation, own in zip(shop.operations, columns, strict=True)
    ]
    prices = {m: max(0.0, -solution.row_duals[row]) for m, row in load.items()}
    most = max(prices.values(), default=0.0) or 1.0
    machines = shop.problem.machines
    weights = {machines[m].id: round(p / most * WEIGHT_SCALE) for m, p in prices.items()}
    return assigned, weights
