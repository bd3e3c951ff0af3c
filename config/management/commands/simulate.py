"""`manage.py simulate NAME`: run a scenario against the running site by its public interfaces."""

from __future__ import annotations

import json
import os
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bench.simulators.plates import Stage, Stuck, run_plates
from bench.simulators.rest import Refused
from config.demo.progress import ProgressLine
from config.runtime.clock import LEAD_SECONDS, start_demo_clock
from tenants.clock import site_clock

SCENARIOS = ("plates",)


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=SCENARIOS)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--scale", type=float, default=1.0)

    def handle(self, *args: Any, **options: Any) -> None:
        figures = simulate_plates(seed=options["seed"], scale=options["scale"], out=self.stderr)
        self.stdout.write(json.dumps(figures, ensure_ascii=False))


def simulate_plates(
    *,
    seed: int,
    scale: float,
    out: Any,
    each_look: Callable[[datetime, timedelta], None] = lambda _now, _passed: None,
) -> dict[str, Any]:
    """Run the licence-plate case on the site that this environment names.

    Raises:
        CommandError: there is no demo market here, or the site refused or did not answer.
    """
    file = Path(settings.OPENFLOOR_DATA) / "demo.json"
    if not file.exists():
        raise CommandError(
            "There is no demo market here. Run `make demo`, or `manage.py demo_seed`."
        )
    market = json.loads(file.read_text())
    with ProgressLine(out, "Licence plates") as line:
        stage = Stage(
            base_url=f"http://{os.environ.get('OPENFLOOR_HTTP', '127.0.0.1:8000')}",
            mqtt_url=os.environ.get("MQTT_GATEWAY_URL", settings.MQTT_URL),
            clock=site_clock,
            market=market,
            folder=Path(settings.OPENFLOOR_DATA),
            say=line.step,
            each_look=each_look,
            start_clock=_start_clock,
        )
        try:
            return run_plates(stage, quantity=max(1000, int(market["quantity"] * scale)), seed=seed)
        except (Stuck, Refused) as error:
            raise CommandError(str(error)) from error


def _start_clock() -> None:
    """Let the demo's clock run fast, and wait until every process knows of it."""
    if settings.SITE_CLOCK_FILE:
        start_demo_clock(Path(settings.SITE_CLOCK_FILE))
        time.sleep(LEAD_SECONDS + 1)
