"""Which listed machines may do which step of an order, and what the others lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marketplace.core.asked import MOST_PIECES, AskedOrder, AskedStep, Required
from marketplace.core.learned import Learned
from marketplace.core.listed import Held, ListedCapability, ListedMachine
from marketplace.core.spans import Span


@dataclass(frozen=True, kw_only=True)
class OnSale:
    """A listing as the matcher reads it: one machine with its price and its free time.

    `free` are its windows without what is offered or booked already, in order.
    """

    machine_id: int
    supplier_id: int
    machine: ListedMachine
    free: tuple[Span, ...]
    price_minor_per_hour: int
    currency: str
    minimum_lot: int = 1
    on_time_share: float | None = None

    @property
    def place(self) -> str:
        """Name the site, between which lots travel."""
        return f"{self.supplier_id}:{self.machine.site_uid}"


@dataclass(frozen=True, kw_only=True)
class Miss:
    """Why a machine may not do a step; the code and values of one sentence."""

    step: int
    machine_id: int
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    distance: float = 0.0
    """How far from fitting: 0 to 1 for time and terms, 2 and more for what it cannot hold."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Per step (from 1) the machines that may do it, and all that may not."""

    by_step: tuple[tuple[OnSale, ...], ...]
    misses: tuple[Miss, ...]

    @property
    def is_complete(self) -> bool:
        return all(self.by_step)

    @property
    def machines(self) -> tuple[OnSale, ...]:
        """Return every machine that may do at least one step, once."""
        found = {one.machine_id: one for machines in self.by_step for one in machines}
        return tuple(found.values())


def fit(
    order: AskedOrder, market: Sequence[OnSale], *, excluded_suppliers: frozenset[int] = frozenset()
) -> Fit:
    """Sort the market's machines, step by step, into those that may and those that may not."""
    by_step: list[tuple[OnSale, ...]] = []
    misses: list[Miss] = []
    for number, step in enumerate(order.steps, start=1):
        able: list[OnSale] = []
        for one in market:
            capability = one.machine.capability(step.process)
            if capability is None:
                continue
            miss = _miss(order, number, step, one, capability, excluded_suppliers)
            if miss is None:
                able.append(one)
            else:
                misses.append(miss)
        by_step.append(tuple(able))
    return Fit(by_step=tuple(by_step), misses=tuple(misses))


def with_larger_lots(order: AskedOrder, found: Fit, market: Sequence[OnSale]) -> Fit:
    """Let machines in whose smallest lot is more than the order's pieces: these may be raised.

    A lot size that the buyer asks for stays: no machine is let in that takes larger lots only.
    """
    by_id = {one.machine_id: one for one in market}
    most = order.lot_size or MOST_PIECES
    kept, able = [], [list(machines) for machines in found.by_step]
    for miss in found.misses:
        if miss.code == "miss_minimum_lot" and by_id[miss.machine_id].minimum_lot <= most:
            able[miss.step - 1].append(by_id[miss.machine_id])
        else:
            kept.append(miss)
    return Fit(by_step=tuple(map(tuple, able)), misses=tuple(kept))


def uses_learned(one: OnSale, processes: Iterable[str]) -> bool:
    """Tell whether plans reckon with learned means of a machine for any of `processes`."""
    return any(known.changes_plans for known in _known(one, processes))


def shows_slow_days(one: OnSale, processes: Iterable[str]) -> bool:
    """Tell whether a machine has shown its slow days or long set-ups for any of `processes`."""
    return any(
        known.rate_low_share is not None or known.set_up_high_minutes is not None
        for known in _known(one, processes)
    )


def _known(one: OnSale, processes: Iterable[str]) -> Iterator[Learned]:
    for process in processes:
        capability = one.machine.capability(process)
        if capability is not None and capability.learned is not None:
            yield capability.learned


def nothing_fits(order: AskedOrder, found: Fit, market: Sequence[OnSale]) -> dict[str, Any]:
    """Name the first step that no machine may do, and the nearest that nearly could."""
    number = next(i for i, able in enumerate(found.by_step, start=1) if not able)
    process = order.steps[number - 1].process
    here = [miss for miss in found.misses if miss.step == number]
    if not here:
        return {"code": "no_listing", "values": {"step": number, "process": process}}
    nearest = min(here, key=lambda miss: (miss.distance, miss.machine_id))
    machine = next(one.machine for one in market if one.machine_id == nearest.machine_id)
    values = {
        "step": number,
        "process": process,
        "machine": machine.machine_code,
        "supplier": machine.supplier_name,
        "miss": {"code": nearest.code, "values": dict(nearest.values)},
    }
    return {"code": "no_fit", "values": values}


def lots_cannot_add_up(order: AskedOrder, found: Fit) -> dict[str, Any] | None:
    """Say so where no number of lots is the quantity, and name a lot size that mends it.

    A lot keeps its pieces through all steps: it is no smaller than the machines of the strictest
    step take, and no larger than the lot size asked for.
    """
    if order.lot_size is None or not found.is_complete:
        return None
    least = max(min(one.minimum_lot for one in able) for able in found.by_step)
    lots = order.quantity // least
    if lots * order.lot_size >= order.quantity:
        return None
    values = {
        "quantity": order.quantity,
        "lot_size": order.lot_size,
        "least": least,
        "enough": -(-order.quantity // lots),
    }
    return {"code": "lots_cannot_add_up", "values": values}


def _miss(
    order: AskedOrder,
    number: int,
    step: AskedStep,
    one: OnSale,
    capability: ListedCapability,
    excluded_suppliers: frozenset[int],
) -> Miss | None:
    """Return the first reason why `one` may not do the step, or None when it may."""
    named: dict[str, Any] = {"step": number, "machine_id": one.machine_id}
    if one.supplier_id in excluded_suppliers:
        return Miss(**named, code="miss_excluded", distance=5.0)
    lacking = list(_lacking(step.requirements, capability.attributes))
    if lacking:
        code, values, _ = lacking[0]
        distance = 2.0 + sum(each for _, _, each in lacking)
        return Miss(**named, code=code, values=values, distance=distance)
    if one.currency != order.currency:
        values = {"held": one.currency, "asked": order.currency}
        return Miss(**named, code="miss_currency", values=values, distance=1.0)
    smallest = min(order.quantity, order.lot_size or order.quantity)
    if one.minimum_lot > smallest:
        values = {"held": one.minimum_lot, "asked": smallest}
        return Miss(**named, code="miss_minimum_lot", values=values, distance=0.5)
    if not any(end > order.earliest_start_at for _, end in one.free):
        return Miss(**named, code="miss_windows", distance=0.1)
    return None


def _lacking(
    required: Mapping[str, Required], held: Mapping[str, Held]
) -> Iterator[tuple[str, dict[str, Any], float]]:
    """Yield (code, values, distance) for each attribute that the machine does not hold."""
    for attribute, asked in required.items():
        has = held.get(attribute)
        values: dict[str, Any] = {"attribute": attribute, "asked": asked}
        if has is None:
            yield "miss_attribute", values, 1.0
        elif isinstance(asked, str):
            words = has if isinstance(has, tuple) else (str(has),)
            if asked not in words:
                yield "miss_word", values | {"held": ", ".join(words)}, 1.0
        elif isinstance(has, tuple) or has < asked:
            shortfall = 1.0 if isinstance(has, tuple) else min(1.0, (asked - has) / asked)
            yield "miss_number", values | {"held": has}, shortfall
