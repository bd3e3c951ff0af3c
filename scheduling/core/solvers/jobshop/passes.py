"""Plan a job shop forwards and backwards in turns, each turn led by the plan before it.

Where an operation stands in a plan made backwards says how soon it must start for the rest to
end in time, crowded machines included; no rule knows that beforehand. (In project scheduling:
forward-backward improvement, Tormos and Lova, Annals of Operations Research 102, 2001.)
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from scheduling.core.solvers.jobshop.arrays import (
    JobShop,
    Number,
    Whole,
    mirrored,
    steps_after,
    work_after,
)
from scheduling.core.solvers.jobshop.dispatching import insert
from scheduling.core.solvers.jobshop.settling import settle

PATIENCE = 5
"""Pairs of turns without a better plan before another beginning is tried."""
NOISE = 0.25

Kernel = Callable[[JobShop, Number, Whole], int]
Keep = Callable[[int, Whole], bool]
"""Takes the makespan and the starts of a plan; true asks to stop."""


class Passes:
    """All ways to plan one shop from the beginning."""

    def __init__(self, shop: JobShop, *, target: int, seed: int, keep: Keep) -> None:
        self.shop = shop
        self.back = mirrored(shop)
        self.target = target
        self.random = np.random.default_rng(seed)
        self.keep = keep
        self.work = work_after(shop).astype(np.float64)
        self.steps = steps_after(shop) * float(shop.duration.mean())

    def settle(self, is_over: Callable[[], bool]) -> bool:
        """Plan by the windows that the target leaves; tell whether to stop."""
        heads, tails = work_after(self.back) + self.shop.release, work_after(self.shop)
        rank = settle(self.shop, heads, tails, self.target, is_over=is_over)
        return rank is not None and self.in_turns(insert, rank)

    def run(self, kernels: Sequence[Kernel]) -> None:
        """Plan by each rule, then by mixtures with noise, until `keep` asks to stop."""
        for rank in self._ranks():
            for kernel in kernels:
                if self.in_turns(kernel, rank):
                    return

    def _ranks(self) -> Iterator[Number]:
        """Yield what says how soon operations are to start, most work left first."""
        yield -self.work - self.shop.duration
        yield -self.steps - self.work * 1e-3
        while True:
            mixed = self.work + self.random.choice((0.0, 0.3, 1.0)) * self.steps
            yield -mixed * (1.0 + NOISE * self.random.uniform(-1.0, 1.0, len(mixed)))

    def in_turns(self, plan: Kernel, rank: Number) -> bool:
        """Plan forwards by `rank`, backwards by the ends found, and so on; tell when to stop.

        Insertion never makes a plan longer in its turns, as long as no job has a release:
        each operation could at least stay where it is.
        """
        shop, waited = self.shop, 0
        best = int(shop.duration.sum()) + int(shop.release.max(initial=0)) + 1
        starts = np.empty_like(shop.duration)
        while waited < PATIENCE:
            ahead = plan(shop, rank, starts)
            if self.keep(ahead, starts):
                return True
            behind = plan(self.back, -(starts + shop.duration).astype(np.float64), starts)
            starts = behind - starts - shop.duration
            if not shop.is_released and self.keep(behind, starts):
                return True
            rank = starts.astype(np.float64)
            found = min(ahead, behind)
            waited = 0 if found < best else waited + 1
            best = min(best, found)
        return False
