"""Schedule lots one operation at a time, each where it finishes first.

List scheduling is fast, needs no solver and always answers. Lots enter in the order given;
operations are taken when their predecessors end, and each goes to the machine that completes
it earliest, transport and set-up counted. *Shares* from a flow plan say who should take how
much of a step; an order's quotas say who may.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heapify, heappop, heappush

from scheduling.core.calendars import NEVER, Calendar, calendar_of
from scheduling.core.problem import Key, Option, Order, Problem
from scheduling.core.schedule import Assignment
from scheduling.core.solvers.floor import Place, SetUp, Timeline
from scheduling.core.solvers.quotas import QuotaBook

PLACED_PER_LOOK = 16

Shares = Mapping[Key, Mapping[str, float]]
"""Pieces of each (order, step) that each machine is to make."""

Latest = Mapping[Key, Mapping[str, int]]
"""The last end of each (order, step) on each machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lot:
    """Some pieces of one order that travel together; `fixed` steps are already placed."""

    order: Order
    number: int
    quantity: int
    fixed: Mapping[int, Assignment]


class NoPlace(Exception):
    """Raised when a lot finds no machine with time left for one of its steps."""

    def __init__(self, lot: Lot, step: int) -> None:
        self.lot = lot
        self.step = step
        super().__init__(f"no place for lot {lot.number} of order {lot.order.id} at step {step}")


class OutOfTime(Exception):
    """Raised when a pass is given up because its time is over."""


class Dispatcher:
    """One pass of list scheduling over a problem; make a new one for every pass.

    `floor` are the timelines with all that is frozen, kept from an earlier pass.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        calendars: Mapping[str, Calendar] | None = None,
        shares: Shares | None = None,
        keeps_budgets: bool = False,
        latest: Latest | None = None,
        cheapest_first: bool = False,
        prefers: bool = False,
        overlooks: Callable[[], bool] | None = None,
        is_over: Callable[[], bool] | None = None,
        floor: Mapping[str, Timeline] | None = None,
    ) -> None:
        self.problem = problem
        self.keeps_budgets = keeps_budgets
        self.latest = latest
        self.cheapest_first = cheapest_first
        self.prefers = prefers
        self._overlooks = overlooks or _nothing
        self._is_over = is_over or (lambda: False)
        self._set_ups: dict[tuple[Key, str], SetUp] = {}
        if floor is not None:
            self.timelines = {machine: timeline.copy() for machine, timeline in floor.items()}
        else:
            self.timelines = self._frozen_floor(calendars)
        self.shares = (
            None if shares is None else {key: dict(share) for key, share in shares.items()}
        )
        self._factory_of = {machine.id: machine.factory for machine in problem.machines}
        self.quotas = QuotaBook(problem)
        self._cut = {
            (order.id, one.lot): one
            for order in problem.orders
            for one in order.cut
            if one.factories
        }
        self._options: dict[tuple[Key, int], tuple[Option, ...]] = {}

    def run(self, lots: Sequence[Lot]) -> list[Assignment]:
        """Place every lot and return all assignments, the fixed ones included.

        Raises:
            NoPlace: a lot fits nowhere; nothing stays booked.
            OutOfTime: `is_over` said so.
        """
        done: list[dict[int, Assignment]] = [dict(lot.fixed) for lot in lots]
        heap = [
            (self._ready(lot, step, done[index]), index, step)
            for index, lot in enumerate(lots)
            for step in self._next_steps(lot, None, done[index])
        ]
        heapify(heap)
        placed = 0
        while heap:
            placed += 1
            if placed % PLACED_PER_LOOK == 0 and self._is_over():
                raise OutOfTime
            ready, index, step = heappop(heap)
            lot = lots[index]
            try:
                done[index][step] = self._assign(lot, step, ready, done[index])
            except NoPlace:
                self._give_up(lots, done)
                raise
            for following in self._next_steps(lot, step, done[index]):
                heappush(heap, (self._ready(lot, following, done[index]), index, following))
        return [assignment for steps in done for assignment in steps.values()]

    def _frozen_floor(self, calendars: Mapping[str, Calendar] | None) -> dict[str, Timeline]:
        if calendars is None:
            calendars = {machine.id: calendar_of(machine) for machine in self.problem.machines}
        self.timelines = {
            machine.id: Timeline(calendars[machine.id]) for machine in self.problem.machines
        }
        for assignment in sorted(self.problem.frozen, key=lambda a: a.start):
            self.freeze(assignment)
        return self.timelines

    def withdraw(self, assignments: Iterable[Assignment]) -> None:
        """Give up what is booked; the bookings after it may be left without their set-up."""
        for a in assignments:
            self.timelines[a.machine].withdraw(a.start)

    def _give_up(self, lots: Sequence[Lot], done: Sequence[Mapping[int, Assignment]]) -> None:
        for lot, steps in zip(lots, done, strict=True):
            self.withdraw(a for step, a in steps.items() if step not in lot.fixed)

    def freeze(self, assignment: Assignment) -> None:
        """Book an assignment as it stands."""
        key = (assignment.order, assignment.step)
        process = self.problem.order_by_id[assignment.order].steps[assignment.step].process
        option = None
        if process is not None:
            option = self.problem.option_by_key.get((process, assignment.machine))
        place = Place(assignment.start, assignment.end, assignment.set_up_minutes)
        needed = _no_set_up if option is None else self._set_up(option, key)
        self.timelines[assignment.machine].freeze(place, key, assignment.lot, needed)

    def _set_up(self, option: Option, key: Key) -> SetUp:
        """Return what tells the set-up of a step on `option` after any other step."""
        found = self._set_ups.get((key, option.machine.id))
        if found is None:
            found = partial(self.problem.set_up_minutes, option, key)
            if not self.problem.set_up_family(key):
                found = partial(_set_up_unless_same, option.set_up_minutes, key)
            self._set_ups[(key, option.machine.id)] = found
        return found

    def _next_steps(
        self, lot: Lot, step: int | None, done: Mapping[int, Assignment]
    ) -> Iterable[int]:
        """Yield the steps that become possible after `step` (None: at the beginning)."""
        order = lot.order
        steps = range(len(order.steps)) if step is None else order.successors[step]
        for candidate in steps:
            if candidate not in done and all(b in done for b in order.predecessors[candidate]):
                yield candidate

    def _ready(self, lot: Lot, step: int, done: Mapping[int, Assignment]) -> int:
        """Return when the last predecessor of a step ends."""
        ready = self.problem.earliest_start(lot.order)
        for before in lot.order.predecessors[step]:
            ready = max(ready, done[before].end)
        return ready

    def _assign(
        self, lot: Lot, step: int, ready: int, done: Mapping[int, Assignment]
    ) -> Assignment:
        """Give one step of `lot` to the machine that ranks first for it.

        Machines with enough of their share left come first; when none of them has time
        before the last end, the others may help out.
        """
        for options in self._allowed(lot, step):
            best = self._best_place(lot, step, ready, done, options)
            if best is not None:
                return self._book(lot, step, *best)
        raise NoPlace(lot, step)

    def _best_place(
        self,
        lot: Lot,
        step: int,
        ready: int,
        done: Mapping[int, Assignment],
        options: Sequence[Option],
    ) -> tuple[Option, Place] | None:
        key = (lot.order.id, step)
        origins = [
            (done[before].end, self._factory_of[done[before].machine])
            for before in lot.order.predecessors[step]
        ]
        lag = self.problem.transport.lag
        latest = None if self.latest is None else self.latest.get(key)
        best: tuple[Option, Place] | None = None
        best_rank = (NEVER, NEVER)
        for option in options:
            factory = option.machine.factory
            arrival = ready
            for end, origin in origins:
                arrival = max(arrival, end + lag(origin, factory))
            timeline = self.timelines[option.machine.id]
            work = option.work_minutes(lot.quantity)
            soonest = arrival if timeline.longest_gap >= work else max(arrival, timeline.free_at)
            if self._rank(option, soonest + work, lot.quantity, 0) > best_rank or self._overlooks():
                continue
            place = timeline.place(
                ready=arrival,
                work=work,
                key=key,
                needed=self._set_up(option, key),
                resumable=option.resumable,
            )
            if place is None or (latest is not None and place.end > latest[option.machine.id]):
                continue
            rank = self._rank(option, place.end, lot.quantity, place.set_up_minutes)
            if rank < best_rank and not self._is_too_late(lot, step, factory, place):
                best, best_rank = (option, place), rank
        return best

    def _rank(self, option: Option, end: int, quantity: int, set_up: int) -> tuple[int, int]:
        """Rank a place: by end then price, or by cost then end."""
        if self.cheapest_first:
            return option.cost_minor(quantity, set_up), end
        return end, option.price_per_hour_minor

    def _book(self, lot: Lot, step: int, option: Option, place: Place) -> Assignment:
        key = (lot.order.id, step)
        machine = option.machine.id
        self.timelines[machine].book(place, key, lot.number, self._set_up(option, key))
        self.quotas.take(key, option.machine.factory, lot.quantity)
        if self.shares is not None and machine in self.shares.get(key, ()):
            self.shares[key][machine] -= lot.quantity
        return Assignment(
            order=lot.order.id,
            lot=lot.number,
            step=step,
            machine=machine,
            start=place.start,
            end=place.end,
            quantity=lot.quantity,
            set_up_minutes=place.set_up_minutes,
        )

    def _is_too_late(self, lot: Lot, step: int, factory: str, place: Place) -> bool:
        """Tell whether a lot leaving `factory` then would miss a fixed later step."""
        for following in lot.order.successors[step]:
            fixed = lot.fixed.get(following)
            if fixed is not None:
                travel = self.problem.transport.lag(factory, self._factory_of[fixed.machine])
                if place.end + travel > fixed.start:
                    return True
        return False

    def _allowed(self, lot: Lot, step: int) -> Iterator[Sequence[Option]]:
        """Yield the options that may take the lot, the preferred ones first."""
        key = (lot.order.id, step)
        by_quantity = (key, lot.quantity)
        options = self._options.get(by_quantity)
        if options is None:
            options = tuple(
                option
                for option in self.problem.options(lot.order, step)
                if option.takes_lot(lot.quantity)
            )
            self._options[by_quantity] = options
        cut = self._cut.get((lot.order.id, lot.number))
        if cut is not None:
            options = tuple(o for o in options if cut.admits(step, o.machine.factory))
        if lot.order.quotas:
            options = self.quotas.allowed(key, lot.quantity, options)
        share = None if self.shares is None else self.shares.get(key)
        if share is not None:
            if self.keeps_budgets:
                half = lot.quantity / 2
                yield [o for o in options if share.get(o.machine.id, 0.0) >= half]
            yield [o for o in options if o.machine.id in share]
        if self.prefers and lot.order.preferred_factories:
            yield [o for o in options if o.machine.factory in lot.order.preferred_factories]
        yield options


def _set_up_unless_same(minutes: int, key: Key, before: Key | None) -> int:
    return 0 if before == key else minutes


def _nothing() -> bool:
    return False


def _no_set_up(before: Key | None) -> int:
    return 0
