"""Booking what comes in and what goes out, and marking what the bank has sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import record_change
from finance.billing.models import Payout, Remittance, RemittanceKind
from finance.core import postings
from finance.core.postings import Pot, SupplierShare
from finance.core.shares import Division, divide
from finance.ledger.models import AccountCode
from finance.ledger.selectors import balance_of
from finance.ledger.services import post
from finance.lending.models import RepaymentInstruction
from tenants.actors import Actor
from tenants.errors import Conflict
from tenants.live import announce
from tenants.services.outbox import send_after_commit


class NothingToPay(Conflict):
    """It was paid already, or has changed since the page was shown."""

    code = "nothing_to_pay"


@dataclass(frozen=True, kw_only=True)
class GrossShare:
    """What a release owes to a supplier for one work order, before anything is taken from it."""

    supplier_id: int
    subject_uid: UUID
    label: str
    gross_minor: int


@transaction.atomic
def book_funding(*, pot: Pot, key: str, amount_minor: int, memo: str, now: datetime) -> None:
    """Book a buyer's money that has arrived, once for each `key`; as the platform."""
    post(
        key=f"funding:{key}",
        kind="funding",
        subject_uid=pot.subject_uid,
        legs=postings.funding(pot, amount_minor),
        memo=memo,
        at=now,
    )


@transaction.atomic
def book_release(
    *, pot: Pot, release_uid: UUID, shares: Sequence[GrossShare], memo: str, now: datetime
) -> bool:
    """Book what accepted goods release, once for each release; as the platform.

    Writes one journal entry for all suppliers, one payout for each share and one remittance for
    each repayment taken, and tells each supplier whose loan was repaid. Returns False when this
    release has been booked before.
    """
    if Payout.objects.filter(platform_id=pot.platform_id, release_uid=release_uid).exists():
        return False
    instructions = _instructions(pot, {share.supplier_id for share in shares})
    payouts = [_payout(pot, release_uid, share, instructions, now) for share in shares]
    booked = post(
        key=f"release:{release_uid}",
        kind="release",
        subject_uid=pot.subject_uid,
        legs=postings.release(pot, [_divided(payout, instructions) for payout in payouts]),
        memo=memo,
        at=now,
    )
    if booked is None:
        return False
    Payout.objects.bulk_create(payouts)
    _pass_on_repayments(pot, payouts, instructions, now)
    suppliers = tuple(sorted({payout.supplier_id for payout in payouts}))
    announce(tenant_ids=(pot.platform_id, pot.buyer_id, *suppliers), key="money")
    return True


def _instructions(pot: Pot, supplier_ids: Iterable[int]) -> dict[int, RepaymentInstruction]:
    """Lock the live repayment instructions of some suppliers, by supplier."""
    live = (
        RepaymentInstruction.objects.filter(
            platform_id=pot.platform_id,
            supplier_id__in=supplier_ids,
            currency=pot.currency,
            ended_at=None,
        )
        .order_by("id")
        .select_for_update()
    )
    return {instruction.supplier_id: instruction for instruction in live}


def _payout(
    pot: Pot,
    release_uid: UUID,
    share: GrossShare,
    instructions: dict[int, RepaymentInstruction],
    now: datetime,
) -> Payout:
    """Divide one share, and count its repayment against the supplier's instruction."""
    instruction = instructions.get(share.supplier_id)
    division = divide(
        share.gross_minor,
        basis_points=settings.COMMISSION_BASIS_POINTS,
        repayment_share=instruction.share_of_release if instruction else Decimal(0),
        owed_minor=instruction.owed_minor - instruction.repaid_minor if instruction else 0,
    )
    if instruction:
        instruction.repaid_minor += division.repayment_minor
    return Payout(
        platform_id=pot.platform_id,
        supplier_id=share.supplier_id,
        release_uid=release_uid,
        subject_uid=share.subject_uid,
        label=share.label[:80],
        currency=pot.currency,
        gross_minor=division.gross_minor,
        commission_minor=division.commission_minor,
        repayment_minor=division.repayment_minor,
        net_minor=division.net_minor,
        loan_uid=instruction.loan_uid if instruction and division.repayment_minor else None,
        booked_at=now,
    )


def _divided(payout: Payout, instructions: dict[int, RepaymentInstruction]) -> SupplierShare:
    instruction = instructions.get(payout.supplier_id)
    return SupplierShare(
        supplier_id=payout.supplier_id,
        lender_id=instruction.lender_id if instruction else None,
        division=Division(
            gross_minor=payout.gross_minor,
            commission_minor=payout.commission_minor,
            repayment_minor=payout.repayment_minor,
            net_minor=payout.net_minor,
        ),
    )


def _pass_on_repayments(
    pot: Pot,
    payouts: Sequence[Payout],
    instructions: dict[int, RepaymentInstruction],
    now: datetime,
) -> None:
    """Write what goes to the lenders, and leave word for each supplier that repaid."""
    taken = [payout for payout in payouts if payout.loan_uid is not None]
    Remittance.objects.bulk_create(
        Remittance(
            platform_id=pot.platform_id,
            payee_id=instructions[payout.supplier_id].lender_id,
            kind=RemittanceKind.REPAYMENT,
            subject_uid=instructions[payout.supplier_id].loan_uid,
            source_uid=payout.uid,
            label=payout.label,
            currency=payout.currency,
            amount_minor=payout.repayment_minor,
            booked_at=now,
        )
        for payout in taken
    )
    for supplier_id in sorted({payout.supplier_id for payout in taken}):
        instruction = instructions[supplier_id]
        if instruction.repaid_minor == instruction.owed_minor:
            instruction.ended_at = now
        instruction.save(update_fields=["repaid_minor", "ended_at"])
        send_after_commit(
            tenant_id=pot.platform_id,
            topic="repayment.taken",
            supplier_id=supplier_id,
            loan_uid=str(instruction.loan_uid),
            payout_uids=[str(p.uid) for p in taken if p.supplier_id == supplier_id],
        )


@transaction.atomic
def book_refund(*, pot: Pot, label: str, now: datetime) -> int:
    """Owe what is still held for a closed order back to the buyer; returns the amount.

    Once for each order: a second call finds nothing held.
    """
    rest = balance_of(
        tenant_id=pot.buyer_id,
        code=AccountCode.HELD,
        currency=pot.currency,
        subject_uid=pot.subject_uid,
    )
    if rest == 0:
        return 0
    post(
        key=f"refund:{pot.subject_uid}",
        kind="refund",
        subject_uid=pot.subject_uid,
        legs=postings.refund(pot, rest),
        memo=label,
        at=now,
    )
    Remittance.objects.create(
        platform_id=pot.platform_id,
        payee_id=pot.buyer_id,
        kind=RemittanceKind.REFUND,
        subject_uid=pot.subject_uid,
        source_uid=pot.subject_uid,
        label=label[:80],
        currency=pot.currency,
        amount_minor=rest,
        booked_at=now,
    )
    announce(tenant_ids=(pot.platform_id, pot.buyer_id), key="money")
    return rest


@transaction.atomic
def pay_supplier(
    *,
    platform_id: int,
    supplier_uid: UUID,
    currency: str,
    through: UUID,
    amount_minor: int,
    reference: str,
    by: Actor,
    now: datetime,
) -> None:
    """Mark a supplier's open payouts, up to the one named `through`, as sent by the bank.

    `amount_minor` is what the operator has sent: when the open payouts add up to something else
    nothing is marked. Exactly one of two operators wins; the other finds nothing open.

    Raises:
        NothingToPay: paid already, or the sum has changed since the page was shown.
    """
    mine = Payout.objects.filter(platform_id=platform_id, supplier__uid=supplier_uid)
    open_ones = (
        mine.filter(currency=currency, paid_at=None)
        .filter(id__lte=mine.filter(uid=through).values("id")[:1])
        .order_by("id")
        .select_for_update(of=("self",))
    )
    payouts = list(open_ones)
    if not payouts or sum(payout.net_minor for payout in payouts) != amount_minor:
        raise _changed()
    Payout.objects.filter(pk__in=[payout.pk for payout in payouts]).update(
        paid_at=now, paid_reference=reference
    )
    if amount_minor:
        _book_sent(
            platform_id=platform_id,
            payee_id=payouts[0].supplier_id,
            code=AccountCode.PAYABLE,
            currency=currency,
            amount_minor=amount_minor,
            subject_uid=through,
            reference=reference,
            now=now,
        )
    record_change(
        payouts[-1],
        change="paid",
        by=by,
        now=now,
        evidence={"amount_minor": amount_minor, "lines": len(payouts), "reference": reference},
    )
    announce(tenant_ids=(platform_id, payouts[0].supplier_id), key="money")


@transaction.atomic
def pay_remittance(
    *, platform_id: int, uid: UUID, reference: str, by: Actor, now: datetime
) -> None:
    """Mark a repayment to a lender, or a refund to a buyer, as sent by the bank.

    Raises:
        NothingToPay: paid already, or no such remittance.
    """
    remittance = (
        Remittance.objects.filter(platform_id=platform_id, uid=uid, paid_at=None)
        .select_for_update()
        .first()
    )
    if remittance is None:
        raise _changed()
    Remittance.objects.filter(pk=remittance.pk).update(paid_at=now, paid_reference=reference)
    is_refund = remittance.kind == RemittanceKind.REFUND
    _book_sent(
        platform_id=platform_id,
        payee_id=remittance.payee_id,
        code=AccountCode.REFUND_DUE if is_refund else AccountCode.LOAN_CLEARING,
        currency=remittance.currency,
        amount_minor=remittance.amount_minor,
        subject_uid=remittance.uid,
        reference=reference,
        now=now,
    )
    record_change(remittance, change="paid", by=by, now=now, evidence={"reference": reference})
    announce(tenant_ids=(platform_id, remittance.payee_id), key="money")


def _book_sent(
    *,
    platform_id: int,
    payee_id: int,
    code: AccountCode,
    currency: str,
    amount_minor: int,
    subject_uid: UUID,
    reference: str,
    now: datetime,
) -> None:
    post(
        key=f"sent:{subject_uid}",
        kind="sent",
        subject_uid=subject_uid,
        legs=postings.paid_out(
            platform_id=platform_id,
            payee_id=payee_id,
            code=code,
            currency=currency,
            amount_minor=amount_minor,
        ),
        memo=reference,
        at=now,
    )


def _changed() -> NothingToPay:
    return NothingToPay(
        _("This was paid already, or its sum has changed. Load the page again to see what is open.")
    )
