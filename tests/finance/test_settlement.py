"""An order's money: asked for, proved, held, released, repaid from, paid out and given back."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection

from evidence.models import PendingEntry
from evidence.services.transitions import StateConflict
from finance.billing.services import NothingToPay, pay_remittance, pay_supplier
from finance.ledger.selectors import book_totals, order_money
from finance.ledger.services import Overdrawn
from finance.models import Payout, Remittance, RepaymentInstruction
from marketplace.models import Funding, Release
from marketplace.services.settlement import (
    OrderWithoutPrice,
    ask_for_funding,
    book_released,
    close_funding,
    close_money,
    confirm_proof,
    return_proof,
    send_proof,
)
from marketplace.tasks.settlement import (
    book_release_that_was_made,
    close_money_of_accepted_order,
    report_on_supplier,
)
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.models import OutboxMessage
from tests.factories import NOW, OrderFactory, make_member, rows_seen_by
from tests.finance.conftest import Deal, asked, funded, proved
from tests.finance.work import inspected, make_work

pytestmark = pytest.mark.django_db
PLATFORM = Actor.system(PLATFORM_ID)


def make_release(deal: Deal, amounts: dict[str, int]) -> Release:
    """Write the release of an inspected shipment as its buyer."""
    work = {
        who: make_work(deal, who.split("/")[0], number=who, price=amount)
        for who, amount in amounts.items()
    }
    shares = [
        {
            "supplier_id": operation.supplier_id,
            "work_order_uid": str(operation.work_order.uid),
            "work_order_number": who,
            "amount_minor": amounts[who],
        }
        for who, operation in work.items()
    ]
    shipment_uid = inspected(next(iter(work.values())))
    with acting_as(deal.buyer.tenant_id):
        return Release.objects.create(
            buyer_id=deal.buyer.tenant_id,
            platform_id=PLATFORM_ID,
            order_uid=deal.order.uid,
            order_number=deal.order.number,
            shipment_uid=shipment_uid,
            quantity=10,
            amount_minor=sum(amounts.values()),
            currency="CNY",
            shares=shares,
            created_at=NOW,
        )


def instruct(deal: Deal, *, owed: int, share: str = "0.2") -> RepaymentInstruction:
    with acting_as(deal.supplier.tenant_id):
        return RepaymentInstruction.objects.create(
            supplier=deal.supplier.tenant,
            platform_id=PLATFORM_ID,
            lender_id=deal.lender.tenant_id,
            loan_uid=uuid4(),
            currency="CNY",
            share_of_release=Decimal(share),
            owed_minor=owed,
            created_at=NOW,
        )


def money_of(deal: Deal) -> tuple[int, int, int, int, int]:
    with acting_as(PLATFORM_ID):
        money = order_money(platform_id=PLATFORM_ID, order_uid=deal.order.uid)
        assert all(total.balances for total in book_totals(platform_id=PLATFORM_ID))
    assert money is not None
    assert money.adds_up
    return (
        money.funded_minor,
        money.held_minor,
        money.released_minor,
        money.refunded_minor,
        money.fees_minor,
    )


def test_money_is_asked_for_once(deal: Deal) -> None:
    first, second = asked(deal), asked(deal)
    assert first.pk == second.pk
    assert (first.amount_minor, first.currency, first.state) == (1_000_000, "CNY", "asked")
    assert deal.order.number in first.payment_reference
    with acting_as(deal.buyer.tenant_id):
        assert PendingEntry.objects.filter(kind="funding.asked").count() == 1


def test_an_order_without_a_price_is_not_billed(deal: Deal) -> None:
    with acting_as(deal.buyer.tenant_id):
        order = OrderFactory(tenant=deal.buyer.tenant)
        with pytest.raises(OrderWithoutPrice):
            ask_for_funding(order=order, by=deal.actor("buyer"), now=NOW)


def test_a_confirmed_payment_is_held_and_starts_the_work(deal: Deal) -> None:
    funded(deal)
    assert money_of(deal) == (1_000_000, 1_000_000, 0, 0, 0)
    with acting_as(PLATFORM_ID):
        message = OutboxMessage.objects.get(topic="funding.confirmed")
        assert message.payload == {
            "buyer_id": deal.buyer.tenant_id,
            "order_uid": str(deal.order.uid),
        }
        assert PendingEntry.objects.filter(kind="funding.proved>confirmed").count() == 1


def test_a_returned_proof_says_why_and_may_be_sent_again(deal: Deal) -> None:
    funding = proved(deal)
    with acting_as(PLATFORM_ID):
        return_proof(funding=funding, reason="No such transfer yet", by=PLATFORM, now=NOW)
    with acting_as(deal.buyer.tenant_id):
        again = Funding.objects.get(pk=funding.pk)
        assert (again.state, again.note) == ("asked", "No such transfer yet")
        send_proof(funding=again, proof="TX 2", by=deal.actor("buyer"), now=NOW)
        assert (again.state, again.note, again.proof) == ("proved", "", "TX 2")


def test_a_payment_is_confirmed_once(deal: Deal) -> None:
    funding = proved(deal)
    with acting_as(PLATFORM_ID):
        confirm_proof(funding=funding, by=PLATFORM, now=NOW)
        with pytest.raises(StateConflict):
            confirm_proof(funding=funding, by=PLATFORM, now=NOW)
    assert money_of(deal)[0] == 1_000_000


@pytest.mark.parametrize(
    ("tenant", "change"),
    [
        ("buyer", {"state": "confirmed"}),
        ("buyer", {"state": "asked"}),
        ("buyer", {"amount_minor": 1}),
        ("platform", {"amount_minor": 1}),
        ("platform", {"order_uid": UUID(int=1)}),
    ],
)
def test_no_party_changes_what_is_not_its_own(deal: Deal, tenant: str, change: dict) -> None:
    funding = proved(deal)
    with (
        pytest.raises(DatabaseError) as error,
        acting_as(deal.buyer.tenant_id if tenant == "buyer" else PLATFORM_ID),
    ):
        Funding.objects.filter(pk=funding.pk).update(**change)
    assert error.value.__cause__.sqlstate == "42501"


def test_a_release_pays_each_supplier_less_commission(deal: Deal) -> None:
    funded(deal)
    release = make_release(deal, {"supplier/1": 100_000, "other/1": 50_001})
    for _twice in range(2):
        book_release_that_was_made(buyer_id=deal.buyer.tenant_id, release_uid=str(release.uid))
    assert money_of(deal) == (1_000_000, 849_999, 145_501, 0, 4_500)
    with acting_as(deal.supplier.tenant_id):
        (payout,) = Payout.objects.filter(supplier=deal.supplier.tenant)
    assert (payout.gross_minor, payout.commission_minor, payout.net_minor) == (
        100_000,
        3_000,
        97_000,
    )
    assert payout.label == "supplier/1"
    assert rows_seen_by(deal.other.tenant_id, "finance_payout") == 1
    assert rows_seen_by(deal.lender.tenant_id, "finance_payout") == 0


def test_a_release_repays_a_loan_until_nothing_is_owed(deal: Deal) -> None:
    funded(deal)
    instruction = instruct(deal, owed=30_000)
    for amounts in ({"supplier/1": 100_000, "supplier/2": 10_000}, {"supplier/3": 200_000}):
        release = make_release(deal, amounts)
        with acting_as(PLATFORM_ID):
            book_released(release_uid=release.uid, now=NOW)
    with acting_as(PLATFORM_ID):
        instruction.refresh_from_db()
        remitted = list(Remittance.objects.order_by("id").values_list("amount_minor", flat=True))
        told = OutboxMessage.objects.filter(topic="repayment.taken").order_by("id")
        lines = [len(message.payload["payout_uids"]) for message in told]
    assert (instruction.repaid_minor, instruction.ended_at) == (30_000, NOW)
    assert remitted == [19_400, 1_940, 8_660]
    assert lines == [2, 1]
    assert rows_seen_by(deal.lender.tenant_id, "finance_remittance") == 3
    assert rows_seen_by(deal.supplier.tenant_id, "finance_remittance") == 0


def test_one_release_for_sixty_suppliers_is_one_entry_in_few_queries(
    deal: Deal, django_assert_max_num_queries
) -> None:
    funded(deal)
    release = make_release(deal, {f"supplier/{n}": 1_000 + n for n in range(60)})
    with acting_as(PLATFORM_ID), django_assert_max_num_queries(22):
        book_released(release_uid=release.uid, now=NOW)
    with acting_as(PLATFORM_ID):
        assert Payout.objects.count() == 60


def test_no_more_is_released_than_is_held(deal: Deal) -> None:
    funded(deal)
    release = make_release(deal, {"supplier/1": 1_000_001})
    with pytest.raises(Overdrawn), acting_as(PLATFORM_ID):
        book_released(release_uid=release.uid, now=NOW)
    assert money_of(deal)[1] == 1_000_000


def test_a_closed_orders_rest_goes_back_to_the_buyer(deal: Deal) -> None:
    """Word of the acceptance comes first, twice; word of the release last: the end is the same."""
    funded(deal)
    release = make_release(deal, {"supplier/1": 600_000})
    closed = {"buyer_id": deal.buyer.tenant_id, "order_uid": str(deal.order.uid)}
    close_money_of_accepted_order(**closed)
    close_money_of_accepted_order(**closed)
    book_release_that_was_made(buyer_id=deal.buyer.tenant_id, release_uid=str(release.uid))
    assert money_of(deal) == (1_000_000, 0, 582_000, 400_000, 18_000)
    assert rows_seen_by(deal.buyer.tenant_id, "finance_remittance") == 1


@pytest.mark.parametrize("paid", ["before", "after", "never"])
def test_a_cancelled_orders_money_goes_back(deal: Deal, paid: str) -> None:
    """Whether the money came before the cancellation or after it, nothing stays held."""
    funding = funded(deal) if paid == "before" else proved(deal)
    with acting_as(PLATFORM_ID):
        for _twice in range(2):
            close_funding(buyer_id=deal.buyer.tenant_id, order_uid=deal.order.uid, now=NOW)
        if paid == "after":
            confirm_proof(funding=funding, by=PLATFORM, now=NOW)
            assert not OutboxMessage.objects.filter(topic="funding.confirmed").exists()
        refunds = list(Remittance.objects.values_list("amount_minor", flat=True))
    assert refunds == ([] if paid == "never" else [1_000_000])
    if paid != "never":
        assert money_of(deal) == (1_000_000, 0, 0, 1_000_000, 0)


def test_only_the_platform_closes_a_payment(deal: Deal) -> None:
    funding = asked(deal)
    with pytest.raises(DatabaseError), acting_as(deal.buyer.tenant_id):
        Funding.objects.filter(pk=funding.pk).update(closed_at=NOW)


def test_a_closed_order_brings_its_suppliers_reports_up_to_date(deal: Deal) -> None:
    funded(deal)
    make_release(deal, {"supplier/1": 1_000, "supplier/2": 1_000, "other/1": 1_000})
    with acting_as(PLATFORM_ID):
        close_money(buyer_id=deal.buyer.tenant_id, order_uid=deal.order.uid, now=NOW)
        told = OutboxMessage.objects.filter(topic="credit.due").order_by("id")
        payloads = [message.payload for message in told]
    assert [one["supplier_id"] for one in payloads] == [
        deal.supplier.tenant_id,
        deal.other.tenant_id,
    ]
    for payload in payloads * 2:
        report_on_supplier(**payload)
    assert rows_seen_by(deal.supplier.tenant_id, "finance_creditreport") == 1


def test_an_order_that_was_never_paid_has_nothing_to_give_back(deal: Deal) -> None:
    asked(deal)
    with acting_as(PLATFORM_ID):
        close_money(buyer_id=deal.buyer.tenant_id, order_uid=deal.order.uid, now=NOW)
        assert Remittance.objects.count() == 0


def pay(deal: Deal, payout: Payout, amount: int, reference: str = "BANK 7") -> None:
    with acting_as(PLATFORM_ID):
        pay_supplier(
            platform_id=PLATFORM_ID,
            supplier_uid=deal.supplier.tenant.uid,
            currency="CNY",
            through=payout.uid,
            amount_minor=amount,
            reference=reference,
            by=PLATFORM,
            now=NOW + timedelta(days=1),
        )


@pytest.fixture
def newest(deal: Deal) -> Payout:
    funded(deal)
    release = make_release(deal, {"supplier/1": 100_000, "supplier/2": 100_000})
    with acting_as(PLATFORM_ID):
        book_released(release_uid=release.uid, now=NOW)
        return Payout.objects.order_by("id").last()


def test_open_payouts_are_paid_in_one_sum(deal: Deal, newest: Payout) -> None:
    pay(deal, newest, 194_000)
    with acting_as(PLATFORM_ID):
        assert {p.paid_reference for p in Payout.objects.all()} == {"BANK 7"}
        (totals,) = book_totals(platform_id=PLATFORM_ID)
    assert (totals.bank_minor, totals.payable_minor) == (806_000, 0)
    with pytest.raises(NothingToPay):
        pay(deal, newest, 194_000)


def test_a_sum_that_has_changed_is_not_paid(deal: Deal, newest: Payout) -> None:
    with pytest.raises(NothingToPay):
        pay(deal, newest, 97_000)
    with acting_as(PLATFORM_ID):
        assert Payout.objects.filter(paid_at=None).count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_operators_one_pays(deal: Deal, newest: Payout) -> None:
    barrier, outcomes = threading.Barrier(2), []

    def work(name: str) -> None:
        try:
            barrier.wait()
            pay(deal, newest, 194_000, name)
            outcomes.append("paid")
        except NothingToPay:
            outcomes.append("late")
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["late", "paid"]


def test_a_remittance_is_sent_once(deal: Deal) -> None:
    funded(deal)
    with acting_as(PLATFORM_ID):
        close_money(buyer_id=deal.buyer.tenant_id, order_uid=deal.order.uid, now=NOW)
        refund = Remittance.objects.get()
        arguments = {"platform_id": PLATFORM_ID, "uid": refund.uid, "reference": "B", "now": NOW}
        pay_remittance(**arguments, by=PLATFORM)
        with pytest.raises(NothingToPay):
            pay_remittance(**arguments, by=PLATFORM)
        (totals,) = book_totals(platform_id=PLATFORM_ID)
    assert (totals.bank_minor, totals.refund_due_minor) == (0, 0)


@pytest.mark.parametrize("change", [{"net_minor": 1}, {"paid_reference": "other"}])
def test_a_paid_payout_never_changes(deal: Deal, newest: Payout, change: dict) -> None:
    pay(deal, newest, 194_000)
    with pytest.raises(DatabaseError) as error, acting_as(PLATFORM_ID):
        Payout.objects.filter(pk=newest.pk).update(**change)
    assert error.value.__cause__.sqlstate == "42501"


def test_orders_of_the_same_number_are_paid_by_different_references(deal: Deal) -> None:
    other = make_member(kinds=["buyer"])
    with acting_as(other.tenant_id):
        order = OrderFactory(
            tenant=other.tenant, number=deal.order.number, cost_minor=5, state="confirmed"
        )
        theirs = ask_for_funding(order=order, by=Actor.of_member(other), now=NOW)
    assert theirs.payment_reference != asked(deal).payment_reference
