"""The buyer's payments: what to pay, how, and what has become of it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from finance.billing.providers import gateway_for
from finance.billing.selectors import remittances_to
from finance.forms import ProofForm
from marketplace.models import Funding, FundingState
from marketplace.selectors.settlement import (
    open_sums,
    payment_of,
    payments_of,
    releases_of_order,
)
from marketplace.services.settlement import send_proof
from tenants.access import member
from tenants.clock import site_now
from tenants.core.money import to_decimal
from tenants.core.roles import Act


@member(Act.READ, seat="buyer")
def payments(request: HttpRequest) -> HttpResponse:
    """List what the buyer is to pay and has paid."""
    found = payments_of(buyer_id=request.acting.tenant_id)
    state = request.GET.get("state", "")
    shown = found.filter(state=state) if state in FundingState else found
    counts = dict(found.order_by().values_list("state").annotate(count=Count("pk")))
    context = {
        "page": Paginator(shown, 50).get_page(request.GET.get("page")),
        "open": open_sums(buyer_id=request.acting.tenant_id),
        "states": [
            (value, label, counts[value])
            for value, label in FundingState.choices
            if value in counts
        ],
    }
    return render(request, "buyer/payments.html", context)


@member(Act.READ, seat="buyer")
def payment(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show how to pay an order, and where its money is."""
    funding = payment_of(buyer_id=request.acting.tenant_id, uid=uid)
    return _show(request, funding, ProofForm())


@member(Act.PAY, seat="buyer")
def payment_proof(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take the bank reference of a transfer."""
    funding = payment_of(buyer_id=request.acting.tenant_id, uid=uid)
    form = ProofForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _show(request, funding, form, status=422 if request.method == "POST" else 200)
    send_proof(funding=funding, proof=form.cleaned_data["proof"], by=request.actor, now=site_now())
    messages.success(request, _("Thank you. We look for your transfer and tell you here."))
    return redirect("payment", uid=uid)


def _show(
    request: HttpRequest, funding: Funding, form: ProofForm, status: int = 200
) -> HttpResponse:
    gateway = gateway_for(funding.provider)
    releases = list(
        releases_of_order(order_uid=funding.order_uid, buyer_id=request.acting.tenant_id)
    )
    refund = remittances_to(
        payee_id=request.acting.tenant_id, subject_uid=funding.order_uid
    ).first()
    released = sum(release.amount_minor for release in releases)
    refunded = refund.amount_minor if refund else 0
    is_paid = funding.state == FundingState.CONFIRMED
    context = {
        "funding": funding,
        "gateway": gateway,
        "instructions": gateway.instructions(
            reference=funding.payment_reference,
            amount_minor=funding.amount_minor,
            currency=funding.currency,
        ),
        "form": form,
        "releases": releases,
        "refund": refund,
        "released_minor": released,
        "is_paid": is_paid,
        "amount_typed": str(to_decimal(funding.amount_minor, funding.currency)),
        "held_minor": funding.amount_minor - released - refunded if is_paid else 0,
    }
    return render(request, "buyer/payment.html", context, status=status)
