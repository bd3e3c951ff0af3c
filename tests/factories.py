"""One factory per model, with the least that makes a valid row.

Rows of an organisation are made inside `acting_as(organisation.pk)`, as in the product; the
functions at the end do that for the few things nearly every test needs.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import factory
from django.db import connection
from factory.django import DjangoModelFactory

from devices.models import Machine, Shift, Site
from marketplace.models import Capability, CapacityWindow, Order, Process
from tenants.acting import acting_as
from tenants.models import Membership, Organisation, Person

PASSWORD = "a long enough sentence"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday; the `now` that tests pass to services unless they say another."""


class PersonFactory(DjangoModelFactory[Person]):
    class Meta:
        model = Person

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    name = factory.Sequence(lambda n: f"Person {n}")
    time_zone = "UTC"


class OrganisationFactory(DjangoModelFactory[Organisation]):
    class Meta:
        model = Organisation

    name = factory.Sequence(lambda n: f"Organisation {n}")
    kinds = ["supplier"]
    time_zone = "UTC"


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    person = factory.SubFactory(PersonFactory)
    role = "owner"


class SiteFactory(DjangoModelFactory[Site]):
    class Meta:
        model = Site

    tenant = factory.SubFactory(OrganisationFactory)
    name = factory.Sequence(lambda n: f"Site {n}")
    time_zone = "Europe/Berlin"


class ShiftFactory(DjangoModelFactory[Shift]):
    class Meta:
        model = Shift

    site = factory.SubFactory(SiteFactory)
    tenant = factory.SelfAttribute("site.tenant")
    weekday = 0
    starts_at = time(8)
    ends_at = time(18)


class MachineFactory(DjangoModelFactory[Machine]):
    class Meta:
        model = Machine

    site = factory.SubFactory(SiteFactory)
    tenant = factory.SelfAttribute("site.tenant")
    code = factory.Sequence(lambda n: f"M-{n}")
    machine_type = "Press"


class CapabilityFactory(DjangoModelFactory[Capability]):
    class Meta:
        model = Capability

    machine = factory.SubFactory(MachineFactory)
    tenant = factory.SelfAttribute("machine.tenant")
    process = factory.LazyFunction(lambda: Process.objects.get(code="blanking"))
    pieces_per_hour = 750


class CapacityWindowFactory(DjangoModelFactory[CapacityWindow]):
    class Meta:
        model = CapacityWindow

    machine = factory.SubFactory(MachineFactory)
    tenant = factory.SelfAttribute("machine.tenant")
    during = (NOW + timedelta(hours=11), NOW + timedelta(hours=19))
    price_minor_per_hour = 8_000
    currency = "EUR"
    created_at = NOW


class OrderFactory(DjangoModelFactory[Order]):
    class Meta:
        model = Order

    tenant = factory.SubFactory(OrganisationFactory)
    number = factory.Sequence(lambda n: f"O-{n:04}")
    title = "Licence plates"
    quantity = 1_000
    currency = "CNY"
    earliest_start_at = NOW
    due_at = NOW + timedelta(days=14)
    created_by = "Buyer"
    created_at = NOW


def make_organisation(**fields: object) -> Organisation:
    """Return a new organisation, entered as anybody may enter one."""
    with acting_as(0):
        return OrganisationFactory.create(**fields)


def make_member(
    organisation: Organisation | None = None,
    *,
    role: str = "owner",
    person: Person | None = None,
    **fields: object,
) -> Membership:
    """Return a membership of `person` or a new one; `fields` describe a new organisation."""
    organisation = organisation or make_organisation(**fields)
    with acting_as(organisation.pk):
        given = {"person": person} if person else {}
        membership = MembershipFactory.create(tenant=organisation, role=role, **given)
    membership.tenant = organisation
    return membership


def make_operator() -> Membership:
    """Return an owner of the platform's own organisation."""
    with acting_as(0):
        platform = Organisation.objects.get(pk=1)
    return make_member(platform)


def rows_seen_by(tenant_id: int, table: str) -> int:
    """Return how many rows of a table the database shows to an organisation."""
    with acting_as(tenant_id), connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        return int(cursor.fetchone()[0])
