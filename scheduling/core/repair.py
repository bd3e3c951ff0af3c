"""Plan again after an event and move as little as can be.

What the event took away is placed into free time first, everything else standing still. Where
that breaks a promised date, the later steps of the same lot may follow, and the lot may be cut.
Only then may lots of other orders make room, few at a time, and each of them must find a place
that keeps its own promise. What starts before the end of the freeze never makes room.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from scheduling.core.book import CapacityBook
from scheduling.core.calendars import NEVER
from scheduling.core.checker import violations
from scheduling.core.consequences import Repair, moved
from scheduling.core.events import Event, Impact, take
from scheduling.core.placing import Ledger, LotToPlace, Placer, cost_of
from scheduling.core.problem import Order, ceil_div
from scheduling.core.promises import Promises
from scheduling.core.room import victims_of
from scheduling.core.schedule import Assignment, Schedule
from scheduling.core.solvers.incumbent import Clock, FaultySchedule

RUSH_LOTS = (1, 4, 12, 36)
"""Into how many lots a new order is cut at first, until its promise can be kept."""
DISPLACED_TRIES = (24, 6)
"""How many times others are asked to make room for one lot, and for each that does."""
LEAST_MINUTES = 30
"""A lot is not cut into halves of less work."""
TIME_S = 1.5
"""After this, nobody else is asked to make room."""
INCOMPLETE = frozenset({"quantity", "lot_incomplete", "order_missing"})
"""What the checker says of orders some of whose lots found no place."""


def repair(
    book: CapacityBook,
    event: Event,
    *,
    now: int,
    freeze_until: int | None = None,
    time_s: float = TIME_S,
) -> Repair:
    """Change `book` as `event` says, and place again what it took away.

    Args:
        now: nothing is placed before it.
        freeze_until: bookings of others that start before it stay; `now` by default.
        time_s: wall seconds after which only free time is looked at.

    Raises:
        KeyError: the event names what the book does not know.
        FaultySchedule: the new bookings break a rule: our bug.
    """
    impact = take(book, event, now=now)
    freeze_until = now if freeze_until is None else freeze_until
    return _Repairing(book, now, freeze_until, Clock(time_s)).run(impact)


class _Repairing:
    """One repair, placing lot by lot."""

    def __init__(self, book: CapacityBook, now: int, freeze_until: int, clock: Clock) -> None:
        self.book = book
        self.now = now
        self.freeze_until = freeze_until
        self.clock = clock
        self.ledger = Ledger(book)
        self.placer = Placer(self.ledger, now)
        self.promises = Promises(book)
        self._last_number: dict[str, int] = {}

    def run(self, impact: Impact) -> Repair:
        lots: list[LotToPlace] = []
        for order in impact.orders:
            self.promises.note(order, impact.lost)
            mine = [a for a in impact.lost if a.order == order.id]
            self._last_number[order.id] = max((a.lot for a in mine), default=-1)
            lots += _lots(order, mine, keeps_machines=impact.keeps_machines)
            if not mine and not self.book.lots_of(order.id):
                self._new(order)
        lots += self._mend({a.machine for a in impact.lost})
        for lot in sorted(lots, key=lambda lot: self.promises[lot.order.id]):
            self._lot(lot)
        self._check()
        unplaced = self._unplaced(impact)
        return Repair(
            lost=impact.lost,
            placed=tuple(sorted(self.ledger.new)),
            moved=tuple(moved(self.ledger.gone, self.ledger.new)),
            late=tuple(self.promises.broken(now=self.now, freeze_until=self.freeze_until)),
            unplaced=unplaced,
            cost_before_minor=cost_of(self.book, [*impact.lost, *self.ledger.gone]),
            cost_after_minor=cost_of(self.book, self.ledger.new) + self._outside(unplaced),
        )

    def _new(self, order: Order) -> None:
        """Place a new order in as few lots as keep its promise, else piece by piece."""
        mark = self.ledger.mark()
        for count in RUSH_LOTS:
            if count > order.quantity or (count > 1 and not order.is_splittable):
                break
            until = self.promises[order.id]
            if all(self.placer.place(lot, until=until) for lot in _cut(order, count)):
                return
            self.ledger.back_to(mark)
        for lot in _cut(order, 1):
            self._lot(lot)

    def _lot(self, lot: LotToPlace) -> None:
        """Place a lot in time or else as soon as can be, unless its pieces then are unwanted."""
        if self._in_time(lot) or _is_worth_in_parts(lot.order):
            return
        if not self._late(lot):
            self._from_the_start(lot, self._late)

    def _in_time(self, lot: LotToPlace) -> bool:
        """Place a lot in time, in free time or where others make room, cut if need be.

        Tells whether all of it has a place; parts stay where parts are worth something.
        """
        if self._in_free_time(lot) or self._displace(lot, DISPLACED_TRIES):
            return True
        if self._from_the_start(lot, self._in_free_time):
            return True
        if not _is_worth_in_parts(lot.order):
            return self._in_halves(lot, self._in_time)
        placed = [self._in_time(half) for half in self._halves(lot)]
        return bool(placed) and all(placed)

    def _in_free_time(self, lot: LotToPlace) -> bool:
        """Place a lot in time where nobody else has to move, with its later steps or cut."""
        until = self.promises[lot.order.id]
        if self.placer.place(lot, until=until) or self._with_later_steps(lot, until):
            return True
        return self._in_halves(lot, self._in_free_time)

    def _in_halves(self, lot: LotToPlace, place: Callable[[LotToPlace], bool]) -> bool:
        """Place both halves of a lot, or none."""
        mark, halves = self.ledger.mark(), self._halves(lot)
        if halves and all(place(half) for half in halves):
            return True
        self.ledger.back_to(mark)
        return False

    def _late(self, lot: LotToPlace) -> bool:
        """Place a lot whose promise cannot be kept as soon as can be, cut if need be."""
        if self.placer.soonest(lot) or self._with_later_steps(lot, NEVER):
            return True
        return self._in_halves(lot, self._late)

    def _halves(self, lot: LotToPlace) -> Sequence[LotToPlace]:
        """Return the halves of a lot that has no step booked and is not too small to cut."""
        order = lot.order
        if self.book.lot(order.id, lot.number) or not order.is_splittable or self.clock.is_over:
            return ()
        half = lot.quantity // 2
        for step in range(len(order.steps)):
            options = self.book.supply.admitted(order, step)
            if not any(
                o.min_lot <= half and o.work_minutes(half) >= LEAST_MINUTES for o in options
            ):
                return ()
        return (
            replace(lot, quantity=lot.quantity - half),
            replace(lot, quantity=half, number=self._free_number(lot)),
        )

    def _from_the_start(self, lot: LotToPlace, place: Callable[[LotToPlace], bool]) -> bool:
        """Place a lot anew with the earlier steps that it still has ahead."""
        mark = self.ledger.mark()
        freed = list(self.book.lot(lot.order.id, lot.number).values())
        if not freed or any(a.start < self.freeze_until for a in freed):
            return False
        self.ledger.remove(freed)
        if not self._mend({a.machine for a in freed}) and place(replace(lot, kept={})):
            return True
        self.ledger.back_to(mark)
        return False

    def _free_number(self, lot: LotToPlace) -> int:
        """Return a number that no lot of the order has or had."""
        name = lot.order.id
        gone = (a.lot for a in self.ledger.gone if a.order == name)
        last = max(lot.number, self._last_number.get(name, -1))
        self._last_number[name] = max([*self.book.lots_of(name), *gone, last]) + 1
        return self._last_number[name]

    def _with_later_steps(self, lot: LotToPlace, until: int) -> bool:
        """Place a lot when its later steps follow, on the machines that they were on if may be."""
        mark = self.ledger.mark()
        mine = self.book.lot(lot.order.id, lot.number)
        missing = set(range(len(lot.order.steps))) - set(mine)
        later = _later_steps(lot.order, missing)
        freed = [a for step, a in mine.items() if step in later]
        if not freed or any(a.start < self.freeze_until for a in freed):
            return False
        self.ledger.remove(freed)
        again = replace(lot, kept={**lot.kept, **{a.step: a.machine for a in freed}})
        if not self._mend({a.machine for a in freed}) and self.placer.place(again, until=until):
            return True
        self.ledger.back_to(mark)
        return False

    def _displace(self, lot: LotToPlace, tries: Sequence[int]) -> bool:
        """Let lots of other orders on one machine make room, if all then keep their promises.

        A lot that makes room may in turn ask others, while `tries` has something left.
        """
        if not tries:
            return False
        until = self.promises[lot.order.id]
        found = victims_of(self.book, lot, until, now=self.now, freeze_until=self.freeze_until)
        for victims in found[: tries[0]]:
            if self.clock.is_over:
                return False
            mark = self.ledger.mark()
            moving = [self._freed(victim) for victim in victims]
            if (
                None not in moving
                and not self._mend({a.machine for a in victims})
                and self.placer.place(lot, until=until)
                and all(
                    self.placer.place(other, until=self.promises[other.order.id])
                    or self._displace(other, tries[1:])
                    for other in moving
                    if other is not None
                )
            ):
                return True
            self.ledger.back_to(mark)
        return False

    def _freed(self, victim: Assignment) -> LotToPlace | None:
        """Take a booking and its later steps out of the book, unless one of them is frozen."""
        order = self.book.orders[victim.order]
        self.promises.note(order)
        steps = _later_steps(order, {victim.step}) | {victim.step}
        booked = self.book.lot(order.id, victim.lot)
        freed = [a for step, a in booked.items() if step in steps]
        if any(a.start < self.freeze_until for a in freed):
            return None
        self.ledger.remove(freed)
        kept = {a.step: a.machine for a in freed if a.step != victim.step}
        return LotToPlace(order=order, number=victim.lot, quantity=victim.quantity, kept=kept)

    def _mend(self, machines: Collection[str]) -> list[LotToPlace]:
        """Give lots their set-up that counted on one before them; return those left homeless."""
        homeless: list[LotToPlace] = []
        bereft = self.book.bereft(sorted(machines), since=self.now)
        self.ledger.remove(bereft)
        for a in bereft:
            order = self.book.orders[a.order]
            self.promises.note(order, bereft)
            if a.step in self.book.lot(order.id, a.lot):
                continue
            mark = self.ledger.mark()
            prolonged = self.placer.with_set_up(a)
            if prolonged is not None:
                self.ledger.add([prolonged])
                if not self.book.bereft([a.machine], since=self.now):
                    continue
                self.ledger.back_to(mark)
            kept = {a.step: a.machine}
            lot = LotToPlace(order=order, number=a.lot, quantity=a.quantity, kept=kept)
            if not self.placer.place(lot, until=self.promises[order.id]):
                homeless.append(lot)
        return homeless

    def _unplaced(self, impact: Impact) -> dict[tuple[str, int], int]:
        missing: dict[tuple[str, int], int] = {}
        for order in impact.orders:
            if not any(a.order == order.id for a in impact.lost):
                missing.update({(order.id, s): order.quantity for s in range(len(order.steps))})
        for a in (*impact.lost, *self.ledger.gone):
            missing[(a.order, a.step)] = missing.get((a.order, a.step), 0) + a.quantity
        for a in self.ledger.new:
            missing[(a.order, a.step)] = missing.get((a.order, a.step), 0) - a.quantity
        if min(missing.values(), default=0) < 0:
            raise FaultySchedule("Some pieces have two places.")
        return {key: pieces for key, pieces in missing.items() if pieces > 0}

    def _outside(self, unplaced: Mapping[tuple[str, int], int]) -> int:
        """Return what the pieces cost that are bought outside instead."""
        return sum(
            pieces * (self.book.orders[order].outside_price_minor or 0)
            for (order, step), pieces in unplaced.items()
            if step == 0
        )

    def _check(self) -> None:
        """Let the independent checker look at all that changed, amid what stands around it.

        It takes what stands as given; that nothing there lost its set-up is asked of the book.
        """
        new = self.ledger.new
        names = sorted({a.order for a in new})
        booked = [a for name in names for a in self.book.of(name)]
        stands = [a for a in booked if a not in new]
        orders = [self.book.orders[name] for name in names]
        small = self.book.around(orders, {a.machine for a in new}, kept=stands)
        schedule = Schedule(assignments=(*small.frozen, *new))
        broken = [v for v in violations(small, schedule) if v.code not in INCOMPLETE]
        if broken:
            raise FaultySchedule(broken[0].sentence)
        touched = {a.machine for a in (*new, *self.ledger.gone)}
        if self.book.bereft(touched, since=self.now):
            raise FaultySchedule("A lot lost its set-up.")


def _is_worth_in_parts(order: Order) -> bool:
    """Tell whether pieces that are in time are of use when others are not made at all."""
    return order.deadline is not None or order.outside_price_minor is not None


def _lots(
    order: Order, lost: Sequence[Assignment], *, keeps_machines: bool
) -> Iterator[LotToPlace]:
    """Yield the lots of an order that lost steps, in order of their first lost start."""
    lots: dict[int, dict[int, Assignment]] = {}
    for a in sorted(lost, key=lambda a: a.start):
        lots.setdefault(a.lot, {})[a.step] = a
    for number, steps in lots.items():
        yield LotToPlace(
            order=order,
            number=number,
            quantity=next(iter(steps.values())).quantity,
            kept={a.step: a.machine for a in steps.values()} if keeps_machines else {},
        )


def _cut(order: Order, count: int) -> Iterator[LotToPlace]:
    """Yield an order in so many lots of about equal size."""
    size = ceil_div(order.quantity, count)
    for number, first in enumerate(range(0, order.quantity, size)):
        quantity = min(size, order.quantity - first)
        yield LotToPlace(order=order, number=number, quantity=quantity, kept={})


def _later_steps(order: Order, steps: Collection[int]) -> set[int]:
    """Return the steps that a lot goes through after any of `steps`, these left out."""
    found: set[int] = set()
    open_steps = list(steps)
    while open_steps:
        for after in order.successors[open_steps.pop()]:
            if after not in found:
                found.add(after)
                open_steps.append(after)
    return found - set(steps)
