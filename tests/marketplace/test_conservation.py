"""The database conserves quantity against whoever walks past the services."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from marketplace.models import Operation, Order, Shipment, ShipmentLine
from tenants.acting import acting_as
from tests.factories import NOW
from tests.marketplace.deals import Deal, make_deal

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal() -> Deal:
    made = make_deal()
    made.accept()
    made.fund()
    return made


def _force(deal: Deal, name: str, lot: int, step: int, **values: Any) -> None:
    """Write an operation as its factory, past every service."""
    firm = deal.suppliers[name].pk
    with acting_as(firm), transaction.atomic():
        Operation.objects.of_supplier(firm).filter(uid=deal.uid(lot, step)).update(**values)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"good": 900, "scrap": 101}, "operation_conserves"),
        ({"good": 999, "state": "finished"}, "operation_finished_conserves"),
        ({"received": 1001}, "operation_receives_at_most"),
        ({"received": None, "good": 1}, "operation_conserves"),
        ({"scrap": -1}, "scrap_check"),
    ],
)
def test_pieces_cannot_be_invented_in_a_step(
    deal: Deal, values: dict[str, Any], constraint: str
) -> None:
    _force(deal, "press", 1, 1, state="started")
    with pytest.raises(IntegrityError, match=constraint):
        _force(deal, "press", 1, 1, **values)


def test_a_buyer_accepts_no_more_than_is_good(deal: Deal) -> None:
    deal.report(1, 1, 10)
    with (
        pytest.raises(IntegrityError, match="operation_accepted_is_good"),
        acting_as(deal.buyer.pk),
    ):
        Operation.objects.of_buyer(deal.buyer.pk).filter(uid=deal.uid(1, 1)).update(accepted=11)


def test_a_factory_cannot_receive_what_was_not_sent(deal: Deal) -> None:
    with pytest.raises(IntegrityError, match="received 1000 pieces, but 0 were sent"):
        _force(deal, "pack", 1, 2, received=1000)


def test_a_factory_cannot_receive_more_than_was_sent(deal: Deal) -> None:
    deal.report(1, 1, 990, 10)
    deal.ship(1, 1)
    with pytest.raises(IntegrityError, match="received 1000 pieces, but 990 were sent"):
        _force(deal, "pack", 1, 2, received=1000)


def test_what_has_left_is_fixed(deal: Deal) -> None:
    deal.report(1, 1, 990, 10)
    deal.ship(1, 1)
    with pytest.raises(IntegrityError, match="its pieces are fixed"):
        _force(deal, "press", 1, 1, good=1000, scrap=0)


def test_a_shipment_carries_what_is_good_and_no_more(deal: Deal) -> None:
    deal.report(1, 1, 990, 10)
    press, pack = deal.suppliers["press"], deal.suppliers["pack"]
    with acting_as(press.pk):
        shipment = Shipment.objects.create(
            sender=press,
            receiver=pack,
            buyer_id=deal.buyer.pk,
            order_uid=deal.order.uid,
            order_number=deal.order.number,
            number="S-1",
            is_final=False,
            quantity=1000,
            sent_at=NOW,
            due_at=NOW,
        )
        with (
            pytest.raises(IntegrityError, match="1000 pieces sent, but 990 are good"),
            transaction.atomic(),
        ):
            ShipmentLine.objects.create(
                shipment=shipment,
                sender=press,
                receiver=pack,
                operation_uid=deal.uid(1, 1),
                next_operation_uid=deal.uid(1, 2),
                lot=1,
                quantity=1000,
            )


def test_a_sent_line_is_fixed_and_a_lot_is_sent_once(deal: Deal) -> None:
    deal.report(1, 1, 990, 10)
    deal.ship(1, 1)
    press = deal.suppliers["press"].pk
    with acting_as(press):
        lines = ShipmentLine.objects.filter(sender_id=press)
        with pytest.raises(IntegrityError, match="what was sent is fixed"), transaction.atomic():
            lines.update(quantity=1000)
        line = lines.get()
        line.pk = None
        with pytest.raises(IntegrityError, match="operation_uid"), transaction.atomic():
            line.save(force_insert=True)


def test_an_order_is_never_accepted_beyond_its_quantity(deal: Deal) -> None:
    with (
        acting_as(deal.buyer.pk),
        pytest.raises(IntegrityError, match="order_quantity_conserved"),
        transaction.atomic(),
    ):
        Order.objects.of(deal.buyer.pk).update(accepted_quantity=1500, cancelled_quantity=501)
