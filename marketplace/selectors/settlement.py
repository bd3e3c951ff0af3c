"""Reading what buyers pay in, for the buyer and for the platform."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from marketplace.models import Funding, FundingState, Release
from tenants.acting import PLATFORM_ID
from tenants.errors import NotFound


def payments_of(*, buyer_id: int) -> QuerySet[Funding]:
    """Return a buyer's payments, newest first."""
    return Funding.objects.filter(buyer_id=buyer_id).order_by("-id")


@dataclass(frozen=True, kw_only=True)
class OpenSum:
    """What a buyer is to pay in one currency, for how many orders."""

    currency: str
    amount_minor: int
    orders: int


def open_sums(*, buyer_id: int) -> list[OpenSum]:
    """Return what a buyer has been asked for and says nothing of yet, by currency."""
    rows = (
        Funding.objects.filter(buyer_id=buyer_id, state=FundingState.ASKED, closed_at=None)
        .values("currency")
        .annotate(amount=Sum("amount_minor"), orders=Count("pk"))
        .order_by("currency")
    )
    return [
        OpenSum(currency=row["currency"], amount_minor=row["amount"], orders=row["orders"])
        for row in rows
    ]


def payment_of(*, buyer_id: int, uid: UUID) -> Funding:
    """Return one payment of a buyer.

    Raises:
        NotFound: no such payment here.
    """
    return _one(payments_of(buyer_id=buyer_id), uid)


def fundings(*, state: str = "") -> QuerySet[Funding]:
    """Return all payments of all buyers, for the platform; those to look at first, oldest first."""
    found = Funding.objects.filter(platform_id=PLATFORM_ID).select_related("buyer")
    return found.filter(state=state) if state else found


def proofs_to_check() -> QuerySet[Funding]:
    """Return the payments whose proof waits for the operator, the oldest first."""
    return fundings(state=FundingState.PROVED).order_by("proved_at", "id")


def funding_of(*, uid: UUID) -> Funding:
    """Return one payment, for the platform.

    Raises:
        NotFound: no such payment.
    """
    return _one(fundings(), uid)


def releases_of_order(*, order_uid: UUID, buyer_id: int | None = None) -> QuerySet[Release]:
    """Return what an order's inspections have released, newest first."""
    found = Release.objects.filter(order_uid=order_uid).order_by("-id")
    if buyer_id is None:
        return found.filter(platform_id=PLATFORM_ID)
    return found.filter(buyer_id=buyer_id)


def _one(found: QuerySet[Funding], uid: UUID) -> Funding:
    funding = found.filter(uid=uid).first()
    if funding is None:
        raise NotFound(_("There is no such payment."))
    return funding
