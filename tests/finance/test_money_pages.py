"""The pages of money and credit, opened by the seat they belong to and by nobody else."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client

from evidence.models import AccessEvent, Consent
from evidence.services.consents import grant_consent, revoke_consent
from finance.lending.services import apply_for_loan, save_product
from finance.models import CreditReport, Loan, LoanProduct, Payout, Remittance
from marketplace.models import Funding
from marketplace.services.credit_features import refresh_report
from marketplace.services.settlement import book_released, close_money
from tenants.acting import PLATFORM_ID, acting_as
from tenants.clock import site_now
from tenants.models import Membership
from tests.factories import NOW, OrderFactory, make_member, make_operator
from tests.finance.conftest import Deal, asked, funded, proved
from tests.finance.test_settlement import make_release

pytestmark = pytest.mark.django_db
SEATS = {
    "buyer": ["/buyer/payments/"],
    "supplier": [
        "/supplier/statements/",
        "/supplier/credit/",
        "/supplier/consents/",
        "/supplier/loans/",
    ],
    "lender": ["/lender/", "/lender/reports/", "/lender/loans/", "/lender/product/"],
    "operator": ["/operator/money/", "/operator/money/payments/", "/operator/ledger/"],
}
PAGES = [(seat, page) for seat, pages in SEATS.items() for page in pages]


def client_of(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.person)
    return client


def someone(seat: str) -> Membership:
    return make_operator() if seat == "operator" else make_member(kinds=[seat])


def text_of(client: Client, page: str) -> str:
    answer = client.get(page)
    assert answer.status_code == 200, page
    return answer.content.decode()


@pytest.mark.parametrize(("seat", "page"), PAGES)
def test_an_empty_page_opens_for_its_seat_and_for_no_other(seat: str, page: str) -> None:
    assert client_of(someone(seat)).get(page).status_code == 200
    for other in SEATS:
        if other != seat:
            assert client_of(someone(other)).get(page).status_code == 404, other
    assert Client().get(page).status_code == 302


def test_a_buyer_pays_by_the_page_and_the_operator_confirms(deal: Deal) -> None:
    funding = asked(deal)
    buyer, operator = client_of(deal.buyer), client_of(make_operator())
    address = f"/buyer/payments/{funding.uid}/"
    assert funding.payment_reference in text_of(buyer, address)
    assert buyer.post(f"{address}proof/", {"proof": ""}).status_code == 422
    assert buyer.post(f"{address}proof/", {"proof": "TX-77"}).status_code == 302
    assert "TX-77" in text_of(operator, "/operator/money/")
    desk = f"/operator/money/payments/{funding.uid}/"
    assert "TX-77" in text_of(operator, desk)
    assert operator.post(f"{desk}return/", {"reason": ""}).status_code == 422
    assert operator.post(f"{desk}return/", {"reason": "Wrong amount"}).status_code == 302
    assert "Wrong amount" in text_of(buyer, address)
    buyer.post(f"{address}proof/", {"proof": "TX-78"})
    assert operator.post(f"{desk}confirm/").status_code == 302
    assert operator.post(f"{desk}confirm/").status_code == 409
    with acting_as(PLATFORM_ID):
        assert Funding.objects.get(pk=funding.pk).state == "confirmed"
    assert "The books balance." in text_of(operator, "/operator/money/")
    assert deal.order.number in text_of(operator, f"/operator/ledger/?q={deal.order.number}")


def test_another_buyer_and_the_wrong_seat_open_no_payment(deal: Deal) -> None:
    funding = proved(deal)
    for stranger in (make_member(kinds=["buyer"]), deal.supplier, deal.lender):
        client = client_of(stranger)
        for address in (
            f"/buyer/payments/{funding.uid}/",
            f"/operator/money/payments/{funding.uid}/",
        ):
            assert client.get(address).status_code == 404
        assert client.post(f"/buyer/payments/{funding.uid}/proof/", {"proof": "x"}).status_code == (
            404
        )
        assert client.post(f"/operator/money/payments/{funding.uid}/confirm/").status_code == 404
    with acting_as(PLATFORM_ID):
        assert Funding.objects.get(pk=funding.pk).state == "proved"


def test_a_viewer_reads_and_moves_no_money(deal: Deal) -> None:
    funding = asked(deal)
    viewer = client_of(make_member(deal.buyer.tenant, role="viewer"))
    assert viewer.get(f"/buyer/payments/{funding.uid}/").status_code == 200
    assert viewer.post(f"/buyer/payments/{funding.uid}/proof/", {"proof": "x"}).status_code == 403


@pytest.fixture
def released(deal: Deal) -> Deal:
    funded(deal)
    release = make_release(deal, {"supplier/1": 100_000, "other/1": 40_000})
    with acting_as(PLATFORM_ID):
        book_released(release_uid=release.uid, now=NOW)
    return deal


def test_the_operator_pays_suppliers_and_buyers_out(released: Deal) -> None:
    operator = client_of(make_operator())
    with acting_as(PLATFORM_ID):
        close_money(buyer_id=released.buyer.tenant_id, order_uid=released.order.uid, now=NOW)
        payout = Payout.objects.get(supplier=released.supplier.tenant)
        refund = Remittance.objects.get()
    page = text_of(operator, "/operator/money/")
    assert str(payout.uid) in page
    sent = {"through": payout.uid, "currency": "CNY", "amount_minor": 97_000}
    address = f"/operator/money/suppliers/{released.supplier.tenant.uid}/pay/"
    operator.post(address, {**sent, "reference": ""})
    assert operator.post(address, {**sent, "reference": "B1"}).status_code == 302
    assert operator.post(address, {**sent, "reference": "B1"}).status_code == 409
    back = f"/operator/money/remittances/{refund.uid}/pay/"
    assert operator.post(back, {"reference": "B2"}).status_code == 302
    assert operator.post(back, {"reference": "B2"}).status_code == 409
    supplier = client_of(released.supplier)
    assert "B1" in text_of(supplier, "/supplier/statements/")
    assert "B1" in text_of(supplier, f"/supplier/statements/{payout.uid}/")


def test_many_payments_to_suppliers_come_in_pages(
    released: Deal, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = client_of(make_operator())
    monkeypatch.setattr("marketplace.views.money.DUE_ROWS", 1)
    with acting_as(PLATFORM_ID):
        due = {str(uid) for uid in Payout.objects.values_list("uid", flat=True)}
    shown = [
        {uid for uid in due if uid in text_of(operator, f"/operator/money/?page={number}")}
        for number in (1, 2)
    ]
    assert [len(each) for each in shown] == [1, 1]
    assert shown[0] | shown[1] == due


def test_a_buyer_sees_what_to_pay_in_now_and_copies_it(deal: Deal) -> None:
    funding = asked(deal)
    buyer = client_of(deal.buyer)
    page = text_of(buyer, "/buyer/payments/")
    assert "To pay in now" in page
    assert "for 1 order<" in page
    shown = text_of(buyer, f"/buyer/payments/{funding.uid}/")
    assert 'data-copy="10000.00"' in shown, "the bank's form takes no currency sign"
    assert f'data-copy="{funding.payment_reference}"' in shown
    assert "Held for the order" not in shown, "nothing is held before it is paid in"
    buyer.post(f"/buyer/payments/{funding.uid}/proof/", {"proof": "TX-1"})
    assert "To pay in now" not in text_of(buyer, "/buyer/payments/")
    assert funding.order_number in text_of(buyer, "/buyer/payments/?state=proved")
    assert funding.order_number not in text_of(buyer, "/buyer/payments/?state=asked")


def test_a_refund_is_on_its_way_until_the_bank_has_sent_it(released: Deal) -> None:
    with acting_as(PLATFORM_ID):
        close_money(buyer_id=released.buyer.tenant_id, order_uid=released.order.uid, now=NOW)
        refund = Remittance.objects.get()
        funding = Funding.objects.get()
    buyer, address = client_of(released.buyer), f"/buyer/payments/{funding.uid}/"
    page = text_of(buyer, address)
    assert "On its way back to you" in page
    assert "Paid back to you" not in page
    operator = client_of(make_operator())
    assert "Late" in text_of(operator, "/operator/money/"), "due two days after it was booked"
    operator.post(f"/operator/money/remittances/{refund.uid}/pay/", {"reference": "B-REFUND"})
    page = text_of(buyer, address)
    assert "Paid back to you" in page
    assert "B-REFUND" in page


def test_statements_show_own_lines_and_give_them_as_csv(released: Deal) -> None:
    supplier = client_of(released.supplier)
    page = text_of(supplier, "/supplier/statements/")
    assert "supplier/1" in page
    assert "other/1" not in page
    sheet = supplier.get("/supplier/statements/?format=csv")
    assert sheet["Content-Type"].startswith("text/csv")
    lines = sheet.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].split(",")[3:7] == ["100000", "3000", "0", "97000"]
    with acting_as(released.other.tenant_id):
        foreign = Payout.objects.get()
    assert supplier.get(f"/supplier/statements/{foreign.uid}/").status_code == 404


def test_the_journal_is_given_as_csv(released: Deal) -> None:
    sheet = client_of(make_operator()).get("/operator/ledger/?format=csv&kind=release")
    rows = [line.split(",") for line in sheet.content.decode("utf-8-sig").splitlines()[1:]]
    assert sum(int(row[-1]) for row in rows) == 0
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("seat", "page"),
    [
        ("buyer", "/buyer/payments/"),
        ("supplier", "/supplier/statements/"),
        ("operator", "/operator/money/"),
        ("operator", "/operator/ledger/"),
        ("operator", "/operator/money/payments/"),
    ],
)
def test_a_list_of_twenty_takes_no_more_queries_than_a_list_of_one(
    deal: Deal, seat: str, page: str, django_assert_max_num_queries
) -> None:
    reader = make_operator() if seat == "operator" else getattr(deal, seat)
    client = client_of(reader)

    def another(number: int) -> None:
        with acting_as(deal.buyer.tenant_id):
            order = OrderFactory(tenant=deal.buyer.tenant, cost_minor=100_000, state="confirmed")
        one = Deal(
            buyer=deal.buyer,
            supplier=deal.supplier,
            other=make_member(kinds=["supplier"]),
            lender=deal.lender,
            order=order,
        )
        if number % 4:
            funded(one)
            release = make_release(one, {"supplier/1": 1_000, "other/1": 500})
            with acting_as(PLATFORM_ID):
                book_released(release_uid=release.uid, now=NOW)
                if number % 2:
                    close_money(buyer_id=deal.buyer.tenant_id, order_uid=order.uid, now=NOW)
        else:
            proved(one)

    another(1)
    with django_assert_max_num_queries(24) as few:
        text_of(client, page)
    for number in range(2, 21):
        another(number)
    with django_assert_max_num_queries(len(few) + 1):
        text_of(client, page)


@pytest.fixture
def reported(deal: Deal) -> CreditReport:
    with acting_as(deal.supplier.tenant_id):
        return refresh_report(
            supplier=deal.supplier.tenant, by=deal.actor("supplier"), now=site_now()
        )


def consent_form(deal: Deal, **changes: object) -> dict[str, object]:
    last = site_now() + timedelta(days=30)
    return {
        "grantee": str(deal.lender.tenant.uid),
        "scope": ["behaviour"],
        "last_day": f"{last:%Y-%m-%d}",
        "has_read": "on",
        **changes,
    }


def test_a_supplier_makes_a_report_and_lets_a_lender_read_it(deal: Deal) -> None:
    supplier, lender = client_of(deal.supplier), client_of(deal.lender)
    assert supplier.post("/supplier/credit/refresh/").status_code == 302
    assert "Too little is known" in text_of(supplier, "/supplier/credit/")
    grant = "/supplier/consents/grant/"
    for wrong in (
        {"scope": []},
        {"last_day": "2020-01-01"},
        {"last_day": f"{site_now() + timedelta(days=400):%Y-%m-%d}"},
        {"grantee": str(deal.buyer.tenant.uid)},
        {"has_read": ""},
    ):
        assert supplier.post(grant, consent_form(deal, **wrong)).status_code == 422, wrong
    assert supplier.post(grant, consent_form(deal)).status_code == 302
    with acting_as(deal.supplier.tenant_id):
        consent = Consent.objects.get()
        assert deal.lender.tenant.name in consent.notice
    page = text_of(lender, f"/lender/reports/{consent.uid}/")
    assert "Too little is known" in page
    assert "Machine use by week" not in page
    assert "Read" in text_of(supplier, "/supplier/consents/")


def test_revoking_closes_the_door_at_the_next_click(deal: Deal, reported: CreditReport) -> None:
    supplier, lender = client_of(deal.supplier), client_of(deal.lender)
    supplier.post("/supplier/consents/grant/", consent_form(deal))
    with acting_as(deal.supplier.tenant_id):
        consent = Consent.objects.get()
    address = f"/lender/reports/{consent.uid}/"
    answer = lender.get(address)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert supplier.post(f"/supplier/consents/{consent.uid}/revoke/").status_code == 302
    refused = lender.get(address)
    assert refused.status_code == 410
    assert "has withdrawn its consent" in refused.content.decode()
    assert supplier.post(f"/supplier/consents/{consent.uid}/revoke/").status_code == 409
    with acting_as(deal.supplier.tenant_id):
        looks = AccessEvent.objects.order_by("id").values_list("outcome", flat=True)
        assert list(looks) == ["disclosed", "revoked"]


def test_a_strangers_look_is_refused_as_unknown_and_kept_for_the_owner(
    deal: Deal, reported: CreditReport
) -> None:
    client_of(deal.supplier).post("/supplier/consents/grant/", consent_form(deal))
    with acting_as(deal.supplier.tenant_id):
        consent = Consent.objects.get()
    stranger = client_of(make_member(kinds=["lender"]))
    assert stranger.get(f"/lender/reports/{consent.uid}/").status_code == 404
    assert stranger.get(f"/lender/reports/{uuid4()}/").status_code == 404
    with acting_as(deal.supplier.tenant_id):
        assert AccessEvent.objects.get().outcome == "not_the_reader"


def test_a_lender_asks_and_the_supplier_answers(deal: Deal) -> None:
    supplier, lender = client_of(deal.supplier), client_of(deal.lender)
    ask = {"supplier": deal.supplier.tenant.name, "scope": ["behaviour"], "days": 30}
    assert lender.post("/lender/reports/ask/", {**ask, "supplier": "Nobody"}).status_code == 422
    assert lender.post("/lender/reports/ask/", ask).status_code == 302
    assert lender.post("/lender/reports/ask/", ask).status_code == 409
    with acting_as(deal.supplier.tenant_id):
        consent = Consent.objects.get()
    assert str(consent.uid) in text_of(supplier, "/supplier/consents/")
    assert deal.lender.tenant.name in text_of(
        supplier, f"/supplier/consents/?request={consent.uid}"
    )
    assert supplier.post(f"/supplier/consents/{consent.uid}/decline/").status_code == 302
    assert lender.get(f"/lender/reports/{consent.uid}/").status_code == 410


def test_nothing_of_a_firm_reaches_a_desk_without_consent(
    deal: Deal, reported: CreditReport
) -> None:
    lender = client_of(deal.lender)
    for page in SEATS["lender"]:
        assert deal.supplier.tenant.name not in text_of(lender, page)


@pytest.fixture
def product(deal: Deal) -> LoanProduct:
    made = LoanProduct(
        name="Order finance",
        currency="CNY",
        minimum_minor=1_000_00,
        maximum_minor=100_000_00,
        annual_rate=Decimal("0.12"),
        term_days=90,
        share_of_release=Decimal("0.2"),
    )
    with acting_as(deal.lender.tenant_id):
        save_product(product=made, by=deal.actor("lender"), now=site_now())
    return made


def consented(deal: Deal) -> Consent:
    with acting_as(deal.supplier.tenant_id):
        return grant_consent(
            grantee_id=deal.lender.tenant_id,
            scope=["behaviour"],
            valid_until=site_now() + timedelta(days=9),
            notice="text",
            notice_language="en",
            by=deal.actor("supplier"),
            now=site_now(),
        )


PRODUCT = {
    "name": "Order finance",
    "minimum_minor": "1000",
    "maximum_minor": "50000.50",
    "annual_rate": "9.5",
    "term_days": "120",
    "share_of_release": "25",
    "is_open": "on",
}


def test_a_lender_enters_its_product_in_plain_amounts(deal: Deal) -> None:
    lender = client_of(deal.lender)
    save = "/lender/product/save/"
    assert lender.post(save, {**PRODUCT, "maximum_minor": "10"}).status_code == 422
    assert lender.post(save, {**PRODUCT, "annual_rate": "101"}).status_code == 422
    for _twice in range(2):
        assert lender.post(save, PRODUCT).status_code == 302
    made = LoanProduct.objects.get()
    assert (made.minimum_minor, made.maximum_minor) == (100_000, 5_000_050)
    assert (made.annual_rate, made.share_of_release) == (Decimal("0.095"), Decimal("0.25"))
    page = text_of(lender, "/lender/product/")
    assert 'value="50000.50"' in page
    assert 'value="9.5"' in page
    assert lender.post(save, {**PRODUCT, "share_of_release": "50"}).status_code == 302
    assert 'value="50"' in text_of(lender, "/lender/product/")
    assert "Order finance" in text_of(client_of(deal.supplier), "/supplier/loans/")


def test_a_loan_goes_from_page_to_page_to_its_disbursement(
    deal: Deal, product: LoanProduct
) -> None:
    supplier, lender = client_of(deal.supplier), client_of(deal.lender)
    apply = f"/supplier/loans/apply/{product.uid}/"
    assert "may not read your report yet" in text_of(supplier, apply)
    consented(deal)
    assert supplier.post(apply, {"amount_minor": "-5", "purpose": "Film"}).status_code == 422
    assert supplier.post(apply, {"amount_minor": "2000", "purpose": "Film"}).status_code == 302
    loan = only_loan(deal)
    assert deal.supplier.tenant.name in text_of(lender, "/lender/")
    address = f"/lender/loans/{loan.uid}/"
    offer = {
        "principal_minor": "2000",
        "annual_rate": "12",
        "fee_minor": "10",
        "term_days": "90",
        "share_of_release": "20",
    }
    assert lender.post(f"{address}offer/", {**offer, "term_days": "0"}).status_code == 422
    assert lender.post(f"{address}offer/", {**offer, "principal_minor": "2001"}).status_code == 422
    assert lender.post(f"{address}offer/", offer).status_code == 302
    mine = f"/supplier/loans/{loan.uid}/"
    page = text_of(supplier, mine)
    assert "2,069.18" in page
    assert "14.79%" in page
    assert supplier.post(f"{mine}accept/").status_code == 302
    assert lender.post(f"{address}disburse/", {"reference": ""}).status_code == 422
    assert lender.post(f"{address}disburse/", {"reference": "BK-9"}).status_code == 302
    assert lender.post(f"{address}disburse/", {"reference": "BK-9"}).status_code == 409
    assert "BK-9" in text_of(supplier, mine)
    assert only_loan(deal).state == "active"


def only_loan(deal: Deal) -> Loan:
    with acting_as(deal.supplier.tenant_id):
        return Loan.objects.get()


def applied(deal: Deal, product: LoanProduct) -> Loan:
    consented(deal)
    with acting_as(deal.supplier.tenant_id):
        return apply_for_loan(
            product=product,
            amount_minor=2_000_00,
            purpose="Film",
            by=deal.actor("supplier"),
            now=site_now(),
        )


def test_a_refused_application_shows_its_reasons(deal: Deal, product: LoanProduct) -> None:
    loan = applied(deal, product)
    lender = client_of(deal.lender)
    reject = f"/lender/loans/{loan.uid}/reject/"
    assert lender.post(reject, {"reasons": ""}).status_code == 422
    assert lender.post(reject, {"reasons": "Too short a record"}).status_code == 302
    page = text_of(client_of(deal.supplier), f"/supplier/loans/{loan.uid}/")
    assert "Too short a record" in page


def test_strangers_open_no_loan(deal: Deal, product: LoanProduct) -> None:
    loan = applied(deal, product)
    for stranger in (make_member(kinds=["supplier"]), make_member(kinds=["lender"]), deal.buyer):
        client = client_of(stranger)
        for address in (f"/supplier/loans/{loan.uid}/", f"/lender/loans/{loan.uid}/"):
            assert client.get(address).status_code == 404
            for step in ("accept", "withdraw", "offer", "reject", "disburse"):
                assert client.post(f"{address}{step}/", {}).status_code == 404
    assert only_loan(deal).state == "applied"


def test_a_withdrawn_consent_shows_on_the_loans_page(deal: Deal, product: LoanProduct) -> None:
    loan = applied(deal, product)
    lender = client_of(deal.lender)
    assert "Read the report" in text_of(lender, f"/lender/loans/{loan.uid}/")
    with acting_as(deal.supplier.tenant_id):
        revoke_consent(consent=Consent.objects.get(), by=deal.actor("supplier"), now=site_now())
    assert "may not read" in text_of(lender, f"/lender/loans/{loan.uid}/")
