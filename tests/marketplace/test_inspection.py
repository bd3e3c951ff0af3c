"""Accepted pieces are paid along their chain; the order closes when every lot has its end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace.models import Operation, Release, Shipment, ShipmentLine
from marketplace.services.inspection import (
    InspectedOtherwise,
    InspectionImpossible,
    Verdict,
    inspect_shipment,
)
from marketplace.services.shipping import ShipmentUnknown
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.models import OutboxMessage
from tests.factories import NOW, make_organisation
from tests.marketplace.deals import Deal, make_deal
from tests.marketplace.races import race

pytestmark = pytest.mark.django_db


def _running(
    *steps: str, lots: int = 2, lot_size: int = 1000, lot_price: int | None = None
) -> Deal:
    deal = make_deal(steps or ("press", "pack"), lots=lots, lot_size=lot_size, lot_price=lot_price)
    deal.accept()
    deal.fund()
    return deal


def _inspect(
    deal: Deal, shipment: Shipment, accepted: int | None = None, reason: str = "Scratched"
) -> None:
    with acting_as(deal.buyer.pk):
        (line,) = ShipmentLine.objects.filter(shipment=shipment)
        verdicts = None
        if accepted is not None:
            verdicts = [Verdict(operation_uid=line.operation_uid, accepted=accepted, reason=reason)]
        inspect_shipment(shipment_uid=shipment.uid, verdicts=verdicts, by=deal.by("buyer"), now=NOW)


def _releases(deal: Deal) -> list[Release]:
    with acting_as(deal.buyer.pk):
        return list(Release.objects.filter(buyer=deal.buyer).order_by("id"))


def _topics(deal: Deal) -> list[str]:
    with acting_as(deal.buyer.pk):
        rows = OutboxMessage.objects.of(deal.buyer.pk).order_by("id")
        return list(rows.values_list("topic", flat=True))


def test_an_accepted_lot_pays_every_firm_of_its_chain() -> None:
    deal = _running()
    shipment = deal.make(1)
    _inspect(deal, shipment)
    (release,) = _releases(deal)
    assert (release.quantity, release.amount_minor) == (1000, 60_000)
    assert {share["supplier_id"]: share["amount_minor"] for share in release.shares} == {
        deal.suppliers["press"].pk: 30_000,
        deal.suppliers["pack"].pk: 30_000,
    }
    assert (deal.reload().accepted_quantity, deal.reload().state) == (1000, "in_production")


def test_scrap_and_rejects_lower_what_is_paid() -> None:
    deal = _running(lots=1)
    shipment = deal.make(1, scrap=(100, 50))
    _inspect(deal, shipment, 800)
    (release,) = _releases(deal)
    assert (release.quantity, release.amount_minor) == (800, 2 * 800 * 30)
    with acting_as(deal.buyer.pk):
        accepted = Operation.objects.of_buyer(deal.buyer.pk).values_list("accepted", flat=True)
        assert list(accepted) == [800, 800]
    order = deal.reload()
    assert (order.state, order.accepted_quantity, order.cancelled_quantity) == (
        "accepted",
        800,
        200,
    )
    assert _topics(deal)[-2:] == ["release.created", "order.accepted"]


def test_an_order_is_accepted_when_its_last_lot_is_inspected() -> None:
    deal = _running()
    first, second = deal.make(1), deal.make(2)
    _inspect(deal, first)
    assert deal.reload().state == "delivered"
    _inspect(deal, second)
    order = deal.reload()
    assert (order.state, order.accepted_quantity, order.cancelled_quantity) == ("accepted", 2000, 0)


def test_the_last_release_sweeps_what_rounding_kept_back() -> None:
    deal = _running(lots=3, lot_size=7, lot_price=10)
    for lot in (1, 2, 3):
        _inspect(deal, deal.make(lot), 5)
    # Each lot earns 2 × 10 × 5/7 = 14.28…, together 42.86.
    assert [release.amount_minor for release in _releases(deal)] == [14, 14, 14]
    deal = _running(lots=3, lot_size=7, lot_price=12)
    for lot in (1, 2, 3):
        _inspect(deal, deal.make(lot), 5)
    # 2 × 12 × 5/7 = 17.14…, together 51.43: the order's total is the last word.
    assert [release.amount_minor for release in _releases(deal)] == [17, 17, 17]
    deal = _running(lots=3, lot_size=7, lot_price=11)
    for lot in (1, 2, 3):
        _inspect(deal, deal.make(lot), 5)
    # 2 × 11 × 5/7 = 15.71…, together 47.14: the last release brings the two units left over.
    assert [release.amount_minor for release in _releases(deal)] == [15, 15, 17]


def test_a_lot_that_is_wholly_rejected_releases_nothing() -> None:
    deal = _running(lots=1)
    _inspect(deal, deal.make(1), 0)
    assert _releases(deal) == []
    order = deal.reload()
    assert (order.state, order.cancelled_quantity) == ("accepted", 1000)


def test_the_same_verdict_again_changes_nothing_and_another_one_is_refused() -> None:
    deal = _running()
    shipment = deal.make(1)
    _inspect(deal, shipment, 990)
    _inspect(deal, shipment, 990)
    with pytest.raises(InspectedOtherwise):
        _inspect(deal, shipment, 980)
    assert len(_releases(deal)) == 1
    assert deal.reload().accepted_quantity == 990


def test_a_verdict_before_the_signature_signs_too() -> None:
    deal = _running(lots=1)
    deal.report(1, 1, 1000)
    deal.receive(deal.ship(1, 1))
    deal.report(1, 2, 1000)
    shipment = deal.ship(2, 1)
    _inspect(deal, shipment)
    deal.receive(shipment, now=NOW + timedelta(hours=1))
    assert deal.reload().state == "accepted"
    assert deal.operation(1, 2).delivered_at == NOW


@pytest.mark.parametrize(
    ("accepted", "reason", "sentence"),
    [
        (1001, "", "accept between 0 and all"),
        (-1, "", "accept between 0 and all"),
        (999, " ", "Say why pieces of lot 1"),
    ],
)
def test_an_impossible_verdict_is_refused_with_a_sentence(
    accepted: int, reason: str, sentence: str
) -> None:
    deal = _running()
    shipment = deal.make(1)
    with pytest.raises(InspectionImpossible, match=sentence):
        _inspect(deal, shipment, accepted, reason)
    assert _releases(deal) == []
    assert deal.reload().accepted_quantity == 0


def test_only_the_buyer_inspects() -> None:
    deal, stranger = _running(), make_organisation(kinds=["buyer"])
    shipment = deal.make(1)
    for firm in (stranger, *deal.suppliers.values()):
        with acting_as(firm.pk), pytest.raises(ShipmentUnknown):
            inspect_shipment(
                shipment_uid=shipment.uid, by=Actor(tenant_id=firm.pk, name="x"), now=NOW
            )
    assert _releases(deal) == []


@pytest.mark.django_db(transaction=True)
def test_inspections_at_once_release_each_lot_once_and_close_the_order_once() -> None:
    deal = _running(lots=4, lot_size=7, lot_price=11)
    shipments = [deal.make(lot, scrap=(2, 0)) for lot in (1, 2, 3, 4)]
    by = deal.by("buyer")
    attempts = [
        (deal.buyer.pk, lambda uid=shipment.uid: inspect_shipment(shipment_uid=uid, by=by, now=NOW))
        for shipment in shipments
        for _time in range(3)
    ]
    assert race(attempts) == {"won": 12}
    order = deal.reload()
    assert (order.state, order.accepted_quantity, order.cancelled_quantity) == ("accepted", 20, 8)
    releases = _releases(deal)
    assert len(releases) == 4
    # 8 operations × 11 × 5/7 = 62.86
    assert sum(release.amount_minor for release in releases) == 62
    assert _topics(deal).count("order.accepted") == 1
