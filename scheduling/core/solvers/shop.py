"""Solve flexible job shops: list scheduling, LP assignment, tabu search, constraint programming.

None of them is best everywhere: list scheduling scales, the balance LP spreads the load and
proves the bound, tabu search finds the short makespans, constraint programming proves small
ones optimal and knows tardiness and deadlines. Each hands its best plan on.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf
from random import Random

import numpy as np
from numpy.typing import NDArray

from scheduling.core.bounds import Bound, lower_bound
from scheduling.core.result import Objective
from scheduling.core.schedule import Assignment
from scheduling.core.shop import ShopModel
from scheduling.core.solvers.balance import balanced
from scheduling.core.solvers.incumbent import Incumbent

Spans = list[tuple[int, int, int]]
"""Per operation: machine position, start, end."""

MAX_LP_ALTERNATIVES = 400_000
MAX_CP_ALTERNATIVES = 25_000
MAX_CP_FIXED = 20_000
MIN_COMPILED = 300
"""Smaller job shops have no passes of their own."""
LARGE_JOB_SHOP = 2_000
JOB_SHOP_SHARE = 0.5
MAX_TABU_OPERATIONS = 20_000
TINY_ALTERNATIVES = 100
"""Up to here constraint programming proves plans optimal in no time."""
PROVABLE_ALTERNATIVES = 400
"""Up to here it may, once the tabu search has found a plan that is hard to beat."""
FIRST_TABU_SHARE = 0.05
TINY_PROOF_SHARE = 0.4
PROOF_SHARE = 0.15
"""A proof comes at once or, most often, not at all; the rest of the time is better searched."""
GREEDY_SHARE = 0.1
GREEDY_ALONE_SHARE = 0.7
FIXED_SHARE = 0.3
RANDOM_PASSES = 60


def improve_shop(incumbent: Incumbent, bound: Bound, *, workers: int, seed: int) -> Bound:
    """Improve `incumbent` until proven optimal or out of time; return the best certified bound.

    What the search proves beyond that raises the bound of `incumbent` alone.
    """
    shop = ShopModel(incumbent.problem)
    search = _ShopSearch(shop, incumbent, workers, seed)
    is_planned = search.plain_job_shop()
    if not is_planned:
        if not search.best:
            search.offer(list_schedule(shop, urgency=1.0))
        bound = search.balance(bound)
    for stage in search.stages(is_planned=is_planned):
        if incumbent.is_optimal or incumbent.clock.is_over:
            break
        stage()
    return bound


class _ShopSearch:
    """The stages of one shop solve, sharing the best spans found."""

    def __init__(self, shop: ShopModel, incumbent: Incumbent, workers: int, seed: int) -> None:
        self.shop = shop
        self.incumbent = incumbent
        self.workers = workers
        self.seed = seed
        self.best: Spans = []
        self.assigned: list[int] | None = None
        self.alternatives = sum(len(o.alternatives) for o in shop.operations)

    def stages(self, *, is_planned: bool) -> tuple[Callable[[], None], ...]:
        """Return what to do one after the other, until proven optimal or out of time."""
        if not self._is_for_tabu():
            if is_planned:
                return (self.all_alternatives,)
            return (self.greedy, self.fixed_machines, self.all_alternatives)
        if self.alternatives <= TINY_ALTERNATIVES:
            return (self.proof, self.tabu)
        if self.alternatives <= PROVABLE_ALTERNATIVES:
            return (self.first_tabu, self.proof, self.tabu)
        return (self.tabu,)

    def _is_for_tabu(self) -> bool:
        """Tell whether tabu search knows this objective and these jobs."""
        operations = self.shop.operations
        return (
            self.incumbent.goal is Objective.MAKESPAN
            and len(operations) <= MAX_TABU_OPERATIONS
            and all(order.deadline is None for order in self.shop.problem.orders)
            and all(len(o.before) <= 1 and len(o.after) <= 1 for o in operations)
        )

    @property
    def is_flexible(self) -> bool:
        """Tell whether some operation has a choice of machines."""
        return self.alternatives > len(self.shop.operations)

    def offer(self, spans: Spans) -> None:
        """Offer a plan to the incumbent and remember it when it is kept."""
        if self.incumbent.offer(assignments(self.shop, spans)):
            self.best = spans

    def plain_job_shop(self) -> bool:
        """Plan a job shop without a choice of machines; tell whether a plan was found.

        Large ones have all the time: what comes after it is slower than they can bear.
        """
        if self.is_flexible or self.incumbent.goal is not Objective.MAKESPAN:
            return False
        if self.alternatives < MIN_COMPILED:
            return False
        # numba takes half a second to load, and markets do not need it.
        from scheduling.core.solvers.jobshop.arrays import job_shop
        from scheduling.core.solvers.jobshop.search import improve_job_shop

        plain = job_shop(self.shop)
        if plain is None:
            return False
        if self.alternatives <= MAX_CP_ALTERNATIVES:
            # An answer at once, should the kernels have to be compiled first.
            self.offer(list_schedule(self.shop, urgency=1.0))
        is_large = self.alternatives > LARGE_JOB_SHOP
        seconds = self.incumbent.clock.remaining * (1.0 if is_large else JOB_SHOP_SHARE)
        machines = plain.machine.tolist()

        def offer(starts: NDArray[np.int64]) -> None:
            ends = (starts + plain.duration).tolist()
            self.offer(list(zip(machines, starts.tolist(), ends, strict=True)))

        improve_job_shop(
            plain, self.incumbent, offer, seconds=seconds, workers=self.workers, seed=self.seed
        )
        return bool(self.best)

    def balance(self, bound: Bound) -> Bound:
        """Solve the balance LP: its prices may raise the bound, its values assign machines."""
        clock = self.incumbent.clock
        if self.alternatives > MAX_LP_ALTERNATIVES or not self.is_flexible or clock.is_over:
            return bound
        solved = balanced(self.shop, time_limit=max(0.1, clock.remaining * 0.5))
        if solved is None:
            return bound
        self.assigned, weights = solved
        if self.incumbent.goal is not Objective.MAKESPAN:
            return bound
        better = lower_bound(self.incumbent.problem, self.incumbent.goal, [weights])
        self.incumbent.raise_bound(better.value)
        return better if better.weights is not None else bound

    def greedy(self) -> None:
        """List-schedule by several rules, then with noise, for a share of the time."""
        clock = self.incumbent.clock
        share = GREEDY_SHARE if self.alternatives <= MAX_CP_ALTERNATIVES else GREEDY_ALONE_SHARE
        until = clock.elapsed + clock.remaining * share
        random = Random(self.seed)
        rules = [0.0, 0.25, 0.5, 2.0, 4.0]
        took = 0.0
        for number in range(RANDOM_PASSES):
            began = clock.elapsed
            if clock.is_over or clock.remaining < took or began > until:
                return
            if self.incumbent.is_optimal:
                return
            rule = rules[number] if number < len(rules) else random.choice((0.5, 1.0, 2.0))
            noise = 0.0 if number < len(rules) else 0.3
            self.offer(list_schedule(self.shop, urgency=rule, noise=noise, random=random))
            took = max(took, clock.elapsed - began)

    def first_tabu(self) -> None:
        """Search by tabu search for a plan worth proving."""
        clock = self.incumbent.clock
        self.tabu(until=clock.elapsed + FIRST_TABU_SHARE * clock.remaining)

    def tabu(self, *, until: float = inf) -> None:
        """Search by critical-path tabu search until that second or the end of the time."""
        # numba takes half a second to load, and markets do not need it.
        from scheduling.core.solvers.tabu.elites import TabuSearch
        from scheduling.core.solvers.tabu.graph import shop_arrays

        clock = self.incumbent.clock
        starts = [self.best]
        if self.assigned is not None:
            starts.append(list_schedule(self.shop, urgency=1.0, assigned=self.assigned))
        search = TabuSearch(
            shop_arrays(self.shop),
            self.shop.tails,
            target=self.incumbent.lower_bound or 0,
            starts=starts,
            seed=self.seed,
        )
        search.run(
            workers=max(1, self.workers),
            offer=self.offer,
            should_stop=lambda: clock.is_over or clock.elapsed > until,
        )

    def proof(self) -> None:
        """Let constraint programming prove that no plan is better, or find one."""
        # CP-SAT takes a second to load, and neither markets nor huge shops need it.
        from scheduling.core.solvers.sequencing import SequencingModel

        is_tiny = self.alternatives <= TINY_ALTERNATIVES
        seconds = self.incumbent.clock.remaining * (TINY_PROOF_SHARE if is_tiny else PROOF_SHARE)
        model = SequencingModel(self.shop, self.incumbent, is_proof=True)
        found = model.improve(
            self.best, seconds=seconds, workers=self.workers, seed=self.seed, offer=self.offer
        )
        self.incumbent.raise_bound(found)

    def fixed_machines(self) -> None:
        """Keep the LP's machines and only sequence: no optional intervals."""
        if self.assigned is None or len(self.shop.operations) > MAX_CP_FIXED:
            return
        if not self.is_flexible:
            return
        start = list_schedule(self.shop, urgency=1.0, assigned=self.assigned)
        self.offer(start)
        seconds = self.incumbent.clock.remaining * FIXED_SHARE
        self._sequence(start, seconds, assigned=self.assigned)

    def all_alternatives(self) -> None:
        """Search over machines and sequence together, from the best plan so far."""
        if self.alternatives <= MAX_CP_ALTERNATIVES:
            found = self._sequence(self.best, self.incumbent.clock.remaining, assigned=None)
            self.incumbent.raise_bound(found)

    def _sequence(self, start: Spans, seconds: float, *, assigned: list[int] | None) -> int | None:
        # CP-SAT takes a second to load, and neither markets nor huge shops need it.
        from scheduling.core.solvers.sequencing import SequencingModel

        model = SequencingModel(self.shop, self.incumbent, assigned=assigned)
        return model.improve(
            start, seconds=seconds, workers=self.workers, seed=self.seed, offer=self.offer
        )


def list_schedule(
    shop: ShopModel,
    *,
    urgency: float,
    noise: float = 0.0,
    random: Random | None = None,
    assigned: list[int] | None = None,
) -> Spans:
    """Schedule operations by earliest start, less `urgency` times the work that follows.

    A lazy heap: an operation whose machines have become busier goes back with its new rank.
    """
    operations = shop.operations
    free = [0] * len(shop.problem.machines)
    ready = [0] * len(operations)
    waiting = [len(operation.before) for operation in operations]
    weight = [
        urgency * shop.tails[index] * (1.0 + noise * random.uniform(-1, 1) if random else 1.0)
        for index in range(len(operations))
    ]
    for index, operation in enumerate(operations):
        if not operation.before:
            ready[index] = shop.releases[operation.job]
    spans: Spans = [(0, 0, 0)] * len(operations)
    heap = [(ready[i] - weight[i], i) for i in range(len(operations)) if not waiting[i]]
    heapify(heap)
    while heap:
        rank, index = heappop(heap)
        operation = operations[index]
        machine, start, end = -1, 0, 0
        for candidate, duration in operation.alternatives:
            if assigned is not None and candidate != assigned[index]:
                continue
            begin = max(ready[index], free[candidate])
            if machine < 0 or (begin + duration, begin) < (end, start):
                machine, start, end = candidate, begin, begin + duration
        now = start - weight[index]
        if now > rank and heap and now > heap[0][0]:
            heappush(heap, (now, index))
            continue
        spans[index] = (machine, start, end)
        free[machine] = end
        for following in operation.after:
            ready[following] = max(ready[following], end)
            waiting[following] -= 1
            if waiting[following] == 0:
                heappush(heap, (ready[following] - weight[following], following))
    return spans


def assignments(shop: ShopModel, spans: Spans) -> list[Assignment]:
    """Turn spans (machine position, start, end) into assignments."""
    orders, machines = shop.problem.orders, shop.problem.machines
    return [
        Assignment(
            order=orders[operation.job].id,
            lot=0,
            step=operation.step,
            machine=machines[machine].id,
            start=start,
            end=end,
        )
        for operation, (machine, start, end) in zip(shop.operations, spans, strict=True)
    ]
