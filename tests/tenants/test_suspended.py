"""A suspended organisation reads and finishes what it has begun; it does not trade."""

from __future__ import annotations

import pytest
from django.test import Client

from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.clock import site_now
from tenants.models import Membership
from tenants.models.keys import Scope
from tenants.services.keys import create_key
from tenants.services.organisations import verify_organisation
from tests.factories import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def member() -> Membership:
    found = make_member(kinds=["supplier", "buyer"])
    with acting_as(PLATFORM_ID):
        verify_organisation(
            uid=str(found.tenant.uid),
            by=Actor.system(PLATFORM_ID),
            now=site_now(),
            verification="suspended",
        )
    return found


def test_by_its_pages(member: Membership) -> None:
    client = Client()
    client.force_login(member.person)
    assert client.get("/buyer/orders/").status_code == 200
    answer = client.get("/buyer/orders/new/")
    assert answer.status_code == 403
    assert "is suspended" in answer.content.decode()


def test_by_its_keys(member: Membership) -> None:
    with acting_as(member.tenant_id):
        _key, text = create_key(
            organisation=member.tenant,
            by=member,
            now=site_now(),
            name="K",
            scopes=[*Scope],
            expires_at=None,
        )
    client = Client(headers={"authorization": f"Bearer {text}"})
    assert client.get("/api/v1/orders/").status_code == 200
    for door in ("orders", "capacity-windows"):
        answer = client.post(f"/api/v1/{door}/", {}, "application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert client.post("/api/v1/readings/", {}, "application/json").status_code == 422
