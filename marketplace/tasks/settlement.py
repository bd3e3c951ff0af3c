"""Money that follows from inspections and acceptance: queue `money`, as the platform."""

from __future__ import annotations

from uuid import UUID

from marketplace.services.credit_sharing import keep_fresh
from marketplace.services.learning import ask_to_learn
from marketplace.services.settlement import book_released, close_money
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.clock import site_now
from tenants.models import Organisation
from tenants.services.outbox import handles


@handles("release.created", queue="money")
def book_release_that_was_made(*, buyer_id: int, release_uid: str) -> None:
    """Book a release that a buyer's inspection has made."""
    with acting_as(PLATFORM_ID):
        book_released(release_uid=UUID(release_uid), now=site_now())


@handles("order.accepted", queue="money")
def close_money_of_accepted_order(*, buyer_id: int, order_uid: str) -> None:
    """Pay back what an accepted order has not used."""
    with acting_as(PLATFORM_ID):
        close_money(buyer_id=buyer_id, order_uid=UUID(order_uid), now=site_now())


@handles("credit.due")
def report_on_supplier(*, supplier_id: int) -> None:
    """Bring the credit report of a supplier up to date after an order."""
    with acting_as(supplier_id):
        supplier = Organisation.objects.get(pk=supplier_id)
        keep_fresh(supplier=supplier, by=Actor.system(supplier_id), now=site_now())
        ask_to_learn(supplier_id=supplier_id)
