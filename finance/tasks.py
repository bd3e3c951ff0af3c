"""Handlers of outbox messages about money."""

from __future__ import annotations

from uuid import UUID

from finance.lending.repayments import count_repayments
from finance.lending.services import instruct_repayment
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.clock import site_now
from tenants.services.outbox import handles


@handles("repayment.taken", queue="money")
def count_taken_repayments(*, supplier_id: int, loan_uid: str, payout_uids: list[str]) -> None:
    """Count what a release has repaid of a supplier's loan."""
    with acting_as(supplier_id):
        count_repayments(
            supplier_id=supplier_id,
            loan_uid=UUID(loan_uid),
            payout_uids=[UUID(uid) for uid in payout_uids],
            by=Actor.system(supplier_id),
            now=site_now(),
        )


@handles("loan.disbursed", queue="money")
def instruct_repayment_of_disbursed(*, supplier_id: int, loan_uid: str) -> None:
    """Have a disbursed loan repaid from the supplier's releases."""
    with acting_as(supplier_id):
        instruct_repayment(
            platform_id=PLATFORM_ID,
            supplier_id=supplier_id,
            loan_uid=UUID(loan_uid),
            by=Actor.system(supplier_id),
            now=site_now(),
        )
