"""A generated market: many small machines in families, orders near their buyers.

The recipe of the figures that others measured: families of about 200 machines that do one
process, 20 nearest eligible machines for each order, 14 days of which each machine is idle on
70 %, orders that must be made within 4 days, demand two thirds of all idle time. Every machine
has its own rate, price, set-up and smallest lot; one in four may not pause a lot. What no
machine makes is bought outside, at twice the family's usual price.

With `shared` above 0, that share of the machines can do a second family's process, which ties
nearly all orders into one connected market.
"""

from dataclasses import dataclass

import numpy as np

from scheduling.core import Capability, Machine, Order, Problem, Step, Transport, Window

FAMILY_MACHINES = 200
ORDERS_PER_MACHINE = 0.2
NEAREST = 20
DAYS = 14
DAYS_TO_MAKE = 4
IDLE_SHARE = 0.7
DEMAND_SHARE = 2 / 3
DAY_MINUTES = 1440
OPENING, CLOSING = 6 * 60, 22 * 60
MAP_KM = 400
OUTSIDE_FACTOR = 2.0


@dataclass(frozen=True, kw_only=True)
class _Family:
    """What the machines of one process have in common."""

    process: str
    rate_per_hour: int
    price_per_hour_minor: int


@dataclass(frozen=True, kw_only=True)
class _Site:
    """A machine with its place and its first family."""

    machine: Machine
    family: int
    second: int | None
    place: tuple[float, float]


def market_problem(
    *,
    machines: int,
    orders: int,
    seed: int = 1,
    shared: float = 0.0,
    family_machines: int = FAMILY_MACHINES,
) -> Problem:
    """Draw a market of that size; `shared` is the share of machines with a second process."""
    random = np.random.default_rng(seed)
    count = max(1, round(machines / family_machines))
    families = [_family(number, random) for number in range(count)]
    sites = [_site(number, families, shared, random) for number in range(machines)]
    lags: dict[tuple[str, str], int] = {}
    drawn = [
        order
        for family in range(count)
        for order in _orders(family, families, sites, orders, lags, random)
    ]
    return Problem(
        machines=tuple(site.machine for site in sites),
        orders=tuple(drawn),
        transport=Transport(minutes=lags),
        currency="CNY",
    )


def _family(number: int, random: np.random.Generator) -> _Family:
    return _Family(
        process=f"process-{number:03d}",
        rate_per_hour=int(random.integers(40, 400)),
        price_per_hour_minor=int(random.integers(6_000, 20_000)),
    )


def _site(
    number: int, families: list[_Family], shared: float, random: np.random.Generator
) -> _Site:
    family = number % len(families)
    second: int | None = None
    if len(families) > 1 and random.random() < shared:
        second = (family + int(random.integers(1, len(families)))) % len(families)
    opening = OPENING + 60 * int(random.integers(0, 4))
    closing = CLOSING - 60 * int(random.integers(0, 4))
    machine = Machine(
        id=f"M{number:05d}",
        factory=f"F{number:05d}",
        capabilities=tuple(
            _capability(families[each], random) for each in (family, second) if each is not None
        ),
        windows=tuple(
            Window(start=day * DAY_MINUTES + opening, end=day * DAY_MINUTES + closing)
            for day in range(DAYS)
            if random.random() < IDLE_SHARE
        ),
    )
    place = (float(random.random()) * MAP_KM, float(random.random()) * MAP_KM)
    return _Site(machine=machine, family=family, second=second, place=place)


def _capability(family: _Family, random: np.random.Generator) -> Capability:
    rate = max(1, round(family.rate_per_hour * random.uniform(0.7, 1.4)))
    return Capability(
        process=family.process,
        rate_per_hour=rate,
        set_up_minutes=15 * int(random.integers(2, 13)),
        price_per_hour_minor=round(family.price_per_hour_minor * random.uniform(0.75, 1.35)),
        min_lot=rate * int(random.integers(3, 9)),
        resumable=bool(random.random() < 0.75),
    )


def _orders(
    family: int,
    families: list[_Family],
    sites: list[_Site],
    orders: int,
    lags: dict[tuple[str, str], int],
    random: np.random.Generator,
) -> list[Order]:
    """Draw the orders of one family and note the transport from their machines."""
    able = [site for site in sites if family in (site.family, site.second)]
    count = orders // len(families) + (family < orders % len(families))
    minutes = sum(
        window.end - window.start
        for site in able
        if site.family == family
        for window in site.machine.windows or ()
    )
    places = np.array([site.place for site in able])
    shares = random.lognormal(0.0, 0.6, size=count)
    pieces = DEMAND_SHARE * minutes / 60 * families[family].rate_per_hour * shares / shares.sum()
    found: list[Order] = []
    for number in range(count):
        place = random.random(2) * MAP_KM
        distance = np.hypot(*(places - place).T)
        nearest = np.argsort(distance, kind="stable")[:NEAREST]
        name = f"{families[family].process}-{number:03d}"
        for index in nearest:
            lags[(able[index].machine.factory, f"buyer-{name}")] = 30 + round(distance[index])
        found.append(
            Order(
                id=name,
                quantity=max(1, int(pieces[number])),
                steps=(Step(process=families[family].process),),
                release=DAY_MINUTES * (first := int(random.integers(0, DAYS - DAYS_TO_MAKE + 1))),
                deadline=DAY_MINUTES * (first + DAYS_TO_MAKE) + 4 * 60,
                destination=f"buyer-{name}",
                admitted_machines=frozenset(able[index].machine.id for index in nearest),
                outside_price_minor=_outside_price(families[family]),
            )
        )
    return found


def _outside_price(family: _Family) -> int:
    return max(1, round(OUTSIDE_FACTOR * family.price_per_hour_minor / family.rate_per_hour))
