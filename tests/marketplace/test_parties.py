"""What a party of a shared row may write of it, past every service, and what it may never."""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, models, transaction

from marketplace.models import (
    Funding,
    Offer,
    Operation,
    Order,
    Plan,
    PlanRequest,
    Release,
    Shipment,
    WorkOrder,
)
from marketplace.services.inspection import inspect_shipment
from marketplace.services.offers import accept_offer
from tenants.acting import PLATFORM_ID, acting_as
from tests.factories import NOW, make_organisation
from tests.marketplace.deals import Deal, make_deal

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal() -> Deal:
    """A deal in production with one lot of the first step on the road."""
    made = make_deal()
    made.accept()
    made.fund()
    made.report(1, 1, 990, 10)
    made.ship(1, 1)
    return made


def party(deal: Deal, name: str) -> int:
    return deal.buyer.pk if name == "buyer" else deal.suppliers[name].pk


def copied(row: models.Model, **changes: Any) -> models.Model:
    """Return a new row like `row`, with a uid of its own."""
    row.pk = None
    for name, value in ({"uid": uuid4()} | changes).items():
        setattr(row, name, value)
    return row


@pytest.mark.parametrize(
    ("who", "model", "values"),
    [
        ("buyer", Offer, {"state": "declined"}),
        ("buyer", Offer, {"price_minor": 1}),
        ("buyer", Offer, {"snapshot": {"operations": []}}),
        ("press", Offer, {"price_minor": 10**9}),
        ("press", Offer, {"expires_at": NOW + timedelta(days=900)}),
        ("buyer", WorkOrder, {"price_minor": 1}),
        ("buyer", WorkOrder, {"state": "completed"}),
        ("buyer", WorkOrder, {"claimed_good": 1}),
        ("press", WorkOrder, {"price_minor": 10**9}),
        ("press", WorkOrder, {"state": "cancelled"}),
        ("press", Operation, {"price_minor": 10**9}),
        ("press", Operation, {"accepted": 1}),
        ("press", Operation, {"delivered_at": NOW}),
        ("press", Operation, {"supplier_id": PLATFORM_ID}),
        ("buyer", Operation, {"good": 0}),
        ("buyer", Operation, {"price_minor": 1}),
        ("buyer", Operation, {"state": "shipped"}),
        ("press", Shipment, {"state": "delivered"}),
        ("press", Shipment, {"accepted": 990}),
        ("press", Shipment, {"due_at": NOW + timedelta(days=900)}),
        ("pack", Shipment, {"quantity": 1}),
        ("pack", Shipment, {"due_at": NOW}),
    ],
)
def test_a_party_writes_its_own_part_only(
    deal: Deal, who: str, model: type[models.Model], values: dict[str, Any]
) -> None:
    with acting_as(party(deal, who)), pytest.raises(DatabaseError), transaction.atomic():
        assert model._default_manager.update(**values), "the row is there to be attacked"


def test_work_without_a_promise_is_refused(deal: Deal) -> None:
    victim = make_organisation(kinds=["buyer"])
    open_deal = make_deal()
    press = deal.suppliers["press"].pk
    with acting_as(press):
        row = WorkOrder.objects.first()
        assert row is not None
    foreign = open_deal.offers["press"].pk
    for changes in (
        {"buyer_id": victim.pk},
        {"order_uid": uuid4()},
        {"step": 9, "price_minor": 10**9},
        {"offer_id": foreign, "step": 9},
        {"step": 9, "state": "released"},
    ):
        forged = copied(copy(row), **changes)
        with acting_as(press), pytest.raises(DatabaseError), transaction.atomic():
            forged.save(force_insert=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"lot": 99, "step": 1, "price_minor": 10**9},
        {"lot": 99, "step": 1},
        {"lot": 99, "buyer_id": PLATFORM_ID},
        {"lot": 99, "good": 1000},
    ],
)
def test_a_lot_that_no_offer_asks_for_is_refused(deal: Deal, changes: dict[str, Any]) -> None:
    with acting_as(party(deal, "press")):
        row = Operation.objects.get(uid=deal.uid(2, 1))
        with pytest.raises(DatabaseError, match="not what its offer"), transaction.atomic():
            copied(row, **changes).save(force_insert=True)


@pytest.mark.parametrize("harm", ["receiver", "buyer", "state", "final"])
def test_a_shipment_goes_where_its_lots_go(deal: Deal, harm: str) -> None:
    victim = make_organisation(kinds=["buyer"])
    changes: dict[str, dict[str, Any]] = {
        "receiver": {"receiver_id": victim.pk},
        "buyer": {"buyer_id": victim.pk},
        "state": {"state": "delivered", "delivered_at": NOW},
        "final": {"is_final": True, "receiver_id": deal.buyer.pk},
    }
    with acting_as(party(deal, "press")):
        row = Shipment.objects.get()
        with pytest.raises(DatabaseError, match="nothing of this order"), transaction.atomic():
            copied(row, **changes[harm]).save(force_insert=True)


@pytest.mark.parametrize("harm", ["friend", "more", "negative", "sum", "not_inspected", "quantity"])
def test_a_release_pays_what_was_promised_to_whom_it_was_promised(harm: str) -> None:
    deal, friend = make_deal(lots=1), make_organisation()
    deal.accept()
    deal.fund()
    shipment = deal.make(1)
    with acting_as(deal.buyer.pk):
        inspect_shipment(shipment_uid=shipment.uid, by=deal.by("buyer"), now=NOW)
        release = Release.objects.get()
        share = release.shares[0]
        if harm == "friend":
            share["supplier_id"] = friend.pk
        if harm in ("more", "negative"):
            share["amount_minor"] = {"more": 30_001, "negative": -1}[harm]
            release.amount_minor = sum(one["amount_minor"] for one in release.shares)
        changes: dict[str, dict[str, Any]] = {
            "sum": {"amount_minor": release.amount_minor + 1},
            "not_inspected": {"shipment_uid": uuid4()},
            "quantity": {"quantity": 999},
        }
        forged = copied(release, **changes.get(harm, {}))
        with pytest.raises(DatabaseError, match="a release pays"), transaction.atomic():
            forged.save(force_insert=True)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("less", "the price of its order"),
        ("more", "the price of its order"),
        ("nothing", "the price of its order"),
        ("currency", "the price of its order"),
        ("foreign", "the price of its order"),
        ("own_price", "what the factories were promised"),
        ("friend", "only the platform"),
    ],
)
def test_a_payment_asks_for_the_price_that_was_promised(harm: str, message: str) -> None:
    deal, foreign, friend = make_deal(lots=1), make_deal(lots=1), make_organisation()
    for name, offer in deal.offers.items():
        with acting_as(deal.suppliers[name].pk):
            accept_offer(offer_uid=offer.uid, by=deal.by(name), now=NOW)
    order = deal.order
    assert order.cost_minor == 60_000
    asked = {
        "buyer_id": deal.buyer.pk,
        "platform_id": PLATFORM_ID,
        "order_uid": order.uid,
        "order_number": order.number,
        "amount_minor": order.cost_minor,
        "currency": "CNY",
        "payment_reference": "OF-1",
        "created_at": NOW,
    }
    changes: dict[str, dict[str, Any]] = {
        "less": {"amount_minor": 59_999},
        "more": {"amount_minor": 60_001},
        "nothing": {"amount_minor": 0},
        "currency": {"currency": "EUR"},
        "foreign": {"order_uid": foreign.order.uid, "order_number": foreign.order.number},
        "own_price": {"amount_minor": 1},
        "friend": {"platform_id": friend.pk},
    }
    with acting_as(deal.buyer.pk):
        if harm == "own_price":
            Order.objects.filter(pk=order.pk).update(cost_minor=1)  # its own row, its own pen
        with pytest.raises(DatabaseError, match=message), transaction.atomic():
            Funding.objects.create(**(asked | changes[harm]))
        Order.objects.filter(pk=order.pk).update(cost_minor=60_000)
        assert Funding.objects.create(**asked).amount_minor == 60_000


def test_an_inspection_is_final(deal: Deal) -> None:
    with acting_as(deal.buyer.pk):
        mine = Operation.objects.filter(uid=deal.uid(1, 1))
        mine.update(accepted=900, inspected_at=NOW)
        with pytest.raises(DatabaseError, match="final"), transaction.atomic():
            mine.update(accepted=0)


def test_a_buyer_rewrites_neither_question_nor_plan() -> None:
    buyer = make_organisation(kinds=["buyer"])
    with acting_as(buyer.pk):
        request = PlanRequest.objects.create(
            buyer=buyer, platform_id=PLATFORM_ID, order_uid=uuid4(), snapshot={}, created_at=NOW
        )
    with acting_as(PLATFORM_ID):
        Plan.objects.create(
            buyer=buyer,
            platform_id=PLATFORM_ID,
            request_id=request.pk,
            order_uid=request.order_uid,
            kind="cheapest",
            origin_at=NOW,
            cost_minor=100,
            currency="CNY",
            completes_at=NOW,
            makespan_minutes=1,
            bound_minutes=1,
            gap=0,
            supplier_count=1,
            machine_count=1,
            schedule={},
            reasons=[],
            created_at=NOW,
        )
    with acting_as(buyer.pk):
        for rows, values in (
            (Plan.objects.all(), {"cost_minor": 1}),
            (Plan.objects.all(), {"schedule": {"a": 1}}),
            (PlanRequest.objects.all(), {"state": "failed"}),
            (PlanRequest.objects.all(), {"snapshot": {"a": 1}}),
        ):
            with pytest.raises(DatabaseError, match="yours"), transaction.atomic():
                rows.update(**values)
        assert Plan.objects.update(state="chosen") == 1
