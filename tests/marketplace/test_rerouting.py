"""A returned share's lots go to another factory; what was agreed with the others stays."""

from __future__ import annotations

from uuid import uuid4

import pytest

from marketplace.core.share import Route, Share
from marketplace.models import Offer, Operation
from marketplace.services.rerouting import join_chains, reroute_lots
from tenants.acting import acting_as
from tests.factories import NOW, make_organisation
from tests.marketplace.deals import Deal, make_deal

pytestmark = pytest.mark.django_db


def _reroute(deal: Deal, lot: int, step: int, to: int) -> Route:
    route = Route(
        operation_uid=deal.uid(lot, step),
        next_supplier_id=to,
        next_operation_uid=uuid4(),
        transport_minutes=240,
    )
    with acting_as(deal.buyer.pk):
        reroute_lots(order_uid=deal.order.uid, routes=[route], by=deal.by("buyer"), now=NOW)
    return route


def _share(deal: Deal, name: str) -> Share:
    with acting_as(deal.buyer.pk):
        return Share.from_json(Offer.objects.get(uid=deal.offers[name].uid).snapshot)


def test_a_lot_of_an_accepted_share_goes_to_the_new_factory() -> None:
    deal, other = make_deal(), make_organisation()
    deal.accept("press")
    before = _share(deal, "press")
    route = _reroute(deal, 1, 1, other.pk)
    row, untouched = deal.operation(1, 1), deal.operation(2, 1)
    assert (row.next_supplier_id, row.next_operation_uid) == (other.pk, route.next_operation_uid)
    assert row.transport_minutes == 240
    assert untouched.next_supplier_id == deal.suppliers["pack"].pk
    after = _share(deal, "press")
    assert (after.price_minor, after.machine_minutes) == (
        before.price_minor,
        before.machine_minutes,
    )


def test_an_open_offer_is_accepted_by_the_new_route() -> None:
    deal, other = make_deal(), make_organisation()
    _reroute(deal, 2, 1, other.pk)
    deal.accept("press")
    assert deal.operation(2, 1).next_supplier_id == other.pk
    assert deal.operation(1, 1).next_supplier_id == deal.suppliers["pack"].pk


def test_the_next_factory_learns_from_whom_its_lot_really_comes() -> None:
    deal, other = make_deal(), make_organisation()
    deal.accept()
    with acting_as(deal.buyer.pk):
        agreed = Operation.objects.of_buyer(deal.buyer.pk)
        agreed.filter(uid=deal.uid(1, 2)).update(previous_supplier=other)
        assert join_chains(order_uid=deal.order.uid, by=deal.by("buyer")) == 1
        assert join_chains(order_uid=deal.order.uid, by=deal.by("buyer")) == 0
    assert deal.operation(1, 2).previous_supplier_id == deal.suppliers["press"].pk
    assert deal.operation(1, 1).previous_supplier_id is None
