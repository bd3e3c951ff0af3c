"""Refuse an order: the cause, where it is short, and what would be accepted instead."""

from collections.abc import Callable
from dataclasses import dataclass

from scheduling.core.candidates import why_unplanned
from scheduling.core.faults import Fault, InvalidProblem
from scheduling.core.problem import Problem
from scheduling.core.reach import ReachModel
from scheduling.core.relaxations import Limit, Relaxation, relaxations
from scheduling.core.result import Unplanned
from scheduling.core.shortfalls import Shortfall, shortfall
from scheduling.core.solvers.market import DEFAULT_MAX_LOTS

MENDED_BY_RELAXING = frozenset({"no_capable_machine", "release_after_deadline", "deadline_past"})
"""Faults of a problem that are limits of its order, so that another limit may mend them."""

BINDING: dict[Limit, str] = {
    Limit.DATE: "No plan was found for order {order} by its deadline; there is one by {value}.",
    Limit.PRICE: "No plan was found for order {order} under its ceiling; there is one at {value}.",
    Limit.QUANTITY: "No plan was found for all of order {order}; there is one for {value} pieces.",
    Limit.LOT: (
        "The pieces of order {order} make no whole lots that fit the machines; {value} pieces do."
    ),
    Limit.CERTIFICATES: (
        "No plan was found with all certificates of order {order}; there is one without {value}."
    ),
    Limit.EXCLUSIONS: (
        "No plan was found without those that order {order} excludes; there is one with {value}."
    ),
    Limit.REGION: (
        "No plan was found on the machines of order {order}; there is one with {value} more."
    ),
    Limit.FACTORIES: (
        "No plan was found in so few factories as order {order} allows; there is one in {value}."
    ),
}
"""What is said where nothing is proven, but one limit alone makes the difference."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why an order has no plan, and its ways out: the one that asks least of the buyer first.

    `bottleneck` is the step with the least room; None where a process has no machine at all,
    which is the one cause without any way out.
    """

    cause: Unplanned
    bottleneck: Shortfall | None = None
    ways: tuple[Relaxation, ...] = ()


def refusal(
    problem: Problem,
    *,
    time_limit: float = 10.0,
    seed: int = 0,
    max_lots: int = DEFAULT_MAX_LOTS,
    should_stop: Callable[[], bool] | None = None,
) -> Refusal:
    """Refuse the one order of `problem`, for which no plan was found.

    Raises:
        InvalidProblem: it has faults that no limit of the order can mend.
        ValueError: the problem has not exactly one order.
    """
    faults = problem.validate()
    nobody = next((fault for fault in faults if fault.code == "unknown_process"), None)
    if nobody is not None:
        return Refusal(cause=_nobody(problem, nobody))
    if any(fault.code not in MENDED_BY_RELAXING for fault in faults):
        raise InvalidProblem(faults)
    found = relaxations(
        problem, time_limit=time_limit, seed=seed, max_lots=max_lots, should_stop=should_stop
    )
    return Refusal(
        cause=_cause(problem, found),
        bottleneck=shortfall(problem),
        ways=found,
    )


def _cause(problem: Problem, ways: tuple[Relaxation, ...]) -> Unplanned:
    """Return what is proven; else the limit that stands in the way, shown by the plan without."""
    cause = why_unplanned(ReachModel(problem), problem.orders[0])
    if cause.is_proven or not ways:
        return cause
    limit, sentence = ways[0].limit, BINDING[ways[0].limit]
    return Unplanned(
        order=cause.order,
        code=f"{limit}_binds",
        sentence=sentence.format(order=cause.order, value=ways[0].value),
        values={"order": cause.order, "value": ways[0].value},
    )


def _nobody(problem: Problem, fault: Fault) -> Unplanned:
    return Unplanned(
        order=problem.orders[0].id,
        code=fault.code,
        sentence=fault.sentence,
        values=fault.values,
        is_proven=True,
    )
