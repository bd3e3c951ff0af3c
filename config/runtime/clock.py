"""The site clock of a demo: the days before now pass in minutes, then it is real time.

Written once for a data folder, when the demo first starts in it, so that a second start goes on
where the first one was. Time runs as usual, some days behind, until the demo's job says that
everybody has agreed and paid: however slow the machine is, nobody's offer lapses meanwhile.
SITE_CLOCK_… in the environment wins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

DEMO_DAYS = 18
"""Fourteen for the order, two and a half before it may start, the rest to spare."""
DEMO_MINUTES = 7
NOT_YET = timedelta(days=3650)
LEAD_SECONDS = 5
"""How far ahead the start is said, so that every process knows of it in time."""

VARIABLES = ("SITE_CLOCK_EPOCH", "SITE_CLOCK_START", "SITE_CLOCK_RATE")


def begin_demo_clock(path: Path, now: datetime | None = None) -> None:
    """Write the demo's clock to `path`, not to run fast yet, unless it is there already."""
    if not path.exists():
        _write(path, (now or datetime.now(UTC)) + NOT_YET)


def start_demo_clock(path: Path, now: datetime | None = None) -> None:
    """Let the clock at `path` run fast in a few seconds, unless it does already."""
    now = now or datetime.now(UTC)
    if path.exists() and _start(path) > now + timedelta(seconds=LEAD_SECONDS):
        _write(path, now + timedelta(seconds=LEAD_SECONDS))


def clock_variables(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Name `path` as the site's clock, unless `environment` says anything itself."""
    if not path.exists() or any(environment.get(variable) for variable in VARIABLES):
        return {}
    return {"SITE_CLOCK_FILE": str(path)}


def _start(path: Path) -> datetime:
    return datetime.fromisoformat(json.loads(path.read_text())["SITE_CLOCK_START"])


def _write(path: Path, start: datetime) -> None:
    # Site time must gain DEMO_DAYS on real time, which itself goes on meanwhile.
    rate = 1 + timedelta(days=DEMO_DAYS) / timedelta(minutes=DEMO_MINUTES)
    epoch = start - timedelta(days=DEMO_DAYS)
    values = (epoch.isoformat(), start.isoformat(), f"{rate:g}")
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(dict(zip(VARIABLES, values, strict=True))) + "\n")
    draft.replace(path)
