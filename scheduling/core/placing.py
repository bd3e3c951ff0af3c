"""Put single lots into the free time of a book, and take back what was tried."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scheduling.core.book import CapacityBook
from scheduling.core.calendars import NEVER
from scheduling.core.problem import Option, Order
from scheduling.core.schedule import Assignment
from scheduling.core.solvers.quotas import QuotaBook

FIRST_RING = 24
"""So many machines are looked at for the soonest place before all the others are."""


class Ledger:
    """A book with the net change since the beginning, any part of which can be taken back.

    `gone` are bookings that stood at the beginning and no longer do, `new` those that did not.
    """

    def __init__(self, book: CapacityBook) -> None:
        self.book = book
        self.gone: set[Assignment] = set()
        self.new: set[Assignment] = set()
        self._done: list[tuple[bool, tuple[Assignment, ...]]] = []

    def add(self, assignments: Collection[Assignment]) -> None:
        """Book."""
        self._change(True, tuple(assignments))

    def remove(self, assignments: Collection[Assignment]) -> None:
        """Give back."""
        self._change(False, tuple(assignments))

    def mark(self) -> int:
        """Return a point to come back to."""
        return len(self._done)

    def back_to(self, mark: int) -> None:
        """Take back everything since `mark`."""
        while len(self._done) > mark:
            was_added, assignments = self._done.pop()
            self._change(not was_added, assignments)
            self._done.pop()

    def _change(self, is_added: bool, assignments: tuple[Assignment, ...]) -> None:
        if is_added:
            self.book.add((), assignments)
        else:
            self.book.remove(assignments)
        comes, goes = (self.new, self.gone) if is_added else (self.gone, self.new)
        for assignment in assignments:
            if assignment in goes:
                goes.discard(assignment)
            else:
                comes.add(assignment)
        self._done.append((is_added, assignments))


@dataclass(frozen=True, kw_only=True)
class LotToPlace:
    """Pieces of an order that lack a place at some steps; `kept` names machines to go back to."""

    order: Order
    number: int
    quantity: int
    kept: Mapping[int, str]


class Placer:
    """Finds places for lots, the cheapest that are in time or else the soonest.

    Nothing is placed before `now`, nor on machines whose smallest or largest lot forbids it.
    Caps on factories, quotas and price ceilings hold throughout.
    """

    def __init__(self, ledger: Ledger, now: int) -> None:
        self.ledger = ledger
        self.book = ledger.book
        self.now = now

    def place(self, lot: LotToPlace, *, until: int) -> bool:
        """Book the missing steps of a lot so that it is delivered by `until`, if that is found."""
        if self._chain(lot, until, cheapest=True) or self._chain(lot, until, cheapest=False):
            return True
        return bool(lot.kept) and self._chain(replace(lot, kept={}), until, cheapest=False)

    def soonest(self, lot: LotToPlace) -> bool:
        """Book the missing steps of a lot as soon as can be, whatever was promised."""
        return self._chain(lot, NEVER, cheapest=False)

    def with_set_up(self, a: Assignment) -> Assignment | None:
        """Return a booking that lacks its set-up with that before it, ending as it did; or None."""
        order, book, option = self.book.orders[a.order], self.book, self.book.option(a)
        if option is None or not order.admits(option.machine):
            return None
        before = [b for b in book.on(a.machine) if b.start < a.end]
        last = (before[-1].order, before[-1].step) if before else None
        set_up = book.set_up(option, (a.order, a.step))(last)
        ready = max([self.now, book.problem.earliest_start(order), *(b.end for b in before)])
        factory = option.machine.factory
        for b in book.lot(order.id, a.lot).values():
            if b.step in order.predecessors[a.step]:
                travel = book.problem.transport.lag(book.machine(b.machine).factory, factory)
                ready = max(ready, b.end + travel)
        minutes = option.work_minutes(a.quantity) + set_up
        start = book.calendar(option.machine).latest_start(a.end, minutes)
        if start < ready or (not option.resumable and start + minutes != a.end):
            return None
        return replace(a, start=start, set_up_minutes=set_up)

    def _chain(self, lot: LotToPlace, until: int, *, cheapest: bool) -> bool:
        order, mark = lot.order, self.ledger.mark()
        steps = self.book.lot(order.id, lot.number)
        missing = [step for step in order.step_sequence if step not in steps]
        ends = self._last_ends(lot, steps, missing, until)
        for step in missing:
            found = self._place(lot, step, steps, ends[step], cheapest)
            if found is None:
                self.ledger.back_to(mark)
                return False
            steps[step] = found
            self.ledger.add([found])
        if not self._is_within_ceiling(order):
            self.ledger.back_to(mark)
            return False
        return True

    def _last_ends(
        self,
        lot: LotToPlace,
        steps: Mapping[int, Assignment],
        missing: Sequence[int],
        until: int,
    ) -> dict[int, int]:
        """Return per missing step when it must end to leave its missing successors time."""
        ends: dict[int, int] = {}
        for step in reversed(missing):
            ends[step] = until
            for after in lot.order.successors[step]:
                if after in steps:
                    ends[step] = min(ends[step], steps[after].start)
                elif until < NEVER:
                    admitted = self.book.supply.admitted(lot.order, after)
                    work = min((o.work_minutes(lot.quantity) for o in admitted), default=0)
                    ends[step] = min(ends[step], ends[after] - work)
        return ends

    def _place(
        self, lot: LotToPlace, step: int, steps: Mapping[int, Assignment], end: int, cheapest: bool
    ) -> Assignment | None:
        order = lot.order
        ready = max(self.book.problem.earliest_start(order), self.now)
        ready = max([ready, *(steps[before].end for before in order.predecessors[step])])
        if step in lot.kept:
            kept = self.book.supply.option(
                order.steps[step].process, self.book.row_of[lot.kept[step]]
            )
            found = self._best(lot, step, steps, ready, end, [kept] if kept else [], cheapest)
            if found is not None:
                return found
        for options in self._rings(lot, step, ready, end, cheapest):
            found = self._best(lot, step, steps, ready, end, options, cheapest)
            if found is not None:
                return found
        return None

    def _rings(
        self, lot: LotToPlace, step: int, ready: int, end: int, cheapest: bool
    ) -> Iterator[Sequence[Option]]:
        supply = self.book.supply
        if cheapest:
            yield supply.cheapest(lot.order, step, pieces=lot.quantity, ready=ready, until=end)
            return
        soonest = supply.soonest(lot.order, step, pieces=lot.quantity, ready=ready)
        ranked = [option for _, option in soonest]
        yield ranked[:FIRST_RING]
        yield ranked[FIRST_RING:]
        seen = {option.machine.id for option in ranked}
        yield [o for o in supply.admitted(lot.order, step) if o.machine.id not in seen]

    def _best(
        self,
        lot: LotToPlace,
        step: int,
        steps: Mapping[int, Assignment],
        ready: int,
        end: int,
        options: Iterable[Option],
        cheapest: bool,
    ) -> Assignment | None:
        """Return the best place on `options`, which come cheapest first if that is asked for."""
        order, key, lag = lot.order, (lot.order.id, step), self.book.problem.transport.lag
        best: tuple[tuple[int, int], Assignment] | None = None
        for option in self._allowed(lot, step, options):
            work, machine = option.work_minutes(lot.quantity), option.machine
            if cheapest and best and option.cost_minor(lot.quantity, 0) > best[0][0]:
                break
            arrival, last = ready, end
            for before in order.predecessors[step]:
                travel = lag(self._factory(steps[before]), machine.factory)
                arrival = max(arrival, steps[before].end + travel)
            for after in order.successors[step]:
                if after in steps:
                    travel = lag(machine.factory, self._factory(steps[after]))
                    last = min(last, steps[after].start - travel)
            if not order.successors[step]:
                last -= lag(machine.factory, order.destination)
            if arrival + work > last:
                continue
            place = self.book.timeline(machine.id).place(
                ready=arrival,
                work=work,
                key=key,
                needed=self.book.set_up(option, key),
                resumable=option.resumable,
            )
            if place is None or place.end > last:
                continue
            cost = option.cost_minor(lot.quantity, place.set_up_minutes)
            rank = (cost, place.end) if cheapest else (place.end, cost)
            if best is None or rank < best[0]:
                best = (
                    rank,
                    Assignment(
                        order=order.id,
                        lot=lot.number,
                        step=step,
                        machine=machine.id,
                        start=place.start,
                        end=place.end,
                        quantity=lot.quantity,
                        set_up_minutes=place.set_up_minutes,
                    ),
                )
        return None if best is None else best[1]

    def _allowed(self, lot: LotToPlace, step: int, options: Iterable[Option]) -> Iterable[Option]:
        """Leave out machines by the lot limits, the quotas and the cap on factories."""
        order = lot.order
        if order.quotas:
            frozen = tuple(self.book.of(order.id))
            machines = tuple(self.book.machine(a.machine) for a in frozen)
            small = replace(self.book.problem, orders=(order,), machines=machines, frozen=frozen)
            options = QuotaBook(small).allowed((order.id, step), lot.quantity, list(options))
        if order.max_factories is not None:
            at_work = {self._factory(a) for a in self.book.of(order.id)}
            if len(at_work) >= order.max_factories:
                options = [o for o in options if o.machine.factory in at_work]
        return (option for option in options if option.takes_lot(lot.quantity))

    def _is_within_ceiling(self, order: Order) -> bool:
        if order.price_ceiling_minor is None:
            return True
        return cost_of(self.book, self.book.of(order.id)) <= order.price_ceiling_minor

    def _factory(self, assignment: Assignment) -> str:
        return self.book.machine(assignment.machine).factory


def cost_of(book: CapacityBook, assignments: Iterable[Assignment]) -> int:
    """Return what bookings cost at the prices and rates of now, in minor units."""
    total = 0
    for a in assignments:
        option = book.option(a)
        total += 0 if option is None else option.cost_minor(a.quantity, a.set_up_minutes)
    return total
