"""Find the fewest factories that together can do every step of an order."""

from scheduling.core.problem import Order
from scheduling.core.reach import ReachModel


def smallest_cover(model: ReachModel, order: Order) -> frozenset[str] | None:
    """Return a smallest set of factories whose machines can do all steps; None without one.

    Exact: the best cover of each set of steps grows factory by factory. Its cost is
    2^steps times the number of different skills, so routings of some dozen steps are quick.
    """
    skills: dict[int, str] = {}
    masks: dict[str, int] = {}
    for step in range(len(order.steps)):
        for option in model.options[(order.id, step)]:
            factory = option.machine.factory
            masks[factory] = masks.get(factory, 0) | 1 << step
    for factory in sorted(masks):
        skills.setdefault(masks[factory], factory)
    best: dict[int, frozenset[str]] = {0: frozenset()}
    for mask, factory in skills.items():
        for covered, chosen in list(best.items()):
            more = covered | mask
            if more not in best or len(best[more]) > len(chosen) + 1:
                best[more] = chosen | {factory}
    return best.get((1 << len(order.steps)) - 1)
