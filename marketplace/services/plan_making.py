"""From a request to plan alternatives that the independent checker finds no fault with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from evidence.services.transitions import transition
from marketplace.core.plan_json import PlanDocument, instant
from marketplace.core.problem_of import ceil_minute, plan_of
from marketplace.core.reasons import reasons_of
from marketplace.core.terms import Terms
from marketplace.models import Plan, PlanKind, PlanRequest, PlanRequestState
from marketplace.services.beside import put_beside, why_unkept
from marketplace.services.holds import hold_ways
from marketplace.services.making_room import keep_displacements
from marketplace.services.matching import (
    MATCHER,
    Question,
    fail_request,
)
from marketplace.services.rushing import way_with_room
from marketplace.services.shortages import why_late, why_refused, why_share_stays
from marketplace.services.vouching import vouch
from scheduling.core import Limit
from scheduling.core.relaxations import relaxed
from scheduling.models import SolveRun
from scheduling.services.answers import due_as_deadline, from_columns
from scheduling.services.processes import Progress, SolverFailed
from scheduling.services.runs import carry_out, claim_run, fail_run, finish_run
from tenants.acting import PLATFORM_ID, acting_as
from tenants.ids import uuid7
from tenants.live import announce
from tenants.services.outbox import send_after_commit

logger = logging.getLogger(__name__)
KIND_OF = {
    Limit.DATE: PlanKind.LATER,
    Limit.PRICE: PlanKind.DEARER,
    Limit.QUANTITY: PlanKind.SMALLER,
    Limit.LOT: PlanKind.LARGER,
}
Clock = Callable[[], datetime]


def make_plans(*, buyer_id: int, request_uid: str, clock: Clock) -> None:
    """Solve a request in a child process and store the alternatives, acting as the platform.

    Safe to run again: a request that has its answer is left alone, a run whose worker died is
    begun anew, and a child that is killed each time fails the request with a sentence.

    Raises:
        NotYet: another worker is at it.
    """
    with acting_as(PLATFORM_ID):
        request = PlanRequest.objects.filter(platform_id=PLATFORM_ID, uid=request_uid).get()
        if request.state != PlanRequestState.SOLVING:
            return
        question = Question(request, clock())
        asked = question.asked()
        run = claim_run(tenant_id=PLATFORM_ID, asked=asked, now=clock())
        PlanRequest.objects.filter(pk=request.pk).update(solve_run_uid=run.uid)
    try:
        answer = carry_out(run=run, on_tick=_Watcher(request), asked=asked)
    except SolverFailed as failure:
        logger.warning("run %s of request %s: %s", run.uid, request.uid, failure)
        _fail(request, run, failure, clock())
        return
    plans = _plans(question, answer)
    _store(request, run, plans, answer, question, clock())


class _Watcher:
    """Hand a run's progress to the buyer, once a second, and look whether it wants to stop."""

    def __init__(self, request: PlanRequest) -> None:
        self.request = request

    def __call__(self, progress: Progress) -> bool:
        with acting_as(PLATFORM_ID):
            mine = PlanRequest.objects.filter(platform_id=PLATFORM_ID, pk=self.request.pk)
            mine.update(best_minutes=progress.best, bound_minutes=progress.bound)
            announce(
                tenant_ids=(self.request.buyer_id, PLATFORM_ID),
                key=f"order:{self.request.order_uid}",
            )
            return mine.exclude(stop_requested_at=None).exists()


def _plans(question: Question, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Translate the alternatives and check each again, from what would be stored.

    Relaxations are plans of the problem with one limit changed, and carry the terms to change it.
    """
    request, whole, frozen = question.request, question.problem, question.frozen
    found = []
    dated = due_as_deadline(whole)
    for one in [*answer["alternatives"], *answer.get("relaxations", [])]:
        uid, terms, problem = uuid7(), Terms(), whole
        schedule = from_columns(str(request.uid), one["assignments"])
        if "limit" in one:
            limit = Limit(one["limit"])
            problem = relaxed(dated, limit, one["value"], lots={a.lot for a in schedule})
        document = plan_of(
            question.order,
            problem,
            schedule,
            question.market,
            seed=uid if frozen is None else frozen.plan.seed,
            frozen=frozen,
            is_cautious=one.get("kind") == PlanKind.SAFEST,
        )
        vouch(problem, document, request)
        if "limit" in one:
            one |= {"kind": KIND_OF[limit]}
            terms = _terms(limit, document, question)
        found.append({**one, "uid": uid, "plan": document, "terms": terms})
    way = way_with_room(question, answer.get("room"))
    return found if way is None else [*found, way]


def _terms(limit: Limit, document: PlanDocument, question: Question) -> Terms:
    if limit is Limit.DATE:
        return Terms(due_at=instant(question.origin_at, document.completes))
    if limit is Limit.PRICE:
        ceiling = question.order.price_ceiling_minor or 0
        return Terms(price_ceiling_minor=max(ceiling, document.cost_minor))
    return Terms(quantity=document.quantity)


def _store(
    request: PlanRequest,
    run: SolveRun,
    plans: list[dict[str, Any]],
    answer: dict[str, Any],
    question: Question,
    now: datetime,
) -> None:
    with acting_as(PLATFORM_ID):
        finish_run(run=run, now=now, answer=answer)
        rows = [_row(request, question, one, now) for one in plans]
        message = {} if answer["alternatives"] else _why_none(question, answer)
        if question.steering is not None and not put_beside(rows, request):
            rows, message = [], {"code": "plan_moved_on", "values": {}}
        ways = hold_ways(request, [row for row in rows if row.terms], now=now)
        Plan.objects.bulk_create([*(row for row in rows if not row.terms), *ways])
        for row, one in zip(rows, plans, strict=False):
            if "moves" in one:
                keep_displacements(row, one["moves"], now=now)
        if message:
            fail_request(request, message=message, now=now)
        else:
            transition(
                request,
                to=PlanRequestState.READY,
                by=MATCHER,
                now=now,
                best_minutes=min(one["plan"].completes for one in plans if "moves" not in one),
                bound_minutes=plans[0]["bound"],
                message=why_late(question, answer),
            )
            send_after_commit(
                tenant_id=PLATFORM_ID,
                topic="plans.answered",
                buyer_id=request.buyer_id,
                request_uid=str(request.uid),
            )
        announce(tenant_ids=(request.buyer_id, PLATFORM_ID), key=f"order:{request.order_uid}")


def _row(request: PlanRequest, question: Question, one: dict[str, Any], now: datetime) -> Plan:
    document: PlanDocument = one["plan"]
    completes = document.completes
    start = max(0, ceil_minute(question.order.earliest_start_at, question.origin_at))
    makespan = max(0, completes - start)
    bound = min(max(0, int(one["bound"]) - start), makespan)
    return Plan(
        uid=one["uid"],
        buyer_id=request.buyer_id,
        platform_id=PLATFORM_ID,
        request=request,
        order_uid=request.order_uid,
        kind=one["kind"],
        origin_at=question.origin_at,
        cost_minor=document.cost_minor,
        currency=question.order.currency,
        completes_at=instant(question.origin_at, completes),
        makespan_minutes=makespan,
        bound_minutes=bound,
        gap=(makespan - bound) / makespan if makespan else 0.0,
        supplier_count=len(document.suppliers),
        machine_count=len(document.machines),
        schedule=document.to_json(),
        reasons=reasons_of(
            document, one, one.get("found", question.found), one.get("market", question.market)
        ),
        terms=one["terms"].to_json(),
        created_at=now,
    )


def _why_none(question: Question, answer: dict[str, Any]) -> dict[str, Any]:
    # Where nothing of the plan was kept, the share is asked for like a whole order.
    if question.frozen is not None and (question.is_hopeless or "relaxations" in answer):
        return why_share_stays(question, answer)
    if answer.get("unkept") is not None:
        return why_unkept(question, answer["unkept"])
    return why_refused(question, answer)


def _fail(request: PlanRequest, run: SolveRun, failure: SolverFailed, now: datetime) -> None:
    with acting_as(PLATFORM_ID):
        fail_run(run=run, now=now, failure=failure)
        request.refresh_from_db()
        fail_request(request, message={"code": failure.code, "values": {}}, now=now)
        announce(tenant_ids=(request.buyer_id, PLATFORM_ID), key=f"order:{request.order_uid}")
