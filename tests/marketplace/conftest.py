"""A supplier with one site, shifts and machines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

import pytest

from devices.models import Machine, Site
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.models import Organisation
from tests.factories import (
    CapabilityFactory,
    MachineFactory,
    ShiftFactory,
    SiteFactory,
    make_organisation,
)


@dataclass(frozen=True)
class Works:
    """A supplier in Berlin with day shifts from Monday to Friday and two able machines."""

    organisation: Organisation
    site: Site
    machines: list[Machine]

    @property
    def by(self) -> Actor:
        return Actor(tenant_id=self.organisation.pk, name="Ada")


def make_works(machines: int = 2) -> Works:
    organisation = make_organisation(time_zone="Europe/Berlin", currency="EUR", country="DE")
    with acting_as(organisation.pk):
        site = SiteFactory.create(tenant=organisation, name="North hall")
        for weekday in range(5):
            ShiftFactory.create(site=site, weekday=weekday, starts_at=time(8), ends_at=time(18))
        made = [MachineFactory.create(site=site, code=f"M-{n:02}") for n in range(1, machines + 1)]
        for machine in made:
            CapabilityFactory.create(machine=machine)
    return Works(organisation, site, made)


@pytest.fixture
def works(db: None) -> Works:
    return make_works()
