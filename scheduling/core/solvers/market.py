"""Make one plan of a market by a recipe: cut orders into lots, then list-schedule them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scheduling.core.calendars import NEVER
from scheduling.core.problem import Order, ceil_div
from scheduling.core.reach import ReachModel
from scheduling.core.schedule import Assignment
from scheduling.core.solvers.dispatch import Dispatcher, Lot, Shares
from scheduling.core.solvers.floor import Timeline
from scheduling.core.solvers.lots import LotLimits, base_size, largest_lot, lot_limits, lot_sizes

FIRST_LOT_COUNT = 16
RAMP_ONLY_FACTOR = 6
RAMP_PERMILLE = 60
"""Share of many lots that grow; on the simulated plates 5 to 10 % end about equally soon."""
MERGED_STEP = 3
"""Counts double, but a last step of less than this goes to the most at once."""
DEFAULT_MAX_LOTS = 5000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one pass of list scheduling is to go about it.

    `shares` name the machines to prefer for each step; with `keeps_budgets` each takes no
    more than its share of the pieces. With `prefers`, an order's preferred factories come first.
    """

    lots: int
    sequence: tuple[str, ...]
    one_by_one: bool = False
    ramp: bool = False
    shares: Shares | None = None
    keeps_budgets: bool = False
    cheapest_first: bool = False
    finish: int | None = None
    prefers: bool = False


class MarketPlanner:
    """Makes plans of a market by recipes."""

    def __init__(
        self,
        model: ReachModel,
        *,
        max_lots: int = DEFAULT_MAX_LOTS,
    ) -> None:
        self.model = model
        self.problem = model.problem
        self._floor: dict[str, Timeline] | None = None
        self._flow_models: dict[int, ReachModel] = {}
        self.max_lots = max_lots
        self._limits = {order.id: self._lot_limits(order) for order in self.problem.orders}
        self._ramp = {order.id: self._ramp_lots(order) for order in self.problem.orders}

    def plan(
        self, recipe: Recipe, *, is_over: Callable[[], bool] | None = None
    ) -> list[Assignment]:
        """Carry out one recipe.

        Raises:
            NoPlace: some lot found no machine with time left.
            OutOfTime: `is_over` said so before the plan was complete.
        """
        dispatcher = Dispatcher(
            self.problem,
            calendars=self.model.calendars,
            shares=recipe.shares,
            keeps_budgets=recipe.keeps_budgets,
            latest=self._latest(recipe.finish),
            cheapest_first=recipe.cheapest_first,
            prefers=recipe.prefers,
            is_over=is_over,
            floor=self._floor,
        )
        if self._floor is None:
            self._floor = {name: line.copy() for name, line in dispatcher.timelines.items()}
        lots_of = [self.lots(self.problem.order_by_id[order], recipe) for order in recipe.sequence]
        if recipe.one_by_one:
            return [a for lots in lots_of for a in dispatcher.run(lots)]
        return dispatcher.run([lot for lots in lots_of for lot in lots])

    def dispatcher(self, *, overlooks: Callable[[], bool]) -> Dispatcher:
        """Return an empty floor on which every deadline counts; see `Dispatcher`."""
        return Dispatcher(
            self.problem,
            calendars=self.model.calendars,
            latest=self._latest(None),
            overlooks=overlooks,
        )

    def widest_limits(self, order: Order) -> LotLimits:
        """Return the smallest and the largest lot that one machine of every step takes."""
        most = order.quantity
        widest = [
            (
                min(least for least, _ in pairs),
                max(most if top is None else top for _, top in pairs),
            )
            for pairs in self._machine_limits(order)
            if pairs
        ]
        return lot_limits(most, widest)

    def lots(self, order: Order, recipe: Recipe) -> list[Lot]:
        """Cut `order` into lots; those that are partly frozen keep their size and number."""
        fixed: dict[int, dict[int, Assignment]] = {}
        for assignment in self.problem.frozen:
            if assignment.order == order.id:
                fixed.setdefault(assignment.lot, {})[assignment.step] = assignment
        lots = [
            Lot(
                order=order,
                number=number,
                quantity=_quantity(steps),
                fixed=steps,
            )
            for number, steps in sorted(fixed.items())
        ]
        lots += [
            Lot(order=order, number=one.lot, quantity=one.quantity, fixed={})
            for one in order.cut
            if one.lot not in fixed
        ]
        left = order.quantity - sum(lot.quantity for lot in lots)
        if left <= 0:
            return lots
        first = max((lot.number for lot in lots), default=-1) + 1
        sizes = [left]
        limits = self._limits[order.id]
        if order.is_splittable and limits.allows(left):
            ramp = self._ramp_of(order, recipe.lots) if recipe.ramp else 0
            base = base_size(left, lots=recipe.lots, ramp=ramp, smallest=limits.smallest)
            sizes = lot_sizes(left, limits=limits, base=base, ramp=ramp)
        return lots + [
            Lot(order=order, number=first + index, quantity=size, fixed={})
            for index, size in enumerate(sizes)
        ]

    def lot_counts(self) -> Iterator[int]:
        """Yield the lot counts worth trying: a middling one first, then fewer, then more."""
        ranges = [self._count_range(order) for order in self.problem.orders]
        fewest = min((low for low, _ in ranges), default=1)
        most = max((high for _, high in ranges), default=1)
        first = min(max(FIRST_LOT_COUNT, max((low for low, _ in ranges), default=1)), most)
        yield first
        count = first
        while count > fewest:
            count = max(fewest, count // 2)
            yield count
        count = first
        while count < most:
            count = most if most < MERGED_STEP * count else count * 2
            yield count

    def flow_model(self, lots: int) -> ReachModel:
        """Return a model that leaves time for lots of that count to pass through all steps."""
        if lots not in self._flow_models:
            usual = {order.id: -(-order.quantity // lots) for order in self.problem.orders}
            self._flow_models[lots] = ReachModel(
                self.problem, calendars=self.model.calendars, usual_lots=usual
            )
        return self._flow_models[lots]

    def fewest_lots(self, order: Order) -> int:
        """Return the fewest lots that `order` may be cut into."""
        return self._count_range(order)[0]

    def ramps(self, lots: int) -> tuple[bool, ...]:
        """Say whether to try even lots, ramped ones or both: many lots are better ramped."""
        most = max(self._ramp.values(), default=0)
        return (True,) if lots >= RAMP_ONLY_FACTOR * most else (False, True)

    def _count_range(self, order: Order) -> tuple[int, int]:
        """Return the fewest and the most lots that `order` may be cut into."""
        limits = self._limits[order.id]
        if not order.is_splittable or not limits.allows(order.quantity):
            return 1, 1
        fewest = -(-order.quantity // limits.largest)
        return fewest, max(fewest, min(self.max_lots, order.quantity // limits.smallest))

    def _latest(self, finish: int | None) -> Mapping[tuple[str, int], Mapping[str, int]] | None:
        if finish is None and all(order.deadline is None for order in self.problem.orders):
            return None
        by = finish_times(self.problem.orders, NEVER if finish is None else finish)
        return self.model.latest(by, self.model.options)

    def _lot_limits(self, order: Order) -> LotLimits:
        """Return limits that suit all machines or, failing that, one machine of every step.

        Limits of the one machine also where those of all would make too many lots.
        """
        per_step = self._machine_limits(order)
        every = lot_limits(order.quantity, (pair for pairs in per_step for pair in pairs))
        most = order.quantity
        if every.allows(most) and ceil_div(most, every.largest) <= self.max_lots:
            return every
        return self.widest_limits(order)

    def _machine_limits(self, order: Order) -> list[list[tuple[int, int | None]]]:
        """Return per step the smallest and the largest lot of each machine that takes any."""
        return [
            [
                (option.min_lot, largest_lot(option, self.model.calendars[option.machine.id]))
                for option in self.model.options[(order.id, step)]
                if option.min_lot <= order.quantity
            ]
            for step in range(len(order.steps))
        ]

    def _ramp_of(self, order: Order, lots: int) -> int:
        """Return how many lots grow at first: enough to start all machines, or a fixed share."""
        return max(self._ramp[order.id], lots * RAMP_PERMILLE // 1000)

    def _ramp_lots(self, order: Order) -> int:
        steps = range(len(order.steps))
        return max((len(self.model.options[(order.id, step)]) for step in steps), default=0)


def finish_times(orders: Sequence[Order], finish: int) -> dict[str, int]:
    """Return per order the minute to be complete by: `finish`, or the deadline if earlier."""
    return {o.id: finish if o.deadline is None else min(finish, o.deadline) for o in orders}


def _quantity(steps: Mapping[int, Assignment]) -> int:
    return next(iter(steps.values())).quantity
