"""A POST with an Idempotency-Key is done once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rest_framework.response import Response

from tenants.acting import acting_as
from tenants.api.idempotency import KeyReused, KeyTooLong, idempotent
from tenants.errors import DomainError
from tenants.models import IdempotentReply, Organisation
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db


class Counting:
    """A view that counts its acts and answers with the count."""

    def __init__(self) -> None:
        self.acts = 0

    @idempotent
    def post(self, request: Any) -> Response:
        self.acts += 1
        if request.data.get("refused"):
            raise DomainError("No.")
        return Response({"act": self.acts}, status=201)


@pytest.fixture
def organisation() -> Organisation:
    return make_organisation()


def _request(organisation: Organisation, key: str | None, **data: object) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return SimpleNamespace(
        headers=headers, organisation=organisation, method="POST", path="/api/v1/x/", data=data
    )


def test_a_repeated_request_gets_its_first_reply(organisation: Organisation) -> None:
    view = Counting()
    with acting_as(organisation.pk):
        first = view.post(_request(organisation, "k-1", quantity=5))
        again = view.post(_request(organisation, "k-1", quantity=5))
    assert view.acts == 1
    assert (again.status_code, again.data) == (201, {"act": 1})
    assert first.headers.get("Idempotent-Replay") is None
    assert again.headers["Idempotent-Replay"] == "true"


def test_without_a_key_each_request_is_an_act(organisation: Organisation) -> None:
    view = Counting()
    with acting_as(organisation.pk):
        view.post(_request(organisation, None))
        view.post(_request(organisation, None))
    assert view.acts == 2


def test_a_key_of_another_request_is_refused(organisation: Organisation) -> None:
    view = Counting()
    with acting_as(organisation.pk):
        view.post(_request(organisation, "k-1", quantity=5))
        with pytest.raises(KeyReused, match="Send a new key with a new request"):
            view.post(_request(organisation, "k-1", quantity=6))
    assert view.acts == 1


def test_a_refused_request_may_be_mended_under_the_same_key(organisation: Organisation) -> None:
    view = Counting()
    with acting_as(organisation.pk):
        with pytest.raises(DomainError):
            view.post(_request(organisation, "k-1", refused=True))
        assert view.post(_request(organisation, "k-1")).status_code == 201


def test_two_organisations_may_use_the_same_key(organisation: Organisation) -> None:
    view, other = Counting(), make_organisation()
    for one in (organisation, other):
        with acting_as(one.pk):
            view.post(_request(one, "k-1"))
    assert view.acts == 2
    with acting_as(other.pk):
        assert IdempotentReply.objects.of(organisation.pk).count() == 0


def test_a_key_that_is_too_long_is_refused(organisation: Organisation) -> None:
    with acting_as(organisation.pk), pytest.raises(KeyTooLong):
        Counting().post(_request(organisation, "k" * 81))
