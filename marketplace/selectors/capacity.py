"""Reads of capacity: windows, prices, what goes unsold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from devices.models import Machine, Shift
from marketplace.core.share import Share
from marketplace.core.spans import Span, WorkingTime, idle_spans, intersect, subtract
from marketplace.models import (
    Capability,
    CapacityWindow,
    Listing,
    Offer,
    OfferState,
    WindowState,
)
from marketplace.selectors.catalogue import capabilities
from scheduling.models import Reservation, ReservationState
from tenants.models import Organisation

ACTIVE = (WindowState.DRAFT, WindowState.LISTED)
LIVE_RESERVATIONS = (ReservationState.HELD, ReservationState.BOOKED, ReservationState.BLOCKED)
UNSOLD_DAYS = 14
LISTED_DAYS = 28


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an hour of a machine costs, and the fewest pieces it is set up for."""

    price_minor_per_hour: int
    minimum_lot: int = 1


@dataclass(frozen=True, kw_only=True)
class Unsold:
    """Idle hours ahead that nobody can buy, and what they would bring."""

    hours: float
    value_minor: int | None
    currency: str
    days: int
    machines: int


def windows(tenant_id: int) -> QuerySet[CapacityWindow]:
    """Return all windows with machine and site, in order of time."""
    return (
        CapacityWindow.objects.of(tenant_id)
        .select_related("machine__site")
        .order_by("during", "machine__code")
    )


def active_windows(
    tenant_id: int, machines: Iterable[Machine], frame: Span
) -> dict[int, list[CapacityWindow]]:
    """Return the drafts and listed windows that touch `frame`, by machine id, in order."""
    found: dict[int, list[CapacityWindow]] = defaultdict(list)
    rows = (
        CapacityWindow.objects.of(tenant_id)
        .filter(machine__in=[m.pk for m in machines], state__in=ACTIVE)
        .filter(during__overlap=tuple(frame))
        .order_by("during")
    )
    for row in rows:
        found[row.machine_id].append(row)
    return found


def drawn_spans(
    tenant_id: int, machines: Iterable[Machine], frame: Span
) -> dict[int, dict[str, list[Span]]]:
    """Return the time of active windows that touch `frame`, by machine id and state, in order.

    Lighter than the rows themselves where only their time is asked for.
    """
    found: dict[int, dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    rows = (
        CapacityWindow.objects.of(tenant_id)
        .filter(machine__in=[m.pk for m in machines], state__in=ACTIVE)
        .filter(during__overlap=tuple(frame))
        .order_by("during")
        .values_list("machine_id", "state", "during")
    )
    for machine_id, state, during in rows:
        found[machine_id][state].append(Span(during.lower, during.upper))
    return found


def reserved_spans(
    tenant_id: int, machines: Iterable[Machine], frame: Span
) -> dict[int, list[Span]]:
    """Return the time that is spoken for inside `frame`, by machine id, in order."""
    found: dict[int, list[Span]] = defaultdict(list)
    rows = (
        Reservation.objects.of(tenant_id)
        .filter(machine__in=[m.pk for m in machines], state__in=LIVE_RESERVATIONS)
        .filter(during__overlap=tuple(frame))
        .order_by("during")
        .values_list("machine_id", "during")
    )
    for machine_id, during in rows:
        found[machine_id].append(Span(during.lower, during.upper))
    return found


@dataclass(frozen=True, kw_only=True)
class OfferedTime:
    """Time of a machine that an offer without an answer asks for."""

    span: Span
    offer: Offer


def offered_times(
    tenant_id: int, machines: Iterable[Machine], frame: Span
) -> dict[int, list[OfferedTime]]:
    """Return the time inside `frame` that waits for the firm's own answer, by machine id.

    An offer counts until its answer or its lapse is stored, whatever the clock says: an answer
    that was given in time may still be on its way.
    """
    wanted = {machine.pk for machine in machines}
    offers = Offer.objects.of_supplier(tenant_id).filter(
        state=OfferState.OFFERED, starts_at__lt=frame.end, ends_at__gt=frame.start
    )
    found: dict[int, list[OfferedTime]] = defaultdict(list)
    for offer in offers.order_by("pk"):
        for operation in Share.from_json(offer.snapshot).operations:
            span = Span(operation.start_at, operation.end_at)
            if operation.machine_id in wanted and span.overlaps(frame):
                found[operation.machine_id].append(OfferedTime(span=span, offer=offer))
    return found


def latest_terms(tenant_id: int, machines: Iterable[Machine]) -> dict[int, Terms]:
    """Return the newest price and minimum lot of each machine that ever had one."""
    rows = (
        CapacityWindow.objects.of(tenant_id)
        .filter(machine__in=[m.pk for m in machines])
        .order_by("machine_id", "-id")
        .distinct("machine_id")
        .values_list("machine_id", "price_minor_per_hour", "minimum_lot")
    )
    return {pk: Terms(price_minor_per_hour=price, minimum_lot=lot) for pk, price, lot in rows}


def working_times(tenant_id: int) -> dict[int, list[WorkingTime]]:
    """Return the weekly shifts by site id."""
    found: dict[int, list[WorkingTime]] = defaultdict(list)
    for shift in Shift.objects.of(tenant_id).order_by("site_id", "weekday", "starts_at"):
        found[shift.site_id].append(
            WorkingTime(weekday=shift.weekday, starts_at=shift.starts_at, ends_at=shift.ends_at)
        )
    return found


def unlisted_idle(
    tenant_id: int, machines: Sequence[Machine], frame: Span
) -> dict[int, list[Span]]:
    """Return by machine id the idle time inside `frame` that no window and no order has.

    Machines of a site without shifts are left out: nothing says when they are idle.
    """
    shifts = working_times(tenant_id)
    drawn = drawn_spans(tenant_id, machines, frame)
    reserved = reserved_spans(tenant_id, machines, frame)
    idle: dict[int, list[Span]] = {}
    by_site = {
        site_id: idle_spans(times, ZoneInfo(zone), frame)
        for site_id, zone in {(m.site_id, m.site.time_zone) for m in machines}
        if (times := shifts.get(site_id))
    }
    for machine in machines:
        if machine.site_id in by_site:
            taken = [span for spans in drawn[machine.pk].values() for span in spans]
            taken += reserved[machine.pk]
            idle[machine.pk] = subtract(by_site[machine.site_id], taken)
    return idle


def unsold(*, organisation: Organisation, now: datetime, machines: Sequence[Machine]) -> Unsold:
    """Return the idle hours of the next fourteen days that are not even drawn, and their value.

    A machine that never had a price counts at the median of the others.
    """
    frame = Span(now, now + timedelta(days=UNSOLD_DAYS))
    hours = {
        machine_id: sum(span.hours for span in spans)
        for machine_id, spans in unlisted_idle(organisation.pk, machines, frame).items()
    }
    prices = {
        pk: t.price_minor_per_hour for pk, t in latest_terms(organisation.pk, machines).items()
    }
    usual = median(prices.values()) if prices else None
    value = sum(h * prices.get(pk, usual) for pk, h in hours.items()) if usual else None
    return Unsold(
        hours=sum(hours.values()),
        value_minor=None if value is None else round(value),
        currency=organisation.currency,
        days=UNSOLD_DAYS,
        machines=sum(h > 0 for h in hours.values()),
    )


def own_listings(tenant_id: int) -> QuerySet[Listing]:
    """Return what the market sees of the organisation's machines, newest first."""
    return Listing.objects.filter(supplier_id=tenant_id).order_by("-id")


def span_of(window: CapacityWindow) -> Span:
    return Span(window.during.lower, window.during.upper)


@dataclass(frozen=True, kw_only=True)
class MachineRow:
    """A machine as its list shows it; hours listed lie ahead."""

    machine: Machine
    capabilities: Sequence[Capability]
    terms: Terms | None
    listed_hours: float

    @property
    def live_key(self) -> str:
        """Return the key under which devices announce the machine's state."""
        return f"machines.{self.machine.uid}"

    @property
    def state(self) -> str:
        latest = getattr(self.machine, "latest", None)
        return latest.state if latest else "offline"


def machine_rows(tenant_id: int, machines: Sequence[Machine], *, now: datetime) -> list[MachineRow]:
    """Return machines with their processes, price and listed hours ahead; four queries."""
    can_do = capabilities(tenant_id, machines)
    terms = latest_terms(tenant_id, machines)
    frame = Span(now, now + timedelta(days=LISTED_DAYS))
    drawn = drawn_spans(tenant_id, machines, frame)
    return [
        MachineRow(
            machine=machine,
            capabilities=can_do[machine.pk],
            terms=terms.get(machine.pk),
            listed_hours=sum(
                span.hours for span in intersect(drawn[machine.pk][WindowState.LISTED], frame)
            ),
        )
        for machine in machines
    ]
