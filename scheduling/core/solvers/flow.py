"""Plan quantities before times: how much of each step each machine should make.

Two linear programmes over the same machines. The *balance* programme asks how tightly the
machines are loaded; its prices are the weights that prove the lower bound. The *flow*
programme spreads pieces over machines and time buckets at least price, later steps never
ahead of earlier ones, and gives the shares that list scheduling follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from scheduling.core.bounds import (
    makespan_bound,
    minutes_per_piece,
    price_per_piece,
    step_weights,
)
from scheduling.core.calendars import NEVER
from scheduling.core.problem import Key
from scheduling.core.reach import ReachModel
from scheduling.core.rents import RENT_SCALE
from scheduling.core.solvers.linear import INFINITY, LinearProgramme

WEIGHT_SCALE = 10**9
BALANCE_ROUNDS = 3
BUCKETS = 14


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Pieces of each (order, step) for each machine, and the rents of scarce machine time."""

    shares: Mapping[Key, Mapping[str, float]]
    cost: float
    rents: Mapping[str, float]


def balance_weights(model: ReachModel, *, time_limit: float) -> list[dict[str, int]]:
    """Return machine weights that prove a good lower bound on the finishing time."""
    found: list[dict[str, int]] = []
    start = makespan_bound(model, step_weights(model)).value
    for _ in range(BALANCE_ROUNDS):
        if start is None:
            break
        weights = _balance(model, start, time_limit / BALANCE_ROUNDS)
        if weights is None:
            break
        found.append(weights)
        value = makespan_bound(model, [weights]).value
        if value is None or value <= start:
            break
        start = value
    return found


def _balance(model: ReachModel, finish: int, time_limit: float) -> dict[str, int] | None:
    """Minimise the worst load per available minute and read the weights off its prices."""
    keys = [key for key, options in model.options.items() if options and model.demand(key) > 0]
    served: dict[str, list[Key]] = {}
    for key in keys:
        for option in model.options[key]:
            served.setdefault(option.machine.id, []).append(key)
    latest = model.latest({key[0]: finish for key in keys}, keys)
    programme = LinearProgramme()
    demand_row = {key: programme.add_row(1.0, 1.0) for key in keys}
    capacity_row = {machine: programme.add_row(-INFINITY, 0.0) for machine in served}
    loads = [
        (row, -float(max(1, model.capacity(machine, served[machine], latest))))
        for machine, row in capacity_row.items()
    ]
    programme.add_column(1.0, loads)
    quotas = _QuotaRows(model, programme, keys, whole=False)
    for key in keys:
        for option in model.options[key]:
            minutes = float(model.demand(key) * minutes_per_piece(option))
            entries = [(demand_row[key], 1.0), (capacity_row[option.machine.id], minutes)]
            entries += quotas.entries(key, option.machine.factory)
            programme.add_column(0.0, entries)
    solution = programme.solve(time_limit=time_limit)
    if solution is None:
        return None
    prices = {machine: max(0.0, -solution.row_duals[row]) for machine, row in capacity_row.items()}
    most = max(prices.values(), default=0.0)
    if most <= 0.0:
        return None
    return {machine: round(price / most * WEIGHT_SCALE) for machine, price in prices.items()}


def rent_weights(model: ReachModel, *, time_limit: float) -> list[dict[str, int]]:
    """Return rents of scarce machine time, as weights for the lower bound on cost."""
    finish = {
        order.id: NEVER if order.deadline is None else order.deadline
        for order in model.problem.orders
    }
    flow = flow_plan(model, finish=finish, time_limit=time_limit, buckets=1)
    if flow is None:
        return []
    return [{machine: round(rent * RENT_SCALE) for machine, rent in flow.rents.items()}]


def flow_plan(
    model: ReachModel,
    *,
    finish: Mapping[str, int],
    time_limit: float,
    buckets: int = BUCKETS,
) -> Flow | None:
    """Spread every order over machines and time at least price; None when it cannot be.

    `finish` is the minute by which each order must be complete.
    """
    keys = [key for key, options in model.options.items() if options and model.demand(key) > 0]
    latest = model.latest(finish, keys)
    edges = _bucket_edges(model, keys, latest, buckets)
    programme = LinearProgramme()
    capacity_rows: dict[tuple[str, int], int] = {}
    columns: list[tuple[int, Key, str]] = []
    rows = _FlowRows(model, programme, keys, len(edges) - 1)
    quotas = _QuotaRows(model, programme, keys, whole=True)
    for key in keys:
        for option in model.options[key]:
            machine = option.machine.id
            earliest, end = model.earliest[key][machine], latest[key][machine]
            for bucket in range(len(edges) - 1):
                span = max(edges[bucket], earliest), min(edges[bucket + 1], end)
                minutes = model.calendars[machine].open_between(*span)
                if minutes <= 0:
                    continue
                row = capacity_rows.get((machine, bucket))
                if row is None:
                    row = capacity_rows[(machine, bucket)] = programme.add_row(-INFINITY, 0.0)
                programme.row_upper[row] = max(programme.row_upper[row], float(minutes))
                entries = [(row, float(minutes_per_piece(option))), *rows.entries(key, bucket)]
                entries += quotas.entries(key, option.machine.factory)
                columns.append(
                    (programme.add_column(float(price_per_piece(option)), entries), key, machine)
                )
    solution = programme.solve(time_limit=time_limit)
    if solution is None:
        return None
    shares: dict[Key, dict[str, float]] = {key: {} for key in keys}
    for column, key, machine in columns:
        pieces = solution.values[column]
        if pieces > 1e-6:
            shares[key][machine] = shares[key].get(machine, 0.0) + pieces
    rents: dict[str, float] = {}
    for (machine, _), row in capacity_rows.items():
        rents[machine] = max(rents.get(machine, 0.0), -solution.row_duals[row])
    return Flow(shares=shares, cost=solution.objective, rents=rents)


class _QuotaRows:
    """Rows that keep each factory's part of a step within its quotas.

    Columns count `whole` pieces, or parts of the step's demand.
    """

    def __init__(
        self, model: ReachModel, programme: LinearProgramme, keys: list[Key], *, whole: bool
    ) -> None:
        self._rows: dict[tuple[Key, str], int] = {}
        for key in keys:
            unit = 1 if whole else model.demand(key)
            for factory, (least, most) in model.ranges.get(key, {}).items():
                self._rows[(key, factory)] = programme.add_row(least / unit, most / unit)

    def entries(self, key: Key, factory: str) -> list[tuple[int, float]]:
        """Return the entry of a column that makes pieces of `key` in `factory`."""
        row = self._rows.get((key, factory))
        return [] if row is None else [(row, 1.0)]


class _FlowRows:
    """Demand rows, and rows that keep each step behind the steps before it."""

    def __init__(
        self, model: ReachModel, programme: LinearProgramme, keys: list[Key], buckets: int
    ) -> None:
        self._demand = {
            key: programme.add_row(float(model.demand(key)), float(model.demand(key)))
            for key in keys
        }
        self._before: dict[Key, list[list[int]]] = {key: [] for key in keys}
        self._after: dict[Key, list[list[int]]] = {key: [] for key in keys}
        self._buckets = buckets
        if model.problem.frozen:
            return
        for order_id, step in keys:
            for previous in model.problem.order_by_id[order_id].predecessors[step]:
                rows = [programme.add_row(0.0, INFINITY) for _ in range(buckets - 1)]
                self._before[(order_id, previous)].append(rows)
                self._after[(order_id, step)].append(rows)

    def entries(self, key: Key, bucket: int) -> list[tuple[int, float]]:
        """Return the entries of a column that makes pieces of `key` in `bucket`."""
        found = [(self._demand[key], 1.0)]
        for rows in self._before[key]:
            found.extend((row, 1.0) for row in rows[bucket:])
        for rows in self._after[key]:
            found.extend((row, -1.0) for row in rows[bucket:])
        return found


def _bucket_edges(
    model: ReachModel, keys: list[Key], latest: Mapping[Key, Mapping[str, int]], buckets: int
) -> list[int]:
    """Cut the time between the first start and the last end into equal buckets."""
    first = min(min(model.earliest[key].values()) for key in keys)
    last = max(max(latest[key].values()) for key in keys)
    ends = [model.calendars[m.id].ends for m in model.problem.machines]
    last = max(first + 1, min(last, max((e[-1] for e in ends if e), default=NEVER)))
    count = min(buckets, last - first)
    return [first + (last - first) * index // count for index in range(count + 1)]
