"""The operator's look at matching: every run with its inputs, bound, gap and time."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from marketplace.selectors.matching import requests_of, run_facts, runs
from scheduling.models import SolveState
from tenants.access import member
from tenants.core.roles import Act

PAGE = 40


@member(Act.READ, seat="operator")
@require_GET
def matching_runs(request: HttpRequest) -> HttpResponse:
    """List the runs of the solver, newest first."""
    state = request.GET.get("state", "")
    page = Paginator(runs(state=state), PAGE).get_page(request.GET.get("page"))
    states = [(value, label, None) for value, label in SolveState.choices]
    asked = requests_of(page)
    rows = [(run, asked.get(run.subject_uid)) for run in page]
    context = {"page": page, "rows": rows, "states": states}
    return render(request, "operator/matching_runs.html", context)


@member(Act.READ, seat="operator")
@require_GET
def matching_run(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show one run: what was asked, what came out, what it cost."""
    facts = run_facts(uid)
    if facts is None:
        raise Http404
    return render(request, "operator/matching_run.html", facts)
