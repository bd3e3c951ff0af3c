"""A plain flexible job shop as integer arrays, with the bounds that need no solver.

Operations are numbered through all jobs in file order; machines by their position in the
problem. Heads and tails are the shortest times before and after an operation in its job.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from scheduling.core.problem import Problem, ceil_div


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One step of one job: its alternatives as (machine position, duration)."""

    job: int
    step: int
    alternatives: tuple[tuple[int, int], ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def shortest(self) -> int:
        """The duration on the fastest machine."""
        return min(duration for _, duration in self.alternatives)


class ShopModel:
    """Operations, heads and tails of a shop problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        position = {machine.id: index for index, machine in enumerate(problem.machines)}
        self.operations: list[Operation] = []
        self.heads: list[int] = []
        self.tails: list[int] = []
        for job, order in enumerate(problem.orders):
            first = len(self.operations)
            for step in range(len(order.steps)):
                self.operations.append(
                    Operation(
                        job=job,
                        step=step,
                        alternatives=tuple(
                            (position[option.machine.id], option.work_minutes(1))
                            for option in problem.options(order, step)
                        ),
                        before=tuple(first + index for index in order.predecessors[step]),
                        after=tuple(first + index for index in order.successors[step]),
                    )
                )
        self.releases = [problem.earliest_start(order) for order in problem.orders]
        self._measure_jobs()

    def _measure_jobs(self) -> None:
        """Fill in the heads and tails, jobs being acyclic."""
        self.heads = [0] * len(self.operations)
        self.tails = [0] * len(self.operations)
        first = 0
        for job, order in enumerate(self.problem.orders):
            sequence = [first + step for step in order.step_sequence]
            for index in sequence:
                ends = (self.heads[b] + self.operations[b].shortest for b in self.before(index))
                self.heads[index] = max(ends, default=self.releases[job])
            for index in reversed(sequence):
                rests = (
                    self.tails[a] + self.operations[a].shortest
                    for a in self.operations[index].after
                )
                self.tails[index] = max(rests, default=0)
            first += len(order.steps)

    def before(self, index: int) -> tuple[int, ...]:
        """Return the operations directly before one."""
        return self.operations[index].before

    def longest_job(self) -> int:
        """Return the length of the longest job on its fastest machines."""
        return max(
            (
                head + operation.shortest + tail
                for head, operation, tail in zip(
                    self.heads, self.operations, self.tails, strict=True
                )
            ),
            default=0,
        )

    def misses_deadline(self) -> bool:
        """Tell whether some job cannot meet its deadline even alone."""
        return any(
            deadline is not None
            and self.heads[index] + operation.shortest + self.tails[index] > deadline
            for index, operation in enumerate(self.operations)
            for deadline in (self.problem.orders[operation.job].deadline,)
        )

    def busiest_machine(self) -> int:
        """Return the best preemptive one-machine bound over operations tied to one machine.

        Jackson's preemptive schedule: always run the available operation with the longest
        tail; see Carlier, "The one-machine sequencing problem", EJOR 11 (1982).
        """
        tied: dict[int, list[int]] = {}
        for index, operation in enumerate(self.operations):
            if len(operation.alternatives) == 1:
                tied.setdefault(operation.alternatives[0][0], []).append(index)
        return max((self._preemptive(indices) for indices in tied.values()), default=0)

    def _preemptive(self, indices: list[int]) -> int:
        waiting = sorted(indices, key=lambda index: self.heads[index], reverse=True)
        available: list[tuple[int, int]] = []
        now = bound = 0
        while waiting or available:
            if not available:
                now = max(now, self.heads[waiting[-1]])
            while waiting and self.heads[waiting[-1]] <= now:
                index = waiting.pop()
                heappush(available, (-self.tails[index], self.operations[index].shortest))
            tail, left = heappop(available)
            following = self.heads[waiting[-1]] if waiting else now + left
            run = min(left, max(1, following - now))
            now += run
            if run < left:
                heappush(available, (tail, left - run))
            else:
                bound = max(bound, now - tail)
        return bound

    def weighted_balance(self, weights: Mapping[str, int]) -> int:
        """Return the weighted-capacity bound for integer `weights` per machine id.

        Each machine idles before its smallest head and after its smallest tail, taken over
        the operations that cost weighted time wherever they go.
        """
        by_position = [weights.get(machine.id, 0) for machine in self.problem.machines]
        needed = 0
        head: dict[int, int] = {}
        tail: dict[int, int] = {}
        for index, operation in enumerate(self.operations):
            cheapest = min(by_position[m] * duration for m, duration in operation.alternatives)
            if cheapest <= 0:
                continue
            needed += cheapest
            for machine, _ in operation.alternatives:
                head[machine] = min(head.get(machine, self.heads[index]), self.heads[index])
                tail[machine] = min(tail.get(machine, self.tails[index]), self.tails[index])
        total = sum(by_position[machine] for machine in head)
        if total == 0:
            return 0
        idle = sum(by_position[machine] * (head[machine] + tail[machine]) for machine in head)
        return ceil_div(needed + idle, total)
