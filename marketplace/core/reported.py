"""What becomes of a machine's downtime by its device's word, and when the site assumes it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from devices.core.outages import DOWN_AFTER, Service

REPAIR = timedelta(hours=4)
"""So long an outage is assumed to last from its beginning; nobody has said anything better yet."""
MARGIN = timedelta(hours=1)
"""The assumed end stays at least so far ahead: as long as people have to decide on a proposal."""
LONGEST_STEP = timedelta(days=7)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """The newest downtime of a machine; `reported_since` is None where a person said it."""

    until_at: datetime
    ended_at: datetime | None
    reported_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Opens:
    """A downtime begins: its device has reported it as down for long enough."""

    since_at: datetime
    until_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Lasts:
    """The machine is still down, so its end is assumed later."""

    until_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Ends:
    """The machine has been in service again since an instant."""

    at: datetime


Step = Opens | Lasts | Ends


def next_step(
    told: Service | None,
    *,
    said: Said | None,
    work_at: datetime | None,
    is_told_now: bool,
    now: datetime,
) -> Step | None:
    """Return what changes by what a device has told, if anything; a person's word stands above it.

    Args:
        work_at: when the first of the machine's open lots is planned to begin.
        is_told_now: whether the newest word of the device is that the machine is out of service.
    """
    if told is None:
        return None
    since_at = told.since_at
    if said is not None and said.ended_at is None and said.reported_since is not None:
        if not told.is_down:
            return Ends(at=since_at)
        until_at = assumed_until(said.reported_since, now=now)
        return Lasts(until_at=until_at) if is_told_now and until_at > said.until_at else None
    until_at = assumed_until(since_at, now=now)
    if not (told.is_down and is_told_now) or work_at is None or work_at >= until_at:
        return None
    counts_from = _news_from(since_at, said, now)
    if counts_from is None or told.told_at - counts_from < DOWN_AFTER:
        return None
    return Opens(since_at=since_at, until_at=until_at)


def _news_from(since_at: datetime, said: Said | None, now: datetime) -> datetime | None:
    """Return from when on an outage says more than was said of the machine before, if it does."""
    if said is None:
        return since_at
    if said.ended_at is not None:
        # Who said that it runs knew of this outage.
        return since_at if since_at > said.ended_at else None
    return None if said.until_at > now else max(since_at, said.until_at)


def assumed_until(since_at: datetime, *, now: datetime) -> datetime:
    """Return when an outage is assumed to be over: it lasts REPAIR, or as long again as so far.

    The same outage gets few different ends (4, 8, 16 hours …), each of which is a new proposal.
    """
    until_at = since_at + REPAIR
    while until_at < now + MARGIN:
        until_at += min(until_at - since_at, LONGEST_STEP)
    return until_at
