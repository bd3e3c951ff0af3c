"""Make the demo market: 62 factories, 153 idle machines, a buyer, a lender, logins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.demo.progress import ProgressLine
from config.demo.seed import seed_market
from tenants.clock import site_now


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        file = Path(settings.OPENFLOOR_DATA) / "demo.json"
        if file.exists():
            return
        with ProgressLine(self.stdout, "Seeding the demo market") as line:
            seed_market(now=site_now(), file=file, progress=line.show)
