"""The operator's money desk: proofs to check, payments to send, and whether the books balance."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from finance.billing.selectors import due_payments, due_remittances
from finance.billing.services import pay_remittance, pay_supplier
from finance.forms import PayForm, ReturnForm, SentForm
from finance.ledger.models import Entry
from finance.ledger.selectors import book_totals, kinds_with_counts, order_money, transactions
from finance.wording import transaction_kind
from marketplace.models import FundingState
from marketplace.selectors.settlement import (
    funding_of,
    fundings,
    proofs_to_check,
    releases_of_order,
)
from marketplace.services.settlement import confirm_proof, return_proof
from marketplace.services.sheets.reading import write_sheet
from tenants.access import member
from tenants.acting import PLATFORM_ID
from tenants.clock import site_now
from tenants.core.roles import Act

SHEET_ROWS = 50_000
DUE_ROWS = 20


@member(Act.READ, seat="operator")
def money(request: HttpRequest) -> HttpResponse:
    """Answer: do the books balance, and what waits for us?"""
    due = Paginator(due_payments(platform_id=PLATFORM_ID), DUE_ROWS)
    page = due.get_page(request.GET.get("page"))
    context = {
        "now": site_now(),
        "totals": book_totals(platform_id=PLATFORM_ID),
        "proofs": proofs_to_check(),
        "page": page,
        "due": [(row, SentForm(auto_id=f"pay-{row.through.hex}-%s")) for row in page],
        "remittances": [
            (row, SentForm(auto_id=f"remit-{row.uid.hex}-%s"))
            for row in due_remittances(platform_id=PLATFORM_ID)[:50]
        ],
    }
    return render(request, "operator/money.html", context)


@member(Act.READ, seat="operator")
def fundings_list(request: HttpRequest) -> HttpResponse:
    """List all payments of buyers."""
    state = request.GET.get("state", "")
    found = fundings(state=state if state in FundingState else "").order_by("-id")
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    states = [(value, label, None) for value, label in FundingState.choices]
    return render(request, "operator/fundings.html", {"page": page, "states": states})


@member(Act.READ, seat="operator")
def funding(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show one payment with what its money has become."""
    return _show_funding(request, uid, ReturnForm())


@member(Act.PAY, seat="operator")
@require_POST
def funding_confirm(request: HttpRequest, uid: UUID) -> HttpResponse:
    confirm_proof(funding=funding_of(uid=uid), by=request.actor, now=site_now())
    messages.success(request, _("The money is held for the order, and the factories may start."))
    return redirect("funding", uid=uid)


@member(Act.PAY, seat="operator")
@require_POST
def funding_return(request: HttpRequest, uid: UUID) -> HttpResponse:
    form = ReturnForm(request.POST)
    if not form.is_valid():
        return _show_funding(request, uid, form, status=422)
    return_proof(
        funding=funding_of(uid=uid),
        reason=form.cleaned_data["reason"],
        by=request.actor,
        now=site_now(),
    )
    messages.success(request, _("The proof went back to the buyer with your sentence."))
    return redirect("funding", uid=uid)


def _show_funding(
    request: HttpRequest, uid: UUID, form: ReturnForm, status: int = 200
) -> HttpResponse:
    shown = funding_of(uid=uid)
    context = {
        "funding": shown,
        "form": form,
        "money": order_money(platform_id=PLATFORM_ID, order_uid=shown.order_uid),
        "releases": releases_of_order(order_uid=shown.order_uid),
    }
    return render(request, "operator/funding.html", context, status=status)


@member(Act.PAY, seat="operator")
@require_POST
def payout_pay(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Mark a supplier's open lines as sent by the bank; `uid` is the supplier's."""
    form = PayForm(request.POST)
    if not form.is_valid():
        return _refuse_reference(request)
    pay_supplier(
        platform_id=PLATFORM_ID,
        supplier_uid=uid,
        by=request.actor,
        now=site_now(),
        **form.cleaned_data,
    )
    messages.success(request, _("Marked as paid and booked."))
    return redirect("money")


@member(Act.PAY, seat="operator")
@require_POST
def remittance_pay(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Mark a repayment or a refund as sent by the bank."""
    form = SentForm(request.POST)
    if not form.is_valid():
        return _refuse_reference(request)
    pay_remittance(
        platform_id=PLATFORM_ID,
        uid=uid,
        reference=form.cleaned_data["reference"],
        by=request.actor,
        now=site_now(),
    )
    messages.success(request, _("Marked as paid and booked."))
    return redirect("money")


def _refuse_reference(request: HttpRequest) -> HttpResponse:
    messages.error(request, _("Give the bank reference of the transfer, then mark it as paid."))
    return redirect("money")


@member(Act.READ, seat="operator")
def ledger(request: HttpRequest) -> HttpResponse:
    """Show the journal, or give it as CSV."""
    kind = request.GET.get("kind", "")
    found = transactions(platform_id=PLATFORM_ID, kind=kind, search=request.GET.get("q", ""))
    if request.GET.get("format") == "csv":
        return _ledger_sheet(found)
    context = {
        "page": Paginator(found, 50).get_page(request.GET.get("page")),
        "kinds": [
            (code, transaction_kind(code), count)
            for code, count in kinds_with_counts(platform_id=PLATFORM_ID)
        ],
        "search": request.GET.get("q", ""),
    }
    return render(request, "operator/ledger.html", context)


def _ledger_sheet(found: object) -> HttpResponse:
    entries = (
        Entry.objects.filter(platform_id=PLATFORM_ID, transaction__in=found)
        .select_related("transaction", "account", "tenant")
        .order_by("-transaction_id", "id")[:SHEET_ROWS]
    )
    text = write_sheet(
        ("at", "key", "kind", "memo", "account", "organisation", "currency", "amount_minor"),
        (
            (
                entry.at.isoformat(),
                entry.transaction.key,
                entry.kind,
                entry.memo,
                entry.account.code,
                entry.tenant.name,
                entry.currency,
                entry.amount_minor,
            )
            for entry in entries
        ),
    )
    return _download(text, "ledger.csv")


def _download(text: str, name: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
