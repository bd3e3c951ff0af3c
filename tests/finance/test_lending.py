"""A loan from application to the last repayment; each step belongs to one party."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from evidence.models import PendingEntry
from evidence.services.consents import grant_consent, revoke_consent
from evidence.services.transitions import StateConflict
from finance.core.rates import effective_annual_rate
from finance.ledger.selectors import book_totals
from finance.lending.services import (
    AmountRefused,
    LoanOpen,
    NoConsent,
    OfferExpired,
    OfferTerms,
    ProductClosed,
    accept_loan,
    apply_for_loan,
    offer_loan,
    record_disbursement,
    reject_loan,
    save_product,
    withdraw_loan,
)
from finance.models import Loan, LoanProduct, Repayment, RepaymentInstruction
from finance.tasks import count_taken_repayments, instruct_repayment_of_disbursed
from marketplace.services.settlement import book_released
from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import OutboxMessage
from tests.factories import rows_seen_by
from tests.finance.conftest import Deal, funded
from tests.finance.test_settlement import make_release

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
TERMS = OfferTerms(
    principal_minor=40_000,
    annual_rate=Decimal("0.12"),
    fee_minor=500,
    term_days=90,
    share_of_release=Decimal("0.5"),
)


@pytest.fixture
def product(deal: Deal) -> LoanProduct:
    made = LoanProduct(
        name="Order finance",
        currency="CNY",
        minimum_minor=1_000,
        maximum_minor=100_000,
        annual_rate=Decimal("0.12"),
        term_days=90,
        share_of_release=Decimal("0.2"),
    )
    with acting_as(deal.lender.tenant_id):
        save_product(product=made, by=deal.actor("lender"), now=NOW)
    return made


def consent_of(deal: Deal, **changes: object):
    terms = {"scope": ["behaviour"], "valid_until": NOW + timedelta(days=30), **changes}
    with acting_as(deal.supplier.tenant_id):
        return grant_consent(
            grantee_id=deal.lender.tenant_id,
            notice="text",
            notice_language="en",
            by=deal.actor("supplier"),
            now=NOW,
            **terms,
        )


def applied(deal: Deal, product: LoanProduct, amount: int = 40_000) -> Loan:
    with acting_as(deal.supplier.tenant_id):
        return apply_for_loan(
            product=product,
            amount_minor=amount,
            purpose="Film",
            by=deal.actor("supplier"),
            now=NOW,
        )


def offered(deal: Deal, product: LoanProduct, terms: OfferTerms = TERMS) -> Loan:
    loan = applied(deal, product)
    with acting_as(deal.lender.tenant_id):
        offer_loan(loan=loan, terms=terms, by=deal.actor("lender"), now=NOW)
    return loan


def accepted(deal: Deal, product: LoanProduct) -> Loan:
    loan = offered(deal, product)
    with acting_as(deal.supplier.tenant_id):
        accept_loan(loan=loan, by=deal.actor("supplier"), now=NOW)
    return loan


def active(deal: Deal, product: LoanProduct) -> Loan:
    loan = accepted(deal, product)
    with acting_as(deal.lender.tenant_id):
        record_disbursement(loan=loan, reference="BANK 1", by=deal.actor("lender"), now=NOW)
    for _twice in range(2):
        instruct_repayment_of_disbursed(supplier_id=deal.supplier.tenant_id, loan_uid=str(loan.uid))
    return loan


def deliver_messages(topic: str) -> None:
    """Handle what was told, twice, the newest first."""
    with acting_as(PLATFORM_ID):
        told = [m.payload for m in OutboxMessage.objects.filter(topic=topic).order_by("-id")]
    for payload in told * 2:
        count_taken_repayments(**payload)


def test_an_application_needs_a_live_consent(deal: Deal, product: LoanProduct) -> None:
    with pytest.raises(NoConsent):
        applied(deal, product)
    consent_of(deal, scope=["machines"])
    with pytest.raises(NoConsent):
        applied(deal, product)
    consent = consent_of(deal)
    with acting_as(deal.supplier.tenant_id):
        revoke_consent(consent=consent, by=deal.actor("supplier"), now=NOW)
    with pytest.raises(NoConsent):
        applied(deal, product)
    consent_of(deal)
    assert applied(deal, product).state == "applied"


@pytest.mark.parametrize("amount", [999, 100_001, 0])
def test_an_amount_outside_the_product_is_refused(
    deal: Deal, product: LoanProduct, amount: int
) -> None:
    consent_of(deal)
    with pytest.raises(AmountRefused):
        applied(deal, product, amount)


def test_a_closed_product_takes_no_applications(deal: Deal, product: LoanProduct) -> None:
    consent_of(deal)
    product.is_open = False
    with pytest.raises(ProductClosed):
        applied(deal, product)


def test_a_second_application_waits_for_the_first(deal: Deal, product: LoanProduct) -> None:
    consent_of(deal)
    first = applied(deal, product)
    with pytest.raises(LoanOpen):
        applied(deal, product)
    with acting_as(deal.supplier.tenant_id):
        withdraw_loan(loan=first, by=deal.actor("supplier"), now=NOW)
    assert applied(deal, product).state == "applied"


def test_an_offer_says_what_it_costs(deal: Deal, product: LoanProduct) -> None:
    consent_of(deal)
    loan = offered(deal, product)
    assert (loan.interest_minor, loan.fee_minor, loan.owed_minor) == (1_184, 500, 41_684)
    assert loan.apr == effective_annual_rate(principal_minor=40_000, repaid_minor=41_684, days=90)
    assert loan.apr > loan.annual_rate


def test_no_more_is_offered_than_was_asked_for(deal: Deal, product: LoanProduct) -> None:
    consent_of(deal)
    loan = applied(deal, product, 39_999)
    with pytest.raises(AmountRefused), acting_as(deal.lender.tenant_id):
        offer_loan(loan=loan, terms=TERMS, by=deal.actor("lender"), now=NOW)


@pytest.mark.parametrize("fee", [20_000, 10**13])
def test_a_fee_beyond_any_rate_is_refused(deal: Deal, product: LoanProduct, fee: int) -> None:
    consent_of(deal)
    loan = applied(deal, product)
    terms = replace(TERMS, fee_minor=fee, term_days=1)
    with acting_as(deal.lender.tenant_id), pytest.raises(AmountRefused, match="lower the fee"):
        offer_loan(loan=loan, terms=terms, by=deal.actor("lender"), now=NOW)


def test_a_rejection_carries_reasons_that_the_supplier_reads(
    deal: Deal, product: LoanProduct
) -> None:
    consent_of(deal)
    loan = applied(deal, product)
    with acting_as(deal.lender.tenant_id):
        reject_loan(loan=loan, reasons="Short history", by=deal.actor("lender"), now=NOW)
        with pytest.raises(StateConflict):
            offer_loan(loan=loan, terms=TERMS, by=deal.actor("lender"), now=NOW)
    with acting_as(deal.supplier.tenant_id):
        assert Loan.objects.get(pk=loan.pk).decision_note == "Short history"


def test_an_offer_ends(deal: Deal, product: LoanProduct) -> None:
    consent_of(deal)
    loan = offered(deal, product)
    with pytest.raises(OfferExpired), acting_as(deal.supplier.tenant_id):
        accept_loan(loan=loan, by=deal.actor("supplier"), now=loan.offer_expires_at)


def test_one_loan_at_a_time_is_running(deal: Deal, product: LoanProduct) -> None:
    consent_of(deal)
    active(deal, product)
    second = offered(deal, product)
    with pytest.raises(LoanOpen), acting_as(deal.supplier.tenant_id):
        accept_loan(loan=second, by=deal.actor("supplier"), now=NOW)


def test_a_disbursed_loan_is_repaid_from_the_next_releases(
    deal: Deal, product: LoanProduct
) -> None:
    consent_of(deal)
    funded(deal)
    loan = active(deal, product)
    for amount in (50_000, 60_000):
        release = make_release(deal, {"supplier/1": amount})
        with acting_as(PLATFORM_ID):
            book_released(release_uid=release.uid, now=NOW)
    deliver_messages("repayment.taken")
    with acting_as(deal.supplier.tenant_id):
        loan.refresh_from_db()
        assert (loan.state, loan.repaid_minor, loan.left_minor) == ("repaid", 41_684, 0)
        amounts = list(Repayment.objects.order_by("id").values_list("amount_minor", flat=True))
        assert sorted(amounts) == [17_434, 24_250]
        assert RepaymentInstruction.objects.get().ended_at == NOW
        assert PendingEntry.objects.filter(kind="loan.active>repaid").count() == 1
    assert rows_seen_by(deal.lender.tenant_id, "finance_repayment") == 2
    with acting_as(PLATFORM_ID):
        (totals,) = book_totals(platform_id=PLATFORM_ID)
    assert (totals.loan_clearing_minor, totals.balances) == (41_684, True)


def test_a_loan_is_seen_by_its_two_parties_only(deal: Deal, product: LoanProduct) -> None:
    consent_of(deal)
    offered(deal, product)
    others = (deal.other, deal.buyer, PLATFORM_ID)
    for other in others:
        assert rows_seen_by(getattr(other, "tenant_id", other), "finance_loan") == 0


@pytest.mark.parametrize(
    ("who", "change"),
    [
        ("supplier", {"state": "offered"}),
        ("supplier", {"state": "rejected"}),
        ("supplier", {"principal_minor": 10}),
        ("supplier", {"annual_rate": 0}),
        ("lender", {"state": "accepted"}),
        ("lender", {"state": "withdrawn"}),
        ("lender", {"asked_minor": 1}),
        ("lender", {"consent_uid": "00000000-0000-0000-0000-000000000001"}),
    ],
)
def test_no_party_takes_the_others_step(
    deal: Deal, product: LoanProduct, who: str, change: dict
) -> None:
    consent_of(deal)
    loan = applied(deal, product)
    with pytest.raises(DatabaseError) as error, acting_as(getattr(deal, who).tenant_id):
        Loan.objects.filter(pk=loan.pk).update(**change)
    assert error.value.__cause__.sqlstate in ("42501", "23514")


@pytest.mark.parametrize(
    "change", [{"principal_minor": 39_999}, {"fee_minor": 501}, {"apr": 0}, {"term_days": 1}]
)
def test_the_terms_of_an_offer_stay(deal: Deal, product: LoanProduct, change: dict) -> None:
    consent_of(deal)
    loan = offered(deal, product)
    with pytest.raises(DatabaseError) as error, acting_as(deal.lender.tenant_id):
        Loan.objects.filter(pk=loan.pk).update(**change)
    assert error.value.__cause__.sqlstate == "42501"


def test_the_database_takes_no_more_back_than_is_owed(deal: Deal, product: LoanProduct) -> None:
    consent_of(deal)
    loan = active(deal, product)
    for wrong in ({"repaid_minor": 41_685}, {"state": "repaid"}):
        with (
            pytest.raises(IntegrityError),
            acting_as(deal.supplier.tenant_id),
            transaction.atomic(),
        ):
            Loan.objects.filter(pk=loan.pk).update(**wrong)


def test_a_lender_changes_only_its_own_products(deal: Deal, product: LoanProduct) -> None:
    with acting_as(deal.supplier.tenant_id):
        assert LoanProduct.objects.filter(pk=product.pk).update(annual_rate=0) == 0
        with pytest.raises(DatabaseError), transaction.atomic():
            LoanProduct.objects.create(
                lender=deal.lender.tenant,
                name="Forged",
                currency="CNY",
                minimum_minor=1,
                maximum_minor=2,
                annual_rate=0,
                term_days=1,
                share_of_release=1,
            )
