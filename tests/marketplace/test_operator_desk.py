"""The operator sees queues and the directory; nobody else sees the operator's pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import Organisation
from tenants.selectors import outbox_health
from tenants.services.outbox import send_after_commit
from tests.factories import make_member, make_operator, make_organisation

pytestmark = pytest.mark.django_db
PAGES = ["/operator/", "/operator/organisations/", "/operator/messages/"]


def signed_in(membership) -> Client:
    client = Client()
    client.force_login(membership.person)
    return client


@pytest.mark.parametrize("page", PAGES[1:])
def test_the_operator_opens_its_pages(page: str) -> None:
    assert signed_in(make_operator()).get(page).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_for_others_the_operators_pages_do_not_exist(page: str) -> None:
    assert signed_in(make_member()).get(page).status_code == 404
    assert Client().get(page).status_code == 302


def test_the_operator_verifies_an_organisation() -> None:
    firm = make_organisation()
    client = signed_in(make_operator())
    address = f"/operator/organisations/{firm.uid}/verify/"
    assert client.post(address, {"verification": "verified"}).status_code == 302
    assert client.post(address, {"verification": "nonsense"}).status_code == 404
    with acting_as(0):
        assert Organisation.objects.get(pk=firm.pk).verification == "verified"


def test_only_the_platform_looks_at_the_outbox() -> None:
    firm = make_organisation()
    with acting_as(firm.pk), pytest.raises(DatabaseError), transaction.atomic():
        outbox_health()


@pytest.mark.parametrize("lag", [timedelta(0), timedelta(days=9)])
def test_a_message_waits_as_long_as_it_really_does(
    lag: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site clock of its own, as the demo's, makes no message days old or of the future."""
    monkeypatch.setattr("tenants.selectors.site_now", lambda: datetime.now(UTC) - lag)
    firm = make_organisation()
    with acting_as(firm.pk):
        send_after_commit(tenant_id=firm.pk, topic="capacity.published", supplier_id=firm.pk)
    with acting_as(PLATFORM_ID):
        (topic,) = outbox_health()
    waited = datetime.now(UTC) - lag - topic.oldest
    assert timedelta(0) <= waited < timedelta(minutes=1)
