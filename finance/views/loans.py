"""The supplier's loans: offers of lenders, applications, and what is left to repay."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from evidence.selectors import live_consent
from finance.forms import ApplyForm
from finance.lending.selectors import loan_of, loans_of_supplier, open_product, products
from finance.lending.services import accept_loan, apply_for_loan, withdraw_loan
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act


@member(Act.READ, seat="supplier")
def loans(request: HttpRequest) -> HttpResponse:
    """List the supplier's loans, and what lenders offer."""
    context = {
        "loans": loans_of_supplier(supplier_id=request.acting.tenant_id)[:50],
        "products": products()[:50],
    }
    return render(request, "supplier/loans.html", context)


@member(Act.PAY, seat="supplier")
def loan_apply(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Apply for one product."""
    product = open_product(uid=uid)
    form = ApplyForm(request.POST or None, currency=product.currency)
    if request.method == "POST" and form.is_valid():
        loan = apply_for_loan(
            product=product,
            amount_minor=form.cleaned_data["amount_minor"],
            purpose=form.cleaned_data["purpose"],
            by=request.actor,
            now=site_now(),
        )
        messages.success(request, _("The lender has your application."))
        return redirect("loan", uid=loan.uid)
    now = site_now()
    consent = live_consent(owner_id=request.acting.tenant_id, grantee_id=product.lender_id, now=now)
    context = {"product": product, "form": form, "consent": consent}
    status = 422 if request.method == "POST" else 200
    return render(request, "supplier/loan_apply.html", context, status=status)


@member(Act.READ, seat="supplier")
def loan(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show a loan: the offer and its cost, or what is repaid and left."""
    shown = loan_of(uid=uid, supplier_id=request.acting.tenant_id)
    context = {
        "loan": shown,
        "repayments": shown.repayments.order_by("-at", "-id")[:100],
        "now": site_now(),
    }
    return render(request, "supplier/loan.html", context)


@member(Act.PAY, seat="supplier")
@require_POST
def loan_accept(request: HttpRequest, uid: UUID) -> HttpResponse:
    shown = loan_of(uid=uid, supplier_id=request.acting.tenant_id)
    accept_loan(loan=shown, by=request.actor, now=site_now())
    messages.success(request, _("Accepted. The lender sends the money to your bank account."))
    return redirect("loan", uid=uid)


@member(Act.PAY, seat="supplier")
@require_POST
def loan_withdraw(request: HttpRequest, uid: UUID) -> HttpResponse:
    shown = loan_of(uid=uid, supplier_id=request.acting.tenant_id)
    withdraw_loan(loan=shown, by=request.actor, now=site_now())
    messages.success(request, _("Withdrawn."))
    return redirect("loan", uid=uid)
