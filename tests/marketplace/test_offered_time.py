"""Time that an offer asks for stays on the market until the offer has its answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace.models import CapacityWindow, Offer, Operation
from marketplace.services.capacity import withdraw_windows
from marketplace.services.machines import archive_machine
from marketplace.services.offers import (
    accept_offer,
    decline_offer,
    lapse_offer,
    withdraw_offers,
)
from marketplace.services.window_faults import TimeCommitted, TimeOffered
from scheduling.models import Reservation
from tenants.acting import acting_as
from tests.factories import NOW, CapacityWindowFactory
from tests.marketplace.deals import Deal, make_deal
from tests.marketplace.races import race

DAY = timedelta(days=1)


@pytest.fixture
def deal() -> Deal:
    """An offer over two lots to one factory, its window listed around them, and another day's."""
    made = make_deal(("press",))
    offer = made.offers["press"]
    with acting_as(made.suppliers["press"].pk):
        for shift in (0, 30):
            CapacityWindowFactory.create(
                machine=made.machines["press"],
                during=(offer.starts_at + shift * DAY, offer.ends_at + shift * DAY),
                state="listed",
            )
    return made


def withdraw(deal: Deal, number: int = 0) -> int:
    """Withdraw the factory's window over the offer, or the other one."""
    supplier = deal.suppliers["press"]
    with acting_as(supplier.pk):
        uid = CapacityWindow.objects.order_by("during")[number].uid
        return withdraw_windows(organisation=supplier, by=deal.by("press"), now=NOW, uids=[uid])


@pytest.mark.django_db
def test_offered_time_is_not_withdrawn_and_the_refusal_names_the_offer(deal: Deal) -> None:
    with pytest.raises(TimeOffered, match=rf"M-.* order {deal.order.number} until .*decline it"):
        withdraw(deal)
    assert withdraw(deal, 1) == 1, "another day is free to go"
    supplier = deal.suppliers["press"]
    with acting_as(supplier.pk), pytest.raises(TimeOffered):
        archive_machine(
            organisation=supplier, by=deal.by("press"), now=NOW, machine=deal.machines["press"]
        )


@pytest.mark.django_db
@pytest.mark.parametrize("answer", ["declined", "lapsed", "taken_back"])
def test_with_the_answer_the_time_is_free_to_go(deal: Deal, answer: str) -> None:
    offer = deal.offers["press"]
    buyer, press = deal.by("buyer"), deal.by("press")
    if answer == "declined":
        with acting_as(press.tenant_id):
            decline_offer(offer_uid=offer.uid, reason="Busy", by=press, now=NOW)
    else:
        with acting_as(buyer.tenant_id):
            if answer == "lapsed":
                assert lapse_offer(offer_uid=offer.uid, by=buyer, now=offer.expires_at)
            else:
                withdraw_offers(order_uid=deal.order.uid, by=buyer, now=NOW)
    assert withdraw(deal) == 1


@pytest.mark.django_db
def test_accepted_time_is_sold(deal: Deal) -> None:
    deal.accept()
    with pytest.raises(TimeCommitted, match="is sold to an order"):
        withdraw(deal)


@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_that_races_an_acceptance_never_takes_its_time(deal: Deal) -> None:
    offer, press = deal.offers["press"], deal.by("press")
    supplier = deal.suppliers["press"]
    with acting_as(supplier.pk):
        uid = CapacityWindow.objects.order_by("during")[0].uid
    acceptances = [
        (supplier.pk, lambda: accept_offer(offer_uid=offer.uid, by=press, now=NOW)) for _ in "12"
    ]
    withdrawals = [
        (
            supplier.pk,
            lambda: withdraw_windows(organisation=supplier, by=press, now=NOW, uids=[uid]),
        )
        for _ in "12345678"
    ]
    outcomes = race([*withdrawals, *acceptances])
    assert outcomes["won"] == 1, outcomes
    assert outcomes["OfferAnswered"] == 1
    assert outcomes["TimeOffered"] + outcomes["TimeCommitted"] == 8, outcomes
    with acting_as(supplier.pk):
        assert Offer.objects.get(uid=offer.uid).state == "accepted"
        assert CapacityWindow.objects.get(uid=uid).state == "listed"
        assert Reservation.objects.filter(state="booked").count() == Operation.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_that_races_a_refusal_goes_through_or_names_the_offer(deal: Deal) -> None:
    offer, press = deal.offers["press"], deal.by("press")
    supplier = deal.suppliers["press"]
    with acting_as(supplier.pk):
        uid = CapacityWindow.objects.order_by("during")[0].uid
    outcomes = race(
        [
            (
                supplier.pk,
                lambda: withdraw_windows(organisation=supplier, by=press, now=NOW, uids=[uid]),
            ),
            (
                supplier.pk,
                lambda: decline_offer(offer_uid=offer.uid, reason="Busy", by=press, now=NOW),
            ),
        ]
    )
    with acting_as(supplier.pk):
        assert Offer.objects.get(uid=offer.uid).state == "declined"
        left = CapacityWindow.objects.get(uid=uid).state
    assert (outcomes["won"], left) in {(2, "withdrawn"), (1, "listed")}
