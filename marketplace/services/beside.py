"""A steered plan beside the plan that it was steered from, as the matcher stores it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marketplace.core.steering import hold_values
from marketplace.models import ASIDE, Plan, PlanRequest, PlanState
from marketplace.services.matching import Question


def put_beside(rows: Sequence[Plan], steering: PlanRequest) -> bool:
    """Give new plans their place among those of the request that is steered, as the platform.

    Returns False when the buyer has chosen, or planned again, in the meantime. The lock on that
    request is held until commit: a choice supersedes what it sees, and waits for what it does not.
    """
    assert steering.base_plan_uid is not None, "a check of the table"
    base = Plan.objects.defer("schedule", "reasons").get(uid=steering.base_plan_uid)
    root = PlanRequest.objects.select_for_update().get(pk=base.request_id)
    siblings = Plan.objects.filter(request=root)
    newer = PlanRequest.objects.filter(
        buyer_id=root.buyer_id, order_uid=root.order_uid, pk__gt=root.pk
    )
    if newer.exclude(purpose__in=ASIDE).exists():
        return False
    if siblings.exclude(state=PlanState.PROPOSED).exists():
        return False
    first = siblings.exclude(number=None).count() + 1
    for number, row in enumerate(rows, start=first):
        row.request, row.steering, row.number = root, steering, number
    return True


def why_unkept(question: Question, unkept: dict[str, Any]) -> dict[str, Any]:
    """Name the wish in the way: what was asked and what is made now, never what could be made."""
    assert question.steering is not None, "asked of a steered plan"
    place_of = {one.machine.site_uid: one.place for one in question.market}
    hold = next(
        one
        for one in question.steering.holds
        if (one.step - 1, place_of.get(one.place)) == (unkept["step"], unkept["factory"])
    )
    processes = [step.process for step in question.order.steps]
    code = "wish_unkept" if unkept["is_proven"] else "wish_clashes"
    if hold.pieces < hold.before:
        code = "wish_too_few"
    return {"code": code, "values": hold_values(hold, processes)}
