"""Reading what is to be paid out, and a supplier's statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from finance.billing.models import PAID_WITHIN, Payout, Remittance
from tenants.errors import NotFound
from tenants.models import Organisation


@dataclass(frozen=True, kw_only=True)
class DuePayment:
    """All open lines of one supplier in one currency: one transfer."""

    supplier: Organisation
    currency: str
    amount_minor: int
    lines: int
    oldest_at: datetime
    through: UUID
    """The newest line that the sum includes."""

    @property
    def pay_by(self) -> datetime:
        """When the supplier may expect the oldest of the lines."""
        return self.oldest_at + PAID_WITHIN


def due_payments(*, platform_id: int) -> list[DuePayment]:
    """Return what is to be sent to suppliers, the oldest first; three queries."""
    rows = list(
        Payout.objects.filter(platform_id=platform_id, paid_at=None)
        .values("supplier_id", "currency")
        .annotate(
            amount_minor=Sum("net_minor"),
            lines=Count("id"),
            oldest_at=Min("booked_at"),
            newest=Max("id"),
        )
        .order_by("oldest_at", "supplier_id")
    )
    firms = Organisation.objects.in_bulk([row["supplier_id"] for row in rows])
    newest = Payout.objects.in_bulk([row["newest"] for row in rows])
    return [
        DuePayment(
            supplier=firms[row["supplier_id"]],
            currency=row["currency"],
            amount_minor=row["amount_minor"],
            lines=row["lines"],
            oldest_at=row["oldest_at"],
            through=newest[row["newest"]].uid,
        )
        for row in rows
    ]


@dataclass(frozen=True, kw_only=True)
class StatementTotals:
    """A supplier's lines in one currency: gross = commission + repaid + net."""

    currency: str
    gross_minor: int
    commission_minor: int
    repayment_minor: int
    net_minor: int
    open_minor: int
    paid_minor: int
    next_at: datetime | None


def statement_lines(*, supplier_id: int, state: str = "") -> QuerySet[Payout]:
    """Return a supplier's lines, newest first; `state` is "", "open" or "paid"."""
    lines = Payout.objects.filter(supplier_id=supplier_id).order_by("-booked_at", "-id")
    return lines if not state else lines.filter(paid_at__isnull=state == "open")


def statement_line(*, supplier_id: int, uid: UUID) -> Payout:
    """Return one line of a supplier.

    Raises:
        NotFound: no such line here.
    """
    line = Payout.objects.filter(supplier_id=supplier_id, uid=uid).first()
    if line is None:
        raise NotFound(_("There is no such line."))
    return line


def statement_totals(*, supplier_id: int) -> list[StatementTotals]:
    """Return the sums of all lines, one for each currency."""
    is_open = Q(paid_at=None)
    rows = (
        Payout.objects.filter(supplier_id=supplier_id)
        .values("currency")
        .annotate(
            gross=Sum("gross_minor"),
            commission=Sum("commission_minor"),
            repayment=Sum("repayment_minor"),
            net=Sum("net_minor"),
            open=Sum("net_minor", filter=is_open, default=0),
            oldest=Min("booked_at", filter=is_open),
        )
        .order_by("currency")
    )
    return [
        StatementTotals(
            currency=row["currency"],
            gross_minor=row["gross"],
            commission_minor=row["commission"],
            repayment_minor=row["repayment"],
            net_minor=row["net"],
            open_minor=row["open"],
            paid_minor=row["net"] - row["open"],
            next_at=row["oldest"] and row["oldest"] + PAID_WITHIN,
        )
        for row in rows
    ]


def due_remittances(*, platform_id: int) -> QuerySet[Remittance]:
    """Return what is to be sent to lenders and back to buyers, the oldest first."""
    return (
        Remittance.objects.filter(platform_id=platform_id, paid_at=None)
        .select_related("payee")
        .order_by("booked_at", "id")
    )


def remittances_to(*, payee_id: int, subject_uid: UUID) -> QuerySet[Remittance]:
    """Return what passed through to a payee for one loan or order, newest first."""
    return Remittance.objects.filter(payee_id=payee_id, subject_uid=subject_uid).order_by(
        "-booked_at"
    )
