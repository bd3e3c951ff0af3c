"""Rank all machines of a process at once, on arrays of their prices and free minutes by day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scheduling.core.calendars import Calendar
from scheduling.core.problem import MINUTES_PER_HOUR, Machine, Option, Order, Problem
from scheduling.core.schedule import Assignment

BUCKET_MINUTES = 1440
LONGEST_BUCKETS = 60
REMEMBERED_ADMISSIONS = 64


@dataclass(frozen=True, kw_only=True)
class _Able:
    """All machines of one process, side by side."""

    options: tuple[Option, ...]
    by_row: Mapping[int, Option]
    rows: NDArray[np.intp]
    minutes_per_piece: NDArray[np.float64]
    price_per_piece: NDArray[np.float64]
    set_up_minutes: NDArray[np.float64]
    min_lot: NDArray[np.int64]
    by_price: NDArray[np.intp]
    """Their places in order of price."""


class Supply:
    """Who can do each process, and how much time each machine has left by the end of each day.

    `machines` is shared with the owner, who says which of them changed.
    """

    def __init__(self, problem: Problem, machines: list[Machine]) -> None:
        self._problem = problem
        self._machines = machines
        self._rows_of_process: dict[str, list[int]] = {}
        for row, machine in enumerate(machines):
            for capability in machine.capabilities:
                self._rows_of_process.setdefault(capability.process, []).append(row)
        ends = [machine.windows[-1].end for machine in machines if machine.windows]
        buckets = -(-(max(ends, default=0) - problem.now) // BUCKET_MINUTES)
        self._buckets = min(LONGEST_BUCKETS, max(1, buckets))
        self._free = np.zeros((len(machines), self._buckets + 1), dtype=np.int32)
        self._able: dict[str, _Able] = {}
        self._admitted: dict[tuple[object, ...], NDArray[np.bool_]] = {}

    def forget(self, machine: Machine) -> None:
        """Read a machine's figures anew when they are asked for next."""
        self._admitted.clear()
        for capability in machine.capabilities:
            self._able.pop(capability.process, None)

    def option(self, process: str | None, row: int) -> Option | None:
        """Return how the machine of a row does a process."""
        able = self._of(process)
        return None if able is None else able.by_row.get(row)

    def admitted(self, order: Order, step: int) -> list[Option]:
        """Return all machines that may do a step, free or not."""
        able = self._of(order.steps[step].process)
        if able is None:
            return []
        return [able.options[place] for place in np.nonzero(self._admits(able, order, step))[0]]

    def soonest(
        self,
        order: Order,
        step: int,
        *,
        pieces: float,
        ready: int = 0,
        most: int | None = None,
        by_price: int = 0,
    ) -> list[tuple[float, Option]]:
        """Return the `most` machines that would have `pieces` of a step done first, and when.

        All that have the time by default; work starts at `ready` or at the order's release.
        With `by_price`, so many more are added that are the cheapest of the rest. Travel is
        left out of the ranking, and the minutes when the work is done are estimates.
        """
        able = self._of(order.steps[step].process)
        if able is None:
            return []
        finish = self._finish(able, pieces, max(ready, self._problem.earliest_start(order)))
        allowed = np.isfinite(finish) & (able.min_lot <= order.quantity)
        allowed &= self._admits(able, order, step)
        (places,) = np.nonzero(allowed)
        if most is not None and len(places) > most:
            places = places[np.argpartition(finish[places], most)[:most]]
        chosen = list(places[np.lexsort((places, able.price_per_piece[places], finish[places]))])
        allowed[chosen] = False
        chosen += list(able.by_price[allowed[able.by_price]][:by_price])
        return [(finish[place], able.options[place]) for place in chosen]

    def cheapest(
        self, order: Order, step: int, *, pieces: int, ready: int, until: int
    ) -> list[Option]:
        """Return the machines that may have time for a lot in `[ready, until)`, cheapest first.

        None that has the time is left out; some may turn out to have it only in parts.
        """
        able = self._of(order.steps[step].process)
        if able is None:
            return []
        free = self._free[able.rows]
        first = min(max(0, (ready - self._problem.now) // BUCKET_MINUTES), self._buckets)
        last = -(-(until - self._problem.now) // BUCKET_MINUTES)
        last = max(first, min(last, self._buckets))
        beyond = last == self._buckets == LONGEST_BUCKETS
        enough = free[:, last] - free[:, first] >= pieces * able.minutes_per_piece - 1e-6
        allowed = (enough | beyond) & (able.min_lot <= pieces)
        allowed &= self._admits(able, order, step)
        (places,) = np.nonzero(allowed)
        ranked = places[np.lexsort((places, able.price_per_piece[places]))]
        return [able.options[place] for place in ranked]

    def count(self, row: int, calendar: Calendar, spans: Sequence[Assignment]) -> None:
        """Count a machine's free minutes from now to the end of each day around `spans`."""
        worked = np.array(calendar.worked)
        steps = _stairs(calendar.starts, calendar.ends)
        minutes = np.concatenate((worked[:1], np.repeat(worked[1:-1], 2), worked[-1:]))
        edges = self._problem.now + BUCKET_MINUTES * np.arange(self._buckets + 1)
        opened = np.interp(edges, steps, minutes) if len(steps) else np.zeros(len(edges))
        if spans and len(steps):
            starts = np.interp([a.start for a in spans], steps, minutes)
            ends = np.interp([a.end for a in spans], steps, minutes)
            taken = np.concatenate(([0.0], np.cumsum(ends - starts)))
            taken = np.concatenate((taken[:1], np.repeat(taken[1:-1], 2), taken[-1:]))
            opened = opened - np.interp(opened, _stairs(starts, ends), taken)
        self._free[row] = np.minimum(opened - opened[0], np.iinfo(np.int32).max)

    def options(self, process: str | None) -> Sequence[Option]:
        """Return all machines that can do a process."""
        able = self._of(process)
        return () if able is None else able.options

    def has_candidate(self, order: Order, step: int) -> bool:
        """Tell whether any machine may do a step, whatever its time and price."""
        able = self._of(order.steps[step].process)
        if able is None:
            return False
        return bool((self._admits(able, order, step) & (able.min_lot <= order.quantity)).any())

    def least_price(self, order: Order, step: int) -> float:
        """Return the lowest price of a piece among the machines that may do a step."""
        able = self._of(order.steps[step].process)
        if able is None:
            return 0.0
        allowed = self._admits(able, order, step)
        return float(able.price_per_piece[allowed].min(initial=np.inf))

    def pieces_free(self, order: Order, step: int) -> int:
        """Return no less than the pieces of a step that the time still free can make."""
        able = self._of(order.steps[step].process)
        if able is None:
            return 0
        free = self._free[able.rows]
        first = (self._problem.earliest_start(order) - self._problem.now) // BUCKET_MINUTES
        last = self._buckets
        if order.deadline is not None:
            last = min(last, max(0, -(-(order.deadline - self._problem.now) // BUCKET_MINUTES)))
        minutes = free[:, last] - free[:, min(first, last)]
        allowed = self._admits(able, order, step) & (able.min_lot <= order.quantity)
        return int(np.ceil((minutes[allowed] / able.minutes_per_piece[allowed]).sum()))

    def _of(self, process: str | None) -> _Able | None:
        if process is None or process not in self._rows_of_process:
            return None
        found = self._able.get(process)
        if found is None:
            rows = self._rows_of_process[process]
            some = replace(self._problem, machines=tuple(self._machines[row] for row in rows))
            options = some.options_by_process[process]
            minutes = np.array([MINUTES_PER_HOUR / float(o.rate_per_hour or 1) for o in options])
            prices = np.array([float(o.price_per_hour_minor) for o in options])
            price_per_piece = minutes * prices / MINUTES_PER_HOUR
            found = self._able[process] = _Able(
                options=options,
                by_row=dict(zip(rows, options, strict=True)),
                rows=np.array(rows, dtype=np.intp),
                minutes_per_piece=minutes,
                price_per_piece=price_per_piece,
                by_price=np.argsort(price_per_piece, kind="stable"),
                set_up_minutes=np.array([float(o.set_up_minutes) for o in options]),
                min_lot=np.array([o.min_lot for o in options], dtype=np.int64),
            )
        return found

    def _admits(self, able: _Able, order: Order, step: int) -> NDArray[np.bool_]:
        """Tell which machines an order admits; remembered for a few orders."""
        asked = (
            order.steps[step].process,
            order.excluded_machines,
            order.excluded_factories,
            order.certificates,
            order.admitted_machines,
        )
        found = self._admitted.get(asked)
        if found is None:
            if len(self._admitted) >= REMEMBERED_ADMISSIONS:
                self._admitted.clear()
            if any(asked[1:4]) or order.admitted_machines is not None:
                found = np.fromiter((order.admits(o.machine) for o in able.options), dtype=bool)
            else:
                found = np.ones(len(able.options), dtype=bool)
            self._admitted[asked] = found
        return found

    def _finish(self, able: _Able, pieces: float, ready: int) -> NDArray[np.float64]:
        """Return per machine about when `pieces` are done; infinite where there is no time.

        Free minutes are taken as spread evenly over each day.
        """
        free = self._free[able.rows].astype(np.float64)
        start = max(0, ready - self._problem.now) / BUCKET_MINUTES
        bucket = min(int(start), self._buckets)
        begun = free[:, bucket]
        if bucket < self._buckets:
            begun = begun + (start - bucket) * (free[:, bucket + 1] - begun)
        lots = np.maximum(pieces, able.min_lot)
        target = begun + able.set_up_minutes + lots * able.minutes_per_piece
        reached = free >= target[:, None]
        index = reached.argmax(axis=1)
        rows = np.arange(len(index))
        before, after = free[rows, np.maximum(index - 1, 0)], free[rows, index]
        share = (target - before) / np.maximum(after - before, 1.0)
        minutes = (np.maximum(index - 1, 0) + np.clip(share, 0.0, 1.0)) * BUCKET_MINUTES
        return np.where(reached.any(axis=1), self._problem.now + minutes, np.inf)


def _stairs(
    starts: Sequence[int] | NDArray[np.float64], ends: Sequence[int] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return starts and ends in turn: where a count of minutes begins and stops to rise."""
    return np.column_stack((starts, ends)).ravel().astype(np.float64)
