"""The pages of money and credit at work: accessible, never wider than the window, live."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from evidence.models import Consent
from evidence.services.consents import grant_consent, revoke_consent
from evidence.services.disclosure import disclose_report
from finance.credit.core.features import Features
from finance.credit.services import CreditMaterial, Source, make_report
from finance.lending.services import (
    OfferTerms,
    accept_loan,
    apply_for_loan,
    offer_loan,
    record_disbursement,
    save_product,
)
from finance.models import Loan, LoanProduct, Payout
from finance.tasks import instruct_repayment_of_disbursed
from marketplace.models import Funding
from marketplace.services.settlement import book_released
from tenants.acting import PLATFORM_ID, acting_as
from tenants.clock import site_now
from tenants.models import Membership, Person
from tests.browser.checks import axe_violations, keep_picture, sideways_scroll
from tests.factories import OrderFactory, make_member, make_operator
from tests.finance.conftest import Deal, funded, proved
from tests.finance.test_settlement import make_release

pytestmark = [pytest.mark.django_db(transaction=True)]
LOOKS = [("en", "light", 1440), ("zh-hans", "dark", 390), ("en", "dark", 390)]
FEATURES = Features(
    days_observed=62,
    coverage=0.962,
    active_day_share=0.84,
    utilisation=0.41,
    deliveries=38,
    on_time_share=0.947,
    scrap_share=0.013,
    claim_deviation=0.008,
    orders_delivered=4,
)


@dataclass(frozen=True, kw_only=True)
class Story:
    """A funded order in release, a graded supplier with a loan and an application."""

    deal: Deal
    operator: Membership
    funding: Funding
    waiting: Funding
    payout: Payout
    consent: Consent
    loan: Loan
    product: LoanProduct

    def pages(self) -> dict[str, tuple[Membership, str]]:
        deal = self.deal
        return {
            "payments": (deal.buyer, "/buyer/payments/"),
            "payment-asked": (deal.buyer, f"/buyer/payments/{self.waiting.uid}/"),
            "payment": (deal.buyer, f"/buyer/payments/{self.funding.uid}/"),
            "money": (self.operator, "/operator/money/"),
            "fundings": (self.operator, "/operator/money/payments/"),
            "funding-proved": (self.operator, f"/operator/money/payments/{self.waiting.uid}/"),
            "funding": (self.operator, f"/operator/money/payments/{self.funding.uid}/"),
            "ledger": (self.operator, "/operator/ledger/"),
            "statements": (deal.supplier, "/supplier/statements/"),
            "statement": (deal.supplier, f"/supplier/statements/{self.payout.uid}/"),
            "credit": (deal.supplier, "/supplier/credit/"),
            "consents": (deal.supplier, "/supplier/consents/"),
            "loans": (deal.supplier, "/supplier/loans/"),
            "loan-apply": (deal.supplier, f"/supplier/loans/apply/{self.product.uid}/"),
            "loan": (deal.supplier, f"/supplier/loans/{self.loan.uid}/"),
            "desk": (deal.lender, "/lender/"),
            "reports": (deal.lender, "/lender/reports/"),
            "report": (deal.lender, f"/lender/reports/{self.consent.uid}/"),
            "lender-loans": (deal.lender, "/lender/loans/"),
            "lender-loan": (deal.lender, f"/lender/loans/{self.loan.uid}/"),
            "product": (deal.lender, "/lender/product/"),
        }


@pytest.fixture
def story() -> Story:
    """Tell the story in a thread of its own: Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as teller:
        return teller.submit(in_its_own_connection, tell).result()


def in_its_own_connection(act: Callable[[], Any]) -> Any:
    try:
        return act()
    finally:
        connection.close()


def tell() -> Story:
    deal = Deal(
        buyer=make_member(kinds=["buyer"], name="Delta Plates", name_zh="三角牌照"),
        supplier=make_member(kinds=["supplier"], name="Suzhou Precision", name_zh="苏州精工"),
        other=make_member(kinds=["supplier"], name="Wuxi Emboss", name_zh="无锡压印"),
        lender=make_member(kinds=["lender"], name="Harbour Bank", name_zh="港湾银行"),
        order=None,
    )
    main, second = (with_order(deal) for _each in range(2))
    product, consent = lend(deal)
    funding, waiting = funded(main), proved(second)
    loan = borrow(deal, product)
    release = make_release(
        main,
        {
            "supplier/O-0001-1": 245_000_00,
            "supplier/O-0001-2": 9_000_50,
            "other/O-0001-1": 78_100_00,
        },
    )
    with acting_as(PLATFORM_ID):
        book_released(release_uid=release.uid, now=site_now())
        payout = Payout.objects.filter(supplier=deal.supplier.tenant).first()
    with acting_as(deal.lender.tenant_id):
        disclose_report(consent_uid=consent.uid, purpose="lending", now=site_now())
    return Story(
        deal=deal,
        operator=make_operator(),
        funding=funding,
        waiting=waiting,
        payout=payout,
        consent=consent,
        loan=loan,
        product=product,
    )


def with_order(deal: Deal) -> Deal:
    with acting_as(deal.buyer.tenant_id):
        order = OrderFactory(tenant=deal.buyer.tenant, cost_minor=1_284_500_50, state="confirmed")
    return Deal(
        buyer=deal.buyer,
        supplier=deal.supplier,
        other=deal.other,
        lender=deal.lender,
        order=order,
    )


def lend(deal: Deal) -> tuple[LoanProduct, Consent]:
    now = site_now()
    product = LoanProduct(
        name="Order finance",
        name_zh="订单贷",
        currency="CNY",
        minimum_minor=10_000_00,
        maximum_minor=500_000_00,
        annual_rate=Decimal("0.085"),
        term_days=120,
        share_of_release=Decimal("0.2"),
    )
    with acting_as(deal.lender.tenant_id):
        save_product(product=product, by=deal.actor("lender"), now=now)
    source = Source(kind="deliveries", rows=38, first_at=now - timedelta(days=60), last_at=now)
    weeks = [
        {
            "week": f"2026-0{1 + n // 4}-{1 + 7 * (n % 4):02}",
            "known_hours": 140.0,
            "worked_hours": 40.0 + 9 * n,
            "machines": 3,
        }
        for n in range(9)
    ]
    payments = [
        {
            "week": "2026-02-02",
            "currency": "CNY",
            "gross_minor": 84_000_00,
            "net_minor": 81_480_00,
            "lines": 12,
        }
    ]
    orders = {
        "deliveries": 38,
        "on_time": 36,
        "orders": 4,
        "good": 412_000,
        "scrap": 5_400,
        "counted": 417_020,
        "off": 3_336,
        "payments": payments,
    }
    material = CreditMaterial(
        supplier_name=deal.supplier.tenant.name,
        is_simulated=True,
        features=FEATURES,
        machines={"weeks": weeks},
        orders=orders,
        sources=dict.fromkeys(("behaviour", "machines", "orders"), (source,)),
    )
    with acting_as(deal.supplier.tenant_id):
        make_report(material=material, by=deal.actor("supplier"), now=now)
        consent = grant_consent(
            grantee_id=deal.lender.tenant_id,
            scope=["behaviour", "machines", "orders"],
            valid_until=now + timedelta(days=9),
            notice="You let Harbour Bank read your report.",
            notice_language="en",
            by=deal.actor("supplier"),
            now=now,
        )
    return product, consent


def borrow(deal: Deal, product: LoanProduct) -> Loan:
    now, terms = (
        site_now(),
        OfferTerms(
            principal_minor=100_000_00,
            annual_rate=Decimal("0.085"),
            fee_minor=500_00,
            term_days=120,
            share_of_release=Decimal("0.2"),
        ),
    )
    supplier, lender = deal.actor("supplier"), deal.actor("lender")

    def apply() -> Loan:
        with acting_as(deal.supplier.tenant_id):
            return apply_for_loan(
                product=product,
                amount_minor=150_000_00,
                purpose="Film for order O-0001",
                by=supplier,
                now=now,
            )

    loan = apply()
    with acting_as(deal.lender.tenant_id):
        offer_loan(loan=loan, terms=terms, by=lender, now=now)
    with acting_as(deal.supplier.tenant_id):
        accept_loan(loan=loan, by=supplier, now=now)
    with acting_as(deal.lender.tenant_id):
        record_disbursement(loan=loan, reference="HB-2201", by=lender, now=now)
    instruct_repayment_of_disbursed(supplier_id=deal.supplier.tenant_id, loan_uid=str(loan.uid))
    apply()
    return loan


@pytest.mark.parametrize(("language", "theme", "width"), LOOKS)
def test_every_page_is_accessible_and_fits_its_window(
    clean: Page,
    site: str,
    axe: str,
    choose: Callable[..., None],
    sign_in: Callable[[Person], None],
    story: Story,
    language: str,
    theme: str,
    width: int,
) -> None:
    choose(language=language, theme=theme)
    clean.set_viewport_size({"width": width, "height": 900})
    faults = []
    for name, (membership, path) in story.pages().items():
        person = membership.person
        if person.language != language:
            Person.objects.filter(pk=person.pk).update(language=language)
        sign_in(person)
        clean.goto(f"{site}{path}")
        keep_picture(clean, f"{name}-{language}-{theme}-{width}")
        if (wider := sideways_scroll(clean)) > 0:
            faults.append(f"{name}: {wider} px too wide")
        faults += [f"{name}: {fault}" for fault in axe_violations(clean, axe)]
    assert not faults, "\n".join(faults)


def test_a_revoked_consent_is_a_closed_door_in_the_browser(
    watch, page: Page, site: str, sign_in: Callable[[Person], None], story: Story
) -> None:
    watch.forgive("410")
    sign_in(story.deal.lender.person)
    page.goto(f"{site}/lender/reports/{story.consent.uid}/")
    expect(page.get_by_role("heading", name="Behaviour grade")).to_be_visible()
    with ThreadPoolExecutor(1) as owner:
        owner.submit(in_its_own_connection, lambda: revoke(story)).result()
    page.reload()
    expect(page.get_by_text("This report is not open to you")).to_be_visible()
    assert "410" in "".join(watch.faults)


def revoke(story: Story) -> None:
    with acting_as(story.deal.supplier.tenant_id):
        revoke_consent(consent=story.consent, by=story.deal.actor("supplier"), now=site_now())
