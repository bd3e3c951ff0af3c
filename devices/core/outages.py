"""Whether a machine is out of service by its device's own word, from its states in order.

Two thresholds keep a machine that stutters from going back and forth: only a stop that lasts is an
outage, and only one that has run for a while again is out of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from devices.core.states import Interval

DOWN_AFTER = timedelta(minutes=90)
"""So long a machine is told to be down before that is an outage: stops of minutes are daily."""
UP_AFTER_MS = 15 * 60 * 1000
"""So long it is told to be in service before an outage is over: a trial run ends none."""
OUT_OF_SERVICE = ("down", "maintenance")
"""What goes on with an outage; *maintenance* by itself is a plan and begins none."""


@dataclass(frozen=True, slots=True)
class Service:
    """In or out of service since an instant, as far as a device has told (ms)."""

    is_down: bool
    since_ms: int
    told_ms: int

    @property
    def since_at(self) -> datetime:
        return datetime.fromtimestamp(self.since_ms / 1000, tz=UTC)

    @property
    def told_at(self) -> datetime:
        """Return until when that was told; silence after it counts for nothing."""
        return datetime.fromtimestamp(self.told_ms / 1000, tz=UTC)


def service_of(intervals: Iterable[Interval]) -> Service | None:
    """Return how a machine stands after `intervals` in the order of time; None: nobody knows.

    A gap says nothing: what was told before it is forgotten.
    """
    down_ms: int | None = None
    up_ms: int | None = None
    told_ms: int | None = None
    for one in intervals:
        if one.start_ms != told_ms or one.state == "offline":
            down_ms = up_ms = None
        told_ms = one.end_ms
        if one.state == "offline":
            continue
        if one.state in OUT_OF_SERVICE:
            up_ms = None
            if down_ms is None and one.state == "down":
                down_ms = one.start_ms
        else:
            up_ms = one.start_ms if up_ms is None else up_ms
            if one.end_ms - up_ms >= UP_AFTER_MS:
                down_ms = None
    if told_ms is None:
        return None
    if down_ms is not None:
        return Service(True, down_ms, told_ms)
    if up_ms is None or told_ms - up_ms < UP_AFTER_MS:
        return None
    return Service(False, up_ms, told_ms)
