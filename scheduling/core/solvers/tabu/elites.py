"""Search from many starts at once: threads that share the best plans they found.

Each thread improves one plan at a time by tabu search. The first ones start from greedy
plans; later ones start between two elites, after Peng, Lü and Cheng, "A tabu search/path
relinking algorithm to solve the job shop scheduling problem", Computers & OR 53 (2015).
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from threading import Condition, Event, Thread

import numpy as np

from scheduling.core.solvers.tabu.graph import Plan, Shop, Whole, copy_plan, empty_plan
from scheduling.core.solvers.tabu.memory import Memory, new_memory
from scheduling.core.solvers.tabu.search import tabu_search
from scheduling.core.solvers.tabu.starts import between, distance, greedy_plan, plan_of

Spans = list[tuple[int, int, int]]
"""Per operation: machine position, start, end."""

POLL_S = 0.1
LAST_STEPS_S = 1.0
LESSONS = 12
"""So many of the last results with a pair of tenures count: the elites grow better."""
MOST_STEPS = 5000
STEP_WORK = 200_000_000
"""Moves between two looks at the clock, times the square of the operations: about 0.1 s."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the search is led; the same for every shop."""

    fewest_elites: int = 4
    most_elites: int = 20
    passes_per_elite: int = 12
    """A new elite may come in after so many starts: first depth, later breadth."""
    patience: int = 5000
    """Moves without improvement after which a start is given up."""
    tenures: tuple[tuple[int, int], ...] = ((6, 6), (12, 12), (12, 40))
    """For how many moves, at least, two operations keep their order, and an operation stays
    away from the machine it has left. No pair is best for all shops: what serves is learned."""
    nearest: float = 0.3
    """How far from either elite a start between two of them lies at least."""
    apart: float = 0.05
    """Share of the operations in which two elites differ at least."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Elite:
    makespan: int
    plan: Plan


class _Tenures:
    """Learns which tenures serve a shop, from the makespans that starts with them end at."""

    def __init__(self, choices: Sequence[tuple[int, int]]) -> None:
        self._ended: dict[tuple[int, int], deque[int]] = {
            choice: deque(maxlen=LESSONS) for choice in choices
        }

    def choose(self, random: Random) -> tuple[int, int]:
        """Return the better of two pairs drawn at random; untried ones come first."""
        choices = list(self._ended)
        untried = [choice for choice in choices if not self._ended[choice]]
        if untried:
            return untried[0]
        return min(random.choices(choices, k=2), key=lambda choice: fmean(self._ended[choice]))

    def note(self, choice: tuple[int, int], makespan: int) -> None:
        """Remember what a start with `choice` has ended at."""
        self._ended[choice].append(makespan)


class TabuSearch:
    """One search over one shop by several threads."""

    def __init__(
        self,
        shop: Shop,
        rests: Sequence[int],
        *,
        target: int,
        starts: Sequence[Spans] = (),
        seed: int = 0,
        most_passes: int | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Prepare to search down to `target`, from `starts` and others of its own.

        `rests` is the shortest time after each operation in its job. With `most_passes`
        each thread ends after so many starts.
        """
        self.shop = shop
        self.target = target
        self.settings = settings or Settings()
        self._rests: Whole = np.array(rests, dtype=np.int64)
        self._starts = list(starts)
        self._seed = seed
        self._most_passes = most_passes
        self._elites: list[_Elite] = []
        self._changed = Condition()
        self._stop = Event()
        self._failure: BaseException | None = None
        self._tenures = _Tenures(self.settings.tenures)
        self._passes = 0
        self._news: Spans | None = None
        self._best: int | None = None

    def run(
        self, *, workers: int, offer: Callable[[Spans], None], should_stop: Callable[[], bool]
    ) -> None:
        """Search until stopped, at the target or out of passes; offer each better plan.

        Only the calling thread calls `offer`.
        """
        threads = [
            Thread(target=self._work, args=(number,), daemon=True) for number in range(workers)
        ]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads) and not should_stop():
                with self._changed:
                    self._changed.wait(POLL_S)
                self._hand_over(offer)
        finally:
            self._stop.set()
            for thread in threads:
                # One that still compiles may go on to the end of the process.
                thread.join(LAST_STEPS_S)
        if self._failure is not None:
            raise self._failure
        self._hand_over(offer)

    def _work(self, number: int) -> None:
        """Search until told to stop; keep a failure for the caller to raise."""
        try:
            self._search(number)
        except BaseException as failure:
            self._failure = failure
            self._stop.set()

    def _hand_over(self, offer: Callable[[Spans], None]) -> None:
        with self._changed:
            news, self._news = self._news, None
        if news is not None:
            offer(news)

    def _search(self, number: int) -> None:
        """Improve one start after another; the loop of each thread."""
        random = Random(f"{self._seed} {number}")
        memory = new_memory(self.shop, random.randrange(2**62))
        plan, best = empty_plan(self.shop), empty_plan(self.shop)
        passes = 0
        while not self._stop.is_set() and passes != self._most_passes:
            passes += 1
            self._passes += 1
            makespan = self._start(plan, memory, random)
            copy_plan(plan, best)
            with self._changed:
                tenures = self._tenures.choose(random)
            makespan = self._improve(plan, best, memory, makespan, tenures)
            with self._changed:
                self._tenures.note(tenures, makespan)
                self._keep(makespan, best)
            if makespan <= self.target:
                self._stop.set()

    def _start(self, plan: Plan, memory: Memory, random: Random) -> int:
        """Fill `plan` with the next start."""
        with self._changed:
            given = self._starts.pop() if self._starts else None
            parents = random.sample(self._elites, 2) if self._is_full else None
        if given is not None:
            machines, starts, _ = (
                np.array(column, dtype=np.int64) for column in zip(*given, strict=True)
            )
            return int(plan_of(self.shop, plan, machines, starts))
        if parents is not None:
            near = self.settings.nearest
            nearness = near + (1.0 - 2.0 * near) * random.random()
            one, other = (parent.plan for parent in parents)
            return int(between(self.shop, plan, one, other, memory.counters, nearness))
        urgency = random.choice((0.25, 0.5, 1.0, 2.0))
        return int(greedy_plan(self.shop, plan, memory.counters, self._rests, urgency, 0.3))

    @property
    def _is_full(self) -> bool:
        own = self.settings
        grown = own.fewest_elites + self._passes // own.passes_per_elite
        return len(self._elites) >= min(own.most_elites, grown)

    def _improve(
        self, plan: Plan, best: Plan, memory: Memory, makespan: int, tenures: tuple[int, int]
    ) -> int:
        """Search from `plan` until nothing has improved for long; return the makespan of `best`."""
        settings = self.settings
        memory.counters[:2] = 0
        memory.moved[:] = 0
        memory.arcs[:] = 0
        steps = max(1, min(MOST_STEPS, STEP_WORK // len(self.shop.previous) ** 2))
        while not self._stop.is_set():
            before = int(memory.counters[0])
            makespan = int(
                tabu_search(
                    self.shop,
                    plan,
                    best,
                    memory,
                    makespan,
                    steps,
                    settings.patience,
                    self.target,
                    *tenures,
                )
            )
            self._tell(makespan, best)
            if memory.counters[0] < before + steps:
                break
        return makespan

    def _tell(self, makespan: int, best: Plan) -> None:
        """Let whoever waits know of a plan that is the best so far."""
        with self._changed:
            if self._best is not None and makespan >= self._best:
                return
            self._best = makespan
            self._news = _spans(best)
            self._changed.notify_all()

    def _keep(self, makespan: int, best: Plan) -> None:
        """Take a plan among the elites when it is good enough and unlike the others."""
        elites = self._elites
        least = self.settings.apart * len(best.machine)
        twins = [e for e in elites if distance(e.plan, best) < least]
        if twins:
            if makespan > min(e.makespan for e in twins):
                return
            for twin in twins:
                elites.remove(twin)
        elif self._is_full:
            worst = max(elites, key=lambda e: e.makespan)
            if makespan > worst.makespan:
                return
            elites.remove(worst)
        kept = empty_plan(self.shop)
        copy_plan(best, kept)
        elites.append(_Elite(makespan=makespan, plan=kept))


def _spans(plan: Plan) -> Spans:
    ends = plan.head + plan.duration
    return list(zip(plan.machine.tolist(), plan.head.tolist(), ends.tolist(), strict=True))
