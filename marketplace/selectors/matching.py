"""Runs of the solver, as the operator sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.fields.json import KT

from marketplace.core.asked import AskedOrder
from marketplace.models import Plan, PlanRequest
from marketplace.selectors.catalogue import process_names
from marketplace.selectors.order_page import band_context
from scheduling.models import SolveRun
from tenants.acting import PLATFORM_ID


def runs(*, state: str = "") -> QuerySet[SolveRun]:
    """Return the runs, newest first, without their problems."""
    found = SolveRun.objects.of(PLATFORM_ID).defer("problem").order_by("-id")
    return found.filter(state=state) if state else found


def requests_of(found: Iterable[SolveRun]) -> dict[UUID, PlanRequest]:
    """Return, by the run's subject, the requests that some runs answer, each with its `title`."""
    requests = (
        PlanRequest.objects.filter(
            platform_id=PLATFORM_ID, uid__in=[run.subject_uid for run in found]
        )
        .select_related("buyer")
        .only("uid", "purpose", "buyer__name", "buyer__name_zh")
        .annotate(title=KT("snapshot__title"))
    )
    return {request.uid: request for request in requests}


def run_facts(uid: UUID) -> dict[str, Any] | None:
    """Return a run with the request it answers and the plans that it made."""
    run = SolveRun.objects.of(PLATFORM_ID).filter(uid=uid).first()
    if run is None:
        return None
    request = (
        PlanRequest.objects.filter(platform_id=PLATFORM_ID, uid=run.subject_uid)
        .select_related("buyer")
        .first()
    )
    problem = run.problem
    machines = problem.get("machines", [])
    facts: dict[str, Any] = {
        "run": run,
        "request_row": request,
        "machine_count": len(machines),
        "factory_count": len({machine["factory"] for machine in machines}),
        "window_count": sum(len(machine["windows"] or ()) for machine in machines),
        "frozen_count": len(problem.get("frozen", [])),
        "plans": [],
    }
    if request is not None:
        asked = AskedOrder.from_json(request.snapshot)
        names = process_names()
        facts["asked"] = asked
        facts["route"] = [names.get(step.process, step.process) for step in asked.steps]
        facts["plans"] = list(
            Plan.objects.filter(platform_id=PLATFORM_ID, request=request)
            .defer("schedule", "reasons")
            .order_by("id")
        )
        facts |= band_context(request, names)
    return facts
