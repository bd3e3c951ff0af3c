"""An order that waits for its money, its parties, and a topic that another process handles."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from marketplace.models import Funding
from marketplace.services.settlement import ask_for_funding, confirm_proof, send_proof
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.models import Membership
from tenants.services import outbox
from tests.factories import NOW, OrderFactory, make_member


@pytest.fixture(autouse=True)
def production_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `funding.confirmed` be sent here, whoever handles it."""
    handlers = dict(outbox._handlers)
    handlers.setdefault(
        "funding.confirmed", outbox.Handler(queue="default", merges=False, run=lambda **_: None)
    )
    monkeypatch.setattr(outbox, "_handlers", handlers)


@dataclass(frozen=True, kw_only=True)
class Deal:
    """A buyer with an order, two suppliers and a lender."""

    buyer: Membership
    supplier: Membership
    other: Membership
    lender: Membership
    order: object

    def actor(self, who: str) -> Actor:
        return Actor.of_member(getattr(self, who))


@pytest.fixture
def deal() -> Deal:
    buyer = make_member(kinds=["buyer"])
    with acting_as(buyer.tenant_id):
        order = OrderFactory(tenant=buyer.tenant, cost_minor=1_000_000, state="confirmed")
    return Deal(
        buyer=buyer,
        supplier=make_member(kinds=["supplier"]),
        other=make_member(kinds=["supplier"]),
        lender=make_member(kinds=["lender"]),
        order=order,
    )


def asked(deal: Deal) -> Funding:
    with acting_as(deal.buyer.tenant_id):
        return ask_for_funding(order=deal.order, by=deal.actor("buyer"), now=NOW)


def proved(deal: Deal) -> Funding:
    funding = asked(deal)
    with acting_as(deal.buyer.tenant_id):
        send_proof(funding=funding, proof="TX 1", by=deal.actor("buyer"), now=NOW)
    return funding


def funded(deal: Deal) -> Funding:
    funding = proved(deal)
    with acting_as(PLATFORM_ID):
        confirm_proof(funding=funding, by=Actor.system(PLATFORM_ID), now=NOW)
    return funding
