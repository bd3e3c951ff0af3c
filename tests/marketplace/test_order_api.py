"""Orders over REST: posted with sentences for what is wrong, seen by their buyer alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from marketplace.models import Order
from tenants.acting import acting_as
from tenants.clock import site_now
from tenants.models import Membership
from tenants.services.keys import create_key
from tests.factories import make_member

pytestmark = pytest.mark.django_db


def api(membership: Membership, *scopes: str) -> Client:
    with acting_as(membership.tenant_id):
        _key, text = create_key(
            organisation=membership.tenant,
            by=membership,
            now=site_now(),
            name="K",
            scopes=list(scopes or ("read", "orders")),
            expires_at=None,
        )
    return Client(headers={"authorization": f"Bearer {text}"})


def asked(**changes: Any) -> dict[str, Any]:
    now = site_now()
    return {
        "title": "Plates",
        "quantity": 1000,
        "steps": [{"process": "blanking"}, {"process": "embossing"}],
        "earliest_start_at": (now + timedelta(hours=1)).isoformat(),
        "due_at": (now + timedelta(days=9)).isoformat(),
        **changes,
    }


def test_an_order_is_posted_once_whatever_is_sent_twice() -> None:
    buyer = make_member(kinds=["buyer"])
    client = api(buyer)
    body, once = asked(), {"idempotency-key": "7"}
    first, second = [
        client.post("/api/v1/orders/", body, "application/json", headers=once) for _ in range(2)
    ]
    assert first.status_code == 201
    assert second.json() == first.json()
    order = first.json()
    assert order["state"] == "posted"
    assert [step["process"] for step in order["steps"]] == ["blanking", "embossing"]
    band = client.get(f"/api/v1/orders/{order['uid']}/band/").json()
    assert band["state"] == "requested"
    assert band["order"] == order["uid"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": -5}, "quantity"),
        ({"quantity": 10**12}, "quantity"),
        ({"steps": []}, "steps"),
        ({"steps": [{"process": "teleporting"}]}, "steps"),
        ({"due_at": "2020-01-01T00:00:00Z"}, "due_at"),
        ({"price_ceiling": -1}, "price_ceiling"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(changes: dict[str, Any], field: str) -> None:
    buyer = make_member(kinds=["buyer"])
    answer = api(buyer).post("/api/v1/orders/", asked(**changes), "application/json")
    assert answer.status_code in (400, 422)
    problem = answer.json()
    assert any(name.startswith(field.split("_")[0]) for name in problem["errors"]), problem
    assert problem["detail"]
    with acting_as(buyer.tenant_id):
        assert not Order.objects.of(buyer.tenant_id).exists()


def test_a_stranger_finds_neither_order_nor_band() -> None:
    order = api(make_member(kinds=["buyer"])).post("/api/v1/orders/", asked(), "application/json")
    uid = order.json()["uid"]
    stranger = api(make_member(kinds=["buyer"]))
    assert stranger.get("/api/v1/orders/").json()["results"] == []
    for door in ("", "band/"):
        assert stranger.get(f"/api/v1/orders/{uid}/{door}").status_code == 404
    assert stranger.post(f"/api/v1/orders/{uid}/cancel/").status_code == 404


def test_a_reading_key_posts_nothing() -> None:
    client = api(make_member(kinds=["buyer"]), "read")
    assert client.post("/api/v1/orders/", asked(), "application/json").status_code == 403


def test_a_filter_that_names_nothing_is_said() -> None:
    client = api(make_member(kinds=["buyer"]))
    answer = client.get("/api/v1/orders/?state=lost")
    assert answer.status_code == 400
    assert "posted" in answer.json()["detail"]
    assert client.get("/api/v1/plans/?order=7").status_code == 400
