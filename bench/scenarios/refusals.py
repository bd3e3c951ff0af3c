"""Generated markets in use, and orders that each break on one limit.

A market has machines of four processes in some factories, with own rates, prices, set-ups,
smallest lots and idle windows, and other orders' work on part of their time. What is free between
the work of others is stated to the planner as a machine of its own, so that its first lot pays
for a set-up; nothing is sold between two lots of one order on one machine.

Each case takes an order that has a plan and sets one limit so that it has none any more.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from random import Random

from scheduling.core import (
    Assignment,
    Capability,
    Machine,
    Objective,
    Order,
    Problem,
    Result,
    Schedule,
    Step,
    Transport,
    Window,
    solve,
)
from scheduling.core.measures import completion_by_order, cost_by_order

PROCESSES = ("cut", "press", "coat", "pack")
CERTIFICATES = ("automotive", "food", "medical")
FACTORIES = 12
DAYS = 21
DAY = 1440
HOUR = 60
BOOKED_ORDERS = 6
WHOLE_LOT_SHARE = 0.15
"""Machines that take no less than two thirds of a day's work at once, without a pause."""
MAX_LOTS = 12
TIME_LIMIT_S = 60.0
"""Far above what is needed: on a busy machine CPU seconds are what counts."""
DESTINATION = "buyer"


@dataclass(kw_only=True)
class UsedMarket:
    """Machines with the orders that are booked on them already."""

    machines: tuple[Machine, ...]
    transport: Transport
    orders: list[Order] = field(default_factory=list)
    booked: list[Assignment] = field(default_factory=list)

    def asked(self, order: Order) -> Problem:
        """State `order` over the time that is still free."""
        free = [part for machine in self.machines for part in self._parts(machine)]
        admitted = order.admitted_machines
        if admitted is not None:
            admitted = frozenset(part.id for part in free if _whole(part.id) in admitted)
        return Problem(
            machines=tuple(free),
            orders=(replace(order, admitted_machines=admitted),),
            transport=self.transport,
        )

    def as_booked(self, schedule: Schedule) -> list[Assignment]:
        """Name the whole machines in a plan for the time that was free."""
        return [replace(a, machine=_whole(a.machine)) for a in schedule]

    def with_order(self, order: Order, work: Sequence[Assignment]) -> tuple[Problem, Schedule]:
        """Return the whole market as it is with one more order, and everybody's work."""
        admitted = order.admitted_machines
        if admitted is not None:
            admitted = frozenset(map(_whole, admitted))
        whole = Problem(
            machines=self.machines,
            orders=(*self.orders, replace(order, admitted_machines=admitted)),
            transport=self.transport,
            frozen=tuple(self.booked),
        )
        return whole, Schedule(assignments=(*self.booked, *work))

    def book(self, order: Order, work: Sequence[Assignment]) -> None:
        """Take the time; what held for the asking only (dates, prices) is not asked again."""
        self.orders.append(
            Order(id=order.id, quantity=order.quantity, steps=order.steps, destination=DESTINATION)
        )
        self.booked += work

    def _parts(self, machine: Machine) -> Iterator[Machine]:
        """Yield the machine once for each stretch between the work of others."""
        work = sorted((a.start, a.end, a.order) for a in self.booked if a.machine == machine.id)
        edges = [0]
        for _, run in groupby(work, key=lambda each: each[2]):
            lots = list(run)
            edges += [lots[0][0], lots[-1][1]]
        edges.append(DAYS * DAY)
        for number in range(0, len(edges), 2):
            windows = _clipped(machine.windows or (), edges[number], edges[number + 1])
            if windows:
                yield replace(machine, id=f"{machine.id}#{number // 2}", windows=windows)


def _whole(name: str) -> str:
    return name.partition("#")[0]


def _clipped(windows: Sequence[Window], start: int, end: int) -> tuple[Window, ...]:
    cut = (Window(start=max(w.start, start), end=min(w.end, end)) for w in windows)
    return tuple(window for window in cut if window.start < window.end)


def used_market(random: Random) -> UsedMarket:
    """Draw machines, and book some orders on them."""
    factories = [f"F{number:02d}" for number in range(FACTORIES)]
    held = {
        factory: frozenset(c for c in CERTIFICATES if random.random() < 0.5)
        for factory in factories
    }
    machines = tuple(
        _machine(f"M{place:02d}{turn}", factory, process, held[factory], random)
        for place, factory in enumerate(factories)
        for turn, process in enumerate(random.sample(PROCESSES, random.randint(2, 3)))
    )
    places = [*factories, DESTINATION]
    lags = {(a, b): random.randint(60, 300) for a in places for b in places if a != b}
    market = UsedMarket(machines=machines, transport=Transport(minutes=lags))
    for number in range(BOOKED_ORDERS):
        order = drawn_order(f"booked-{number}", random)
        plan = planned(market.asked(order), Objective.MAKESPAN)
        if plan.is_plan:
            market.book(order, market.as_booked(plan.schedule))
    return market


def _machine(
    name: str, factory: str, process: str, certificates: frozenset[str], random: Random
) -> Machine:
    opening, hours = HOUR * random.randint(5, 9), HOUR * random.randint(8, 14)
    rate = random.randint(40, 200)
    is_whole = random.random() < WHOLE_LOT_SHARE
    capability = Capability(
        process=process,
        rate_per_hour=rate,
        set_up_minutes=random.randint(10, 60),
        price_per_hour_minor=random.randint(4_000, 15_000),
        min_lot=rate * (hours // HOUR) * 2 // 3 if is_whole else random.randint(1, rate),
        resumable=not is_whole and random.random() < 0.8,
    )
    return Machine(
        id=name,
        factory=factory,
        capabilities=(capability,),
        certificates=certificates,
        windows=tuple(
            Window(start=day * DAY + opening, end=day * DAY + opening + hours)
            for day in range(DAYS)
            if random.random() < 0.8
        ),
    )


def drawn_order(name: str, random: Random) -> Order:
    """Draw an order over one to three steps, without any limit."""
    route = sorted(random.sample(range(len(PROCESSES)), random.randint(1, 3)))
    return Order(
        id=name,
        quantity=random.randint(400, 3_000),
        steps=tuple(Step(process=PROCESSES[step]) for step in route),
        release=DAY * random.randint(0, 4),
        destination=DESTINATION,
    )


def planned(problem: Problem, goal: Objective) -> Result:
    """Plan with few lots, as all plans of this scenario are."""
    return solve(problem, objective=goal, time_limit=TIME_LIMIT_S, max_lots=MAX_LOTS)


@dataclass(frozen=True, kw_only=True)
class Feasible:
    """An order with a plan: the ground from which its limits are set."""

    order: Order
    problem: Problem
    result: Result

    @property
    def completion(self) -> int:
        return completion_by_order(self.problem, self.result.schedule)[self.order.id]

    @property
    def cost(self) -> int:
        return cost_by_order(self.problem, self.result.schedule)[self.order.id]

    def machines_of(self, step: int) -> list[Machine]:
        """Return the whole machines that could take a step."""
        found = {_whole(o.machine.id): o for o in self.problem.options(self.order, step)}
        return [replace(option.machine, id=name) for name, option in found.items()]


Break = Callable[[Feasible, Random], Order]


def too_late(ground: Feasible, random: Random) -> Order:
    """A deadline well before the best plan's end."""
    order = ground.order
    span = ground.completion - order.release
    return replace(order, deadline=order.release + round(span * random.uniform(0.2, 0.6)))


def too_dear(ground: Feasible, random: Random) -> Order:
    """A ceiling well under what the cheapest plan found costs."""
    return replace(ground.order, price_ceiling_minor=round(ground.cost * random.uniform(0.3, 0.8)))


def not_certified(ground: Feasible, random: Random) -> Order:
    """A certificate that no machine of one step holds."""
    return replace(ground.order, certificates=frozenset({"aerospace", random.choice(CERTIFICATES)}))


def excluded(ground: Feasible, random: Random) -> Order:
    """All factories of one step excluded."""
    step = random.randrange(len(ground.order.steps))
    factories = {machine.factory for machine in ground.machines_of(step)}
    return replace(ground.order, excluded_factories=frozenset(factories))


def too_far(ground: Feasible, random: Random) -> Order:
    """A region that holds no machine of one step."""
    step = random.randrange(len(ground.order.steps))
    beyond = {machine.id for machine in ground.machines_of(step)}
    near = {_whole(machine.id) for machine in ground.problem.machines} - beyond
    return replace(ground.order, admitted_machines=frozenset(near))


def below_lot(ground: Feasible, random: Random) -> Order:
    """Fewer pieces than any machine of one step takes."""
    steps = range(len(ground.order.steps))
    least = max(
        min(option.min_lot for option in ground.problem.options(ground.order, step))
        for step in steps
    )
    return replace(ground.order, quantity=max(1, round(least * random.uniform(0.2, 0.8))))


def one_factory(ground: Feasible, random: Random) -> Order:
    """One factory at most, where none does every step in time or at all."""
    slack = round((ground.completion - ground.order.release) * random.uniform(1.0, 1.2))
    return replace(ground.order, max_factories=1, deadline=ground.order.release + slack)


def short_of_capacity(ground: Feasible, random: Random) -> Order:
    """Many times the pieces in the time of the smaller order."""
    order, times = ground.order, random.randint(4, 12)
    return replace(order, quantity=order.quantity * times, deadline=ground.completion + DAY)


def beyond_calendars(ground: Feasible, random: Random) -> Order:
    """More pieces than all calendars together hold, without any date."""
    return replace(ground.order, quantity=ground.order.quantity * random.randint(150, 300))


def lot_too_long(ground: Feasible, random: Random) -> Order:
    """Just over one lot of machines that must not pause, longer than any of their windows."""
    step = random.randrange(len(ground.order.steps))
    steps = (ground.order.steps[step],)
    tight: list[tuple[int, Machine]] = []
    for option in ground.problem.options(ground.order, step):
        minutes = max((w.end - w.start for w in option.machine.windows or ()), default=0)
        rate = option.rate_per_hour or 1
        fits = int((minutes - option.set_up_minutes) * rate // HOUR)
        if not option.resumable and option.min_lot <= fits < 2 * option.min_lot:
            tight.append((fits, option.machine))
    if not tight:
        return ground.order
    fits, machine = random.choice(tight)
    near = frozenset({_whole(machine.id)})
    return replace(ground.order, steps=steps, quantity=fits + 1, admitted_machines=near)


BREAKS: dict[str, Break] = {
    "too_late": too_late,
    "too_dear": too_dear,
    "not_certified": not_certified,
    "excluded": excluded,
    "too_far": too_far,
    "below_lot": below_lot,
    "one_factory": one_factory,
    "short_of_capacity": short_of_capacity,
    "beyond_calendars": beyond_calendars,
    "lot_too_long": lot_too_long,
}
"""By kind: what makes an order break."""


def unheard_of(ground: Feasible) -> Order:
    """Return an order for a process that nobody does: it admits no relaxation at all."""
    return replace(ground.order, steps=(*ground.order.steps, Step(process="engrave")))
