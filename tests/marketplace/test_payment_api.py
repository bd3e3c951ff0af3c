"""Payments over REST: the buyer proves, the platform confirms, nobody else sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from marketplace.models import Funding
from marketplace.services.settlement import ask_for_funding
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.models import Membership
from tenants.services.keys import create_key
from tests.factories import OrderFactory, make_member, make_operator

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def api(membership: Membership) -> Client:
    with acting_as(membership.tenant_id):
        _key, text = create_key(
            organisation=membership.tenant,
            by=membership,
            now=NOW,
            name="K",
            scopes=["read", "payments"],
            expires_at=None,
        )
    return Client(headers={"authorization": f"Bearer {text}"})


@pytest.fixture
def buyer() -> Membership:
    return make_member(kinds=["buyer"])


@pytest.fixture
def funding(buyer: Membership) -> Funding:
    with acting_as(buyer.tenant_id):
        order = OrderFactory.create(
            tenant=buyer.tenant, cost_minor=12_300, due_at=NOW + timedelta(days=9)
        )
        return ask_for_funding(order=order, by=Actor.of_member(buyer), now=NOW)


def test_a_transfer_is_proved_and_confirmed(buyer: Membership, funding: Funding) -> None:
    address = f"/api/v1/payments/{funding.uid}"
    client = api(buyer)
    assert client.get("/api/v1/payments/").json()["results"][0]["amount"] == "12300"
    proved = client.post(f"{address}/proof/", {"proof": "BANK-7"}, "application/json")
    assert proved.json()["state"] == "proved"
    operator = api(make_operator())
    assert operator.post(f"{address}/confirm/").json()["state"] == "confirmed"
    assert operator.post(f"{address}/confirm/").status_code == 409


def test_a_buyer_cannot_confirm_his_own_transfer(buyer: Membership, funding: Funding) -> None:
    client = api(buyer)
    address = f"/api/v1/payments/{funding.uid}"
    client.post(f"{address}/proof/", {"proof": "BANK-7"}, "application/json")
    assert client.post(f"{address}/confirm/").status_code == 404
    assert client.get("/api/v1/payments/").json()["results"][0]["state"] == "proved"


def test_a_stranger_finds_no_payment(funding: Funding) -> None:
    client = api(make_member(kinds=["buyer"]))
    assert client.get("/api/v1/payments/").json()["results"] == []
    address = f"/api/v1/payments/{funding.uid}/proof/"
    assert client.post(address, {"proof": "x"}, "application/json").status_code == 404


def test_a_proof_says_something(buyer: Membership, funding: Funding) -> None:
    address = f"/api/v1/payments/{funding.uid}/proof/"
    assert api(buyer).post(address, {"proof": ""}, "application/json").status_code == 400
