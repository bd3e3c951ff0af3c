"""Prove how good any plan can be, in exact integers and without a solver.

*Weighted capacity.* Give every machine a weight of 0 or more. Each piece costs at least its
cheapest weighted minutes, whoever makes it; all pieces together cannot use more weighted
minutes than the machines have between their earliest start and their latest end. This is
weak duality of the assignment LP: any weights give a valid bound, the LP's dual values give
the best one. Where a step has quotas, its pieces are shared over the factories within them, as
cheaply as they allow. The weights are integers; they are the certificate that `check --certify`
recomputes. Paths (the fastest way of the smallest lot) bound each order by itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from scheduling.core.calendars import NEVER
from scheduling.core.goals import as_known_goal
from scheduling.core.problem import MINUTES_PER_HOUR, Key, Option, Problem
from scheduling.core.ranges import least_cost
from scheduling.core.reach import ReachModel
from scheduling.core.rents import constant_rents, rented_bound
from scheduling.core.result import Objective, Rents
from scheduling.core.shop import ShopModel

Weights = Mapping[str, int]
"""Integer weight per machine; a machine that is not named weighs 0."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A proven lower bound and the weights or rents that prove it; None when paths alone do.

    `value` None means proven infeasible: no plan meets the windows and deadlines.
    """

    value: int | None
    weights: Weights | None = None
    rents: Rents | None = None


def lower_bound(
    problem: Problem,
    goal: Objective,
    weights: Sequence[Weights] = (),
    *,
    rents: Sequence[Rents] = (),
    model: ReachModel | None = None,
) -> Bound:
    """Return the best bound on `goal` that paths, steps and the given weights prove.

    For the cost, weights are rents that never change, and `rents` may change over time.
    """
    known, known_goal = as_known_goal(problem, goal)
    if known is not problem:
        return lower_bound(known, known_goal, weights, rents=rents)
    if problem.is_shop and goal is Objective.MAKESPAN:
        return _shop_bound(problem, weights)
    model = model or ReachModel(problem)
    if goal is Objective.COST:
        return _cost_bound(model, weights, rents)
    if goal is Objective.TARDINESS:
        return _tardiness_bound(model)
    return makespan_bound(model, [*step_weights(model), *weights])


def _shop_bound(problem: Problem, weights: Sequence[Weights]) -> Bound:
    shop = ShopModel(problem)
    best = Bound(value=max(shop.longest_job(), shop.busiest_machine()))
    for each in weights:
        value = shop.weighted_balance(each)
        if best.value is not None and value > best.value:
            best = Bound(value=value, weights=each)
    if shop.misses_deadline():
        return Bound(value=None)
    return best


def step_weights(model: ReachModel) -> list[dict[str, int]]:
    """Return the weights that compare each step's demand with its machines' rates alone."""
    found: list[dict[str, int]] = []
    seen: set[frozenset[str]] = set()
    for key in model.options:
        for options in _rivals(model, key):
            members = frozenset(option.machine.id for option in options)
            if not members or members in seen or model.must_make(key) <= 0:
                continue
            seen.add(members)
            rates = {option.machine.id: _speed(option) for option in options}
            scale = lcm(*(rate.denominator for rate in rates.values()))
            found.append({machine: int(rate * scale) for machine, rate in rates.items()})
    return found


def _rivals(model: ReachModel, key: Key) -> Iterator[tuple[Option, ...]]:
    """Yield the options of a step, then those that its quotas leave some pieces to alone."""
    options, ranges = model.options[key], model.ranges.get(key, {})
    yield options
    for factory, (least, _) in ranges.items():
        if least > 0:
            yield tuple(o for o in options if o.machine.factory == factory)
    capped = {factory for factory, (_, most) in ranges.items() if most < model.demand(key)}
    if capped:
        yield tuple(o for o in options if o.machine.factory not in capped)


def makespan_bound(model: ReachModel, weights: Iterable[Weights]) -> Bound:
    """Return the smallest finishing time that none of `weights` rules out."""
    claims = [claim for claim in (_claim(model, each) for each in weights) if claim.keys]
    low = max((model.completion(order) for order in model.problem.orders), default=0)
    low = max(low, max((a.end for a in model.problem.frozen), default=0))
    if low >= NEVER or _misses_deadline(model) or _breaks_quotas(model):
        return Bound(value=None)
    proof: Weights | None = None
    ruled_out, high, step = low - 1, low, 64
    while (claim := _ruling(model, claims, high)) is not None:
        proof, ruled_out = claim.weights, high
        high, step = high + step, step * 2
        if high > NEVER:
            return Bound(value=None, weights=proof)
    while high - ruled_out > 1:
        middle = (high + ruled_out) // 2
        claim = _ruling(model, claims, middle)
        if claim is None:
            high = middle
        else:
            proof, ruled_out = claim.weights, middle
    return Bound(value=high, weights=proof)


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """The weighted minutes that `keys` need at least, whoever makes them."""

    weights: Weights
    keys: tuple[Key, ...]
    needed: Fraction


def _claim(model: ReachModel, weights: Weights) -> _Claim:
    keys: list[Key] = []
    needed = Fraction(0)
    for key, options in model.options.items():
        demand = model.must_make(key)
        if demand <= 0 or not options:
            continue
        least = _least(
            model, key, lambda o: weights.get(o.machine.id, 0) * minutes_per_piece(o), demand
        )
        if least:
            keys.append(key)
            needed += least
    return _Claim(weights=weights, keys=tuple(keys), needed=needed)


def _least(
    model: ReachModel, key: Key, price: Callable[[Option], Fraction], demand: int
) -> Fraction | None:
    """Return the least that `demand` pieces of a step cost at `price`; None: quotas forbid it."""
    ranges, options = model.ranges.get(key), model.options[key]
    if ranges is None:
        return demand * min(price(option) for option in options)
    costs: dict[str, Fraction] = {}
    for option in options:
        cost, factory = price(option), option.machine.factory
        costs[factory] = min(cost, costs.get(factory, cost))
    return least_cost(demand, costs, ranges)


def _breaks_quotas(model: ReachModel) -> bool:
    """Tell whether no shares of the able factories keep the quotas of some step."""
    return any(
        model.must_make(key) > 0
        and _least(model, key, lambda _: Fraction(0), model.must_make(key)) is None
        for key in model.ranges
    )


def _ruling(model: ReachModel, claims: Sequence[_Claim], finish: int) -> _Claim | None:
    """Return a claim that rules out finishing everything by `finish`, if there is one."""
    by = {
        order.id: finish if order.deadline is None else min(finish, order.deadline)
        for order in model.problem.orders
    }
    latest = model.latest(by, [key for claim in claims for key in claim.keys])
    for claim in claims:
        if claim.needed > weighted_capacity(model, claim.weights, claim.keys, latest):
            return claim
    return None


def weighted_capacity(
    model: ReachModel,
    weights: Weights,
    keys: Sequence[Key],
    latest: Mapping[Key, Mapping[str, int]],
) -> int:
    """Return the weighted minutes that all machines have for `keys`."""
    served: dict[str, list[Key]] = {}
    for key in keys:
        for machine in model.option_of[key]:
            served.setdefault(machine, []).append(key)
    return sum(
        weights[machine] * model.capacity(machine, its_keys, latest)
        for machine, its_keys in served.items()
        if weights.get(machine, 0)
    )


def _misses_deadline(model: ReachModel) -> bool:
    return any(
        order.deadline is not None and model.completion(order) > order.deadline
        for order in model.problem.orders
    )


def _cost_bound(model: ReachModel, weights: Sequence[Weights], rents: Sequence[Rents]) -> Bound:
    """Return the best of the bound without rents and those with rents on scarce time."""
    if makespan_bound(model, step_weights(model)).value is None:
        return Bound(value=None)
    best = Bound(value=rented_bound(model, {}))
    for each in (*(constant_rents(weight) for weight in weights), *rents):
        value = rented_bound(model, each)
        if best.value is None or value is None:
            return Bound(value=None)
        if value > best.value:
            best = Bound(value=value, rents=each)
    return best


def _tardiness_bound(model: ReachModel) -> Bound:
    """Add up how late each order must be even if it were alone on all machines."""
    total = 0
    for order in model.problem.orders:
        alone = model.alone(order)
        value = makespan_bound(alone, step_weights(alone)).value
        if value is None:
            return Bound(value=None)
        if order.due is not None:
            total += max(0, value - order.due)
    return Bound(value=total)


def minutes_per_piece(option: Option) -> Fraction:
    """Return the exact working minutes of one piece (of the whole job, in a shop)."""
    if option.duration_minutes is not None:
        return Fraction(option.duration_minutes)
    assert option.rate_per_hour is not None, "an option has a rate or a duration"
    return Fraction(MINUTES_PER_HOUR) / option.rate_per_hour


def price_per_piece(option: Option) -> Fraction:
    """Return what one piece costs at the stated rate, in exact minor units."""
    return minutes_per_piece(option) * option.price_per_hour_minor / MINUTES_PER_HOUR


def _speed(option: Option) -> Fraction:
    return 1 / minutes_per_piece(option)


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)
