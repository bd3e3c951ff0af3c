"""Pages of the platform operator that belong to no single process."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from marketplace.selectors.operator_desk import market_size, queues
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.models import Organisation, OrganisationKind
from tenants.models.organisations import Verification
from tenants.selectors import directory, outbox_health
from tenants.services.organisations import verify_organisation


@member(Act.READ, seat="operator")
def operator_home(request: HttpRequest) -> HttpResponse:
    """Answer: which queue is late, and how big is the floor?"""
    now = site_now()
    found = [{"queue": queue, "late": queue.is_late(now)} for queue in queues()]
    context = {"queues": sorted(found, key=lambda row: not row["late"]), "market": market_size()}
    return render(request, "operator/home.html", context)


@member(Act.READ, seat="operator")
def organisations(request: HttpRequest) -> HttpResponse:
    """List the directory with filters."""
    search = request.GET.get("q", "").strip()
    found = directory(
        search=search,
        kind=request.GET.get("kind", ""),
        verification=request.GET.get("verification", ""),
    )
    context = {
        "page": Paginator(found, 50).get_page(request.GET.get("page")),
        "search": search,
        "kinds": [(k.value, k.label, None) for k in OrganisationKind if k != "operator"],
        "verifications": [(v.value, v.label, None) for v in Verification],
    }
    return render(request, "operator/organisations.html", context)


@member(Act.READ, seat="operator")
def operator_organisation(request: HttpRequest, uid: str) -> HttpResponse:
    organisation = get_object_or_404(Organisation, uid=uid)
    return render(request, "operator/organisation.html", {"organisation": organisation})


@member(Act.ADMINISTER, seat="operator")
@require_POST
def organisation_verify(request: HttpRequest, uid: str) -> HttpResponse:
    """Verify or suspend an organisation."""
    verification = request.POST.get("verification", "")
    if verification not in (Verification.VERIFIED, Verification.SUSPENDED):
        raise Http404
    verify_organisation(uid=uid, by=request.actor, now=site_now(), verification=verification)
    messages.success(request, _("Saved."))
    return redirect("operator_organisation", uid=uid)


@member(Act.READ, seat="operator")
def outbox(request: HttpRequest) -> HttpResponse:
    """Show how messages between the parts of the site flow."""
    return render(request, "operator/outbox.html", {"topics": outbox_health()})
