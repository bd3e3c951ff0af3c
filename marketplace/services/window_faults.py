"""What can be wrong with a window of capacity, in sentences that say how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from devices.models import Machine
from marketplace.core.spans import DoubledLocalTime, Span, UnclearLocalTime, to_local
from marketplace.selectors.capacity import OfferedTime
from tenants.errors import Conflict, DomainError

Sentence = str | Promise


class WindowRefused(DomainError):
    """A window that cannot be, wherever it came from."""

    code = "window_refused"


class WindowsRefused(DomainError):
    """Windows of one request, refused together; `errors` names each by its index."""

    code = "windows_refused"


class WindowsOverlap(WindowRefused):
    code = "windows_overlap"


class ClockChange(WindowRefused):
    """A local time that a clock change removes or doubles."""

    code = "clock_change"


class WindowPast(WindowRefused):
    code = "window_past"


class PriceMissing(WindowRefused):
    code = "price_missing"


class TimeCommitted(Conflict):
    """Sold machine time cannot be taken off sale."""

    code = "time_committed"


class TimeOffered(Conflict):
    """Machine time that waits for the firm's own answer to an offer stays until it is given."""

    code = "time_offered"


class CapabilityMissing(DomainError):
    code = "capability_missing"


class ShiftsMissing(DomainError):
    code = "shifts_missing"


@dataclass(frozen=True, kw_only=True)
class WindowFault:
    """What is wrong with the window at `index` of a request."""

    index: int
    code: str
    sentence: Sentence


def span_text(span: Span, zone: str) -> str:
    """Write a span of instants by the site's clocks."""
    start, end = to_local(span, ZoneInfo(zone))
    return local_span_text(Span(start, end))


def local_span_text(span: Span) -> str:
    """Write a local span; the day of its end only where it differs."""
    shape = "%H:%M" if span.end.date() == span.start.date() else "%Y-%m-%d %H:%M"
    return f"{span.start:%Y-%m-%d %H:%M} – {span.end.strftime(shape)}"


def clock_change_sentence(unclear: UnclearLocalTime) -> Sentence:
    """Name the day of the clock change and the times to take instead."""
    values = {
        "weekday": WEEKDAYS[unclear.local.weekday()],
        "day": f"{unclear.local:%Y-%m-%d}",
        "time": f"{unclear.local:%H:%M}",
        "zone": unclear.zone,
        "before": f"{unclear.before:%H:%M}",
        "after": f"{unclear.after:%H:%M}",
    }
    if isinstance(unclear, DoubledLocalTime):
        return (
            _(
                "On %(weekday)s %(day)s the clocks in %(zone)s go back and %(time)s comes twice. "
                "Use %(before)s or %(after)s instead."
            )
            % values
        )
    return (
        _(
            "On %(weekday)s %(day)s the clocks in %(zone)s go forward and %(time)s does not exist. "
            "Use %(before)s or %(after)s instead."
        )
        % values
    )


def overlap_sentence(machine: Machine, first: str, second: str) -> Sentence:
    """Name the two times that share hours."""
    return _(
        "On %(machine)s the times %(first)s and %(second)s overlap. Shorten or remove one of them."
    ) % {"machine": machine.code, "first": first, "second": second}


def past_sentence(machine: Machine, span: Span) -> Sentence:
    return _("On %(machine)s the time %(span)s lies in the past. Draw it on a later day.") % {
        "machine": machine.code,
        "span": span_text(span, machine.site.time_zone),
    }


def empty_sentence(machine: Machine, at: datetime) -> Sentence:
    return _("On %(machine)s a window ends before it has begun (%(at)s). Give it a later end.") % {
        "machine": machine.code,
        "at": f"{at.astimezone(ZoneInfo(machine.site.time_zone)):%Y-%m-%d %H:%M}",
    }


def committed(machine: Machine, reserved: Span) -> TimeCommitted:
    """Return the refusal to take `reserved` time off sale."""
    return TimeCommitted(
        _(
            "On %(machine)s the time %(span)s is sold to an order and stays. "
            "Leave it in, and take the rest off sale."
        )
        % {"machine": machine.code, "span": span_text(reserved, machine.site.time_zone)}
    )


def offered(machine: Machine, asked: OfferedTime) -> TimeOffered:
    """Return the refusal to take time off sale that an offer asks for."""
    zone = machine.site.time_zone
    return TimeOffered(
        _(
            "On %(machine)s the time %(span)s is held for the offer of order %(order)s until "
            "%(expires)s. Answer that offer first: decline it, and the time is yours to withdraw."
        )
        % {
            "machine": machine.code,
            "span": span_text(asked.span, zone),
            "order": asked.offer.order_number,
            "expires": f"{asked.offer.expires_at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}",
        },
        offer=str(asked.offer.uid),
    )


def price_missing(machine: Machine) -> PriceMissing:
    return PriceMissing(
        _("%(machine)s has no price per hour. Enter one above zero.") % {"machine": machine.code}
    )
