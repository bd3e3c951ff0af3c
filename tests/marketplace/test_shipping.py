"""Lots between factories and to the buyer: sent once, received once, whatever is repeated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evidence.models import PendingEntry
from marketplace.models import Shipment, ShipmentState
from marketplace.selectors.order_progress import order_lots_summary
from marketplace.services.production import Report, report_operation, report_operations
from marketplace.services.shipping import (
    LotNotReadyToShip,
    OperationUnknown,
    ShipmentUnknown,
    receive_shipments,
    ship_operations,
)
from tenants.acting import acting_as
from tenants.actors import Actor
from tests.factories import NOW, make_organisation
from tests.marketplace.deals import Deal, make_deal
from tests.marketplace.races import race

pytestmark = pytest.mark.django_db


def _running(*steps: str, lots: int = 2) -> Deal:
    deal = make_deal(steps or ("press", "pack"), lots=lots)
    deal.accept()
    deal.fund()
    return deal


def test_a_finished_lot_travels_with_its_good_pieces() -> None:
    deal = _running()
    deal.report(1, 1, 960, 40)
    shipment = deal.ship(1, 1)
    assert (shipment.quantity, shipment.is_final) == (960, False)
    assert shipment.receiver_id == deal.suppliers["pack"].pk
    assert shipment.due_at == NOW + timedelta(minutes=90)
    assert deal.operation(1, 1).shipment_number == shipment.number
    assert deal.operation(1, 2).state == "waiting"
    deal.receive(shipment)
    row = deal.operation(1, 2)
    assert (row.state, row.received, row.received_at) == ("ready", 960, NOW)


def test_lots_for_one_receiver_share_a_shipment() -> None:
    deal = _running()
    for lot in (1, 2):
        deal.report(lot, 1, 1000)
    assert deal.ship(1, 1, 2).quantity == 2000


def test_sending_and_signing_again_change_nothing() -> None:
    deal = _running()
    deal.report(1, 1, 1000)
    first = deal.ship(1, 1)
    assert deal.ship(1, 1).uid == first.uid
    deal.receive(first)
    deal.receive(first, now=NOW + timedelta(hours=1))
    assert deal.operation(1, 2).received_at == NOW
    assert deal.ship(1, 1).uid == first.uid


@pytest.mark.parametrize(("good", "scrap"), [(None, None), (400, 0), (0, 1000)])
def test_what_is_not_finished_or_not_there_is_not_sent(good: int | None, scrap: int) -> None:
    deal = _running()
    deal.report(2, 1, 1000)
    if good is not None:
        deal.report(1, 1, good, scrap)
    with pytest.raises(LotNotReadyToShip, match=r"lot 1|Lot 1"):
        deal.ship(1, 1, 2)
    assert deal.operation(2, 1).state == "finished"


def test_a_lot_is_not_worked_on_before_it_is_signed_for() -> None:
    deal = _running()
    deal.report(1, 1, 1000)
    shipment = deal.ship(1, 1)
    assert deal.report(1, 2, 10).sentence.startswith("The lot has not arrived")
    deal.receive(shipment)
    assert deal.report(1, 2, 10).refusal is None


def test_the_last_lot_at_the_buyers_door_delivers_the_order() -> None:
    deal = _running()
    deal.make(1)
    assert deal.reload().state == "in_production"
    deal.make(2)
    assert deal.reload().state == "delivered"
    assert deal.operation(1, 2).delivered_at == NOW


def test_lots_signed_for_late_were_delivered_when_they_came() -> None:
    deal = _running(lots=1)
    deal.report(1, 1, 1000)
    deal.receive(deal.ship(1, 1))
    deal.report(1, 2, 1000)
    shipment, came_at = deal.ship(2, 1), NOW + timedelta(hours=2)
    with acting_as(deal.buyer.pk):
        receive_shipments(
            shipment_uids=[shipment.uid],
            arrived_at={shipment.uid: came_at},
            by=deal.by("buyer"),
            now=NOW + timedelta(days=1),
        )
        assert (
            order_lots_summary(buyer_id=deal.buyer.pk, order_uid=deal.order.uid)[
                "last_delivered_at"
            ]
            == came_at
        )


def test_other_firms_neither_send_nor_sign() -> None:
    deal, stranger = _running(), make_organisation()
    deal.report(1, 1, 1000)
    for firm in (stranger, deal.suppliers["pack"], deal.buyer):
        by = Actor(tenant_id=firm.pk, name="stranger")
        with acting_as(firm.pk), pytest.raises(OperationUnknown):
            ship_operations(operation_uids=[deal.uid(1, 1)], by=by, now=NOW)
    shipment = deal.ship(1, 1)
    for firm in (stranger, deal.suppliers["press"], deal.buyer):
        by = Actor(tenant_id=firm.pk, name="stranger")
        with acting_as(firm.pk), pytest.raises(ShipmentUnknown):
            receive_shipments(shipment_uids=[shipment.uid], by=by, now=NOW)
    with acting_as(deal.buyer.pk):
        assert not Shipment.objects.exists()
    with acting_as(shipment.receiver_id):
        assert Shipment.objects.get().state == ShipmentState.IN_TRANSIT


def test_sending_and_signing_cost_the_same_for_one_lot_and_for_twenty() -> None:
    costs = []
    for lots in (1, 20):
        deal = _running(lots=lots)
        reports = [
            Report(operation_uid=deal.uid(lot, 1), good=1000, scrap=0) for lot in range(1, lots + 1)
        ]
        with acting_as(deal.suppliers["press"].pk):
            report_operations(reports=reports, by=deal.by("press"), now=NOW)
        with CaptureQueriesContext(connection) as queries:
            deal.receive(deal.ship(1, *range(1, lots + 1)))
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 35


@pytest.mark.django_db(transaction=True)
def test_of_many_signatures_one_makes_the_lot_ready() -> None:
    deal = _running()
    deal.report(1, 1, 960, 40)
    shipment = deal.ship(1, 1)
    firm, by = shipment.receiver_id, deal.by("pack")
    attempt = (
        firm,
        lambda: receive_shipments(shipment_uids=[shipment.uid], by=by, now=NOW),
    )
    assert race([attempt] * 12) == {"won": 12}
    with acting_as(firm):
        kinds = PendingEntry.objects.of(firm).values_list("kind", flat=True)
        assert list(kinds).count("shipment.in_transit>delivered") == 1
        assert list(kinds).count("operation.waiting>ready") == 1


@pytest.mark.django_db(transaction=True)
def test_a_report_and_a_shipment_of_one_lot_at_once_agree() -> None:
    deal = _running(lots=1)
    deal.report(1, 1, 950, 40)
    firm, by = deal.suppliers["press"].pk, deal.by("press")
    late = NOW + timedelta(minutes=1)
    acts: list[Callable[[], object]] = [
        lambda: report_operation(
            report=Report(operation_uid=deal.uid(1, 1), good=955, scrap=45), by=by, now=late
        ),
        lambda: ship_operations(operation_uids=[deal.uid(1, 1)], by=by, now=late),
    ] * 6
    outcomes = race([(firm, act) for act in acts])
    assert outcomes["won"] >= 6, outcomes
    assert outcomes.keys() <= {"won", "LotNotReadyToShip"}
    shipment = deal.ship(1, 1)
    assert shipment.quantity == deal.operation(1, 1).good == 955
    with acting_as(firm):
        assert Shipment.objects.count() == 1
