"""Write a result as the JSON that others script against, and read it back for checking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scheduling.core.faults import Fault
from scheduling.core.formats.shop_text import UnreadableProblem
from scheduling.core.problem import Problem
from scheduling.core.result import Objective, Rents, Result
from scheduling.core.schedule import Assignment, Schedule


@dataclass(frozen=True, kw_only=True)
class ReportedResult:
    """What a result file claims, not yet believed."""

    schedule: Schedule
    goal: Objective = Objective.MAKESPAN
    objective: int | None = None
    lower_bound: int | None = None
    weights: Mapping[str, int] | None = None
    rents: Rents | None = None
    unplanned: tuple[str, ...] = field(default=())


def result_to_json(problem: Problem | None, result: Result) -> dict[str, Any]:
    """Turn a result into JSON; jobs, operations and machines are numbered in file order."""
    gap = result.gap
    return {
        "status": str(result.status),
        "goal": str(result.goal),
        "objective": result.objective,
        "lower_bound": result.lower_bound,
        "certified_bound": result.certified_bound,
        "gap": None if gap is None else round(gap, 6),
        "runtime_s": round(result.runtime_s, 3),
        "cpu_s": round(result.cpu_s, 3),
        "seed": result.seed,
        "assignments": [] if problem is None else _assignments(problem, result.schedule),
        "unplanned": [
            {"order": each.order, "code": each.code, "reason": each.sentence}
            for each in result.unplanned
        ],
        "certificate": _certificate(result),
    }


def _certificate(result: Result) -> dict[str, Any] | None:
    if result.rents is not None:
        rents = {machine: [list(step) for step in rows] for machine, rows in result.rents.items()}
        return {"rents": rents}
    return None if result.certificate is None else {"weights": dict(result.certificate)}


def faults_to_json(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """Turn faults into JSON with code and sentence."""
    return [{"code": fault.code, "sentence": fault.sentence} for fault in faults]


def _assignments(problem: Problem, schedule: Schedule) -> list[dict[str, Any]]:
    job_of = {order.id: index for index, order in enumerate(problem.orders)}
    machine_of = {machine.id: index for index, machine in enumerate(problem.machines)}
    rows = []
    for a in sorted(schedule, key=lambda a: (job_of[a.order], a.lot, a.step, a.start)):
        row: dict[str, Any] = {
            "job": job_of[a.order],
            "operation": a.step,
            "machine": machine_of[a.machine],
            "start": a.start,
            "end": a.end,
        }
        if not problem.is_shop:
            row |= {
                "lot": a.lot,
                "quantity": a.quantity,
                "set_up_minutes": a.set_up_minutes,
                "order_id": a.order,
                "machine_id": a.machine,
            }
        rows.append(row)
    return rows


def result_from_json(problem: Problem, value: Any) -> ReportedResult:
    """Read a result file for `problem`.

    Raises:
        UnreadableProblem: it is not a result, or names jobs or machines by no number.
    """
    if not isinstance(value, dict) or not isinstance(value.get("assignments"), list):
        raise UnreadableProblem("The result must be an object with a list of “assignments”.")
    certificate = value.get("certificate")
    if not isinstance(certificate, dict):
        certificate = {}
    weights, rents = certificate.get("weights"), certificate.get("rents")
    try:
        goal = Objective(value.get("goal", "makespan"))
    except ValueError:
        raise UnreadableProblem("“goal” must be makespan, cost or tardiness.") from None
    return ReportedResult(
        schedule=Schedule(
            assignments=tuple(
                _assignment(problem, row, index) for index, row in enumerate(value["assignments"])
            )
        ),
        goal=goal,
        objective=_whole(value.get("objective"), "objective"),
        lower_bound=_whole(value.get("lower_bound"), "lower_bound"),
        weights=None if weights is None else _weights(weights),
        rents=None if rents is None else _rents(rents),
        unplanned=tuple(
            str(each.get("order"))
            for each in value.get("unplanned") or []
            if isinstance(each, dict)
        ),
    )


def _assignment(problem: Problem, row: Any, index: int) -> Assignment:
    if not isinstance(row, dict):
        raise UnreadableProblem(f"Assignment {index} must be an object.")

    def number(name: str, default: int | None = None) -> int:
        found = _whole(row.get(name, default), f"{name} of assignment {index}")
        if found is None:
            raise UnreadableProblem(f"Assignment {index} needs the number “{name}”.")
        return found

    job, machine = number("job"), number("machine")
    orders, machines = problem.orders, problem.machines
    return Assignment(
        order=orders[job].id if 0 <= job < len(orders) else f"#{job}",
        lot=number("lot", 0),
        step=number("operation"),
        machine=machines[machine].id if 0 <= machine < len(machines) else f"#{machine}",
        start=number("start"),
        end=number("end"),
        quantity=number("quantity", 1),
        set_up_minutes=number("set_up_minutes", 0),
    )


def _whole(value: Any, name: str) -> int | None:
    """Read a whole number or null; 12.0 counts as whole."""
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(value, float) and not value.is_integer()):
        raise UnreadableProblem(f"“{name}” must be a whole number.")
    return int(value)


def _weights(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or not all(
        type(weight) is int and weight >= 0 for weight in value.values()
    ):
        raise UnreadableProblem(
            "The weights of the certificate must be whole numbers of 0 or more."
        )
    return {str(machine): weight for machine, weight in value.items()}


def _rents(value: Any) -> Rents:
    if not isinstance(value, dict) or not all(_is_steps(steps) for steps in value.values()):
        raise UnreadableProblem(
            "The rents of the certificate must be lists of [minute, rent], in order of time, "
            "of whole numbers of 0 or more."
        )
    return {str(machine): [(row[0], row[1]) for row in steps] for machine, steps in value.items()}


def _is_steps(steps: Any) -> bool:
    if not isinstance(steps, list) or not all(isinstance(row, list) for row in steps):
        return False
    if not all(len(row) == 2 and all(type(n) is int and n >= 0 for n in row) for row in steps):
        return False
    minutes = [row[0] for row in steps]
    return minutes == sorted(minutes)
