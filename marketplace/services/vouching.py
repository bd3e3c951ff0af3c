"""Nothing is stored that the independent checker faults, as it would be read again."""

from __future__ import annotations

from collections.abc import Iterable

from marketplace.core.plan_json import PlanDocument
from marketplace.core.problem_of import schedule_of
from marketplace.models import PlanRequest
from scheduling.core import Assignment, Problem, Schedule, violations


class FaultyPlan(RuntimeError):
    """The checker faults what the solver made: a mistake of ours, and nothing is stored."""


def vouch(
    problem: Problem,
    document: PlanDocument,
    request: PlanRequest,
    *,
    others: Iterable[Assignment] = (),
) -> None:
    """Let the checker look at a plan, read from what would be stored, beside `others`' work.

    Raises:
        FaultyPlan: it finds a fault.
    """
    stored = PlanDocument.from_json(document.to_json())
    mine = schedule_of(stored, order_id=str(request.uid))
    broken = violations(problem, Schedule(assignments=(*mine, *others)))
    if broken:
        raise FaultyPlan(f"request {request.uid}: {broken[0].sentence}")
