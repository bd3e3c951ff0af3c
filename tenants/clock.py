"""The one site clock: real time, or simulated time that runs at a rate from an epoch.

Every due date, expiry, beat and skew check reads this clock, so that fourteen days can run in
minutes. A clock whose epoch lies before its start catches up with real time and then stays with
it; one whose epoch lies at or after its start runs on at its rate. A clock in a file may be changed
while the site runs: what it says of the past must stay, and a change is said some seconds ahead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from time import monotonic

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, kw_only=True)
class SiteClock:
    """Site time = `epoch` + (real time − `start`) × `rate`; before `start` it runs as real time."""

    epoch: datetime
    start: datetime
    rate: float

    def at(self, real: datetime) -> datetime:
        """Return the site time at the instant `real`."""
        if self.rate == 1 and self.epoch == self.start:
            return real
        elapsed = real - self.start
        site = self.epoch + (elapsed * self.rate if real > self.start else elapsed)
        return min(site, real) if self.epoch < self.start else site

    def running_rate(self, real: datetime) -> float:
        """Return how many site seconds pass in one real second at the instant `real`."""
        return 1.0 if real < self.start or self.has_caught_up(real) else self.rate

    def has_caught_up(self, real: datetime) -> bool:
        """Say whether site time is real time at the instant `real`, and will stay so."""
        return self.at(real) == real

    def real_seconds(self, site: timedelta, real: datetime) -> float:
        """Return how many real seconds the site span `site` takes from the instant `real`."""
        return site.total_seconds() / self.running_rate(real)


LOOKS_PER_SECOND = 2
"""How often a clock's file is read."""


def site_clock() -> SiteClock:
    """Return the clock that the environment sets, or the file that it names.

    Raises:
        ImproperlyConfigured: a rate that is not a positive number, or an instant without zone.
    """
    if settings.SITE_CLOCK_FILE:
        return clock_of_file(settings.SITE_CLOCK_FILE, int(monotonic() * LOOKS_PER_SECOND))
    return _clock(settings.SITE_CLOCK_EPOCH, settings.SITE_CLOCK_START, settings.SITE_CLOCK_RATE)


@lru_cache(maxsize=1)
def clock_of_file(path: str, _look: int) -> SiteClock:
    """Return the clock that a file holds; the same for the same `_look`."""
    kept = json.loads(Path(path).read_text())
    return _clock(kept["SITE_CLOCK_EPOCH"], kept["SITE_CLOCK_START"], kept["SITE_CLOCK_RATE"])


@lru_cache(maxsize=8)
def _clock(epoch_text: str, start_text: str, rate_text: str) -> SiteClock:
    try:
        rate = float(rate_text)
        real = datetime(1970, 1, 1, tzinfo=UTC)
        start = datetime.fromisoformat(start_text or real.isoformat())
        epoch = datetime.fromisoformat(epoch_text or start.isoformat())
    except ValueError as error:
        raise ImproperlyConfigured(
            f"SITE_CLOCK_EPOCH, _START or _RATE cannot be read: {error}."
        ) from error
    if rate <= 0 or epoch.tzinfo is None or start.tzinfo is None:
        raise ImproperlyConfigured("SITE_CLOCK_RATE must be above 0 and instants need a zone.")
    if rate != 1 and not start_text:
        raise ImproperlyConfigured("SITE_CLOCK_RATE needs SITE_CLOCK_START: when the rate began.")
    return SiteClock(epoch=epoch, start=start, rate=rate)


def site_now() -> datetime:
    """Return the present instant by the site clock, in UTC."""
    return site_clock().at(datetime.now(UTC))
