"""The supplier's credit profile, and who may read it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from evidence.models.consents import ReportScope
from evidence.selectors import consent_given, consents_given, looks_at
from evidence.services.consents import decline_consent, revoke_consent
from finance.credit.reading import read_report
from finance.credit.selectors import newest_report, reports_of
from marketplace.forms.consents import ConsentForm
from marketplace.services.credit_features import refresh_report
from marketplace.services.credit_sharing import consent_notice, share_report
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.models import Organisation


@member(Act.READ, seat="supplier")
def credit_profile(request: HttpRequest) -> HttpResponse:
    """Show the newest report as a lender would read it with the ticked parts."""
    report = newest_report(tenant_id=request.acting.tenant_id)
    scope = [one for one in request.GET.getlist("scope") if one in ReportScope] or [*ReportScope]
    reading = None
    if report is not None:
        shown = {k: v for k, v in report.document.items() if k == "about" or k in scope}
        reading = read_report(shown)
    context = {
        "report": report,
        "reading": reading,
        "scopes": [(value, label, value in scope) for value, label in ReportScope.choices],
        "history": reports_of(tenant_id=request.acting.tenant_id)[:12],
        "now": site_now(),
    }
    return render(request, "supplier/credit_profile.html", context)


@member(Act.PAY, seat="supplier")
@require_POST
def credit_refresh(request: HttpRequest) -> HttpResponse:
    refresh_report(supplier=request.acting.tenant, by=request.actor, now=site_now())
    messages.success(request, _("The report was made anew from what is known now."))
    return redirect("credit_profile")


@member(Act.READ, seat="supplier")
def consents(request: HttpRequest) -> HttpResponse:
    """Show who may read, who asks, and who looked when."""
    return _show(request, ConsentForm(now=site_now(), initial=_asked_for(request)))


@member(Act.PAY, seat="supplier")
@require_POST
def consent_grant(request: HttpRequest) -> HttpResponse:
    now = site_now()
    form = ConsentForm(request.POST, now=now)
    if not form.is_valid():
        return _show(request, form, status=422)
    share_report(
        owner=request.acting.tenant,
        grantee=form.cleaned_data["grantee"],
        scope=form.cleaned_data["scope"],
        valid_until=form.valid_until(),
        by=request.actor,
        now=now,
    )
    messages.success(request, _("The lender may read now. You see every look below."))
    return redirect("consents")


@member(Act.PAY, seat="supplier")
@require_POST
def consent_revoke(request: HttpRequest, uid: UUID) -> HttpResponse:
    consent = consent_given(owner_id=request.acting.tenant_id, uid=uid)
    revoke_consent(consent=consent, by=request.actor, now=site_now())
    messages.success(request, _("Withdrawn: the next look is refused."))
    return redirect("consents")


@member(Act.PAY, seat="supplier")
@require_POST
def consent_decline(request: HttpRequest, uid: UUID) -> HttpResponse:
    consent = consent_given(owner_id=request.acting.tenant_id, uid=uid)
    decline_consent(consent=consent, by=request.actor, now=site_now())
    messages.success(request, _("The request is declined."))
    return redirect("consents")


def _asked_for(request: HttpRequest) -> dict[str, object]:
    """Fill the form in for a request that the owner answers, or a lender that it has chosen."""
    given = consents_given(owner_id=request.acting.tenant_id)
    if asked := given.filter(uid=_uuid(request.GET.get("request"))).first():
        return {"grantee": asked.grantee.uid, "scope": asked.scope}
    return {"grantee": request.GET.get("lender", "")}


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _show(request: HttpRequest, form: ConsentForm, status: int = 200) -> HttpResponse:
    tenant_id = request.acting.tenant_id
    grantee = Organisation(name=_("the lender"))
    context = {
        "form": form,
        "consents": consents_given(owner_id=tenant_id)[:50],
        "page": Paginator(looks_at(owner_id=tenant_id), 20).get_page(request.GET.get("page")),
        "notice": consent_notice(owner=request.acting.tenant, grantee=grantee),
        "scopes": dict(ReportScope.choices),
        "now": site_now(),
    }
    return render(request, "supplier/consents.html", context, status=status)
