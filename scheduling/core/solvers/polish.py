"""Improve a complete plan: take some of its lots out, and place them anew around the rest.

Ruin and recreate (Schrimpf et al. 2000), with lots taken out that stand side by side on their
machines and the odd machine overlooked on purpose (Christiaens and Vanden Berghe 2020).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

from scheduling.core.measures import assignment_cost, delivered_at
from scheduling.core.problem import Order, ceil_div
from scheduling.core.result import Objective
from scheduling.core.schedule import Assignment
from scheduling.core.solvers.dispatch import Lot, NoPlace
from scheduling.core.solvers.incumbent import Incumbent
from scheduling.core.solvers.lots import lot_sizes
from scheduling.core.solvers.market import MarketPlanner

LotKey = tuple[str, int]
"""One (order id, lot number)."""

Lots = dict[LotKey, tuple[Assignment, ...]]

MOST_OUT = 16
"""Lots that are taken out at once, at most."""
MOST_DRAWN = 4 * MOST_OUT
"""No more are taken out where set-ups draw others along."""
RECUT = 0.4
"""How often what is taken out of an order is cut into other lots."""
SPREAD = 0.4
"""How often the lots taken out are of one order or two, wherever they are."""
ONE_BY_ONE = 0.6
CHEAPEST_FIRST = {Objective.COST: 0.85, Objective.MAKESPAN: 0.1, Objective.TARDINESS: 0.1}
"""How often lots go to the cheapest machine, not to the one that has them done first."""
OVERLOOKED = 0.02
"""How often a machine is passed over."""
PERIODS = (50, 200)
"""Turns between two looks at the gain: one for each lot, in these limits."""
LEAST_GAIN = 0.002
"""The search ends after a period of turns that gained no more than this part."""


@dataclass(frozen=True, slots=True)
class _Worth:
    """What a lot or an order comes to: the minute it is complete, minor units, lots."""

    complete: int
    cost: int
    lots: int = 1


class Polisher:
    """One search that starts from the best plan so far.

    Orders with frozen parts, quotas or lots that are cut already stay as they are.
    """

    def __init__(self, planner: MarketPlanner, incumbent: Incumbent, *, seed: int) -> None:
        assert incumbent.schedule is not None, "there must be a plan to improve"
        self.planner = planner
        self.problem = planner.problem
        self.incumbent = incumbent
        self.goal = incumbent.goal
        self.random = Random(seed)
        self.floor = planner.dispatcher(overlooks=lambda: self.random.random() < OVERLOOKED)
        self.lots: Lots = {}
        self.worth: dict[LotKey, _Worth] = {}
        self.numbers: dict[str, set[int]] = {order.id: set() for order in self.problem.orders}
        frozen = set(self.problem.frozen)
        touched = {a.order for a in frozen}
        self.movable = {
            order.id: order
            for order in self.problem.orders
            if order.id not in touched
            and not order.quotas
            and not order.cut
            and order.is_splittable
        }
        for (order_id, number), steps in incumbent.schedule.by_lot.items():
            made = tuple(a for each in steps.values() for a in each)
            self._add((order_id, number), made)
            for assignment in made:
                if assignment not in frozen:
                    self.floor.freeze(assignment)
        self.by_order = {order: self._sum(order) for order in self.numbers}
        self.rank = self._rank(self.by_order)

    def run(self) -> None:
        """Take turns until they gain next to nothing, or time is over."""
        period = min(max(PERIODS[0], len(self.lots)), PERIODS[1])
        while any(order in self.movable for order, _ in self.lots):
            before = self.rank[0]
            for _ in range(period):
                if self.incumbent.clock.is_over:
                    break
                self._turn()
            self.incumbent.offer([a for made in self.lots.values() for a in made])
            if self.incumbent.clock.is_over or before - self.rank[0] <= LEAST_GAIN * before:
                return

    def _turn(self) -> None:
        """Try one change, and keep it if the plan is no worse for it."""
        chosen = self._of_one_order() if self.random.random() < SPREAD else self._side_by_side()
        before = {key: self.lots[key] for key in chosen}
        for made in before.values():
            self.floor.withdraw(made)
        new = self._placed(self._cut(before)) if self._draw_along(before) else None
        if new is not None:
            touched = {order for order, _ in before}
            self._exchange(before, new)
            by_order = {**self.by_order, **{order: self._sum(order) for order in touched}}
            rank = self._rank(by_order)
            if rank <= self.rank and all(self._keeps_limits(o, by_order[o]) for o in touched):
                self.by_order, self.rank = by_order, rank
                return
            for made in new.values():
                self.floor.withdraw(made)
            self._exchange(new, before)
        for made in before.values():
            for assignment in made:
                self.floor.freeze(assignment)

    def _exchange(self, old: Lots, new: Lots) -> None:
        for key in old:
            del self.lots[key], self.worth[key]
            self.numbers[key[0]].discard(key[1])
        for key, made in new.items():
            self._add(key, made)

    def _placed(self, lots: Sequence[Lot]) -> Lots | None:
        """Place lots all at once or one after another; None when one finds no place."""
        self.floor.cheapest_first = self.random.random() < CHEAPEST_FIRST[self.goal]
        batches = [list(lots)]
        if self.random.random() < ONE_BY_ONE:
            batches = [[lot] for lot in self.random.sample(lots, len(lots))]
        new: Lots = {}
        for batch in batches:
            try:
                placed = self.floor.run(batch)
            except NoPlace:
                for made in new.values():
                    self.floor.withdraw(made)
                return None
            for a in placed:
                new[(a.order, a.lot)] = (*new.get((a.order, a.lot), ()), a)
        return new

    def _draw_along(self, out: Lots) -> bool:
        """Take out also what is left without its set-up; tell whether that stayed little."""
        waiting = [a for made in out.values() for a in made]
        while waiting:
            a = waiting.pop()
            broken = self.floor.timelines[a.machine].broken_set_up(a.start)
            if broken is None:
                continue
            key = (broken.key[0], broken.lot)
            if key[0] not in self.movable or len(out) >= MOST_DRAWN:
                return False
            out[key] = self.lots[key]
            self.floor.withdraw(out[key])
            waiting.extend(out[key])
            waiting.append(a)
        return True

    def _cut(self, out: Lots) -> list[Lot]:
        """Cut what was taken out of each order anew, or leave the lots as they were."""
        lots: list[Lot] = []
        for order_id in sorted({order for order, _ in out}):
            order = self.movable[order_id]
            numbers = sorted(n for o, n in out if o == order_id)
            sizes = [out[(order_id, n)][0].quantity for n in numbers]
            if self.random.random() < RECUT:
                sizes = self._other_sizes(order, sizes) or sizes
            free = (n for n in count() if n in numbers or n not in self.numbers[order_id])
            lots += [
                Lot(order=order, number=n, quantity=size, fixed={})
                for n, size in zip(free, sizes, strict=False)
            ]
        return lots

    def _other_sizes(self, order: Order, sizes: Sequence[int]) -> list[int]:
        limits, total, now = self.planner.widest_limits(order), sum(sizes), len(sizes)
        if not limits.allows(total):
            return []
        fewest = ceil_div(total, limits.largest)
        wanted = self.random.choice((fewest, now - 1, now, now + 1, now // 2, 2 * now))
        wanted = min(max(fewest, wanted, 1), 2 * MOST_OUT)
        return lot_sizes(total, limits=limits, base=ceil_div(total, wanted))

    def _of_one_order(self) -> list[LotKey]:
        """Choose lots of one order or two, wherever they are."""
        orders = [o for o in self.movable if self.numbers[o]]
        out: list[LotKey] = []
        for order in self.random.sample(orders, min(len(orders), self.random.choice((1, 1, 2)))):
            numbers = sorted(self.numbers[order])
            some = min(len(numbers), self.random.randint(1, MOST_OUT))
            out += [(order, number) for number in self.random.sample(numbers, some)]
        return out

    def _side_by_side(self) -> list[LotKey]:
        """Choose lots around one lot, on the machines that it passes."""
        most = self.random.randint(1, MOST_OUT)
        out = {self._first(): None}
        queue = list(out)
        while queue and len(out) < most:
            for a in self.lots[queue.pop(0)]:
                before, after = self.random.randint(0, 3), self.random.randint(0, 3)
                for booked in self.floor.timelines[a.machine].around(a.start, before, after):
                    near = (booked.key[0], booked.lot)
                    if near not in out and near[0] in self.movable:
                        out[near] = None
                        queue.append(near)
        return list(out)[:most]

    def _first(self) -> LotKey:
        """Choose a lot: one of those that complete last or late, or any."""
        orders = [o for o in self.movable if self.numbers[o]]
        chosen = self.random.choice(orders)
        if self.goal is not Objective.COST and self.random.random() < 0.6:
            some = self.random.sample(orders, min(len(orders), 4))
            chosen = max(some, key=self._lateness)
        numbers = self.numbers[chosen]
        if self.goal is Objective.MAKESPAN and self.random.random() < 0.5:
            return chosen, max(sorted(numbers), key=lambda n: self.worth[(chosen, n)].complete)
        return chosen, self.random.choice(sorted(numbers))

    def _lateness(self, order_id: str) -> int:
        complete = self.by_order[order_id].complete
        if self.goal is Objective.MAKESPAN:
            return complete
        return complete - (self.movable[order_id].due or complete)

    def _add(self, key: LotKey, made: tuple[Assignment, ...]) -> None:
        order = self.problem.order_by_id[key[0]]
        complete = max(
            (delivered_at(self.problem, order, a) for a in made if not order.successors[a.step]),
            default=0,
        )
        cost = sum(assignment_cost(self.problem, a) for a in made)
        self.lots[key] = made
        self.worth[key] = _Worth(complete, cost)
        self.numbers[key[0]].add(key[1])

    def _sum(self, order_id: str) -> _Worth:
        worths = [self.worth[(order_id, n)] for n in self.numbers[order_id]]
        return _Worth(
            max((w.complete for w in worths), default=0),
            sum(w.cost for w in worths),
            len(worths),
        )

    def _rank(self, by_order: Mapping[str, _Worth]) -> tuple[int, int, int]:
        complete = sum(w.complete for w in by_order.values())
        cost = sum(w.cost for w in by_order.values())
        lots = sum(w.lots for w in by_order.values())
        if self.goal is Objective.COST:
            return cost, complete, lots
        if self.goal is Objective.TARDINESS:
            late = sum(
                max(0, by_order[o.id].complete - o.due)
                for o in self.problem.orders
                if o.due is not None
            )
            return late, complete, lots
        return max((w.complete for w in by_order.values()), default=0), complete, lots

    def _keeps_limits(self, order_id: str, worth: _Worth) -> bool:
        order = self.movable[order_id]
        ceiling, deadline = order.price_ceiling_minor, order.deadline
        return (ceiling is None or worth.cost <= ceiling) and (
            deadline is None or worth.complete <= deadline
        )
