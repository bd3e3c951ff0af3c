"""A generated market in which two thirds of all idle time are booked, and orders to quote.

The machines are those of the generated market, four of different families to a factory, and
three in ten hold a certificate. Most idle windows hold one booked lot of half the window or
more, somewhere in it, so that what is free lies in pieces.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from bench.scenarios.market import DAY_MINUTES, FAMILY_MACHINES, market_problem
from scheduling.core import (
    Assignment,
    Capability,
    Machine,
    Order,
    Problem,
    Quota,
    Step,
    Transport,
    Window,
)
from scheduling.core.book import CapacityBook
from scheduling.core.problem import ceil_div

FACTORY_MACHINES = 4
CERTIFICATE = "ISO 9001"
CERTIFIED_SHARE = 0.3
EMPTY_WINDOWS = 0.13
LEAST_FILLED = 0.6
LOTS_PER_ORDER = 40
TRANSPORT_MINUTES = 120
BUYER = "buyer"
MOST_STEPS = 4
WORK_HOURS = (6.0, 150.0)
LAST_RELEASE_DAY = 5
LIMITED = 0.1
"""Share of quoted orders with a certificate; as many have a cap on factories, or a quota."""


def booked_market(
    *, machines: int, seed: int = 1, family_machines: int = FAMILY_MACHINES
) -> tuple[Problem, list[Assignment]]:
    """Draw a market and its bookings; the orders of the problem are what is booked."""
    random = np.random.default_rng(seed)
    drawn = market_problem(machines=machines, orders=0, seed=seed, family_machines=family_machines)
    certified = random.random(machines) < CERTIFIED_SHARE
    shops = tuple(
        replace(
            machine,
            factory=f"F{row // FACTORY_MACHINES:05d}",
            certificates=frozenset({CERTIFICATE} if certified[row] else ()),
        )
        for row, machine in enumerate(drawn.machines)
    )
    orders: list[Order] = []
    bookings: list[Assignment] = []
    by_process: dict[str, list[Machine]] = {}
    for machine in shops:
        by_process.setdefault(machine.capabilities[0].process, []).append(machine)
    for process, able in by_process.items():
        spans = [span for machine in able for span in _booked(machine, random)]
        for first in range(0, len(spans), LOTS_PER_ORDER):
            name = f"{process}-{first // LOTS_PER_ORDER:04d}"
            lots = spans[first : first + LOTS_PER_ORDER]
            bookings += [replace(a, order=name, lot=lot) for lot, a in enumerate(lots)]
            pieces = sum(a.quantity for a in lots)
            orders.append(Order(id=name, quantity=pieces, steps=(Step(process=process),)))
    transport = Transport(default_minutes=TRANSPORT_MINUTES)
    problem = replace(drawn, machines=shops, orders=tuple(orders), transport=transport)
    return problem, bookings


def _booked(machine: Machine, random: np.random.Generator) -> Iterator[Assignment]:
    """Yield one lot for most windows of a machine, somewhere in the window."""
    capability = machine.capabilities[0]
    for window in machine.windows or ():
        share = LEAST_FILLED + (1 - LEAST_FILLED) * float(random.random())
        if random.random() < EMPTY_WINDOWS:
            continue
        minutes = int(share * (window.end - window.start)) - capability.set_up_minutes
        pieces = int(minutes * capability.rate_per_hour / 60)
        if pieces < capability.min_lot:
            continue
        length = capability.set_up_minutes + _work_minutes(capability, pieces)
        start = int(random.integers(window.start, window.end - length + 1))
        yield Assignment(
            order="",
            lot=0,
            step=0,
            machine=machine.id,
            start=start,
            end=start + length,
            quantity=pieces,
            set_up_minutes=capability.set_up_minutes,
        )


def _work_minutes(capability: Capability, pieces: int) -> int:
    rate = capability.rate_per_hour
    return ceil_div(pieces * 60 * rate.denominator, rate.numerator)


def orders_to_quote(problem: Problem, *, count: int, seed: int = 1) -> Iterator[Order]:
    """Draw orders of one to four steps; some ask for a certificate, few factories or a quota."""
    random = np.random.default_rng(seed + 1)
    options = problem.options_by_process
    rates = {p: float(options[p][0].rate_per_hour or 1) for p in sorted(options)}
    low, high = np.log(WORK_HOURS[0]), np.log(WORK_HOURS[1])
    for number in range(count):
        steps = int(random.integers(1, MOST_STEPS + 1))
        first = sorted(rates)[int(random.integers(len(rates)))]
        alike = [p for p, rate in rates.items() if 0.5 <= rate / rates[first] <= 2]
        chosen = [first, *(alike[i] for i in random.integers(0, len(alike), size=steps - 1))]
        quantity = max(1, int(rates[first] * np.exp(random.uniform(low, high))))
        order = Order(
            id=f"quoted-{number:03d}",
            quantity=quantity,
            steps=tuple(Step(process=process) for process in chosen),
            release=DAY_MINUTES * int(random.integers(0, LAST_RELEASE_DAY + 1)),
            destination=BUYER,
        )
        limit = random.random()
        if limit < LIMITED:
            order = replace(order, certificates=frozenset({CERTIFICATE}))
        elif limit < 2 * LIMITED:
            order = replace(order, max_factories=steps + 1)
        elif limit < 3 * LIMITED:
            factory = options[chosen[0]][int(random.integers(len(options[chosen[0]])))]
            quota = Quota(step=0, factory=factory.machine.factory, at_most=quantity // 2)
            order = replace(order, quotas=(quota,))
        yield order


def free_market(book: CapacityBook, order: Order) -> Problem:
    """Return the market of one order in which booked time is closed: what bounds it best."""
    names = {
        option.machine.id
        for step in range(len(order.steps))
        for option in book.supply.admitted(order, step)
    }
    machines = (book.machine(name) for name in sorted(names))
    free = tuple(
        replace(machine, windows=tuple(left_of(machine.windows or (), book.on(machine.id))))
        for machine in machines
    )
    return replace(book.problem, machines=free, orders=(order,), frozen=())


def left_of(windows: Iterable[Window], taken: Iterable[Assignment]) -> Iterator[Window]:
    """Yield what is left of a machine's windows when the time of some bookings is closed."""
    spans = sorted((a.start, a.end) for a in taken)
    for window in windows:
        at = window.start
        for start, end in spans:
            if start < window.end and end > at:
                if start > at:
                    yield Window(start=at, end=start)
                at = end
        if at < window.end:
            yield Window(start=at, end=window.end)
