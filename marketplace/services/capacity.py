"""Idle time for sale: entered, published, withdrawn.

Every service locks the machines it writes, in primary-key order, so that two requests about one
machine come one after the other. The exclusion constraint stands behind all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from devices.models import Machine, Shift
from evidence.services.transitions import StateConflict
from marketplace.core.spans import Span
from marketplace.models import Capability, CapacityWindow, WindowState
from marketplace.selectors.capacity import ACTIVE, Terms, latest_terms, span_of, unlisted_idle
from marketplace.services.window_checks import NewWindow, faults_of
from marketplace.services.window_faults import (
    CapabilityMissing,
    ShiftsMissing,
    WindowsRefused,
    price_missing,
)
from marketplace.services.window_rows import (
    lock_machines,
    record_by_machine,
    refuse_committed,
    set_terms,
    store_windows,
    tell_market,
)
from tenants.actors import Actor
from tenants.errors import NotFound
from tenants.live import announce
from tenants.models import Organisation

IDLE_NIGHTS_DAYS = 28


@transaction.atomic
def add_windows(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    new: Sequence[NewWindow],
    publish: bool = False,
) -> list[CapacityWindow]:
    """Enter windows, all or none, as drafts or with all other drafts of their machines for sale.

    Their price becomes the price of the machine.

    Raises:
        WindowsRefused: at least one is faulty; `errors` names each with its reason.
        CapabilityMissing: one is to be published of a machine without a process.
    """
    lock_machines(organisation, {one.machine.pk for one in new})
    faults = faults_of(organisation=organisation, now=now, new=new)
    if faults:
        raise WindowsRefused(
            faults[0].sentence,
            errors=[
                {"index": fault.index, "code": fault.code, "detail": str(fault.sentence)}
                for fault in faults
            ],
        )
    created = store_windows(organisation, now, new)
    record_by_machine("windows_drawn", created, by=by, now=now)
    set_terms(organisation=organisation, now=now, terms={one.machine.pk: one.terms for one in new})
    announce(tenant_ids=(organisation.pk,), key="capacity")
    if publish:
        drawn = {one.machine.pk: one.machine for one in new}
        publish_windows(organisation=organisation, by=by, now=now, machines=list(drawn.values()))
        for window in created:
            window.state = WindowState.LISTED
    return created


@transaction.atomic
def list_idle_nights(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    machines: Sequence[Machine],
    terms: Mapping[int, Terms],
    days: int = IDLE_NIGHTS_DAYS,
) -> list[CapacityWindow]:
    """Draw every hour of the next days in which no shift works and nothing is drawn or sold.

    `terms` by machine id; a machine without keeps its last price.

    Raises:
        ShiftsMissing: a machine's site has no shifts, so nothing says when it is idle.
        PriceMissing: a machine has no price, neither in `terms` nor from before.
    """
    lock_machines(organisation, {machine.pk for machine in machines})
    known = {**latest_terms(organisation.pk, machines), **terms}
    for machine in machines:
        if machine.pk not in known:
            raise price_missing(machine)
    _refuse_without_shifts(organisation, machines)
    next_hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    frame = Span(next_hour, next_hour + timedelta(days=days))
    idle = unlisted_idle(organisation.pk, machines, frame)
    new = [
        NewWindow(machine=machine, span=span, terms=known[machine.pk])
        for machine in machines
        for span in idle[machine.pk]
    ]
    return add_windows(organisation=organisation, by=by, now=now, new=new)


def _refuse_without_shifts(organisation: Organisation, machines: Sequence[Machine]) -> None:
    sites = {machine.site_id: machine.site for machine in machines}
    with_shifts = set(
        Shift.objects.of(organisation.pk)
        .filter(site__in=list(sites))
        .values_list("site_id", flat=True)
    )
    for site_id, site in sites.items():
        if site_id not in with_shifts:
            raise ShiftsMissing(
                _("%(site)s has no shifts yet, so nothing says when it is idle. Enter them first.")
                % {"site": site.name}
            )


@transaction.atomic
def publish_windows(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    machines: Sequence[Machine] | None = None,
) -> int:
    """Put the drafts ahead, of some machines or of all, up for sale; returns how many.

    Of two requests at once the second finds nothing left and returns 0.

    Raises:
        CapabilityMissing: a machine with drafts does nothing that a buyer could ask for.
    """
    drafts = (
        CapacityWindow.objects.of(organisation.pk)
        .filter(state=WindowState.DRAFT, during__endswith__gt=now, machine__is_active=True)
        .select_related("machine")
        .order_by("machine_id", "during")
    )
    if machines is not None:
        drafts = drafts.filter(machine__in=[machine.pk for machine in machines])
    lock_machines(organisation, drafts.order_by().values_list("machine_id", flat=True).distinct())
    found = list(drafts.all())
    _refuse_without_capability(organisation, {window.machine for window in found})
    published = (
        CapacityWindow.objects.of(organisation.pk)
        .filter(pk__in=[window.pk for window in found], state=WindowState.DRAFT)
        .update(state=WindowState.LISTED)
    )
    if published:
        record_by_machine("windows_listed", found, by=by, now=now)
        tell_market(organisation, {window.machine_id for window in found})
    return published


def _refuse_without_capability(organisation: Organisation, machines: set[Machine]) -> None:
    able = set(
        Capability.objects.of(organisation.pk)
        .filter(machine__in=[machine.pk for machine in machines])
        .values_list("machine_id", flat=True)
    )
    for machine in sorted(machines, key=lambda machine: machine.code):
        if machine.pk not in able:
            raise CapabilityMissing(
                _("%(machine)s has no process yet. Say what it can do, then publish.")
                % {"machine": machine.code}
            )


@transaction.atomic
def withdraw_windows(
    *, organisation: Organisation, by: Actor, now: datetime, uids: Sequence[UUID | str]
) -> int:
    """Take windows off sale, all or none.

    Raises:
        NotFound: one of them is not there.
        TimeCommitted: an order has bought time in one of them.
        TimeOffered: an offer that waits for an answer asks for time in one of them.
        StateConflict: one has been withdrawn already.
    """
    try:
        wanted = {UUID(str(uid)) for uid in uids}
    except ValueError as error:
        raise NotFound(_("There is no such window.")) from error
    found = list(
        CapacityWindow.objects.of(organisation.pk)
        .filter(uid__in=wanted)
        .select_related("machine__site")
        .order_by("machine_id", "during")
    )
    if len(found) < len(wanted):
        raise NotFound(_("There is no such window."))
    lock_machines(organisation, {window.machine_id for window in found})
    leaving: dict[Machine, list[Span]] = defaultdict(list)
    for window in found:
        leaving[window.machine].append(span_of(window))
    refuse_committed(organisation, leaving)
    withdrawn = (
        CapacityWindow.objects.of(organisation.pk)
        .filter(pk__in=[window.pk for window in found], state__in=ACTIVE)
        .update(state=WindowState.WITHDRAWN)
    )
    if withdrawn < len(found):
        raise StateConflict(_("One of these windows has been withdrawn already."))
    if found:
        record_by_machine("windows_withdrawn", found, by=by, now=now)
        tell_market(organisation, {window.machine_id for window in found})
    return withdrawn
