"""Answer a question about a problem with alternatives, in JSON's own types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from time import monotonic
from typing import Any

from scheduling.core import (
    Near,
    Objective,
    PlanAlternative,
    PlanName,
    Problem,
    Relaxation,
    Result,
    Unkept,
    alternatives,
    relaxations,
    shortfall,
    steered,
)
from scheduling.core.alternatives import described
from scheduling.core.bounds import lower_bound
from scheduling.core.candidates import removals
from scheduling.core.formats.openfloor import problem_from_json
from scheduling.core.reach import ReachModel
from scheduling.core.rush import Rush, rush
from scheduling.core.schedule import Assignment, Schedule

OnProgress = Callable[[int | None, int | None], None]
ShouldStop = Callable[[], bool]
MIN_PROBE_S = 3.0
"""What probing for relaxations may take, though the plans have used up the time."""
NEAR = "near"
COLUMNS = ("lot", "step", "machine", "start", "end", "quantity", "set_up_minutes")


def answer(
    question: Mapping[str, Any], *, on_progress: OnProgress, should_stop: ShouldStop
) -> dict[str, Any]:
    """Answer `{"problem", "time_limit", "seed"}` with `{"status", "alternatives", "unplanned"}`.

    With `"steering": {"goal", "by", "near"}` there is one alternative, which keeps the order's
    quotas, or none and `unkept`, the quota in the way as `{"step", "factory", "is_proven"}`. The
    goal `near` stays close to the `[completion, cost]` of `near`.

    Each alternative has its kind, completion and cost with their proven bounds, assignments as
    columns, and why machines are in or out. Without any, `unplanned` is `{"code", "values"}`. Where
    none is in time there are also `relaxations`, alternatives with `limit` and `value`, the one
    that asks least first, and the `shortfall`, if there is one. With `"is_refused": true` only
    those two are looked for, with `"wants_ways_out": false` neither. Where none is in time and
    `"room": {"problem", "order", "freeze_until"}` is asked, so is `room`: an alternative in time or
    None, with the new places in `moved` of orders that are frozen in that problem.
    """
    started = monotonic()

    def tell(name: PlanName, best: int | None, bound: int | None, _seconds: float) -> None:
        # The other plans minimise money or add a reserve: not to be shown in the same place.
        if name is PlanName.FASTEST:
            on_progress(best, bound)

    if question.get("steering") is not None:
        return _steered(question, on_progress=on_progress, should_stop=should_stop)
    problem, seed = problem_from_json(question["problem"]), int(question["seed"])
    time_limit = float(question["time_limit"])
    if question.get("is_refused"):
        refused: dict[str, Any] = {"alternatives": [], "unplanned": None, "status": "infeasible"}
        if question.get("wants_ways_out", True):
            refused |= _ways_out(problem, time_limit=time_limit, seed=seed, should_stop=should_stop)
        return refused | _room(question)
    found = alternatives(
        problem,
        time_limit=time_limit,
        seed=seed,
        on_progress=tell,
        should_stop=should_stop,
    )
    status = found.failure.status if found.failure is not None else found.plans[0].result.status
    answered: dict[str, Any] = {
        "status": str(status),
        "alternatives": [_alternative(plan) for plan in found.plans],
        "unplanned": _why_none(found.failure),
    }
    due = problem.orders[0].due
    if question.get("wants_ways_out", True) and all(
        due is not None and plan.completion > due for plan in found.plans
    ):
        left = max(MIN_PROBE_S, started + time_limit - monotonic())
        answered |= _ways_out(problem, time_limit=left, seed=seed, should_stop=should_stop)
        answered |= _room(question)
    return answered


def _room(question: Mapping[str, Any]) -> dict[str, Any]:
    """Look for a plan in time for which lots of others move, if that is asked."""
    asked = question.get("room")
    if asked is None:
        return {}
    problem = problem_from_json(asked["problem"])
    found = rush(problem, asked["order"], freeze_until=asked["freeze_until"])
    return {"room": None if found is None else _rushed(found)}


def _rushed(found: Rush) -> dict[str, Any]:
    alone = found.alone
    plan = described(
        alone,
        PlanName.FASTEST,
        found.result,
        removed=removals(ReachModel(alone), alone.orders[0]),
        completion_bound=found.result.lower_bound,
        cost_bound_minor=lower_bound(alone, Objective.COST).value,
    )
    after = [one.after for one in found.moved if one.after is not None]
    moved = [{name: getattr(a, name) for name in ("order", *COLUMNS)} for a in after]
    return {**_alternative(plan), "moved": moved}


def _ways_out(
    problem: Problem, *, time_limit: float, seed: int, should_stop: ShouldStop
) -> dict[str, Any]:
    """Return what would be accepted in the order's place, and where it is short until it is due."""
    dated = due_as_deadline(problem)
    short = shortfall(dated)
    found = relaxations(dated, time_limit=time_limit, seed=seed, should_stop=should_stop)
    return {
        "relaxations": [_relaxation(one) for one in found],
        "shortfall": None if short is None else asdict(short),
    }


def due_as_deadline(problem: Problem) -> Problem:
    """Return the problem of one order with its due date as its deadline, if it has no other."""
    (order,) = problem.orders
    by = order.due if order.deadline is None else order.deadline
    return replace(problem, orders=(replace(order, deadline=by),))


def _relaxation(one: Relaxation) -> dict[str, Any]:
    is_date = one.result.goal is Objective.MAKESPAN
    plan = described(
        one.problem,
        PlanName.FASTEST if is_date else PlanName.CHEAPEST,
        one.result,
        removed=removals(ReachModel(one.problem), one.problem.orders[0]),
        completion_bound=_bound(one, Objective.MAKESPAN),
        cost_bound_minor=_bound(one, Objective.COST),
    )
    return {**_alternative(plan), "limit": str(one.limit), "value": one.value}


def _bound(one: Relaxation, goal: Objective) -> int | None:
    if one.result.goal is goal:
        return one.result.lower_bound
    return lower_bound(one.problem, goal).value


def _steered(
    question: Mapping[str, Any], *, on_progress: OnProgress, should_stop: ShouldStop
) -> dict[str, Any]:
    asked = question["steering"]
    found = steered(
        problem_from_json(question["problem"]),
        goal=_goal(asked),
        by=asked["by"],
        time_limit=float(question["time_limit"]),
        seed=int(question["seed"]),
        on_progress=lambda best, bound, _seconds: on_progress(best, bound),
        should_stop=should_stop,
    )
    made = found.plan.result if found.plan is not None else found.failure
    assert made is not None, "a plan or a failure"
    return {
        "status": str(made.status),
        "alternatives": [] if found.plan is None else [_alternative(found.plan)],
        "unplanned": _why_none(found.failure),
        "unkept": None if found.unkept is None else _unkept(found.unkept),
    }


def _goal(asked: Mapping[str, Any]) -> Objective | Near:
    if asked["goal"] != NEAR:
        return Objective(asked["goal"])
    completion, cost_minor = asked["near"]
    return Near(completion=completion, cost_minor=cost_minor)


def _unkept(found: Unkept) -> dict[str, Any]:
    quota = found.quota
    return {"step": quota.step, "factory": quota.factory, "is_proven": found.is_proven}


def _why_none(failure: Result | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    if not failure.unplanned:
        return {"code": "no_place", "values": {}}
    why = failure.unplanned[0]
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
