"""Say who does what when: the answer of any planner, and of a person with a pencil."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class Assignment:
    """One lot of one order's step on one machine, holding it over `[start, end)`.

    `set_up_minutes` are worked at the beginning, before the first piece. The span may hold
    closed hours of the machine; the lot then pauses.
    """

    order: str
    lot: int
    step: int
    machine: str
    start: int
    end: int
    quantity: int = 1
    set_up_minutes: int = 0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A set of assignments, read by machine, by lot or by order."""

    assignments: tuple[Assignment, ...] = ()

    def __iter__(self) -> Iterator[Assignment]:
        return iter(self.assignments)

    def __len__(self) -> int:
        return len(self.assignments)

    @cached_property
    def by_machine(self) -> dict[str, tuple[Assignment, ...]]:
        """Assignments of each machine in order of start."""
        found: dict[str, list[Assignment]] = {}
        for assignment in sorted(self.assignments, key=lambda a: (a.start, a.end)):
            found.setdefault(assignment.machine, []).append(assignment)
        return {machine: tuple(assignments) for machine, assignments in found.items()}

    @cached_property
    def by_lot(self) -> dict[tuple[str, int], dict[int, tuple[Assignment, ...]]]:
        """Per (order, lot): the assignments of each step; a sound plan has one per step."""
        found: dict[tuple[str, int], dict[int, tuple[Assignment, ...]]] = {}
        for assignment in self.assignments:
            steps = found.setdefault((assignment.order, assignment.lot), {})
            steps[assignment.step] = (*steps.get(assignment.step, ()), assignment)
        return found

    @cached_property
    def by_order(self) -> dict[str, tuple[Assignment, ...]]:
        """Assignments of each order in order of start."""
        found: dict[str, list[Assignment]] = {}
        for assignment in sorted(self.assignments, key=lambda a: (a.start, a.end)):
            found.setdefault(assignment.order, []).append(assignment)
        return {order: tuple(assignments) for order, assignments in found.items()}
