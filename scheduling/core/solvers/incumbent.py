"""Hold the best plan found so far, and tell the caller as it improves."""

from collections.abc import Callable
from time import monotonic

from scheduling.core.checker import violations
from scheduling.core.measures import cost_by_order, objective_value, preferred_pieces
from scheduling.core.problem import Problem
from scheduling.core.result import Objective
from scheduling.core.schedule import Assignment, Schedule

Progress = Callable[[int | None, int | None, float], None]
"""Called with incumbent, lower bound and seconds since the start."""

TIME_RESERVE_S = 0.2


class FaultySchedule(RuntimeError):
    """Raised when a solver made a plan that the independent checker faults: our bug."""

    status = 500


class Clock:
    """The seconds that a solve has, and whether someone asked it to stop."""

    def __init__(
        self, time_limit: float | None, should_stop: Callable[[], bool] | None = None
    ) -> None:
        self._start = monotonic()
        self._limit = time_limit
        self._should_stop = should_stop or (lambda: False)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._start

    @property
    def remaining(self) -> float:
        """Seconds left, never below 0; an hour when there is no limit."""
        if self._limit is None:
            return 3600.0
        return max(0.0, self._limit - TIME_RESERVE_S - self.elapsed)

    @property
    def is_over(self) -> bool:
        """Tell whether to hand back the best plan now."""
        return self.remaining <= 0.0 or self._should_stop()


class Incumbent:
    """The best schedule so far under one objective, ties broken by cost and size."""

    def __init__(
        self,
        problem: Problem,
        goal: Objective,
        clock: Clock,
        on_progress: Progress | None = None,
        on_plan: Callable[[Schedule], None] | None = None,
    ) -> None:
        self.problem = problem
        self.goal = goal
        self.clock = clock
        self.schedule: Schedule | None = None
        self.value: int | None = None
        self.lower_bound: int | None = None
        self._rank: tuple[int, ...] = ()
        self._has_preferences = any(order.preferred_factories for order in problem.orders)
        self._on_progress = on_progress
        self._on_plan = on_plan

    @property
    def is_optimal(self) -> bool:
        """Tell whether the best plan meets the lower bound."""
        return self.value is not None and self.value == self.lower_bound

    def raise_bound(self, lower_bound: int | None) -> None:
        """Take over a better proven bound."""
        if lower_bound is not None and (self.lower_bound is None or lower_bound > self.lower_bound):
            self.lower_bound = lower_bound
            self._report()

    def offer(self, assignments: list[Assignment]) -> bool:
        """Keep a complete plan if it breaks no limit and is better; tell whether it was kept.

        Raises:
            FaultySchedule: it breaks a rule other than a deadline or a price ceiling, which
                are the two that list scheduling is allowed to miss.
        """
        schedule = Schedule(assignments=tuple(assignments))
        value = objective_value(self.problem, schedule, self.goal)
        rank = (value, *self._secondary(schedule), len(schedule))
        if self.schedule is not None and rank >= self._rank:
            return False
        broken = violations(self.problem, schedule)
        missed = [v for v in broken if v.code not in ("deadline", "price_ceiling")]
        if missed:
            raise FaultySchedule(missed[0].sentence)
        if broken:
            return False
        self.schedule, self.value, self._rank = schedule, value, rank
        if self._on_plan is not None:
            self._on_plan(schedule)
        self._report()
        return True

    def _secondary(self, schedule: Schedule) -> tuple[int, ...]:
        outside = -preferred_pieces(self.problem, schedule) if self._has_preferences else 0
        if self.goal is Objective.COST:
            return outside, objective_value(self.problem, schedule, Objective.MAKESPAN)
        return outside, sum(cost_by_order(self.problem, schedule).values())

    def _report(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.value, self.lower_bound, self.clock.elapsed)
