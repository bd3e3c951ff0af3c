"""The one site clock: real time, or simulated time that runs at a rate from an epoch.

Every due date, expiry, beat and skew check reads this clock, so that fourteen days can run in
minutes. A clock whose epoch lies before its start catches up with real time and then stays with
it; one whose epoch lies at or after its start runs on at its rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

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


@cache
def site_clock() -> SiteClock:
    """Return the clock that the environment sets.

    Raises:
        ImproperlyConfigured: a rate that is not a positive number, or an instant without zone.
    """
    try:
        rate = float(settings.SITE_CLOCK_RATE)
        real = datetime(1970, 1, 1, tzinfo=UTC)
        start = datetime.fromisoformat(settings.SITE_CLOCK_START or real.isoformat())
        epoch = datetime.fromisoformat(settings.SITE_CLOCK_EPOCH or start.isoformat())
    except ValueError as error:
        raise ImproperlyConfigured(
            f"SITE_CLOCK_EPOCH, _START or _RATE cannot be read: {error}."
        ) from error
    if rate <= 0 or epoch.tzinfo is None or start.tzinfo is None:
        raise ImproperlyConfigured("SITE_CLOCK_RATE must be above 0 and instants need a zone.")
    if rate != 1 and not settings.SITE_CLOCK_START:
        raise ImproperlyConfigured("SITE_CLOCK_RATE needs SITE_CLOCK_START: when the rate began.")
    return SiteClock(epoch=epoch, start=start, rate=rate)


def site_now() -> datetime:
    """Return the present instant by the site clock, in UTC."""
    return site_clock().at(datetime.now(UTC))
