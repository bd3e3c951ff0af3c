"""Make the demo market: 62 factories, 153 idle machines, a buyer, a lender, logins."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.demo.progress import ProgressLine
from config.demo.seed import seed_market
from config.runtime.clock import DEMO_DAYS


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--factories", type=int, help="only the first few, not all 62")

    def handle(self, *args: Any, **options: Any) -> None:
        file = Path(settings.OPENFLOOR_DATA) / "demo.json"
        if file.exists():
            return
        # The demo's clock will start this far back; it does not run yet.
        begin = datetime.now(UTC) - timedelta(days=DEMO_DAYS)
        with ProgressLine(self.stdout, "Seeding the demo market") as line:
            seed_market(now=begin, file=file, progress=line.show, factories=options["factories"])
