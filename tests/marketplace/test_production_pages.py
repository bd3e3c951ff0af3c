"""The pages from the offer to the inspected lot, as a person goes through them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from marketplace.models import Offer, Shipment, WorkOrder
from marketplace.views import offers, order_progress, shipments, work
from tenants.acting import acting_as
from tenants.models import Organisation
from tests.factories import NOW, make_member, make_organisation
from tests.marketplace.deals import Deal, make_deal

pytestmark = pytest.mark.django_db
Get = Callable[..., Any]


@pytest.fixture(autouse=True)
def _still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (offers, order_progress, shipments, work):
        monkeypatch.setattr(module, "site_now", lambda: NOW)


def person_of(organisation: Organisation, role: str = "owner") -> Client:
    client = Client()
    client.force_login(make_member(organisation, role=role).person)
    return client


def _page(client: Client, name: str, *args: object, **query: str) -> str:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, name
    return response.content.decode()


def _act(client: Client, name: str, *args: object, **data: Any) -> int:
    return client.post(reverse(name, args=args), data).status_code


def _running(lots: int = 2) -> Deal:
    deal = make_deal(lots=lots)
    deal.accept()
    deal.fund()
    return deal


def _work_order_uid(deal: Deal, name: str) -> object:
    return deal.operation(1, deal.steps.index(name) + 1).work_order.uid


def test_an_empty_factory_is_told_what_to_do() -> None:
    client = person_of(make_organisation())
    assert "Add a machine" in _page(client, "supplier_home")
    for name in ("offers", "work", "supplier_shipments"):
        assert 'class="empty"' in _page(client, name)


def test_a_factory_reads_its_offer_and_accepts_it() -> None:
    deal = make_deal()
    client = person_of(deal.suppliers["press"])
    assert "Licence plates" in _page(client, "offers")
    shown = _page(client, "offer", deal.offers["press"].uid)
    assert "CN¥540.00" in shown
    assert "Accept and book the hours" in shown
    assert _act(client, "offer_accept", deal.offers["press"].uid) == 302
    assert "This offer has its answer" in _page(client, "offer", deal.offers["press"].uid)
    assert deal.operation(1, 1).work_order.number in _page(client, "work")


def test_a_clash_is_said_before_and_refused_after() -> None:
    first = make_deal()
    first.accept("press")
    second = make_deal(suppliers=first.suppliers, machines=first.machines)
    client = person_of(first.suppliers["press"])
    uid = second.offers["press"].uid
    assert "2 operations overlap bookings of yours" in _page(client, "offer", uid)
    response = client.post(reverse("offer_accept", args=[uid]))
    assert response.status_code == 409
    assert first.machines["press"].code in response.content.decode()


def test_declining_without_a_reason_shows_the_field_again() -> None:
    deal = make_deal()
    client, uid = person_of(deal.suppliers["press"]), deal.offers["press"].uid
    assert _act(client, "offer_decline", uid) == 422
    assert _act(client, "offer_decline", uid, reason="No film in stock") == 302
    with acting_as(deal.buyer.pk):
        assert Offer.objects.get(uid=uid).decline_reason == "No film in stock"


def test_the_shop_starts_reports_and_ships_and_the_next_one_signs() -> None:
    deal = _running()
    client = person_of(deal.suppliers["press"], "operator")
    home = _page(client, "supplier_home")
    assert "Operations late" in home
    uid = _work_order_uid(deal, "press")
    assert ">Start<" in re.sub(r"\s+", "", _page(client, "work_order", uid))
    assert _act(client, "operation_start", deal.uid(1, 1)) == 302
    shown = _page(client, "work_order", uid)
    assert 'name="lot-1-good"' in shown
    too_many = {"lot-1-good": 990, "lot-1-scrap": 11}
    response = client.post(reverse("operation_report", args=[deal.uid(1, 1)]), too_many)
    assert response.status_code == 422
    assert "good and scrap are 1001" in response.content.decode()
    all_of_it = {"lot-1-good": 990, "lot-1-scrap": 10}
    assert _act(client, "operation_report", deal.uid(1, 1), **all_of_it) == 302
    assert _act(client, "lots_ship", operation=str(deal.uid(1, 1))) == 302
    assert deal.operation(1, 1).state == "shipped"
    receiver = person_of(deal.suppliers["pack"])
    assert deal.operation(1, 1).shipment_number in _page(receiver, "supplier_shipments")
    with acting_as(deal.suppliers["pack"].pk):
        shipment = Shipment.objects.get()
    assert _act(receiver, "shipments_receive", shipment=str(shipment.uid)) == 302
    assert deal.operation(1, 2).received == 990


def test_a_question_is_shown_when_claim_and_count_differ() -> None:
    deal = _running()
    deal.report(1, 1, 900)
    with acting_as(deal.suppliers["press"].pk):
        work_order = WorkOrder.objects.get(step=1)
        work_order.counted = 700
        work_order.save()
    client = person_of(deal.suppliers["press"])
    assert "A question, not a penalty" in _page(client, "work_order", work_order.uid)
    assert "Machines count differently" in _page(client, "work")


def test_the_buyer_follows_signs_and_inspects() -> None:
    deal = _running()
    shipment = deal.make(1, scrap=(40, 0))
    client = person_of(deal.buyer)
    followed = _page(client, "order_progress", deal.order.uid)
    assert "Started = good + scrap + in process" in followed
    assert "960" in followed
    assert "CN" not in followed
    assert shipment.number in _page(client, "inspections")
    assert "960" in _page(client, "inspection", shipment.uid)
    given = {"accepted-1": 950, "reason-1": ""}
    assert _act(client, "inspection_give", shipment.uid, **given) == 422
    given["reason-1"] = "Scratched"
    asked = client.post(reverse("inspection_check", args=[shipment.uid]), given)
    assert asked.status_code == 200
    assert "950" in asked.content.decode()
    assert "Scratched" in asked.content.decode()
    assert deal.reload().accepted_quantity == 0, "looking releases nothing"
    assert _act(client, "inspection_give", shipment.uid, **given) == 302
    assert "Scratched" in _page(client, "inspection", shipment.uid)
    assert "950" in _page(client, "order_trace", deal.order.uid)
    assert deal.reload().accepted_quantity == 950


def test_the_buyer_signs_and_accepts_in_bulk() -> None:
    deal = _running()
    deal.report(1, 1, 1000)
    deal.receive(deal.ship(1, 1))
    deal.report(1, 2, 1000)
    shipment = deal.ship(2, 1)
    client = person_of(deal.buyer)
    assert shipment.number in _page(client, "inspections", state="in_transit")
    assert _act(client, "deliveries_receive", shipment=str(shipment.uid)) == 302
    assert "checked" not in _page(client, "inspections")
    asked = client.post(reverse("inspections_check"), {"shipment": str(shipment.uid)})
    assert "CN¥600.00" in asked.content.decode(), "two steps of 1,000 pieces at 30 fen"
    assert deal.reload().accepted_quantity == 0
    assert _act(client, "inspections_accept", shipment=str(shipment.uid)) == 302
    assert deal.reload().accepted_quantity == 1000


def test_another_organisation_finds_no_page_and_changes_nothing() -> None:
    deal = _running()
    shipment = deal.make(1)
    deal.report(2, 1, 1000)
    stranger = person_of(make_organisation(kinds=["supplier", "buyer"]))
    doors = [
        ("offer", deal.offers["press"].uid),
        ("work_order", _work_order_uid(deal, "press")),
        ("inspection", shipment.uid),
        ("order_progress", deal.order.uid),
        ("order_trace", deal.order.uid),
    ]
    for name, uid in doors:
        assert stranger.get(reverse(name, args=[uid])).status_code == 404, name
    acts: list[tuple[str, list[object], dict[str, object]]] = [
        ("offer_accept", [deal.offers["press"].uid], {}),
        ("offer_decline", [deal.offers["press"].uid], {"reason": "x"}),
        ("operation_start", [deal.uid(2, 2)], {}),
        ("operation_report", [deal.uid(2, 1)], {"lot-2-good": 1, "lot-2-scrap": 0}),
        ("lots_ship", [], {"operation": str(deal.uid(2, 1))}),
        ("shipments_receive", [], {"shipment": str(shipment.uid)}),
        ("deliveries_receive", [], {"shipment": str(shipment.uid)}),
        ("inspections_check", [], {"shipment": str(shipment.uid)}),
        ("inspections_accept", [], {"shipment": str(shipment.uid)}),
        ("inspection_give", [shipment.uid], {}),
    ]
    for name, args, data in acts:
        assert _act(stranger, name, *args, **data) == 404, name
    assert deal.operation(2, 1).state == "finished"
    assert deal.reload().accepted_quantity == 0


def test_a_viewer_looks_and_a_shop_hand_does_not_trade() -> None:
    deal = make_deal()
    viewer = person_of(deal.suppliers["press"], "viewer")
    hand = person_of(deal.suppliers["press"], "operator")
    uid = deal.offers["press"].uid
    for client in (viewer, hand):
        assert "Accept and book" not in _page(client, "offer", uid)
        assert _act(client, "offer_accept", uid) == 403
    assert _act(viewer, "lots_ship") == 403


@pytest.mark.parametrize(
    ("name", "seat", "most"),
    [
        ("supplier_home", "press", 40),
        ("offers", "press", 16),
        ("work", "press", 18),
        ("supplier_shipments", "press", 18),
        ("supplier_schedule", "press", 14),
        ("inspections", "buyer", 16),
        ("order_progress", "buyer", 18),
        ("order_trace", "buyer", 18),
    ],
)
def test_a_page_costs_the_same_at_two_lots_and_at_twenty(name: str, seat: str, most: int) -> None:
    costs = []
    for lots in (2, 20):
        deal = _running(lots=lots)
        deal.make(1)
        client = person_of(deal.buyer if seat == "buyer" else deal.suppliers[seat])
        args = [deal.order.uid] if name.startswith("order_") else []
        client.get(reverse(name, args=args))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse(name, args=args)).status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1] <= most, costs
