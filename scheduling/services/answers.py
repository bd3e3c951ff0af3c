"""Answer a question about a problem with alternatives, in JSON's own types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scheduling.core import Alternatives, PlanAlternative, PlanName, alternatives
from scheduling.core.formats.openfloor import problem_from_json
from scheduling.core.schedule import Assignment, Schedule

OnProgress = Callable[[int | None, int | None], None]
ShouldStop = Callable[[], bool]
COLUMNS = ("lot", "step", "machine", "start", "end", "quantity", "set_up_minutes")


def answer(
    question: Mapping[str, Any], *, on_progress: OnProgress, should_stop: ShouldStop
) -> dict[str, Any]:
    """Answer `{"problem", "time_limit", "seed"}` with `{"status", "alternatives", "unplanned"}`.

    Each alternative has its kind, completion and cost with their proven bounds, assignments as
    columns, and why machines are in or out. Without any, `unplanned` is `{"code", "values"}`.
    """

    def tell(name: PlanName, best: int | None, bound: int | None, _seconds: float) -> None:
        # The other plans minimise money or add a reserve: not to be shown in the same place.
        if name is PlanName.FASTEST:
            on_progress(best, bound)

    found = alternatives(
        problem_from_json(question["problem"]),
        time_limit=float(question["time_limit"]),
        seed=int(question["seed"]),
        on_progress=tell,
        should_stop=should_stop,
    )
    status = found.failure.status if found.failure is not None else found.plans[0].result.status
    return {
        "status": str(status),
        "alternatives": [_alternative(plan) for plan in found.plans],
        "unplanned": _why_none(found),
    }


def _why_none(found: Alternatives) -> dict[str, Any] | None:
    if found.failure is None:
        return None
    if not found.failure.unplanned:
        return {"code": "no_place", "values": {}}
    why = found.failure.unplanned[0]
    return {"code": why.code, "values": dict(why.values)}


def _alternative(plan: PlanAlternative) -> dict[str, Any]:
    return {
        "kind": str(plan.name),
        "completes": plan.completion,
        "cost": plan.cost_minor,
        "bound": plan.completion_bound or 0,
        "cost_bound": plan.cost_bound_minor,
        "reliability": plan.reliability_permille,
        "assignments": to_columns(plan.result.schedule),
        "choices": [
            {
                "step": one.step,
                "machine": one.machine,
                "reasons": [[why.code, dict(why.values)] for why in one.reasons],
            }
            for one in plan.chosen
        ],
        "left_out": [
            *([one.step, one.machine, one.reason.code, {}] for one in plan.idle),
            *(
                [one.step, one.machine, one.reason.code, dict(one.reason.values)]
                for one in plan.removed
            ),
        ],
    }


def to_columns(schedule: Schedule) -> dict[str, list[Any]]:
    """Write the assignments of one order as columns."""
    return {name: [getattr(a, name) for a in schedule] for name in COLUMNS}


def from_columns(order: str, columns: Mapping[str, list[Any]]) -> Schedule:
    """Read what `to_columns` wrote."""
    rows = zip(*(columns[name] for name in COLUMNS), strict=True)
    return Schedule(
        assignments=tuple(
            Assignment(order=order, **dict(zip(COLUMNS, row, strict=True))) for row in rows
        )
    )
