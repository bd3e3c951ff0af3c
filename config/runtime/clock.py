"""The site clock of a demo: the days before now pass in minutes, then it is real time.

Written once for a data folder, when the demo first starts in it, so that a second start
goes on where the first one was. SITE_CLOCK_… in the environment wins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

DEMO_DAYS = 18
"""Fourteen for the order, two for planning it and for paying, two to spare."""
DEMO_MINUTES = 8.5
CALM_SECONDS = 80
"""How long time runs as usual first: for people who plan, answer offers and pay."""

VARIABLES = ("SITE_CLOCK_EPOCH", "SITE_CLOCK_START", "SITE_CLOCK_RATE")


def begin_demo_clock(path: Path, now: datetime | None = None) -> None:
    """Write the demo's clock to `path`, unless it is there already."""
    if path.exists():
        return
    start = (now or datetime.now(UTC)) + timedelta(seconds=CALM_SECONDS)
    # Site time must gain DEMO_DAYS on real time, which itself goes on meanwhile.
    rate = 1 + timedelta(days=DEMO_DAYS) / timedelta(minutes=DEMO_MINUTES)
    epoch = start - timedelta(days=DEMO_DAYS)
    values = (epoch.isoformat(), start.isoformat(), f"{rate:g}")
    path.write_text(json.dumps(dict(zip(VARIABLES, values, strict=True))) + "\n")


def clock_variables(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what `path` says about the clock, unless `environment` says anything itself."""
    if not path.exists() or any(environment.get(variable) for variable in VARIABLES):
        return {}
    kept: dict[str, str] = json.loads(path.read_text())
    return kept
