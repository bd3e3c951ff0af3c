"""The demo's loan: a supplier is graded, consents, borrows, and repays from its releases."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from config.demo import people
from evidence.models.consents import Purpose, ReportScope
from evidence.services.consents import grant_consent
from evidence.services.disclosure import disclose_report
from finance.lending.services import (
    OfferTerms,
    accept_loan,
    apply_for_loan,
    offer_loan,
    record_disbursement,
    save_product,
)
from finance.models import Loan, LoanProduct
from marketplace.services.credit_features import refresh_report
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.models import Membership

AMOUNT_MINOR = 2_000_000
NOTICE = (
    "The lender may read the behaviour grade with its reasons, machine use by week, and "
    "deliveries and payments without buyers' names, to decide on a loan and to watch it. You may "
    "withdraw this at any time; every look is listed for you."
)


def ensure_product(lender: Membership, *, now: datetime) -> LoanProduct:
    """Return the lender's one product, entered if missing."""
    with acting_as(lender.tenant_id):
        found = LoanProduct.objects.filter(lender_id=lender.tenant_id).first()
        if found is not None:
            return found
        product = LoanProduct(
            name="Order working capital",
            name_zh="订单流动资金贷款",
            currency="CNY",
            minimum_minor=100_000,
            maximum_minor=50_000_000,
            annual_rate=Decimal("0.065"),
            term_days=90,
            share_of_release=Decimal("0.5"),
        )
        save_product(product=product, by=Actor.of_member(lender), now=now)
    return product


def finance_supplier(supplier: Membership, lender: Membership, *, now: datetime) -> bool:
    """Lead one supplier from its record to a paid-out loan; False while it has no grade yet."""
    product = ensure_product(lender, now=now)
    borrower, bank = Actor.of_member(supplier), Actor.of_member(lender)
    with acting_as(supplier.tenant_id):
        if Loan.objects.filter(supplier_id=supplier.tenant_id).exists():
            return True
        report = refresh_report(supplier=supplier.tenant, by=borrower, now=now)
        if not report.grade:
            return False
        consent = grant_consent(
            grantee_id=lender.tenant_id,
            scope=ReportScope.values,
            valid_until=now + timedelta(days=90),
            notice=NOTICE,
            notice_language="en",
            by=borrower,
            now=now,
        )
        loan = apply_for_loan(
            product=product,
            amount_minor=AMOUNT_MINOR,
            purpose="Film and packaging for the plate order",
            by=borrower,
            now=now,
        )
    with acting_as(lender.tenant_id):
        disclose_report(consent_uid=consent.uid, purpose=Purpose.LENDING, now=now)
        terms = OfferTerms(
            principal_minor=AMOUNT_MINOR,
            annual_rate=product.annual_rate,
            fee_minor=0,
            term_days=product.term_days,
            share_of_release=product.share_of_release,
        )
        offer_loan(loan=loan, terms=terms, by=bank, now=now)
    with acting_as(supplier.tenant_id):
        accept_loan(loan=loan, by=borrower, now=now)
    with acting_as(lender.tenant_id):
        record_disbursement(loan=loan, reference="SIM-DISBURSED-1", by=bank, now=now)
    return True


def demo_parties(supplier_email: str) -> tuple[Membership, Membership]:
    """Return the memberships of the demo's supplier and lender, which the seeding has made."""
    found = []
    for email in (supplier_email, people.LENDER.email):
        with acting_as(0):
            person = people.Person.objects.get(email=email)
        with acting_as(0, person_id=person.pk):
            membership = Membership.objects.select_related("tenant").get(person_id=person.pk)
        membership.person = person
        found.append(membership)
    return found[0], found[1]
