"""A week of idle time as the grid draws it: local half hours, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date

from devices.models import Machine
from marketplace.core.spans import (
    Span,
    WorkingTime,
    intersect,
    on_half_hours,
    split_at_midnights,
    to_local,
    week_frame,
    working_spans,
)
from marketplace.models import WindowState
from marketplace.selectors.capacity import (
    LISTED_DAYS,
    drawn_spans,
    reserved_spans,
    working_times,
)
from tenants.templatetags.formats import local_name, reader_locale

Piece = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Week:
    """What the grid needs: its days, its machines with their shifts, and the drawn pieces."""

    monday: date
    days: Sequence[dict[str, str]]
    machines: Sequence[dict[str, Any]]
    drawn: Sequence[Piece]

    @property
    def previous(self) -> date:
        return self.monday - timedelta(days=7)

    @property
    def next(self) -> date:
        return self.monday + timedelta(days=7)

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """Hours of the next four weeks: drafts, for sale, and sold."""

    draft: float
    listed: float
    sold: float
    days: int = LISTED_DAYS


def week_of(
    tenant_id: int, machines: Sequence[Machine], *, monday: date, now: datetime, chosen: str = ""
) -> Week:
    """Return a week of all machines, each by the clocks of its site."""
    frames = {m.pk: week_frame(monday, ZoneInfo(m.site.time_zone)) for m in machines}
    reach = Span(
        min((frame.start for frame in frames.values()), default=now),
        max((frame.end for frame in frames.values()), default=now),
    )
    windows = drawn_spans(tenant_id, machines, reach)
    sold = reserved_spans(tenant_id, machines, reach)
    shifts = working_times(tenant_id)
    drawn: list[Piece] = []
    rows = []
    for machine in machines:
        zone, frame = ZoneInfo(machine.site.time_zone), frames[machine.pk]
        by_state = windows[machine.pk]
        past = intersect([Span(frame.start, min(now, frame.end))], frame)
        rows.append(
            {
                "id": str(machine.uid),
                "name": f"{machine.code} · {local_name(machine.site)}",
                "selected": str(machine.uid) == chosen,
                "shifts": _pieces(_working(shifts, machine, zone, frame), zone, frame),
                "listed": _pieces(by_state[WindowState.LISTED], zone, frame),
                "sold": _pieces(sold[machine.pk], zone, frame),
                "past": _pieces(past, zone, frame),
            }
        )
        own = _pieces((span for spans in by_state.values() for span in spans), zone, frame)
        drawn += [{"machine": str(machine.uid), **piece} for piece in own]
    return Week(monday=monday, days=_days(monday), machines=rows, drawn=drawn)


def _working(
    shifts: dict[int, list[WorkingTime]], machine: Machine, zone: ZoneInfo, frame: Span
) -> list[Span]:
    return working_spans(shifts.get(machine.site_id, []), zone, frame)


def _pieces(spans: Iterable[Span], zone: ZoneInfo, frame: Span) -> list[Piece]:
    """Return spans cut at midnight, in half hours; "24:00" is the end of a day."""
    local = (on_half_hours(to_local(span, zone)) for span in intersect(spans, frame))
    return [
        {
            "day": piece.start.date().isoformat(),
            "start": f"{piece.start:%H:%M}",
            "end": "24:00" if piece.end.date() > piece.start.date() else f"{piece.end:%H:%M}",
        }
        for span in local
        for piece in split_at_midnights(span)
    ]


def _days(monday: date) -> list[dict[str, str]]:
    locale = reader_locale()
    pattern = "EEE d日" if locale.language == "zh" else "EEE d"
    return [
        {"key": day.isoformat(), "label": format_date(day, pattern, locale=locale)}
        for day in (monday + timedelta(days=n) for n in range(7))
    ]


def hours_ahead(tenant_id: int, machines: Sequence[Machine], *, now: datetime) -> Ahead:
    """Return the hours ahead that are drawn, for sale and sold; two queries."""
    frame = Span(now, now + timedelta(days=LISTED_DAYS))
    drawn = drawn_spans(tenant_id, machines, frame)
    sold = reserved_spans(tenant_id, machines, frame)

    def hours(spans: Iterable[Span]) -> float:
        return sum(span.hours for span in intersect(spans, frame))

    return Ahead(
        draft=sum(hours(spans[WindowState.DRAFT]) for spans in drawn.values()),
        listed=sum(hours(spans[WindowState.LISTED]) for spans in drawn.values()),
        sold=sum(hours(spans) for spans in sold.values()),
    )
