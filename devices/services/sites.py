"""Sites and their weekly shifts."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from itertools import pairwise
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from devices.models import Machine, Shift, Site
from devices.services.topics import MACHINES_CHANGED
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError
from tenants.models import Organisation
from tenants.services.audit import record_act
from tenants.services.outbox import send_after_commit

DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES


class SiteNameTaken(Conflict):
    code = "site_name_taken"


class UnknownTimeZone(DomainError):
    code = "unknown_time_zone"


class ShiftsOverlap(DomainError):
    code = "shifts_overlap"


@dataclass(frozen=True, kw_only=True, order=True)
class ShiftTime:
    """One weekly shift, 0 being Monday; an end at or before the start is on the next day."""

    weekday: int
    starts_at: time
    ends_at: time

    @property
    def start_minute(self) -> int:
        return self.weekday * DAY_MINUTES + self.starts_at.hour * 60 + self.starts_at.minute

    @property
    def end_minute(self) -> int:
        minute = self.weekday * DAY_MINUTES + self.ends_at.hour * 60 + self.ends_at.minute
        return minute + DAY_MINUTES if self.ends_at <= self.starts_at else minute

    def __str__(self) -> str:
        return f"{WEEKDAYS[self.weekday]} {self.starts_at:%H:%M}–{self.ends_at:%H:%M}"


def save_site(*, organisation: Organisation, by: Actor, now: datetime, site: Site) -> Site:
    """Enter a new site or change one.

    Raises:
        SiteNameTaken: another site of the organisation bears the name.
        UnknownTimeZone: the zone's name is not in the time zone database.
    """
    if site.time_zone not in zoneinfo.available_timezones():
        raise UnknownTimeZone(
            _("“%(zone)s” is not a time zone. Write it like Asia/Shanghai or Europe/Berlin.")
            % {"zone": site.time_zone}
        )
    is_new = site.pk is None
    site.tenant = organisation
    try:
        with transaction.atomic():
            site.save()
    except IntegrityError as error:
        raise SiteNameTaken(
            _("You have a site named “%(name)s” already. Choose another name.")
            % {"name": site.name}
        ) from error
    _record(by, now, "site.added" if is_new else "site.changed", site, name=site.name)
    if not is_new:
        announce_machines(organisation, site)
    return site


@transaction.atomic
def save_site_with_shifts(
    *, organisation: Organisation, by: Actor, now: datetime, site: Site, shifts: Iterable[ShiftTime]
) -> None:
    """Enter or change a site and replace its shifts in one act.

    Raises:
        SiteNameTaken, UnknownTimeZone, ShiftsOverlap: as the two acts alone.
    """
    save_site(organisation=organisation, by=by, now=now, site=site)
    set_shifts(organisation=organisation, by=by, now=now, site=site, shifts=shifts)


@transaction.atomic
def set_shifts(
    *, organisation: Organisation, by: Actor, now: datetime, site: Site, shifts: Iterable[ShiftTime]
) -> None:
    """Replace a site's weekly shifts.

    Raises:
        ShiftsOverlap: two shifts share time, the last of the week and the first of the next too.
    """
    ordered = sorted(shifts, key=lambda shift: shift.start_minute)
    _refuse_overlap(ordered)
    Shift.objects.of(organisation.pk).filter(site=site).delete()
    Shift.objects.bulk_create(
        Shift(
            tenant=organisation,
            site=site,
            weekday=shift.weekday,
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
        )
        for shift in ordered
    )
    hours = sum(shift.end_minute - shift.start_minute for shift in ordered) / 60
    _record(by, now, "site.shifts_set", site, shifts=len(ordered), hours=hours)


def _refuse_overlap(ordered: list[ShiftTime]) -> None:
    for earlier, later in pairwise(ordered):
        if later.start_minute < earlier.end_minute:
            raise _overlap(earlier, later)
    if len(ordered) > 1 and ordered[-1].end_minute - WEEK_MINUTES > ordered[0].start_minute:
        raise _overlap(ordered[-1], ordered[0])


def _overlap(earlier: ShiftTime, later: ShiftTime) -> ShiftsOverlap:
    return ShiftsOverlap(
        _("The shifts %(earlier)s and %(later)s overlap. End the first before the second starts.")
        % {"earlier": earlier, "later": later}
    )


def announce_machines(organisation: Organisation, site: Site) -> None:
    """Tell whoever copies machines that those of a site have changed."""
    ids = list(Machine.objects.of(organisation.pk).filter(site=site).values_list("id", flat=True))
    if ids:
        send_after_commit(
            tenant_id=organisation.pk,
            topic=MACHINES_CHANGED,
            supplier_id=organisation.pk,
            machine_ids=ids,
        )


def _record(by: Actor, now: datetime, action: str, site: Site, **detail: Any) -> None:
    record_act(by=by, now=now, action=action, subject="site", subject_uid=site.uid, **detail)
