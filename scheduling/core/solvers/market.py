"""Plan a market: cut orders into lots, spread them over machines, sequence, keep the best.

A portfolio of quick passes. Each pass fixes how many lots an order is cut into, in which
sequence orders enter, and who may take how much (shares of a flow plan at some finishing
time and price, or anybody); list scheduling does the rest. Every pass is complete by itself,
so there is an answer after the first and the best so far at any time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from scheduling.core.calendars import NEVER
from scheduling.core.problem import Order
from scheduling.core.reach import ReachModel
from scheduling.core.result import Objective
from scheduling.core.schedule import Assignment
from scheduling.core.solvers.dispatch import Dispatcher, Lot, NoPlace, Shares
from scheduling.core.solvers.flow import flow_plan, piece_price
from scheduling.core.solvers.incumbent import Incumbent
from scheduling.core.solvers.lots import LotLimits, largest_lot, lot_limits, lot_sizes

FIRST_LOT_COUNT = 16
FINISH_STEPS = 6
FINISH_PATIENCE = 2
RAMP_ONLY_FACTOR = 6
SEQUENCE_TRIES = 400
DEFAULT_MAX_LOTS = 4000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one pass of list scheduling is to go about it."""

    lots: int
    sequence: tuple[str, ...]
    one_by_one: bool = False
    ramp: bool = False
    shares: Shares | None = None
    cheapest_first: bool = False
    finish: int | None = None


class MarketPlanner:
    """Makes plans of a market by recipes; `safe` reckons with the low rates."""

    def __init__(
        self, model: ReachModel, *, safe: bool = False, max_lots: int = DEFAULT_MAX_LOTS
    ) -> None:
        self.model = model
        self.problem = model.problem
        self.safe = safe
        self.max_lots = max_lots
        self._limits = {order.id: self._lot_limits(order) for order in self.problem.orders}
        self._ramp = {order.id: self._ramp_lots(order) for order in self.problem.orders}

    def plan(self, recipe: Recipe) -> list[Assignment]:
        """Carry out one recipe.

        Raises:
            NoPlace: some lot found no machine with time left.
        """
        dispatcher = Dispatcher(
            self.problem,
            calendars=self.model.calendars,
            shares=recipe.shares,
            latest=self._latest(recipe.finish),
            cheapest_first=recipe.cheapest_first,
            safe=self.safe,
        )
        lots_of = [self.lots(self.problem.order_by_id[order], recipe) for order in recipe.sequence]
        if recipe.one_by_one:
            return [a for lots in lots_of for a in dispatcher.run(lots)]
        return dispatcher.run([lot for lots in lots_of for lot in lots])

    def lots(self, order: Order, recipe: Recipe) -> list[Lot]:
        """Cut `order` into lots; those that are partly frozen keep their size and number."""
        fixed: dict[int, dict[int, Assignment]] = {}
        for assignment in self.problem.frozen:
            if assignment.order == order.id:
                fixed.setdefault(assignment.lot, {})[assignment.step] = assignment
        lots = [
            Lot(order=order, number=number, quantity=_quantity(steps), fixed=steps)
            for number, steps in sorted(fixed.items())
        ]
        left = order.quantity - sum(lot.quantity for lot in lots)
        if left <= 0:
            return lots
        first = max(fixed, default=-1) + 1
        sizes = [left]
        limits = self._limits[order.id]
        if order.is_splittable and limits.allows(left):
            base = -(-left // recipe.lots)
            ramp = self._ramp[order.id] if recipe.ramp else 0
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
            count = min(most, count * 2)
            yield count

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
        """Return limits that suit all machines or, failing that, one machine of every step."""
        per_step = [
            [
                (option.min_lot, largest_lot(option, self.model.calendars[option.machine.id]))
                for option in self.model.options[(order.id, step)]
                if option.min_lot <= order.quantity
            ]
            for step in range(len(order.steps))
        ]
        every = lot_limits(order.quantity, (pair for pairs in per_step for pair in pairs))
        if every.allows(order.quantity):
            return every
        most = order.quantity
        loosest = [
            (min(least for least, _ in pairs), max(top or most for _, top in pairs))
            for pairs in per_step
            if pairs
        ]
        return lot_limits(order.quantity, loosest)

    def _ramp_lots(self, order: Order) -> int:
        steps = range(len(order.steps))
        return max((len(self.model.options[(order.id, step)]) for step in steps), default=0)


def finish_times(orders: Sequence[Order], finish: int) -> dict[str, int]:
    """Return per order the minute to be complete by: `finish`, or the deadline if earlier."""
    return {o.id: finish if o.deadline is None else min(finish, o.deadline) for o in orders}


def _quantity(steps: Mapping[int, Assignment]) -> int:
    return next(iter(steps.values())).quantity


def improve_market(planner: MarketPlanner, incumbent: Incumbent, *, seed: int) -> NoPlace | None:
    """Run the portfolio until it is done, optimal or out of time.

    Returns what last kept an order from being planned, for the explanation.
    """
    search = _Search(planner, incumbent, seed)
    search.run()
    return search.failure


class _Search:
    """One run of the portfolio."""

    def __init__(self, planner: MarketPlanner, incumbent: Incumbent, seed: int) -> None:
        self.planner = planner
        self.incumbent = incumbent
        self.random = Random(seed)
        self.failure: NoPlace | None = None
        self.best: Recipe | None = None
        self.orders = planner.problem.orders

    def run(self) -> None:
        for stage in (self._plain, self._cheap, self._by_flow, self._resequenced):
            stage()
            if self._is_done:
                return

    @property
    def _is_done(self) -> bool:
        return self.incumbent.is_optimal or self.incumbent.clock.is_over

    def _try(self, recipe: Recipe) -> bool:
        """Carry out a recipe and keep its plan if it is the best; False when time is over."""
        try:
            kept = self.incumbent.offer(self.planner.plan(recipe))
        except NoPlace as failure:
            self.failure, kept = failure, False
        if kept:
            self.best = recipe
        return not self._is_done

    def _plain(self) -> None:
        """Try lot counts, each lot going where it ends first."""
        sequence = _by_urgency(self.orders)
        worse = 0
        for lots in self.planner.lot_counts():
            before = self.incumbent.value
            for ramp in self.planner.ramps(lots):
                if not self._try(Recipe(lots=lots, sequence=sequence, ramp=ramp)):
                    return
            if len(sequence) > 1:
                recipe = Recipe(lots=lots, sequence=sequence, one_by_one=True)
                if not self._try(recipe):
                    return
            improved = before is None or self.incumbent.value != before
            worse = 0 if improved or lots <= FIRST_LOT_COUNT else worse + 1
            if worse >= 2:
                return

    def _cheap(self) -> None:
        """Try the cheapest machine for each lot, as far as dates allow."""
        if self.incumbent.goal is not Objective.COST and not self._has_ceiling:
            return
        finish = self._horizon()
        for lots in (1, 2, 4, 8, 16, 64, 256):
            recipe = Recipe(
                lots=lots,
                sequence=_by_urgency(self.orders),
                one_by_one=True,
                cheapest_first=True,
                finish=finish,
            )
            if lots <= self.planner.max_lots and not self._try(recipe):
                return

    @property
    def _has_ceiling(self) -> bool:
        return any(order.price_ceiling_minor is not None for order in self.orders)

    def _by_flow(self) -> None:
        """Let flow plans say who makes how much, for finishing times from early to late."""
        lots = self.best.lots if self.best is not None else FIRST_LOT_COUNT
        idle = 0
        for finish in self._finishing_times():
            if idle >= FINISH_PATIENCE:
                return
            flow = flow_plan(
                self.planner.model,
                finish=finish_times(self.orders, finish),
                price=piece_price,
                time_limit=self.incumbent.clock.remaining,
            )
            if flow is None:
                continue
            before = self.incumbent.schedule
            recipe = Recipe(lots=lots, sequence=_by_urgency(self.orders), shares=flow.shares)
            for ramp in self.planner.ramps(lots):
                if not self._try(replace(recipe, ramp=ramp)):
                    return
            idle = idle + 1 if self.incumbent.schedule is before else 0

    def _finishing_times(self) -> list[int]:
        """Return finishing times between the bound and the horizon, the tightest first."""
        early = max(self.planner.model.completion(order) for order in self.orders)
        if self.incumbent.goal is Objective.MAKESPAN:
            early = max(early, self.incumbent.lower_bound or 0)
        late = self._horizon()
        if self.incumbent.goal is not Objective.COST and not self._has_ceiling:
            late = min(late, self.incumbent.value or late) if early else late
        span = max(0, late - early)
        times = [early + span * index // FINISH_STEPS for index in range(1, FINISH_STEPS + 1)]
        return times[::-1] if self.incumbent.goal is Objective.COST else times

    def _horizon(self) -> int:
        """Return the last minute worth planning for."""
        deadlines = [order.deadline for order in self.orders]
        ends = [
            self.planner.model.calendars[option.machine.id].ends[-1]
            for options in self.planner.model.options.values()
            for option in options
            if self.planner.model.calendars[option.machine.id].ends
        ]
        horizon = max(ends, default=0)
        if all(deadline is not None for deadline in deadlines):
            horizon = min(horizon, max(d for d in deadlines if d is not None))
        if horizon >= NEVER:
            work = sum(
                max(
                    option.work_minutes(order.quantity) + option.set_up_minutes
                    for option in self.planner.model.options[(order.id, step)]
                )
                for order in self.orders
                for step in range(len(order.steps))
            )
            earliest = max(self.planner.problem.earliest_start(order) for order in self.orders)
            horizon = earliest + work
        return horizon

    def _resequenced(self) -> None:
        """Swap orders in the sequence of the best recipe while that helps."""
        if len(self.orders) < 2:
            return
        recipe = self.best or Recipe(lots=FIRST_LOT_COUNT, sequence=_by_urgency(self.orders))
        recipe = replace(recipe, one_by_one=True, shares=None)
        idle = 0
        while idle < SEQUENCE_TRIES:
            sequence = list(recipe.sequence)
            a, b = self.random.sample(range(len(sequence)), 2)
            sequence.insert(b, sequence.pop(a))
            trial = replace(recipe, sequence=tuple(sequence))
            before = self.incumbent.schedule
            if not self._try(trial):
                return
            if self.incumbent.schedule is before:
                idle += 1
            else:
                recipe, idle = trial, 0


def _by_urgency(orders: Sequence[Order]) -> tuple[str, ...]:
    """Sort orders by deadline, due date and release: the urgent first."""

    def urgency(order: Order) -> tuple[int, int, int]:
        deadline = NEVER if order.deadline is None else order.deadline
        due = deadline if order.due is None else order.due
        return min(deadline, due), due, order.release

    return tuple(order.id for order in sorted(orders, key=urgency))
