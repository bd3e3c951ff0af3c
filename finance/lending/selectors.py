"""Reading loans for either party, and what a lender's desk shows first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from evidence.models import Consent
from evidence.models.consents import ConsentState
from finance.lending.models import Loan, LoanProduct, LoanState
from tenants.errors import NotFound
from tenants.models import Organisation

SOON = timedelta(days=14)
"""A consent or a loan that ends within this is looked at now."""


def products(*, currency: str = "") -> QuerySet[LoanProduct]:
    """Return what lenders offer now, the cheapest first."""
    found = LoanProduct.objects.filter(is_open=True).select_related("lender")
    if currency:
        found = found.filter(currency=currency)
    return found.order_by("annual_rate", "id")


def open_product(*, uid: UUID) -> LoanProduct:
    """Return one product that takes applications.

    Raises:
        NotFound: no such product, or it takes none now.
    """
    product = products().filter(uid=uid).first()
    if product is None:
        raise NotFound(_("This lender takes no applications for this product now."))
    return product


def product_of(*, lender_id: int) -> LoanProduct | None:
    """Return a lender's product; there is one so far."""
    return LoanProduct.objects.filter(lender_id=lender_id).order_by("id").first()


def loans_of_supplier(*, supplier_id: int) -> QuerySet[Loan]:
    return Loan.objects.filter(supplier_id=supplier_id).select_related("lender").order_by("-id")


def loans_of_lender(*, lender_id: int, state: str = "") -> QuerySet[Loan]:
    loans = Loan.objects.filter(lender_id=lender_id).select_related("supplier").order_by("-id")
    return loans.filter(state=state) if state else loans


def loan_of(*, uid: UUID, supplier_id: int = 0, lender_id: int = 0) -> Loan:
    """Return one loan of a party, with both parties' names.

    Raises:
        NotFound: no such loan here.
    """
    party = Q(supplier_id=supplier_id) if supplier_id else Q(lender_id=lender_id)
    loan = (
        Loan.objects.filter(party, uid=uid).select_related("supplier", "lender", "product").first()
    )
    if loan is None:
        raise NotFound(_("There is no such loan."))
    return loan


@dataclass(frozen=True, kw_only=True)
class Book:
    """A lender's active loans in one currency."""

    currency: str
    loans: int
    lent_minor: int
    left_minor: int
    repaid_minor: int


def book_of(*, lender_id: int) -> list[Book]:
    rows = (
        Loan.objects.filter(lender_id=lender_id, state__in=[LoanState.ACTIVE, LoanState.REPAID])
        .values("currency")
        .annotate(
            loans=Count("id", filter=Q(state=LoanState.ACTIVE)),
            lent_minor=Sum("principal_minor"),
            repaid=Sum("repaid_minor"),
            owed=Sum(F("principal_minor") + F("interest_minor") + F("fee_minor")),
        )
        .order_by("currency")
    )
    return [
        Book(
            currency=row["currency"],
            loans=row["loans"],
            lent_minor=row["lent_minor"],
            repaid_minor=row["repaid"],
            left_minor=row["owed"] - row["repaid"],
        )
        for row in rows
    ]


class DeskReason(StrEnum):
    OVERDUE = "overdue"
    """The term is over and something is owed."""
    TO_DECIDE = "to_decide"
    """An application waits."""
    TO_PAY_OUT = "to_pay_out"
    """The supplier has accepted."""
    DUE_SOON = "due_soon"
    """The term ends soon."""
    CONSENT_ENDS = "consent_ends"
    """The look into the report ends soon."""


@dataclass(frozen=True, kw_only=True)
class DeskItem:
    """One firm to look at, why, and the loan or consent it is about."""

    reason: DeskReason
    supplier: Organisation
    at: datetime
    loan: Loan | None = None
    consent: Consent | None = None


def desk_items(*, lender_id: int, now: datetime) -> list[DeskItem]:
    """Return whom a lender should look at now, the most urgent first; two queries."""
    waiting = Q(state__in=[LoanState.APPLIED, LoanState.ACCEPTED])
    ending = Q(state=LoanState.ACTIVE, due_at__lte=now + SOON)
    loans = (
        Loan.objects.filter(lender_id=lender_id).filter(waiting | ending).select_related("supplier")
    )
    items = [_desk_item(loan, now) for loan in loans]
    consents = Consent.objects.filter(
        grantee_id=lender_id,
        state=ConsentState.GRANTED,
        valid_until__gt=now,
        valid_until__lte=now + SOON,
    ).select_related("owner")
    items += [
        DeskItem(
            reason=DeskReason.CONSENT_ENDS,
            supplier=consent.owner,
            at=consent.valid_until,
            consent=consent,
        )
        for consent in consents
    ]
    order = list(DeskReason)
    return sorted(items, key=lambda item: (order.index(item.reason), item.at))


def _desk_item(loan: Loan, now: datetime) -> DeskItem:
    if loan.state == LoanState.APPLIED:
        reason, at = DeskReason.TO_DECIDE, loan.applied_at
    elif loan.state == LoanState.ACCEPTED:
        reason, at = DeskReason.TO_PAY_OUT, loan.accepted_at or loan.applied_at
    else:
        at = loan.due_at or loan.applied_at
        reason = DeskReason.OVERDUE if at <= now else DeskReason.DUE_SOON
    return DeskItem(reason=reason, supplier=loan.supplier, at=at, loan=loan)
