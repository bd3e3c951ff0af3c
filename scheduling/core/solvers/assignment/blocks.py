"""Cut a market into components, and turn those of single-step orders into blocks of numbers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scheduling.core.calendars import NEVER
from scheduling.core.candidates import Candidate
from scheduling.core.problem import Option
from scheduling.core.reach import ReachModel
from scheduling.core.solvers.assignment.block import Block, Floats, Ints

ENDLESS = 2**62
"""Stands for no limit on a lot."""


def components(candidates: Sequence[Sequence[Candidate]]) -> list[list[int]]:
    """Group order positions that share machines, directly or through others."""
    parent = list(range(len(candidates)))

    def root(order: int) -> int:
        while parent[order] != order:
            parent[order] = parent[parent[order]]
            order = parent[order]
        return order

    first: dict[str, int] = {}
    for order, kept in enumerate(candidates):
        for candidate in kept:
            other = first.setdefault(candidate.option.machine.id, order)
            parent[root(order)] = root(other)
    groups: dict[int, list[int]] = {}
    for order in range(len(candidates)):
        groups.setdefault(root(order), []).append(order)
    return list(groups.values())


def horizon(model: ReachModel) -> int:
    """Return the last minute worth planning for: no plan needs time after it."""
    problem = model.problem
    ends = [calendar.ends[-1] for calendar in model.calendars.values() if calendar.ends]
    last = max(ends, default=0)
    if last < NEVER:
        return last
    busiest = sum(
        max((o.work_minutes(order.quantity) + o.set_up_minutes for o in options), default=0)
        for order in problem.orders
        for options in (model.options[(order.id, 0)],)
    )
    closed = [calendar.ends[-1] for calendar in model.calendars.values() if calendar.ends]
    latest = max((end for end in closed if end < NEVER), default=0)
    release = max((problem.earliest_start(order) for order in problem.orders), default=0)
    return max(latest, release) + busiest


class BlockMaker:
    """Turns groups of single-step orders into blocks."""

    def __init__(self, model: ReachModel, candidates: Sequence[Sequence[Candidate]]) -> None:
        self.model = model
        self.candidates = candidates
        self._horizon = horizon(model)
        self._place = {machine.id: at for at, machine in enumerate(model.problem.machines)}

    def block(self, orders: Sequence[int]) -> Block:
        """Return the block of the orders at these positions."""
        problem = self.model.problem
        pairs = [(at, each) for at, order in enumerate(orders) for each in self.candidates[order]]
        machines = sorted({self._place[each.option.machine.id] for _, each in pairs})
        index = {problem.machines[place].id: at for at, place in enumerate(machines)}
        options = [each.option for _, each in pairs]
        wanted = [problem.orders[order] for order in orders]
        windows = [self._windows(problem.machines[place].id) for place in machines]
        return Block(
            order_ids=_ints(orders),
            machine_ids=_ints(machines),
            demand=_ints([order.quantity for order in wanted]),
            outside_price=_limits([order.outside_price_minor for order in wanted]),
            ceiling=_limits([order.price_ceiling_minor for order in wanted]),
            pair_order=_ints([at for at, _ in pairs]),
            pair_machine=_ints([index[option.machine.id] for option in options]),
            pair_rate=_ints([_rate(option) for option in options]).reshape(-1, 2),
            pair_price=_ints([option.price_per_hour_minor for option in options]),
            pair_set_up=_ints([option.set_up_minutes for option in options]),
            pair_min_lot=_ints([option.min_lot for option in options]),
            pair_max_lot=_ints(
                [ENDLESS if option.max_lot is None else option.max_lot for option in options]
            ),
            pair_resumable=np.array([option.resumable for option in options], dtype=np.bool_),
            pair_start=_ints([each.start for _, each in pairs]),
            pair_end=_ints([min(each.end, self._horizon) for _, each in pairs]),
            window_of=_ints(np.cumsum([0, *(len(starts) for starts, _ in windows)])),
            window_start=_ints([start for starts, _ in windows for start in starts]),
            window_end=_ints([end for _, ends in windows for end in ends]),
        )

    def _windows(self, machine: str) -> tuple[list[int], list[int]]:
        calendar = self.model.calendars[machine]
        return calendar.starts, [min(end, self._horizon) for end in calendar.ends]


def _rate(option: Option) -> tuple[int, int]:
    assert option.rate_per_hour is not None, "a market option has a rate"
    return option.rate_per_hour.numerator, option.rate_per_hour.denominator


def _ints(values: npt.ArrayLike) -> Ints:
    return np.array(values, dtype=np.int64)


def _limits(values: Sequence[int | None]) -> Floats:
    return np.array([np.inf if value is None else value for value in values], dtype=np.float64)
