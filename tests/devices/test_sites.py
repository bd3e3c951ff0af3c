"""Sites and shifts."""

from __future__ import annotations

from datetime import time

import pytest

from devices.models import Shift, Site
from devices.services.sites import (
    ShiftsOverlap,
    ShiftTime,
    SiteNameTaken,
    UnknownTimeZone,
    save_site,
    set_shifts,
)
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.models import Organisation
from tests.factories import NOW, make_organisation


@pytest.fixture
def organisation(db: None) -> Organisation:
    return make_organisation()


def _save(organisation: Organisation, site: Site) -> Site:
    by = Actor(tenant_id=organisation.pk, name="Ada")
    return save_site(organisation=organisation, by=by, now=NOW, site=site)


def _set(organisation: Organisation, site: Site, *shifts: tuple[int, int, int]) -> None:
    set_shifts(
        organisation=organisation,
        by=Actor(tenant_id=organisation.pk, name="Ada"),
        now=NOW,
        site=site,
        shifts=[
            ShiftTime(weekday=day, starts_at=time(start), ends_at=time(end))
            for day, start, end in shifts
        ],
    )


def test_a_site_needs_a_name_of_its_own_and_a_real_zone(organisation: Organisation) -> None:
    with acting_as(organisation.pk):
        _save(organisation, Site(name="North"))
        with pytest.raises(SiteNameTaken, match="named “North” already"):
            _save(organisation, Site(name="North"))
        with pytest.raises(UnknownTimeZone, match="“Mars/Base” is not a time zone"):
            _save(organisation, Site(name="South", time_zone="Mars/Base"))


def test_shifts_replace_those_before(organisation: Organisation) -> None:
    with acting_as(organisation.pk):
        site = _save(organisation, Site(name="North"))
        _set(organisation, site, (0, 6, 14), (0, 14, 22))
        _set(organisation, site, (0, 22, 6))
        assert list(Shift.objects.values_list("weekday", "starts_at", "ends_at")) == [
            (0, time(22), time(6))
        ]


@pytest.mark.parametrize(
    ("first", "second"),
    [((0, 6, 14), (0, 13, 20)), ((0, 22, 6), (1, 5, 9)), ((6, 22, 6), (0, 5, 9))],
)
def test_shifts_that_overlap_are_refused_even_over_the_week_end(
    organisation: Organisation, first: tuple[int, int, int], second: tuple[int, int, int]
) -> None:
    with acting_as(organisation.pk):
        site = _save(organisation, Site(name="North"))
        with pytest.raises(ShiftsOverlap, match="overlap"):
            _set(organisation, site, first, second)
        assert not Shift.objects.exists()
