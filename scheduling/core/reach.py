"""Find how early each machine can begin on a step and how late it may still end it.

No lot can reach a step before the smallest lot has gone the fastest way there, on open
minutes and over the shortest transport; backwards from a finishing time the same holds.
Both are safe for every schedule that the checker accepts. Around frozen assignments only
the calendar is counted on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from scheduling.core.calendars import NEVER, Calendar, calendar_of
from scheduling.core.problem import Key, Option, Order, Problem
from scheduling.core.ranges import open_ranges


class ReachModel:
    """Options, demands and earliest starts of a problem, prepared once for all bounds.

    With `usual_lots` (pieces per order) it reckons with lots of that size instead of the
    smallest possible: realistic for planning, and then no proof.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        calendars: Mapping[str, Calendar] | None = None,
        usual_lots: Mapping[str, int] | None = None,
    ) -> None:
        self.problem = problem
        self._usual_lots = usual_lots or {}
        if calendars is None:
            calendars = {machine.id: calendar_of(machine) for machine in problem.machines}
        self.calendars = calendars
        self.options: dict[Key, tuple[Option, ...]] = {
            (order.id, step): problem.options(order, step)
            for order in problem.orders
            for step in range(len(order.steps))
        }
        self.option_of: dict[Key, dict[str, Option]] = {
            key: {option.machine.id: option for option in options}
            for key, options in self.options.items()
        }
        self._frozen: dict[Key, int] = {}
        self._frozen_minutes: dict[str, list[tuple[int, int]]] = {}
        for a in problem.frozen:
            key = (a.order, a.step)
            self._frozen[key] = self._frozen.get(key, 0) + a.quantity
            self._frozen_minutes.setdefault(a.machine, []).append((a.start, a.end))
        self._has_frozen = bool(problem.frozen)
        self.ranges = open_ranges(problem)

    def demand(self, key: Key) -> int:
        """Return the pieces of a step that are not frozen yet."""
        return self.problem.order_by_id[key[0]].quantity - self._frozen.get(key, 0)

    def is_settled(self, order: Order) -> bool:
        """Tell whether every piece of an order is frozen at every step."""
        return all(self.demand((order.id, step)) <= 0 for step in range(len(order.steps)))

    def must_make(self, key: Key) -> int:
        """Return the demand of a step that cannot be bought outside instead."""
        order = self.problem.order_by_id[key[0]]
        return 0 if order.outside_price_minor is not None else self.demand(key)

    def least_minutes(self, order: Order, option: Option) -> int:
        """Return the working minutes of the smallest lot of `order` on `option`."""
        return option.work_minutes(max(option.min_lot, self._least_lot[order.id]))

    def first_minutes(self, order: Order, option: Option) -> int:
        """Return the minutes until the first lot of `order` can leave `option`, set-up included."""
        set_up = 0 if self._has_frozen else option.least_set_up_minutes
        return set_up + self.least_minutes(order, option)

    def alone(self, order: Order) -> "ReachModel":
        """Return the model of `order` by itself on the same machines."""
        frozen = tuple(a for a in self.problem.frozen if a.order == order.id)
        problem = replace(self.problem, orders=(order,), frozen=frozen)
        return ReachModel(problem, calendars=self.calendars)

    @cached_property
    def _least_lot(self) -> dict[str, int]:
        """Per order, the smallest lot that some machine takes at every step."""
        least: dict[str, int] = {}
        for order in self.problem.orders:
            smallest = [
                min((o.min_lot for o in self.options[(order.id, step)]), default=1)
                for step in range(len(order.steps))
            ]
            least[order.id] = max([*smallest, self._usual_lots.get(order.id, 1)])
        return least

    @cached_property
    def earliest(self) -> dict[Key, dict[str, int]]:
        """Per (order, step) and machine, the first minute at which work there can start."""
        found: dict[Key, dict[str, int]] = {}
        for order in self.problem.orders:
            floor = self.problem.earliest_start(order)
            for step in order.step_sequence:
                ready: dict[str, int] = {}
                if not self._has_frozen:
                    for before in order.predecessors[step]:
                        self._arrivals(order, before, step, found, ready)
                found[(order.id, step)] = {
                    o.machine.id: self.calendars[o.machine.id].next_open(
                        max(floor, ready.get(o.machine.factory, floor))
                    )
                    for o in self.options[(order.id, step)]
                }
        return found

    def _arrivals(
        self,
        order: Order,
        before: int,
        step: int,
        found: Mapping[Key, Mapping[str, int]],
        ready: dict[str, int],
    ) -> None:
        """Raise `ready` (per factory of `step`) to the first possible arrivals from `before`."""
        ends: dict[str, int] = {}
        for option in self.options[(order.id, before)]:
            machine = option.machine
            start = found[(order.id, before)][machine.id]
            end = _finish(self.calendars[machine.id], start, self.first_minutes(order, option))
            ends[machine.factory] = min(end, ends.get(machine.factory, NEVER))
        lag = self.problem.transport.lag
        for factory in {o.machine.factory for o in self.options[(order.id, step)]}:
            arrival = min((end + lag(origin, factory) for origin, end in ends.items()), default=0)
            ready[factory] = max(arrival, ready.get(factory, 0))

    def latest(self, finish: Mapping[str, int], keys: Iterable[Key]) -> dict[Key, dict[str, int]]:
        """Per (order, step) and machine, the last end that lets each order finish in time.

        `finish` gives per order the minute by which it must be complete.
        """
        found: dict[Key, dict[str, int]] = {}
        for order_id in {key[0] for key in keys}:
            order = self.problem.order_by_id[order_id]
            for step in reversed(order.step_sequence):
                found[(order_id, step)] = self._latest_ends(order, step, finish[order_id], found)
        return found

    def _latest_ends(
        self, order: Order, step: int, finish: int, found: Mapping[Key, Mapping[str, int]]
    ) -> dict[str, int]:
        lag = self.problem.transport.lag
        options = self.options[(order.id, step)]
        factories = {option.machine.factory for option in options}
        if self._has_frozen:
            return {option.machine.id: finish for option in options}
        following = order.successors[step]
        if not following:
            return {
                o.machine.id: finish - lag(o.machine.factory, order.destination) for o in options
            }
        limit = dict.fromkeys(factories, finish)
        for after in following:
            starts: dict[str, int] = {}
            for option in self.options[(order.id, after)]:
                machine = option.machine
                end = found[(order.id, after)][machine.id]
                minutes = self.least_minutes(order, option)
                start = self.calendars[machine.id].latest_start(end, minutes)
                starts[machine.factory] = max(start, starts.get(machine.factory, -NEVER))
            for factory in factories:
                leave = max((s - lag(factory, to) for to, s in starts.items()), default=-NEVER)
                limit[factory] = min(limit[factory], leave)
        return {option.machine.id: limit[option.machine.factory] for option in options}

    def completion(self, order: Order) -> int:
        """Return the first minute at which `order` can be complete, by its path alone."""
        lag = self.problem.transport.lag
        completed = 0
        for step, after in enumerate(order.successors):
            if after or self.must_make((order.id, step)) <= 0:
                continue
            completed = max(
                completed,
                min(
                    (
                        _finish(
                            self.calendars[o.machine.id],
                            self.earliest[(order.id, step)][o.machine.id],
                            self.first_minutes(order, o),
                        )
                        + lag(o.machine.factory, order.destination)
                        for o in self.options[(order.id, step)]
                    ),
                    default=NEVER,
                ),
            )
        return completed

    def capacity(
        self, machine: str, keys: Iterable[Key], latest: Mapping[Key, Mapping[str, int]]
    ) -> int:
        """Return the open minutes in which `machine` may work on `keys`, frozen time taken off."""
        keys = [key for key in keys if machine in latest[key]]
        start = min(self.earliest[key][machine] for key in keys)
        end = max(latest[key][machine] for key in keys)
        calendar = self.calendars[machine]
        minutes = calendar.open_between(start, end)
        if self._has_frozen:
            for from_, until in self._frozen_minutes.get(machine, ()):
                minutes -= calendar.open_between(max(start, from_), min(end, until))
            return max(0, minutes)
        return max(
            0, minutes - min(self.option_of[key][machine].least_set_up_minutes for key in keys)
        )


def _finish(calendar: Calendar, start: int, minutes: int) -> int:
    return calendar.finish(start, minutes) if start < NEVER else NEVER
