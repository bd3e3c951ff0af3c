"""Spans of time: merged, cut, and carried between local clocks and UTC.

A span is half-open, `[start, end)`. Instants are aware and in UTC; local times are naive and
belong to a site's zone, whose clock changes make some of them not exist and others come twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60


class Span(NamedTuple):
    """`[start, end)`; both aware, or both local and naive."""

    start: datetime
    end: datetime

    @property
    def hours(self) -> float:
        return (self.end - self.start).total_seconds() / 3600

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


class UnclearLocalTime(ValueError):
    """A local time that a clock change removes or doubles; clear are `before` and `after`."""

    def __init__(self, *, local: datetime, zone: str, before: datetime, after: datetime) -> None:
        super().__init__(f"{local} in {zone}")
        self.local, self.zone, self.before, self.after = local, zone, before, after


class NoSuchLocalTime(UnclearLocalTime):
    """The clocks go forward over it."""


class DoubledLocalTime(UnclearLocalTime):
    """The clocks go back over it, so that it comes twice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkingTime:
    """A weekly shift, 0 being Monday; an end at or before the start is on the next day."""

    weekday: int
    starts_at: time
    ends_at: time


def merge(spans: Iterable[Span]) -> list[Span]:
    """Return the same time in order, what overlaps or touches being one span."""
    merged: list[Span] = []
    for span in sorted(spans):
        if span.start >= span.end:
            continue
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Return the time of `spans` that lies in none of `holes`, merged."""
    left: list[Span] = []
    cuts = merge(holes)
    position = 0
    for span in merge(spans):
        start = span.start
        while position < len(cuts) and cuts[position].end <= start:
            position += 1
        for cut in cuts[position:]:
            if cut.start >= span.end:
                break
            if cut.start > start:
                left.append(Span(start, cut.start))
            start = max(start, cut.end)
        if start < span.end:
            left.append(Span(start, span.end))
    return left


def intersect(spans: Iterable[Span], frame: Span) -> list[Span]:
    """Return the time of `spans` inside `frame`, merged."""
    return merge(Span(max(s.start, frame.start), min(s.end, frame.end)) for s in spans)


def find_overlap(spans: Iterable[Span]) -> tuple[Span, Span] | None:
    """Return the first two spans that share time, or None."""
    ordered = sorted(spans)
    for earlier, later in pairwise(ordered):
        if later.start < earlier.end:
            return earlier, later
    return None


def local_moment(day: date, minute: int) -> datetime:
    """Return the local time `minute` minutes into `day`; 1440 is the next midnight."""
    return datetime.combine(day, time.min) + timedelta(minutes=minute)


def to_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a local time.

    Raises:
        NoSuchLocalTime: the clocks jump over it.
        DoubledLocalTime: it comes twice.
    """
    first, second = _readings(local, zone)
    if first == second:
        return first
    exists = first.astimezone(zone).replace(tzinfo=None) == local
    kind = DoubledLocalTime if exists else NoSuchLocalTime
    raise kind(
        local=local,
        zone=zone.key,
        before=_next_clear(local, zone, step=-1),
        after=_next_clear(local, zone, step=1),
    )


def _readings(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return what `local` means before and after a clock change; equal when there is none."""
    aware = local.replace(tzinfo=zone)
    return aware.replace(fold=0).astimezone(UTC), aware.replace(fold=1).astimezone(UTC)


def _next_clear(local: datetime, zone: ZoneInfo, *, step: int) -> datetime:
    """Return the nearest half hour before or after `local` that exists once."""
    moment = local.replace(minute=30 * (local.minute // 30), second=0, microsecond=0)
    while True:
        first, second = _readings(moment, zone)
        if first == second:
            return moment
        moment += timedelta(minutes=30 * step)


def to_local(span: Span, zone: ZoneInfo) -> Span:
    """Return a span of instants as the site's clocks show it."""
    return Span(*(moment.astimezone(zone).replace(tzinfo=None) for moment in span))


def split_at_midnights(span: Span) -> list[Span]:
    """Return a local span cut at each midnight inside it."""
    pieces, start = [], span.start
    while start < span.end:
        midnight = datetime.combine(start.date() + timedelta(days=1), time.min)
        pieces.append(Span(start, min(midnight, span.end)))
        start = midnight
    return pieces


def on_half_hours(span: Span) -> Span:
    """Return a local span widened to full half hours, as the week grid shows it."""
    half = timedelta(minutes=30)
    start = span.start - (span.start - datetime.min) % half
    return Span(start, span.end + (datetime.min - span.end) % half)


def week_frame(monday: date, zone: ZoneInfo) -> Span:
    """Return the instants from one local Monday to the next."""
    return Span(
        _readings(local_moment(monday, 0), zone)[0],
        _readings(local_moment(monday + timedelta(days=7), 0), zone)[0],
    )


def working_spans(shifts: Sequence[WorkingTime], zone: ZoneInfo, frame: Span) -> list[Span]:
    """Return when a site works inside `frame`; across a clock change the longer reading counts.

    So time that might be a shift is never taken for idle.
    """
    day = to_local(frame, zone).start.date() - timedelta(days=1)
    last = to_local(frame, zone).end.date()
    spans = []
    while day <= last:
        for shift in shifts:
            if shift.weekday == day.weekday():
                ends_on = day + timedelta(days=shift.ends_at <= shift.starts_at)
                start = _readings(datetime.combine(day, shift.starts_at), zone)
                end = _readings(datetime.combine(ends_on, shift.ends_at), zone)
                spans.append(Span(min(start), max(end)))
        day += timedelta(days=1)
    return intersect(spans, frame)


def idle_spans(shifts: Sequence[WorkingTime], zone: ZoneInfo, frame: Span) -> list[Span]:
    """Return when a site does not work inside `frame`."""
    return subtract([frame], working_spans(shifts, zone, frame))
