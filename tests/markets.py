"""A small market for tests of matching: listings, orders, and the messages between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import override_settings

from marketplace.core.asked import AskedOrder, AskedStep
from marketplace.core.listed import ListedCapability, ListedMachine
from marketplace.models import Listing, ListingState, Order, Plan, PlanRequest
from marketplace.services.orders import post_order
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.models import Organisation, OutboxMessage
from tenants.services import outbox
from tests.factories import NOW, make_organisation

SIMPLE = (("blanking", 600), ("embossing", 400))


def list_machine(
    supplier: Organisation,
    machine_id: int,
    *capabilities: tuple[str, int],
    days: int = 20,
    price: int = 6_000,
    x_km: float = 0.0,
    minimum_lot: int = 1,
    windows: list[tuple[datetime, datetime]] | None = None,
    attributes: dict[str, Any] | None = None,
    currency: str = "CNY",
    **fields: Any,
) -> Listing:
    """Enter a machine in the market as the platform's copy of a publication."""
    machine = ListedMachine(
        supplier_name=supplier.name,
        site_uid=str(supplier.uid),
        site_name=f"{supplier.name} hall",
        time_zone="UTC",
        machine_code=f"M-{machine_id}",
        machine_type="Press",
        x_km=x_km,
        capabilities=tuple(
            ListedCapability(
                process=process,
                pieces_per_hour=rate,
                set_up_minutes=10,
                attributes=attributes or {},
            )
            for process, rate in capabilities
        ),
    )
    spans = windows or [
        (NOW + timedelta(days=day, hours=1), NOW + timedelta(days=day, hours=21))
        for day in range(days)
    ]
    with acting_as(PLATFORM_ID):
        return Listing.objects.create(
            tenant_id=PLATFORM_ID,
            supplier=supplier,
            machine_id=machine_id,
            machine_uid=supplier.uid,
            processes=machine.processes,
            snapshot=machine.to_json(),
            windows=[[start.isoformat(), end.isoformat()] for start, end in spans],
            price_minor_per_hour=price,
            currency=currency,
            minimum_lot=minimum_lot,
            state=ListingState.LISTED,
            listed_until=spans[-1][1],
            updated_at=NOW,
            **fields,
        )


def make_market(suppliers: int = 3) -> list[Organisation]:
    """Return suppliers that each have one machine for either step of `SIMPLE`."""
    made = []
    for number in range(suppliers):
        supplier = make_organisation(name=f"Works {number}")
        list_machine(supplier, 10 * number + 1, SIMPLE[0], x_km=30.0 * number)
        list_machine(supplier, 10 * number + 2, SIMPLE[1], x_km=30.0 * number, price=8_000)
        made.append(supplier)
    return made


def asked(**changes: Any) -> AskedOrder:
    """Return an order over both steps of `SIMPLE`, due in ten days."""
    fields: dict[str, Any] = {
        "title": "Licence plates",
        "quantity": 20_000,
        "currency": "CNY",
        "steps": tuple(AskedStep(process=process) for process, _ in SIMPLE),
        "earliest_start_at": NOW,
        "due_at": NOW + timedelta(days=10),
    }
    return AskedOrder(**{**fields, **changes})


def post(buyer: Organisation, *, now: datetime = NOW, **changes: Any) -> Order:
    """Post an order as the buyer."""
    with acting_as(buyer.pk):
        return post_order(organisation=buyer, by=actor(buyer), now=now, asked=asked(**changes))


def actor(organisation: Organisation) -> Actor:
    """Return somebody who acts for an organisation."""
    return Actor(tenant_id=organisation.pk, name="Li Wei")


@contextmanager
def site_time(now: datetime) -> Iterator[None]:
    """Let the site clock run on from `now`, as handlers read it."""
    start = datetime.now(UTC).isoformat()
    with override_settings(SITE_CLOCK_EPOCH=now.isoformat(), SITE_CLOCK_START=start):
        yield


def deliver(
    *organisations: Organisation,
    topics: set[str] | None = None,
    now: datetime = NOW,
    rounds: int = 8,
) -> int:
    """Handle all open outbox messages of some organisations and of the platform."""
    with site_time(now):
        return _deliver([PLATFORM_ID, *(one.pk for one in organisations)], topics, rounds)


def _deliver(tenant_ids: list[int], topics: set[str] | None, rounds: int) -> int:
    handled = 0
    for _ in range(rounds):
        open_ones = []
        for tenant_id in tenant_ids:
            with acting_as(tenant_id):
                mine = OutboxMessage.objects.of(tenant_id).filter(handled_at=None)
                if topics is not None:
                    mine = mine.filter(topic__in=topics)
                open_ones += [(one.id, tenant_id) for one in mine.order_by("id")]
        if not open_ones:
            break
        for message_id, tenant_id in open_ones:
            outbox.handle(message_id=message_id, tenant_id=tenant_id)
            handled += 1
    return handled


def requests_of(buyer: Organisation) -> list[PlanRequest]:
    """Return the buyer's plan requests, oldest first."""
    with acting_as(buyer.pk):
        return list(PlanRequest.objects.filter(buyer=buyer).order_by("id"))


def plans_of(buyer: Organisation) -> list[Plan]:
    """Return the buyer's plans, oldest first."""
    with acting_as(buyer.pk):
        return list(Plan.objects.filter(buyer=buyer).order_by("id"))
