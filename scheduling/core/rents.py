"""Bound the cost of a market from below with rents on scarce machine time, in exact integers.

Let every open minute of a machine bear a rent of 0 or more, which may change over time. A plan
that paid its price and, on top, rent for each minute it uses, would pay the rents of all minutes
at most; so its price is at least the cheapest rented cost of every step by itself, less all
rents (Lagrangian duality of machine time). For one step and one machine, the rented cost of a
quantity is a set-up, paid once, followed by minutes from the cheapest on, nothing below the
smallest lot and nothing above what the reachable open minutes hold; the largest convex function
below it is a few straight pieces, of which the step takes the flattest first, until its quantity
is made or buying outside is cheaper. All roundings go down.
"""

from collections.abc import Mapping, Sequence

from scheduling.core.calendars import NEVER, Calendar
from scheduling.core.measures import assignment_cost
from scheduling.core.problem import MINUTES_PER_HOUR, Option, Window, ceil_div
from scheduling.core.ranges import Range
from scheduling.core.reach import ReachModel
from scheduling.core.result import Rents

RENT_SCALE = 1000
"""A rent is a whole number of 1/1000 minor unit per machine minute."""

SCALE = 1_000_000
"""Inside, costs are whole numbers of 1/1000000 minor unit."""

OUTSIDE = ""
"""Where pieces come from that no machine makes."""

_RENT_UNIT = SCALE // RENT_SCALE

_Piece = tuple[int, int]
"""A slope, and where it ends or how many parts it lasts."""


def constant_rents(weights: Mapping[str, int]) -> dict[str, list[tuple[int, int]]]:
    """Return rents that hold from the first minute on and never change."""
    return {machine: [(0, weight)] for machine, weight in weights.items() if weight > 0}


def rented_bound(model: ReachModel, rents: Rents) -> int | None:
    """Return a proven lower bound on the cost of any plan, in minor units.

    None: some step that cannot be bought outside needs more time than its machines have.
    """
    keys = [key for key in model.options if model.demand(key) > 0]
    finish = {o.id: NEVER if o.deadline is None else o.deadline for o in model.problem.orders}
    latest = model.latest(finish, keys)
    free = _FreeCalendars(model)
    reach: dict[str, tuple[int, int]] = {}
    total = 0
    for key in keys:
        order = model.problem.order_by_id[key[0]]
        demand = model.demand(key)
        pieces: dict[str, list[_Piece]] = {}
        for option in model.options[key]:
            machine = option.machine.id
            start, end = model.earliest[key][machine], latest[key][machine]
            if end <= start:
                continue
            known = reach.get(machine, (start, end))
            reach[machine] = min(known[0], start), max(known[1], end)
            minutes = _rented_minutes(free[machine], rents.get(machine, ()), start, end)
            pieces.setdefault(option.machine.factory, []).extend(
                _pieces(option, demand, minutes, has_set_up=not free.has_frozen)
            )
        if order.outside_price_minor is not None:
            share = order.outside_price_minor * SCALE // len(order.steps)
            pieces.setdefault(OUTSIDE, []).append((share, demand))
        cost = _cheapest(pieces, demand, model.ranges.get(key, {}))
        if cost is None:
            return None
        total += cost
    for machine, (start, end) in reach.items():
        for rent, length in _rented_minutes(free[machine], rents.get(machine, ()), start, end):
            total -= rent * length * _RENT_UNIT
    frozen = sum(assignment_cost(model.problem, each) for each in model.problem.frozen)
    return frozen + max(0, ceil_div(total, SCALE))


class _FreeCalendars(dict[str, Calendar]):
    """Open time less frozen spans, made for each machine when it is asked for."""

    def __init__(self, model: ReachModel) -> None:
        super().__init__()
        self._calendars = model.calendars
        self._frozen: dict[str, list[Window]] = {}
        for each in model.problem.frozen:
            span = Window(start=each.start, end=each.end)
            self._frozen.setdefault(each.machine, []).append(span)

    @property
    def has_frozen(self) -> bool:
        return bool(self._frozen)

    def __missing__(self, machine: str) -> Calendar:
        calendar = self._calendars[machine]
        if machine in self._frozen:
            calendar = Calendar(_without(calendar, sorted(self._frozen[machine])))
        self[machine] = calendar
        return calendar


def _without(calendar: Calendar, frozen: Sequence[Window]) -> list[Window]:
    """Return the open windows that remain around `frozen`, which is sorted."""
    left: list[Window] = []
    at = 0
    for span in (*frozen, Window(start=NEVER, end=NEVER)):
        left.extend(calendar.slices(at, span.start))
        at = max(at, span.end)
    return left


def _rented_minutes(
    calendar: Calendar, steps: Sequence[tuple[int, int]], start: int, end: int
) -> list[tuple[int, int]]:
    """Return (rent, open minutes) of each part of `[start, end)`, the cheapest first."""
    found: list[tuple[int, int]] = []
    rent, at = 0, start
    for minute, following in steps:
        if minute >= end:
            break
        if minute > at:
            found.append((rent, calendar.open_between(at, minute)))
            at = minute
        rent = following
    found.append((rent, calendar.open_between(at, end)))
    if len(found) > 1:
        found.sort()
    return found


def _pieces(
    option: Option, demand: int, minutes: Sequence[tuple[int, int]], *, has_set_up: bool
) -> list[_Piece]:
    """Return the straight pieces of the largest convex function below the rented cost.

    `minutes` are the reachable ones, as (rent, minutes) by rising rent; the set-up takes the
    cheapest. The first piece runs from nothing to the quantity with the least cost a piece.
    """
    set_up = option.least_set_up_minutes if has_set_up else 0
    charge = set_up * option.price_per_hour_minor * SCALE // MINUTES_PER_HOUR
    numerator, denominator = _piece_minutes(option)
    worked, parts, taken = 0, [], 0
    for rent, open_minutes in minutes:
        paid = min(set_up - taken, open_minutes)
        taken += paid
        charge += paid * rent * _RENT_UNIT
        worked += open_minutes - paid
        hourly = option.price_per_hour_minor * SCALE + MINUTES_PER_HOUR * rent * _RENT_UNIT
        slope = hourly * numerator // (MINUTES_PER_HOUR * denominator)
        parts.append((slope, ceil_div(worked * denominator, numerator)))
    most = min(demand, worked * denominator // numerator)
    if taken < set_up or most < max(1, option.min_lot):
        return []
    return _convex(charge, parts, option.min_lot, most)


def _piece_minutes(option: Option) -> tuple[int, int]:
    """Return the working minutes of one piece as numerator and denominator."""
    if option.duration_minutes is not None:
        return option.duration_minutes, 1
    assert option.rate_per_hour is not None, "an option has a rate or a duration"
    return MINUTES_PER_HOUR * option.rate_per_hour.denominator, option.rate_per_hour.numerator


def _convex(charge: int, parts: Sequence[_Piece], least: int, most: int) -> list[_Piece]:
    """Put the straight line from nothing that just touches the curve before its other parts.

    `parts` are the (slope, end) of a convex curve that starts at `charge`.
    """
    at, cost = 0, charge
    touched: _Piece | None = None
    rest: list[_Piece] = []
    for slope, until in parts:
        end = min(until, most)
        for corner in (least, end) if at < least < end else (end,):
            if corner <= at:
                continue
            cost, length, at = cost + slope * (corner - at), corner - at, corner
            ratio = cost // corner
            if corner >= least and (touched is None or ratio <= touched[0]):
                touched, rest = (ratio, corner), []
            elif corner >= least:
                rest.append((slope, length))
    return [] if touched is None else [touched, *rest]


def _cheapest(
    pieces: Mapping[str, list[_Piece]], quantity: int, ranges: Mapping[str, Range]
) -> int | None:
    """Return what `quantity` costs from the cheapest pieces on; None when they do not suffice.

    Each factory makes its own cheapest pieces, and no fewer and no more than its range says.
    """
    total = 0
    rest: list[_Piece] = []
    if any(least > 0 and factory not in pieces for factory, (least, _) in ranges.items()):
        return None
    for factory, own in pieces.items():
        if factory not in ranges:
            rest.extend(own)
            continue
        least, most = ranges[factory]
        for cost, length in sorted(own):
            owed, room = min(length, least), min(length, most)
            total += cost * owed
            rest.append((cost, room - owed))
            least, most, quantity = least - owed, most - room, quantity - owed
        if least > 0:
            return None
    if quantity < 0:
        return None
    for cost, length in sorted(rest):
        taken = min(length, quantity)
        total += cost * taken
        quantity -= taken
        if quantity == 0:
            break
    return total if quantity == 0 else None
