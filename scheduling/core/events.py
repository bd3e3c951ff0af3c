"""What may happen to a plan while it runs, and what each event takes away from it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from scheduling.core.book import CapacityBook
from scheduling.core.calendars import NEVER
from scheduling.core.problem import Machine, Order, Rate, Window
from scheduling.core.schedule import Assignment

LotStep = tuple[str, int, int]
"""One (order id, lot, step)."""


@dataclass(frozen=True, kw_only=True)
class MachineDown:
    """A machine stops from `start` to `end`; None: nobody knows until when."""

    machine: str
    start: int
    end: int | None = None


@dataclass(frozen=True, kw_only=True)
class FactoryDown:
    """All machines of a factory stop."""

    factory: str
    start: int
    end: int | None = None


@dataclass(frozen=True, kw_only=True)
class ShareDeclined:
    """Factories give lots back and take nothing more of these orders."""

    lots: frozenset[LotStep]


@dataclass(frozen=True, kw_only=True)
class OrderRushed:
    """A new order comes in."""

    order: Order


@dataclass(frozen=True, kw_only=True)
class MaterialLate:
    """Work on an order cannot start before `until`."""

    order: str
    until: int


@dataclass(frozen=True, kw_only=True)
class RateChanged:
    """A machine turns out to be faster or slower than it was thought to be."""

    machine: str
    process: str
    rate_per_hour: Rate


Event = MachineDown | FactoryDown | ShareDeclined | OrderRushed | MaterialLate | RateChanged


@dataclass(frozen=True, kw_only=True)
class Impact:
    """What an event leaves to be placed: bookings taken out of the book, and orders.

    `orders` are the affected ones as they now stand. With `keeps_machines` their lots go back
    to the machines they had, if they can.
    """

    orders: tuple[Order, ...]
    lost: tuple[Assignment, ...] = ()
    keeps_machines: bool = False


def take(book: CapacityBook, event: Event, *, now: int) -> Impact:
    """Change `book` as `event` says and take out of it what can no longer stand.

    Raises:
        KeyError: the event names a machine or an order that the book does not know.
    """
    match event:
        case MachineDown():
            return _stopped(book, [event.machine], event.start, event.end)
        case FactoryDown():
            machines = [machine.id for machine in book.machines_of(event.factory)]
            return _stopped(book, machines, event.start, event.end)
        case ShareDeclined():
            return _declined(book, event)
        case OrderRushed():
            book.add([event.order], ())
            return Impact(orders=(event.order,))
        case MaterialLate():
            return _delayed(book, event, now)
        case RateChanged():
            return _slowed(book, event, now)


def _stopped(book: CapacityBook, machines: Iterable[str], start: int, end: int | None) -> Impact:
    lost: list[Assignment] = []
    for machine in machines:
        lost += [a for a in book.on(machine) if a.end > start and (end is None or a.start < end)]
        book.change(_closed(book.machine(machine), start, end))
    return _taken(book, lost)


def _closed(machine: Machine, start: int, end: int | None) -> Machine:
    """Return a machine without the time from `start` to `end`."""
    if machine.windows is None:
        after = () if end is None else (Window(start=end, end=NEVER),)
        return replace(machine, windows=(Window(start=0, end=start), *after))
    left: list[Window] = []
    for window in machine.windows:
        if window.start < start:
            left.append(Window(start=window.start, end=min(window.end, start)))
        if end is not None and window.end > end:
            left.append(Window(start=max(window.start, end), end=window.end))
    return replace(machine, windows=tuple(left))


def _declined(book: CapacityBook, event: ShareDeclined) -> Impact:
    lost = [
        a
        for order in sorted({order for order, _, _ in event.lots})
        for a in book.of(order)
        if (a.order, a.lot, a.step) in event.lots
    ]
    factories: dict[str, set[str]] = {}
    for a in lost:
        factories.setdefault(a.order, set()).add(book.machine(a.machine).factory)
    for name, declined in factories.items():
        order = book.orders[name]
        excluded = order.excluded_factories | declined
        book.orders[name] = replace(order, excluded_factories=excluded)
    return _taken(book, lost)


def _delayed(book: CapacityBook, event: MaterialLate, now: int) -> Impact:
    order = book.orders[event.order]
    book.orders[order.id] = replace(order, release=max(order.release, event.until))
    booked = book.of(order.id)
    lost = [a for a in booked if not order.predecessors[a.step] and now <= a.start < event.until]
    return replace(_taken(book, lost), keeps_machines=True)


def _slowed(book: CapacityBook, event: RateChanged, now: int) -> Impact:
    machine = book.machine(event.machine)
    capabilities = tuple(
        replace(c, rate_per_hour=event.rate_per_hour) if c.process == event.process else c
        for c in machine.capabilities
    )
    slower = any(
        c.process == event.process and event.rate_per_hour < c.rate_per_hour
        for c in machine.capabilities
    )
    book.change(replace(machine, capabilities=capabilities))
    lost = [
        a
        for a in book.on(machine.id)
        if slower and a.start >= now and book.orders[a.order].steps[a.step].process == event.process
    ]
    return replace(_taken(book, lost), keeps_machines=True)


def _taken(book: CapacityBook, lost: list[Assignment]) -> Impact:
    book.remove(lost)
    names = dict.fromkeys(a.order for a in lost)
    return Impact(orders=tuple(book.orders[name] for name in names), lost=tuple(lost))
