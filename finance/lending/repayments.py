"""Counting what releases have repaid of a loan, as the supplier whose loan it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from evidence.services.transitions import transition
from finance.billing.models import Payout
from finance.lending.models import Loan, LoanState, Repayment
from tenants.actors import Actor
from tenants.live import announce


@transaction.atomic
def count_repayments(
    *, supplier_id: int, loan_uid: UUID, payout_uids: Sequence[UUID], by: Actor, now: datetime
) -> None:
    """Write a repayment for each payout that paid something back, and close a loan that is repaid.

    Safe to run twice and in any order: a payout repays once, and the total is counted anew.
    """
    loan = Loan.objects.select_for_update().get(supplier_id=supplier_id, uid=loan_uid)
    payouts = Payout.objects.filter(
        supplier_id=supplier_id, uid__in=payout_uids, loan_uid=loan_uid, repayment_minor__gt=0
    ).order_by("id")
    Repayment.objects.bulk_create(
        [
            Repayment(
                supplier_id=supplier_id,
                lender_id=loan.lender_id,
                loan=loan,
                payout_uid=payout.uid,
                amount_minor=payout.repayment_minor,
                at=payout.booked_at,
            )
            for payout in payouts
        ],
        ignore_conflicts=True,
    )
    loan.repaid_minor = loan.repayments.aggregate(total=Sum("amount_minor", default=0))["total"]
    loan.save(update_fields=["repaid_minor"])
    if loan.state == LoanState.ACTIVE and loan.repaid_minor == loan.owed_minor:
        transition(loan, to=LoanState.REPAID, by=by, now=now, repaid_at=now)
    announce(tenant_ids=(supplier_id, loan.lender_id), key="loans")
