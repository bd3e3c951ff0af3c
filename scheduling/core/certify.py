"""Recompute a claimed lower bound without trusting whoever claimed it."""

from scheduling.core.bounds import lower_bound
from scheduling.core.formats.results import ReportedResult
from scheduling.core.measures import objective_value
from scheduling.core.problem import Problem


def certified_bound(problem: Problem, reported: ReportedResult) -> int | None:
    """Return what the exact bounds prove with the reported weights or rents, and without.

    None: they prove that there is no plan at all.
    """
    weights = [reported.weights] if reported.weights is not None else []
    rents = [reported.rents] if reported.rents is not None else []
    return lower_bound(problem, reported.goal, weights, rents=rents).value


def is_bound_verified(
    problem: Problem, reported: ReportedResult, certified: int | None, *, is_sound: bool
) -> bool | None:
    """Tell whether the reported lower bound is proven, refuted or neither.

    True: it is no higher than the `certified_bound`. False: a sound schedule lies below it, so it
    cannot be a bound. None: it may hold, but rests on a search that leaves no certificate.
    """
    claimed = reported.lower_bound
    if claimed is None:
        return None
    complete = is_sound and not reported.unplanned
    if complete and claimed > objective_value(problem, reported.schedule, reported.goal):
        return False
    return True if certified is None or certified >= claimed else None
