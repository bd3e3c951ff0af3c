"""The demo's main job: the licence-plate order from idle hours to money, then where to look."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from bench.scenarios.plates import plates_facts
from config.demo.people import BUYER, LENDER, OPERATOR_EMAIL, PASSWORD
from config.demo.seed import supplier_email
from config.management.commands.simulate import simulate_plates

SEATS = (("buyer", BUYER.email), ("lender", LENDER.email), ("operator", OPERATOR_EMAIL))


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        done = Path(settings.OPENFLOOR_DATA) / "demo-done.json"
        if not done.exists():
            scale = float(os.environ.get("OPENFLOOR_DEMO_SCALE", "1"))
            figures = simulate_plates(seed=1, scale=scale, out=self.stdout)
            draft = done.with_suffix(".new")
            draft.write_text(json.dumps(figures))
            draft.replace(done)
        self._summary(json.loads(done.read_text()))

    def _summary(self, figures: dict[str, Any]) -> None:
        self.stdout.write(f"\nOrder {figures['order']}, simulated:")
        for figure in figures["figures"]:
            mark = "" if figure["holds"] else "   MISSED"
            value = f"{figure['value']:,.2f}".rstrip("0").rstrip(".")
            self.stdout.write(
                f"  {figure['name']:<16} {value:>14} {figure['unit']:<7} goal {figure['goal']}{mark}"
            )
        supplier = max(plates_facts(1).factories, key=lambda factory: len(factory.machines))
        address = os.environ.get("OPENFLOOR_HTTP", "127.0.0.1:8000")
        self.stdout.write(f"\nOpen http://{address}/ – password for all: {PASSWORD}")
        for seat, email in (("supplier", supplier_email(supplier)), *SEATS):
            self.stdout.write(f"  {seat:<9} {email}")
        self.stdout.flush()
