"""The lender's desk: whom to look at, reports by consent, loans, and the product."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from evidence.models.consents import Purpose, ReportScope
from evidence.selectors import consents_held, live_consent
from evidence.services.consents import ask_for_consent
from evidence.services.disclosure import disclose_report
from finance.billing.selectors import remittances_to
from finance.credit.reading import read_report
from finance.forms import AskForm, DisburseForm, OfferForm, ProductForm, RejectForm
from finance.lending.models import Loan, LoanState
from finance.lending.selectors import (
    book_of,
    desk_items,
    loan_of,
    loans_of_lender,
    product_of,
)
from finance.lending.services import (
    offer_loan,
    record_disbursement,
    reject_loan,
    save_product,
)
from finance.wording import REFUSALS
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act

UNKNOWN, GONE = 404, 410


@member(Act.READ, seat="lender")
def lender_home(request: HttpRequest) -> HttpResponse:
    """Answer: whom should I look at now?"""
    lender_id = request.acting.tenant_id
    context = {
        "items": desk_items(lender_id=lender_id, now=site_now()),
        "book": book_of(lender_id=lender_id),
        "product": product_of(lender_id=lender_id),
    }
    return render(request, "lender/home.html", context)


@member(Act.READ, seat="lender")
def lender_reports(request: HttpRequest) -> HttpResponse:
    """List what may be read, what was asked for, and what is over."""
    return _show_reports(request, AskForm(now=site_now()))


@member(Act.PAY, seat="lender")
@require_POST
def lender_ask(request: HttpRequest) -> HttpResponse:
    """Ask a supplier for a look at its report."""
    now = site_now()
    form = AskForm(request.POST, now=now)
    if not form.is_valid():
        return _show_reports(request, form, status=422)
    ask_for_consent(
        owner_id=form.cleaned_data["supplier"].pk,
        scope=form.cleaned_data["scope"],
        valid_until=form.valid_until(),
        by=request.actor,
        now=now,
    )
    messages.success(request, _("The supplier sees your request and decides."))
    return redirect("lender_reports")


def _show_reports(request: HttpRequest, form: AskForm, status: int = 200) -> HttpResponse:
    found = consents_held(grantee_id=request.acting.tenant_id)
    context = {
        "page": Paginator(found, 50).get_page(request.GET.get("page")),
        "form": form,
        "scopes": dict(ReportScope.choices),
        "now": site_now(),
    }
    return render(request, "lender/reports.html", context, status=status)


@member(Act.READ, seat="lender")
@never_cache
@require_GET
def lender_report(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Read the report that a consent opens; each opening is a look, and is written down.

    A refusal is a page, not an error: the look must stay written.
    """
    seen = disclose_report(consent_uid=uid, purpose=Purpose.LENDING, now=site_now())
    if seen.outcome == "unknown":
        return render(request, "404.html", status=UNKNOWN)
    consent = consents_held(grantee_id=request.acting.tenant_id).get(uid=uid)
    if not seen.is_open or seen.document is None:
        context = {"consent": consent, "sentence": REFUSALS[seen.outcome]}
        return render(request, "lender/report_refused.html", context, status=GONE)
    context = {
        "consent": consent,
        "reading": read_report(seen.document),
        "scopes": [label for value, label in ReportScope.choices if value in consent.scope],
        "now": site_now(),
    }
    return render(request, "lender/report.html", context)


@member(Act.READ, seat="lender")
def lender_loans(request: HttpRequest) -> HttpResponse:
    """List the applications and loans."""
    state = request.GET.get("state", "")
    found = loans_of_lender(
        lender_id=request.acting.tenant_id, state=state if state in LoanState else ""
    )
    context = {
        "page": Paginator(found, 50).get_page(request.GET.get("page")),
        "states": [(value, label, None) for value, label in LoanState.choices],
        "book": book_of(lender_id=request.acting.tenant_id),
    }
    return render(request, "lender/loans.html", context)


@member(Act.READ, seat="lender")
def lender_loan(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show one loan with the step that is the lender's."""
    return _show_loan(request, loan_of(uid=uid, lender_id=request.acting.tenant_id))


@member(Act.PAY, seat="lender")
@require_POST
def loan_offer(request: HttpRequest, uid: UUID) -> HttpResponse:
    loan = loan_of(uid=uid, lender_id=request.acting.tenant_id)
    form = OfferForm(request.POST, loan=loan)
    if not form.is_valid():
        return _show_loan(request, loan, offer=form)
    offer_loan(loan=loan, terms=form.terms(), by=request.actor, now=site_now())
    messages.success(request, _("The supplier has your offer."))
    return redirect("lender_loan", uid=uid)


@member(Act.PAY, seat="lender")
@require_POST
def loan_reject(request: HttpRequest, uid: UUID) -> HttpResponse:
    loan = loan_of(uid=uid, lender_id=request.acting.tenant_id)
    form = RejectForm(request.POST)
    if not form.is_valid():
        return _show_loan(request, loan, reject=form)
    reject_loan(loan=loan, reasons=form.cleaned_data["reasons"], by=request.actor, now=site_now())
    messages.success(request, _("Rejected. The supplier reads your reasons."))
    return redirect("lender_loan", uid=uid)


@member(Act.PAY, seat="lender")
@require_POST
def loan_disburse(request: HttpRequest, uid: UUID) -> HttpResponse:
    loan = loan_of(uid=uid, lender_id=request.acting.tenant_id)
    form = DisburseForm(request.POST)
    if not form.is_valid():
        return _show_loan(request, loan, disburse=form)
    record_disbursement(
        loan=loan, reference=form.cleaned_data["reference"], by=request.actor, now=site_now()
    )
    messages.success(request, _("Recorded. The supplier's next releases repay it."))
    return redirect("lender_loan", uid=uid)


def _show_loan(
    request: HttpRequest,
    loan: Loan,
    *,
    offer: OfferForm | None = None,
    reject: RejectForm | None = None,
    disburse: DisburseForm | None = None,
) -> HttpResponse:
    """Show a loan; a form that is passed in is faulty, and the answer is 422."""
    now = site_now()
    lender_id = request.acting.tenant_id
    context = {
        "loan": loan,
        "offer_form": offer or OfferForm(loan=loan),
        "reject_form": reject or RejectForm(),
        "disburse_form": disburse or DisburseForm(),
        "faulty": offer or reject or disburse,
        "consent": live_consent(owner_id=loan.supplier_id, grantee_id=lender_id, now=now),
        "repayments": loan.repayments.order_by("-at", "-id")[:100],
        "remittances": remittances_to(payee_id=lender_id, subject_uid=loan.uid)[:100],
        "now": now,
    }
    return render(request, "lender/loan.html", context, status=422 if context["faulty"] else 200)


@member(Act.READ, seat="lender")
def lender_product(request: HttpRequest) -> HttpResponse:
    """Show what the lender offers."""
    return _show_product(request, _product_form(request))


@member(Act.PAY, seat="lender")
@require_POST
def lender_product_save(request: HttpRequest) -> HttpResponse:
    form = _product_form(request)
    if not form.is_valid():
        return _show_product(request, form, status=422)
    save_product(product=form.product(), by=request.actor, now=site_now())
    messages.success(request, _("Saved. Suppliers see it on their loans page."))
    return redirect("lender_product")


def _product_form(request: HttpRequest) -> ProductForm:
    product = product_of(lender_id=request.acting.tenant_id)
    currency = product.currency if product else request.acting.tenant.currency
    return ProductForm(request.POST or None, instance=product, currency=currency)


def _show_product(request: HttpRequest, form: ProductForm, status: int = 200) -> HttpResponse:
    return render(request, "lender/product.html", {"form": form}, status=status)
