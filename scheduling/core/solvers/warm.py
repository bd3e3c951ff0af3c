"""Compile the solvers' kernels ahead of time: `python -m scheduling.core.solvers.warm`.

The build calls this, so that no solve spends its seconds on compiling.
"""

import numpy as np

from scheduling.core.problem import Alternative, Machine, Order, Problem, Step
from scheduling.core.shop import ShopModel
from scheduling.core.solvers.jobshop.arrays import Whole, job_shop
from scheduling.core.solvers.jobshop.critical import new_search, walk
from scheduling.core.solvers.jobshop.dispatching import dispatch, insert
from scheduling.core.solvers.jobshop.passes import Passes
from scheduling.core.solvers.tabu.elites import Settings, Spans, TabuSearch
from scheduling.core.solvers.tabu.graph import shop_arrays

JOBS, MACHINES = 6, 3


def warm() -> None:
    """Call every kernel once with what it is called with in earnest."""
    _warm_passes()
    _warm_tabu()


def _warm_passes() -> None:
    shop = job_shop(_shop(choices=1))
    assert shop is not None, "a job shop without choices"

    def keep(_makespan: int, _starts: Whole) -> bool:
        return True

    passes = Passes(shop, target=int(shop.duration.sum()), seed=1, keep=keep)
    passes.in_turns(dispatch, -passes.work)
    passes.settle(lambda: False)
    passes.in_turns(insert, -passes.work)
    starts = np.empty_like(shop.duration)
    dispatch(shop, passes.work, starts)
    walk(shop, new_search(shop, starts, 1), 0, 20)


def _warm_tabu() -> None:
    model = _shop(choices=2)
    settings = Settings(fewest_elites=2, patience=50, apart=0.0)
    best: list[Spans] = []
    for _ in "12":
        # The second time from the plan that the first has found.
        search = TabuSearch(
            shop_arrays(model), model.tails, target=0, starts=best, most_passes=4, settings=settings
        )
        search.run(workers=1, offer=best.append, should_stop=lambda: False)


def _shop(*, choices: int) -> ShopModel:
    """Make a shop too small to matter, in which no two jobs are alike."""
    orders = tuple(
        Order(
            id=str(job),
            steps=tuple(
                Step(
                    alternatives=tuple(
                        Alternative(
                            machine=str((job * step + choice) % MACHINES),
                            duration_minutes=1 + job + step,
                        )
                        for choice in range(choices)
                    )
                )
                for step in range(MACHINES)
            ),
        )
        for job in range(JOBS)
    )
    machines = tuple(Machine(id=str(m), factory=str(m)) for m in range(MACHINES))
    return ShopModel(Problem(machines=machines, orders=orders))


if __name__ == "__main__":
    warm()
