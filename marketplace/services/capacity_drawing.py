"""Saving a week as it was drawn: what was added, erased or left, for several machines at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from devices.models import Machine
from marketplace.core.spans import (
    Span,
    UnclearLocalTime,
    find_overlap,
    intersect,
    merge,
    on_half_hours,
    subtract,
    to_instant,
    to_local,
    week_frame,
)
from marketplace.models import CapacityWindow, WindowState
from marketplace.selectors.capacity import Terms, active_windows, latest_terms, span_of
from marketplace.services.capacity import publish_windows
from marketplace.services.window_checks import NewWindow
from marketplace.services.window_faults import (
    ClockChange,
    WindowPast,
    WindowsOverlap,
    clock_change_sentence,
    local_span_text,
    overlap_sentence,
    past_sentence,
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
from tenants.models import Organisation


@dataclass(frozen=True, kw_only=True)
class DrawnWeek:
    """What somebody drew for one machine: local spans by its site's clocks, price, minimum lot."""

    machine: Machine
    spans: Sequence[Span]
    terms: Terms | None = None


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What saving changed: drafts made, hours erased, windows put up for sale."""

    drawn: int
    erased_hours: float
    published: int = 0


@dataclass(kw_only=True)
class _Change:
    """What saving one machine's week does to its rows."""

    machine: Machine
    terms: Terms | None
    gone: list[CapacityWindow] = field(default_factory=list)
    erased: list[Span] = field(default_factory=list)
    kept_listed: list[Span] = field(default_factory=list)
    drafts: list[Span] = field(default_factory=list)

    def new(self, spans: Sequence[Span]) -> list[NewWindow]:
        if not spans:
            return []
        if self.terms is None:
            raise price_missing(self.machine)
        return [NewWindow(machine=self.machine, span=span, terms=self.terms) for span in spans]


@transaction.atomic
def draw_windows(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    monday: date,
    weeks: Sequence[DrawnWeek],
    publish: bool = False,
) -> Saved:
    """Make the windows of a week what was drawn, for all machines or for none.

    Hours that were listed and are still drawn stay listed; new hours become drafts; erased hours
    leave the market. What is past, and what lies outside the week, stays as it is. With `publish`
    all drafts of these machines go up for sale, those of other weeks too.

    Raises:
        ClockChange: a window starts or ends at a local time that does not exist or comes twice.
        WindowsOverlap: two drawn windows of a machine share time.
        WindowPast: new time was drawn in the past.
        TimeCommitted: sold time was erased.
        TimeOffered: time was erased that an offer without an answer asks for.
        PriceMissing: windows of a machine without a price.
        CapabilityMissing: a machine that is to be published does nothing yet.
    """
    machines = [week.machine for week in weeks]
    lock_machines(organisation, {machine.pk for machine in machines})
    known = latest_terms(organisation.pk, machines)
    frames = {m.pk: week_frame(monday, ZoneInfo(m.site.time_zone)) for m in machines}
    if not frames:
        return Saved(drawn=0, erased_hours=0)
    # A window drawn on Sunday night may end on Monday: look half a week further.
    reach = Span(
        min(frame.start for frame in frames.values()),
        max(frame.end + (frame.end - frame.start) / 2 for frame in frames.values()),
    )
    there = active_windows(organisation.pk, machines, reach)
    changes = [
        _change(week, frames[week.machine.pk], there[week.machine.pk], now, known) for week in weeks
    ]
    saved = _apply(organisation, by, now, changes)
    if not publish:
        return saved
    published = publish_windows(organisation=organisation, by=by, now=now, machines=machines)
    return replace(saved, published=published)


def _change(
    week: DrawnWeek,
    frame: Span,
    there: Sequence[CapacityWindow],
    now: datetime,
    known: dict[int, Terms],
) -> _Change:
    """Compare a drawn week with what is there."""
    drawn = _instants(week, there)
    change = _Change(machine=week.machine, terms=week.terms or known.get(week.machine.pk))
    stays: list[Span] = []
    for window in there:
        span = span_of(window)
        erased = subtract(intersect([span], frame), drawn)
        if span.end <= now or not erased:
            stays.append(span)
            continue
        left = subtract([span], erased)
        change.gone.append(window)
        change.erased += erased
        if window.state == WindowState.LISTED:
            change.kept_listed += left
        else:
            change.drafts += left
        stays += left
    new = subtract(drawn, stays)
    past = next((span for span in new if span.end <= now), None)
    if past is not None:
        raise WindowPast(past_sentence(week.machine, past))
    change.drafts += new
    return change


def _instants(week: DrawnWeek, there: Sequence[CapacityWindow]) -> list[Span]:
    """Return the drawn spans in UTC; pieces that meet at midnight are one before they are read.

    A border that was there before keeps its instant: at an hour that comes twice, and at a
    minute that the grid shows as its half hour.
    """
    zone = ZoneInfo(week.machine.site.time_zone)
    clash = find_overlap(week.spans)
    if clash is not None:
        raise WindowsOverlap(
            overlap_sentence(week.machine, *(local_span_text(span) for span in clash))
        )
    known: dict[datetime, datetime] = {}
    for shown in (on_half_hours, Span._make):
        for window in there:
            borders = shown(to_local(span_of(window), zone))
            known |= dict(zip(borders, span_of(window), strict=True))
    spans = []
    for span in merge(week.spans):
        try:
            start, end = (known.get(local) or to_instant(local, zone) for local in span)
        except UnclearLocalTime as unclear:
            raise ClockChange(clock_change_sentence(unclear)) from unclear
        spans.append(Span(start, end))
    return merge(spans)


def _apply(
    organisation: Organisation, by: Actor, now: datetime, changes: Sequence[_Change]
) -> Saved:
    """Write the changes of all machines."""
    refuse_committed(organisation, {change.machine: change.erased for change in changes})
    gone = [window for change in changes for window in change.gone]
    _remove(organisation, gone)
    listed = [one for change in changes for one in change.new(change.kept_listed)]
    drafts = [one for change in changes for one in change.new(change.drafts)]
    store_windows(organisation, now, listed, WindowState.LISTED)
    created = store_windows(organisation, now, drafts)
    for window in gone:
        window.machine = next(c.machine for c in changes if c.machine.pk == window.machine_id)
    record_by_machine("windows_erased", gone, by=by, now=now)
    record_by_machine("windows_drawn", created, by=by, now=now)
    set_terms(
        organisation=organisation,
        now=now,
        terms={c.machine.pk: c.terms for c in changes if c.terms is not None},
    )
    off_sale = {window.machine_id for window in gone if window.state == WindowState.LISTED}
    if off_sale:
        tell_market(organisation, off_sale)
    return Saved(
        drawn=len(created),
        erased_hours=sum(span.hours for change in changes for span in change.erased),
    )


def _remove(organisation: Organisation, windows: Sequence[CapacityWindow]) -> None:
    """Delete drafts and withdraw what was listed."""
    rows = CapacityWindow.objects.of(organisation.pk)
    ids = {
        state: [window.pk for window in windows if window.state == state]
        for state in (WindowState.DRAFT, WindowState.LISTED)
    }
    rows.filter(pk__in=ids[WindowState.DRAFT], state=WindowState.DRAFT).delete()
    rows.filter(pk__in=ids[WindowState.LISTED], state=WindowState.LISTED).update(
        state=WindowState.WITHDRAWN
    )
