"""Search a market with a portfolio of quick recipes and keep the best plan.

Each recipe fixes how many lots an order is cut into, in which sequence orders enter, and who
may take how much (by a flow plan for some finishing time, or anybody); list scheduling does
the rest. Every recipe gives a complete plan, so there is an answer after the first and the
best so far at any time.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from random import Random

from scheduling.core.bounds import makespan_bound, step_weights
from scheduling.core.calendars import NEVER
from scheduling.core.measures import objective_value
from scheduling.core.problem import Order
from scheduling.core.result import Objective
from scheduling.core.solvers.dispatch import NoPlace, OutOfTime
from scheduling.core.solvers.flow import flow_plan
from scheduling.core.solvers.incumbent import Incumbent
from scheduling.core.solvers.market import (
    FIRST_LOT_COUNT,
    MarketPlanner,
    Recipe,
    finish_times,
)
from scheduling.core.solvers.polish import Polisher

FINISH_STEPS = 8
FINISH_PATIENCE = 2
HALVINGS = 3
LATE_LOTS = (2, 8, 32, 128, 512, 2048)
"""Few lots need few set-ups; many wait less for the lot before them. No count is tried that cuts
all orders together into more lots than the last."""
WORTH_TRYING = 0.995
"""Other lot counts are tried as long as each takes half a percent off."""
BUDGETED_LOTS = 300
SEQUENCE_TRIES = 400


def improve_market(
    planner: MarketPlanner,
    incumbent: Incumbent,
    *,
    seed: int,
    tighten: Callable[[], None] | None = None,
) -> NoPlace | None:
    """Run the portfolio until it is done, optimal or out of time.

    `tighten` is called once there is a first plan: the moment to spend time on a bound.
    Returns what last kept an order from being planned, for the explanation.
    """
    search = _Search(planner, incumbent, seed, tighten)
    search.run()
    return search.failure


class _Search:
    """One run of the portfolio."""

    def __init__(
        self,
        planner: MarketPlanner,
        incumbent: Incumbent,
        seed: int,
        tighten: Callable[[], None] | None,
    ) -> None:
        self.planner = planner
        self._tighten = tighten
        self.incumbent = incumbent
        self.random = Random(seed)
        self.failure: NoPlace | None = None
        self.best: Recipe | None = None
        self.orders = planner.problem.orders

    def run(self) -> None:
        self._plain()
        self._preferred()
        for stage in (self._by_flow, self._resequenced, self._polished):
            if self._is_done:
                return
            stage()

    @property
    def _is_done(self) -> bool:
        return self.incumbent.is_optimal or self.incumbent.clock.is_over

    def _try(self, recipe: Recipe) -> bool:
        """Carry out a recipe and keep its plan if it is the best; False when time is over."""
        clock = self.incumbent.clock
        has_plan = self.incumbent.schedule is not None
        try:
            # Whoever stops the search wants a plan: only the time limit ends the first one.
            is_over = (lambda: clock.is_over) if has_plan else (lambda: clock.remaining <= 0.0)
            plan = self.planner.plan(recipe, is_over=is_over)
            kept = self.incumbent.offer(plan)
        except NoPlace as failure:
            self.failure, kept = failure, False
        except OutOfTime:
            return False
        if kept and not has_plan and self._tighten is not None:
            self._tighten()
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
            if worse >= 2 or (self.best is not None and self.incumbent.goal is Objective.COST):
                return

    def _preferred(self) -> None:
        """Ask preferred factories first, in the way that was best without asking."""
        has_preferences = any(order.preferred_factories for order in self.orders)
        if self.best is not None and has_preferences and not self.incumbent.clock.is_over:
            self._try(replace(self.best, prefers=True))

    @property
    def _has_ceiling(self) -> bool:
        return any(order.price_ceiling_minor is not None for order in self.orders)

    def _by_flow(self) -> None:
        """Let flow plans say who makes how much, for several finishing times."""
        if self.incumbent.goal is Objective.COST or self._has_ceiling:
            self._late_flows()
        if self.incumbent.goal is not Objective.COST and not self._is_done:
            self._early_flows()

    def _early_flows(self) -> None:
        """Plan by flows that finish early, from the bound on, while they help."""
        early, late = self._bound, self.incumbent.value or self._horizon()
        if self.incumbent.goal is not Objective.MAKESPAN:
            late = self._horizon()
        lots = self.best.lots if self.best is not None else FIRST_LOT_COUNT
        idle = 0
        for index in range(1, FINISH_STEPS + 1):
            before = self.incumbent.schedule
            self._flow(early + max(0, late - early) * index // FINISH_STEPS, lots)
            idle = idle + 1 if self.incumbent.schedule is before else 0
            if idle >= FINISH_PATIENCE or self._is_done:
                return

    def _late_flows(self) -> None:
        """Plan by flows that finish as late as they may: the later, the cheaper.

        From a middling lot count on, more lots are tried as long as that helps, then fewer.
        """
        counts = sorted(self.planner.lot_counts())
        tried = [few for few in LATE_LOTS if few * len(self.orders) <= LATE_LOTS[-1]]
        ladder = sorted({min(max(few, counts[0]), counts[-1]) for few in tried or counts[:1]})
        middle = len(ladder) // 2
        for way in (ladder[middle:], ladder[:middle][::-1]):
            for lots in way:
                before = self.incumbent.value
                self._late_flow(lots)
                now = self.incumbent.value
                if self._is_done:
                    return
                is_better = now is not None and (before is None or now < WORTH_TRYING * before)
                if not is_better and lots != ladder[middle]:
                    break

    def _late_flow(self, lots: int) -> None:
        """Plan by the flow that finishes as late as still keeps every date.

        Lots run later than the flow by what they take to pass through all steps. The first
        guess for that delay is how far the best plan so far is behind the bound; then the
        finishing time is halved towards the latest that still keeps every date.
        """
        early, late = self._bound, self._horizon()
        if self._flow(late, lots) or self._is_done:
            return
        guess = late - (self._completion() - early)
        for _ in range(HALVINGS):
            guess = max(early, guess)
            if self._flow(guess, lots):
                early = guess
            else:
                late = guess
            if self._is_done or late - early < 2:
                return
            guess = (early + late) // 2

    @cached_property
    def _bound(self) -> int:
        model = self.planner.model
        return makespan_bound(model, step_weights(model)).value or 0

    def _completion(self) -> int:
        schedule = self.incumbent.schedule
        if schedule is None:
            return self._bound
        return objective_value(self.planner.problem, schedule, Objective.MAKESPAN)

    def _flow(self, finish: int, lots: int) -> bool:
        """Try the flow plan that finishes by `finish`; tell whether it gave a better plan."""
        before = self.incumbent.schedule
        flow = flow_plan(
            self.planner.flow_model(lots),
            finish=finish_times(self.orders, finish),
            time_limit=self.incumbent.clock.remaining,
        )
        if flow is None:
            return False
        recipe = Recipe(lots=lots, sequence=_by_urgency(self.orders), shares=flow.shares)
        for ramp in self.planner.ramps(lots):
            if not self._try(replace(recipe, ramp=ramp)):
                break
            if lots <= BUDGETED_LOTS and not self._try(
                replace(recipe, ramp=ramp, keeps_budgets=True)
            ):
                break
        return self.incumbent.schedule is not before

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
        if len(self.orders) < 2 or self.incumbent.goal is Objective.COST:
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

    def _polished(self) -> None:
        """Place some lots of the best plan anew, as long as that helps."""
        is_flow_best = len(self.orders) == 1 and self.incumbent.goal is Objective.MAKESPAN
        if self.best is not None and not is_flow_best:
            Polisher(self.planner, self.incumbent, seed=self.random.getrandbits(32)).run()


def _by_urgency(orders: Sequence[Order]) -> tuple[str, ...]:
    """Sort orders by deadline, due date and release: the urgent first."""

    def urgency(order: Order) -> tuple[int, int, int]:
        deadline = NEVER if order.deadline is None else order.deadline
        due = deadline if order.due is None else order.due
        return min(deadline, due), due, order.release

    return tuple(order.id for order in sorted(orders, key=urgency))
