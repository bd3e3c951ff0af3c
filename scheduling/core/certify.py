"""Recompute a claimed lower bound without trusting whoever claimed it."""

from scheduling.core.bounds import lower_bound
from scheduling.core.formats.results import ReportedResult
from scheduling.core.measures import objective_value
from scheduling.core.problem import Problem


def is_bound_verified(problem: Problem, reported: ReportedResult, *, is_sound: bool) -> bool | None:
    """Tell whether the reported lower bound is proven, refuted or neither.

    True: the exact bounds of `scheduling.core.bounds`, with the reported weights, rents or
    without, reach it. False: a sound schedule lies below it, so it cannot be a bound. None: it may
    hold, but rests on a search that leaves no certificate.
    """
    claimed = reported.lower_bound
    if claimed is None:
        return None
    complete = is_sound and not reported.unplanned
    if complete and claimed > objective_value(problem, reported.schedule, reported.goal):
        return False
    weights = [reported.weights] if reported.weights is not None else []
    rents = [reported.rents] if reported.rents is not None else []
    proven = lower_bound(problem, reported.goal, weights, rents=rents).value
    return True if proven is None or proven >= claimed else None
