"""A factory's answer: one wins, everybody else learns why, and nothing is sold twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from devices.models import PlannedRun
from marketplace.models import Offer, OfferState, Operation, OrderState, WorkOrder
from marketplace.services.expiry import hand_on_expired_offers
from marketplace.services.offers import (
    OfferAnswered,
    OfferExpired,
    OfferUnknown,
    ProductionPaid,
    ReasonMissing,
    accept_offer,
    decline_offer,
    lapse_offer,
    withdraw_offers,
)
from marketplace.tasks.production import draw_consequences, end_expired_offer
from scheduling.models import Reservation, ReservationState
from scheduling.services.reservations import MachineTimeTaken
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.models import OutboxMessage
from tests.factories import NOW, make_organisation
from tests.marketplace.deals import Deal, make_deal
from tests.marketplace.races import race

pytestmark = pytest.mark.django_db


def _offer(deal: Deal, name: str = "press") -> Offer:
    with acting_as(deal.buyer.pk):
        return Offer.objects.of_buyer(deal.buyer.pk).get(uid=deal.offers[name].uid)


def _rows(deal: Deal, name: str = "press") -> tuple[int, int, int, int]:
    """Return how many reservations, work orders, operations and planned runs a factory has."""
    firm = deal.suppliers[name].pk
    with acting_as(firm):
        return (
            Reservation.objects.of(firm).count(),
            WorkOrder.objects.of_supplier(firm).count(),
            Operation.objects.of_supplier(firm).count(),
            PlannedRun.objects.of(firm).count(),
        )


def _accept(deal: Deal, name: str = "press") -> None:
    with acting_as(deal.suppliers[name].pk):
        accept_offer(offer_uid=deal.offers[name].uid, by=deal.by(name), now=NOW)


def test_acceptance_books_the_hours_and_opens_the_work() -> None:
    deal = make_deal(("press", "press", "pack"))
    _accept(deal)
    assert _rows(deal) == (4, 2, 4, 4)
    with acting_as(deal.suppliers["press"].pk):
        spans = Reservation.objects.of(deal.suppliers["press"].pk).values_list(
            "subject_uid", "state"
        )
        assert dict(spans) == {
            deal.uid(lot, step): ReservationState.BOOKED for lot in (1, 2) for step in (1, 2)
        }
        first, second = WorkOrder.objects.of_supplier(deal.suppliers["press"].pk).order_by("step")
        assert (first.quantity, first.is_last_step, second.step) == (2000, False, 2)
    assert (deal.operation(1, 1).state, deal.operation(1, 1).received) == ("ready", 1000)
    assert (deal.operation(1, 2).state, deal.operation(1, 2).received) == ("waiting", None)


def test_a_clash_names_the_machine_and_changes_nothing() -> None:
    first = make_deal()
    _accept(first)
    second = make_deal(suppliers=first.suppliers, machines=first.machines)
    with pytest.raises(MachineTimeTaken, match=first.machines["press"].code):
        _accept(second)
    assert _rows(first) == (2, 1, 2, 2)
    assert _offer(second).state == OfferState.OFFERED


def test_an_offer_is_answered_once() -> None:
    deal = make_deal()
    _accept(deal)
    with pytest.raises(OfferAnswered):
        _accept(deal)
    assert _rows(deal) == (2, 1, 2, 2)


def test_an_offer_is_not_answered_after_its_expiry() -> None:
    deal = make_deal()
    with acting_as(deal.suppliers["press"].pk), pytest.raises(OfferExpired):
        accept_offer(
            offer_uid=deal.offers["press"].uid,
            by=deal.by("press"),
            now=deal.offers["press"].expires_at,
        )
    assert _rows(deal) == (0, 0, 0, 0)


@pytest.mark.parametrize("stranger", ["other", "buyer", "pack"])
def test_an_offer_to_another_firm_does_not_exist(stranger: str) -> None:
    deal = make_deal()
    other = make_organisation()
    tenant_id = {"other": other.pk, "buyer": deal.buyer.pk, "pack": deal.suppliers["pack"].pk}[
        stranger
    ]
    with acting_as(tenant_id), pytest.raises(OfferUnknown):
        accept_offer(
            offer_uid=deal.offers["press"].uid,
            by=Actor(tenant_id=tenant_id, name="stranger"),
            now=NOW,
        )
    assert _offer(deal).state == OfferState.OFFERED


def test_declining_needs_a_reason_that_the_buyer_reads() -> None:
    deal = make_deal()
    with acting_as(deal.suppliers["press"].pk):
        with pytest.raises(ReasonMissing):
            decline_offer(
                offer_uid=deal.offers["press"].uid, reason="  ", by=deal.by("press"), now=NOW
            )
        decline_offer(
            offer_uid=deal.offers["press"].uid, reason="Tool broken", by=deal.by("press"), now=NOW
        )
    offer = _offer(deal)
    assert (offer.state, offer.decline_reason) == (OfferState.DECLINED, "Tool broken")


def test_an_unanswered_offer_lapses_at_its_expiry_and_not_before() -> None:
    deal = make_deal()
    offer = deal.offers["press"]
    with acting_as(deal.buyer.pk):
        early = offer.expires_at - timedelta(seconds=1)
        assert not lapse_offer(offer_uid=offer.uid, by=deal.by("buyer"), now=early)
        assert lapse_offer(offer_uid=offer.uid, by=deal.by("buyer"), now=offer.expires_at)
        assert not lapse_offer(offer_uid=offer.uid, by=deal.by("buyer"), now=offer.expires_at)
    assert _offer(deal).state == OfferState.LAPSED


def test_the_order_is_confirmed_by_the_last_acceptance_and_asks_for_money() -> None:
    deal = make_deal()
    deal.accept("press")
    assert deal.reload().state == OrderState.OFFERED
    deal.accept("pack")
    assert deal.reload().state == OrderState.CONFIRMED
    with acting_as(deal.buyer.pk), connection.cursor() as cursor:
        cursor.execute("select amount_minor from marketplace_funding")
        assert cursor.fetchall() == [(2 * 2000 * 30,)]


def test_an_answer_may_be_carried_twice() -> None:
    deal = make_deal()
    for name in deal.offers:
        _accept(deal, name)
        for _time in (1, 2):
            draw_consequences(
                buyer_id=deal.buyer.pk,
                supplier_id=deal.suppliers[name].pk,
                offer_uid=str(deal.offers[name].uid),
            )
    assert deal.reload().state == OrderState.CONFIRMED


def test_a_cancelled_order_gives_the_hours_back() -> None:
    deal = make_deal()
    deal.accept("press")
    with acting_as(deal.buyer.pk):
        assert withdraw_offers(order_uid=deal.order.uid, by=deal.by("buyer"), now=NOW) == 2
        assert withdraw_offers(order_uid=deal.order.uid, by=deal.by("buyer"), now=NOW) == 0
    draw_consequences(
        buyer_id=deal.buyer.pk,
        supplier_id=deal.suppliers["press"].pk,
        offer_uid=str(deal.offers["press"].uid),
    )
    again = make_deal(suppliers=deal.suppliers, machines=deal.machines)
    _accept(again)
    assert _rows(again) == (4, 2, 4, 2)


def test_a_paid_order_is_not_cancelled() -> None:
    deal = make_deal()
    deal.accept()
    deal.fund()
    with acting_as(deal.buyer.pk), pytest.raises(ProductionPaid):
        withdraw_offers(order_uid=deal.order.uid, by=deal.by("buyer"), now=NOW)


@pytest.mark.django_db(databases=["default", "sweep"], transaction=True)
def test_the_sweep_hands_expired_offers_to_their_buyers_once() -> None:
    deal = make_deal()
    expiry = deal.offers["press"].expires_at
    assert hand_on_expired_offers(now=expiry - timedelta(seconds=1)) == 0
    assert hand_on_expired_offers(now=expiry) == 2
    assert hand_on_expired_offers(now=expiry) == 0
    with acting_as(deal.buyer.pk):
        topics = OutboxMessage.objects.of(deal.buyer.pk).values_list("topic", flat=True)
        assert list(topics) == ["offer.expired"] * 2
    # The site's clock is past the expiry: the handler lets the offer lapse.
    end_expired_offer(buyer_id=deal.buyer.pk, offer_uid=str(deal.offers["press"].uid))
    assert _offer(deal).state == OfferState.LAPSED


def _attempt(deal: Deal) -> tuple[int, Callable[[], object]]:
    firm = deal.suppliers["press"].pk
    by = Actor(tenant_id=firm, name="hand")
    return firm, lambda: accept_offer(offer_uid=deal.offers["press"].uid, by=by, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_acceptances_of_one_offer_one_wins() -> None:
    deal = make_deal()
    assert race([_attempt(deal)] * 50) == {"won": 1, "OfferAnswered": 49}
    assert _rows(deal) == (2, 1, 2, 2)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_orders_for_the_same_hours_one_gets_them() -> None:
    deals = [make_deal()]
    for _number in range(49):
        deals.append(make_deal(suppliers=deals[0].suppliers, machines=deals[0].machines))
    firm = deals[0].suppliers["press"].pk
    outcomes = race([_attempt(deal) for deal in deals])
    assert outcomes == {"won": 1, "MachineTimeTaken": 49}
    assert _rows(deals[0]) == (2, 1, 2, 2)
    states = Counter(_offer(deal).state for deal in deals)
    assert states == {OfferState.ACCEPTED: 1, OfferState.OFFERED: 49}
    with acting_as(firm):
        assert OutboxMessage.objects.of(firm).filter(topic="offer.answered").count() == 1
