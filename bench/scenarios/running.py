"""A market whose plan runs, the events that befall it, and what of it is still open."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.scenarios.booked import left_of
from bench.scenarios.market import DAY_MINUTES, market_problem
from scheduling.core import Assignment, Machine, Objective, Order, Problem, Step, Window, solve
from scheduling.core.book import CapacityBook
from scheduling.core.events import (
    Event,
    FactoryDown,
    MachineDown,
    MaterialLate,
    OrderRushed,
    RateChanged,
    ShareDeclined,
)
from scheduling.core.quotes import quote

ROUTED_SHARE = 0.1
"""Orders of several steps on top of the generated ones, as a share of these."""
ROUTED_STEPS = (2, 4)
ROUTED_HOURS = (5.0, 300.0)
"""Machine hours of a step; the largest orders have some hundred lots."""
ROUTED_SLACK = DAY_MINUTES
QUOTE_TIME_S = 60.0
"""So much that the market does not depend on how busy the machine is."""
RUSH_HOURS = (5.0, 60.0)
RUSH_DAYS = 3
FIRST_DAY, LAST_DAY = 1, 9
LATE_MINUTES = 720
SLOWER = 0.8
KINDS = ("down", "down", "stopped", "factory", "declined", "rush", "late", "slower")


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One event, when it becomes known, and of what kind it is."""

    kind: str
    now: int
    event: Event


def running_market(*, machines: int, orders: int, seed: int, time_limit: float) -> CapacityBook:
    """Plan a market and book the plan, with orders of several steps quoted and booked on top.

    What no machine can make by an order's deadline is bought outside, as it was planned; the
    orders on top have a due date, and nothing outside.
    """
    drawn = market_problem(machines=machines, orders=orders, seed=seed)
    result = solve(drawn, objective=Objective.COST, time_limit=time_limit, workers=2, seed=seed)
    book = CapacityBook(drawn, result.schedule)
    random = np.random.default_rng(seed + 1)
    for number in range(int(orders * ROUTED_SHARE)):
        order = _routed(book.problem, f"routed-{number:04d}", random)
        offer = quote(book, order, time_s=QUOTE_TIME_S).cheapest
        if offer is not None:
            order = replace(order, due=offer.completion + ROUTED_SLACK)
            book.add([order], offer.assignments)
    return book


def _routed(problem: Problem, name: str, random: np.random.Generator) -> Order:
    processes = sorted(problem.options_by_process)
    count = int(random.integers(ROUTED_STEPS[0], ROUTED_STEPS[1] + 1))
    steps = [processes[i] for i in random.integers(0, len(processes), size=count)]
    return Order(
        id=name,
        quantity=_pieces(problem, steps, ROUTED_HOURS, random),
        steps=tuple(Step(process=process) for process in steps),
        release=DAY_MINUTES * int(random.integers(0, 5)),
        destination="buyer",
    )


def _pieces(
    problem: Problem, steps: list[str], hours: tuple[float, float], random: np.random.Generator
) -> int:
    rate = min(float(problem.options_by_process[p][0].rate_per_hour or 1) for p in steps)
    return max(1, int(rate * random.uniform(*hours)))


def happenings(book: CapacityBook, *, count: int, seed: int) -> Iterator[Happening]:
    """Draw events one after the other; each is about what is booked when it is drawn."""
    random = np.random.default_rng(seed + 2)
    days = np.sort(random.integers(FIRST_DAY, LAST_DAY + 1, size=count))
    for number, day in enumerate(days):
        now = DAY_MINUTES * int(day)
        kind = KINDS[int(random.integers(len(KINDS)))]
        yield Happening(kind=kind, now=now, event=_event(book, kind, now, number, random))


def _event(
    book: CapacityBook, kind: str, now: int, number: int, random: np.random.Generator
) -> Event:
    if kind == "rush":
        return OrderRushed(order=_rush(book.problem, now, number, random))
    booked = _some_booking(book, now, random)
    if kind == "down":
        return MachineDown(machine=booked.machine, start=now)
    if kind == "stopped":
        return MachineDown(machine=booked.machine, start=now, end=now + DAY_MINUTES)
    if kind == "factory":
        return FactoryDown(factory=book.machine(booked.machine).factory, start=now)
    if kind == "declined":
        mine = [a for a in book.of(booked.order) if a.machine == booked.machine and a.start >= now]
        return ShareDeclined(lots=frozenset((a.order, a.lot, a.step) for a in mine))
    if kind == "late":
        first = min(a.start for a in book.of(booked.order) if a.start >= now)
        return MaterialLate(order=booked.order, until=first + LATE_MINUTES)
    capability = book.machine(booked.machine).capabilities[0]
    slower = max(1, int(capability.rate_per_hour * SLOWER))
    return RateChanged(machine=booked.machine, process=capability.process, rate_per_hour=slower)


def _some_booking(book: CapacityBook, now: int, random: np.random.Generator) -> Assignment:
    while True:
        machine = book.machines[int(random.integers(len(book.machines)))]
        ahead = [a for a in book.on(machine.id) if a.start >= now]
        if ahead:
            return ahead[int(random.integers(len(ahead)))]


def _rush(problem: Problem, now: int, number: int, random: np.random.Generator) -> Order:
    processes = sorted(problem.options_by_process)
    process = processes[int(random.integers(len(processes)))]
    return Order(
        id=f"rush-{number:04d}",
        quantity=_pieces(problem, [process], RUSH_HOURS, random),
        steps=(Step(process=process),),
        release=now,
        due=now + RUSH_DAYS * DAY_MINUTES,
        destination="buyer",
    )


def open_family(book: CapacityBook, process: str, now: int) -> tuple[Problem, list[Assignment]]:
    """Return what of a family's one-step orders is open from `now` on, as a market of its own.

    Everything else that is booked on the machines is closed time. The assignments are the
    bookings that the market's plan may replace.
    """
    rows = book.supply.options(process)
    machines: list[Machine] = []
    mine: list[Assignment] = []
    wanted: dict[str, int] = {}
    for option in rows:
        stays: list[Assignment] = []
        for a in book.on(option.machine.id):
            (mine if a.start >= now and _is_plain(book, a, process) else stays).append(a)
        machines.append(_from(book.machine(option.machine.id), stays, now))
    for a in mine:
        wanted[a.order] = wanted.get(a.order, 0) + a.quantity
    orders = tuple(
        replace(
            book.orders[name],
            quantity=pieces,
            release=max(now, book.orders[name].release),
        )
        for name, pieces in sorted(wanted.items())
    )
    return replace(book.problem, machines=tuple(machines), orders=orders, frozen=()), mine


def _is_plain(book: CapacityBook, a: Assignment, process: str) -> bool:
    order = book.orders[a.order]
    is_priced = order.outside_price_minor is not None
    return is_priced and len(order.steps) == 1 and order.steps[0].process == process


def _from(machine: Machine, stays: list[Assignment], now: int) -> Machine:
    """Return a machine with its windows from `now` on, without the time of `stays`."""
    windows = (
        Window(start=max(window.start, now), end=window.end)
        for window in machine.windows or ()
        if window.end > now
    )
    return replace(machine, windows=tuple(left_of(windows, stays)))
