"""A loan from application to disbursement; what repays it is in repayments.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from evidence.models import Consent
from evidence.models.consents import ConsentState
from evidence.services.transitions import record_change, transition
from finance.core.rates import RateTooHigh, effective_annual_rate, simple_interest
from finance.lending.models import Loan, LoanProduct, LoanState, RepaymentInstruction
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError
from tenants.ids import uuid7
from tenants.live import announce
from tenants.services.outbox import send_after_commit

OFFER_LASTS = timedelta(days=14)


class AmountRefused(DomainError):
    """The amount is outside of what the product or the application allows."""

    code = "loan_amount"


class NoConsent(Conflict):
    """A lender decides on a report; it can read none yet."""

    code = "no_consent"


class LoanOpen(Conflict):
    """A loan of this supplier stands in the way of this one."""

    code = "loan_open"


class OfferExpired(Conflict):
    """The lender's offer is over."""

    code = "offer_expired"


class ProductClosed(Conflict):
    """The lender takes no applications for this product now."""

    code = "product_closed"


@dataclass(frozen=True, kw_only=True)
class OfferTerms:
    """What a lender offers, as it is typed in."""

    principal_minor: int
    annual_rate: Decimal
    fee_minor: int
    term_days: int
    share_of_release: Decimal


@dataclass(frozen=True, kw_only=True)
class LoanCost:
    """What the terms cost: the supplier sees this before it accepts."""

    interest_minor: int
    owed_minor: int
    apr: Decimal


def cost_of(terms: OfferTerms) -> LoanCost:
    """Return interest, all that is to be paid back, and the annual rate of the terms.

    Raises:
        AmountRefused: the fee is too much for the term.
    """
    interest = simple_interest(
        terms.principal_minor, annual_rate=terms.annual_rate, days=terms.term_days
    )
    owed = terms.principal_minor + interest + terms.fee_minor
    try:
        apr = effective_annual_rate(
            principal_minor=terms.principal_minor, repaid_minor=owed, days=terms.term_days
        )
    except RateTooHigh as error:
        raise AmountRefused(
            _("No annual rate can be told: lower the fee or lengthen the term.")
        ) from error
    return LoanCost(interest_minor=interest, owed_minor=owed, apr=apr)


@transaction.atomic
def save_product(*, product: LoanProduct, by: Actor, now: datetime) -> None:
    """Enter or change what a lender offers, as that lender."""
    change = "changed" if product.pk else "entered"
    product.lender_id = by.tenant_id
    product.save()
    record_change(
        product, change=change, by=by, now=now, evidence={"annual_rate": str(product.annual_rate)}
    )


@transaction.atomic
def apply_for_loan(
    *, product: LoanProduct, amount_minor: int, purpose: str, by: Actor, now: datetime
) -> Loan:
    """Ask a lender for a loan, as the supplier, on the consent that it holds.

    Raises:
        ProductClosed: the lender takes no applications now.
        AmountRefused: less or more than the product allows.
        NoConsent: the lender may read none of the supplier's reports.
        LoanOpen: an application to this lender waits for an answer.
    """
    if not product.is_open:
        raise ProductClosed(_("This lender takes no applications for this product now."))
    if not product.minimum_minor <= amount_minor <= product.maximum_minor:
        raise AmountRefused(_("Choose an amount between the least and the most of this product."))
    consent = _live_consent(by.tenant_id, product.lender_id, now)
    if consent is None:
        raise NoConsent(
            _("Let this lender read your report first: without it nobody can decide on a loan.")
        )
    uid = uuid7()
    try:
        with transaction.atomic():
            loan = Loan.objects.create(
                uid=uid,
                supplier_id=by.tenant_id,
                lender_id=product.lender_id,
                product=product,
                number=f"L-{uid.hex[-8:].upper()}",
                consent_uid=consent.uid,
                currency=product.currency,
                asked_minor=amount_minor,
                annual_rate=product.annual_rate,
                share_of_release=product.share_of_release,
                term_days=product.term_days,
                purpose=purpose,
                applied_at=now,
            )
    except IntegrityError as error:
        raise LoanOpen(
            _("You have an open application with this lender. Wait for its answer or withdraw it.")
        ) from error
    record_change(loan, change="applied", by=by, now=now, evidence={"asked_minor": amount_minor})
    _announce(loan)
    return loan


def _live_consent(owner_id: int, lender_id: int, now: datetime) -> Consent | None:
    return Consent.objects.filter(
        owner_id=owner_id,
        grantee_id=lender_id,
        state=ConsentState.GRANTED,
        valid_until__gt=now,
        scope__contains=["behaviour"],
    ).first()


@transaction.atomic
def offer_loan(*, loan: Loan, terms: OfferTerms, by: Actor, now: datetime) -> None:
    """Offer a loan on terms, as the lender; the supplier has OFFER_LASTS to answer.

    Raises:
        AmountRefused: more than was asked for, or nothing, or a fee beyond any rate.
        StateConflict: the application was answered or withdrawn.
    """
    if not 0 < terms.principal_minor <= loan.asked_minor:
        raise AmountRefused(_("Offer at most what was asked for."))
    cost = cost_of(terms)
    transition(
        loan,
        to=LoanState.OFFERED,
        by=by,
        now=now,
        principal_minor=terms.principal_minor,
        annual_rate=terms.annual_rate,
        fee_minor=terms.fee_minor,
        interest_minor=cost.interest_minor,
        term_days=terms.term_days,
        share_of_release=terms.share_of_release,
        apr=cost.apr,
        offered_at=now,
        offer_expires_at=now + OFFER_LASTS,
        evidence={
            "principal_minor": terms.principal_minor,
            "owed_minor": cost.owed_minor,
            "apr": str(cost.apr),
        },
    )
    _announce(loan)


@transaction.atomic
def reject_loan(*, loan: Loan, reasons: str, by: Actor, now: datetime) -> None:
    """Refuse an application, as the lender, with reasons that the supplier reads.

    Raises:
        StateConflict: the application was answered or withdrawn.
    """
    transition(
        loan,
        to=LoanState.REJECTED,
        by=by,
        now=now,
        decision_note=reasons,
        evidence={"reasons": reasons},
    )
    _announce(loan)


@transaction.atomic
def withdraw_loan(*, loan: Loan, by: Actor, now: datetime) -> None:
    """Take an application back, or refuse an offer, as the supplier.

    Raises:
        StateConflict: it was accepted or rejected already.
    """
    transition(loan, to=LoanState.WITHDRAWN, by=by, now=now)
    _announce(loan)


@transaction.atomic
def accept_loan(*, loan: Loan, by: Actor, now: datetime) -> None:
    """Accept an offer, as the supplier, and with it that releases repay it.

    Raises:
        OfferExpired: `now` is at or past the offer's end.
        LoanOpen: another loan in this currency is running.
        StateConflict: there is no offer any more.
    """
    if loan.offer_expires_at is not None and now >= loan.offer_expires_at:
        raise OfferExpired(_("This offer is over. Ask the lender for a new one."))
    try:
        with transaction.atomic():
            transition(
                loan,
                to=LoanState.ACCEPTED,
                by=by,
                now=now,
                accepted_at=now,
                evidence={"owed_minor": loan.owed_minor, "share": str(loan.share_of_release)},
            )
    except IntegrityError as error:
        raise LoanOpen(
            _("Another loan is running. Only one loan at a time is repaid from your releases.")
        ) from error
    _announce(loan)


@transaction.atomic
def record_disbursement(*, loan: Loan, reference: str, by: Actor, now: datetime) -> None:
    """Record as the lender that the principal was sent, bank to bank; the term starts now.

    Raises:
        StateConflict: the supplier has not accepted, or it was recorded already.
    """
    transition(
        loan,
        to=LoanState.ACTIVE,
        by=by,
        now=now,
        disbursed_at=now,
        disbursement_reference=reference,
        due_at=now + timedelta(days=loan.term_days),
        evidence={"reference": reference},
    )
    send_after_commit(
        tenant_id=by.tenant_id,
        topic="loan.disbursed",
        supplier_id=loan.supplier_id,
        loan_uid=str(loan.uid),
    )
    _announce(loan)


@transaction.atomic
def instruct_repayment(
    *, platform_id: int, supplier_id: int, loan_uid: UUID, by: Actor, now: datetime
) -> None:
    """Tell the platform, as the supplier agreed on accepting, to repay a loan from its releases.

    Safe to run twice: a loan has one instruction.
    """
    loan = Loan.objects.get(supplier_id=supplier_id, uid=loan_uid)
    instruction, is_new = RepaymentInstruction.objects.get_or_create(
        supplier_id=supplier_id,
        loan_uid=loan.uid,
        defaults={
            "platform_id": platform_id,
            "lender_id": loan.lender_id,
            "currency": loan.currency,
            "share_of_release": loan.share_of_release,
            "owed_minor": loan.owed_minor,
            "created_at": now,
        },
    )
    if is_new:
        record_change(
            instruction,
            change="instructed",
            by=by,
            now=now,
            evidence={"owed_minor": loan.owed_minor, "share": str(loan.share_of_release)},
        )


def _announce(loan: Loan) -> None:
    announce(tenant_ids=(loan.supplier_id, loan.lender_id), key="loans")
