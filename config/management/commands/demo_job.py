"""The demo's main job: the licence-plate order from idle hours to money, then where to look."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from bench.scenarios.plates import plates_facts
from config.demo.lending import demo_parties, finance_supplier
from config.demo.people import BUYER, LENDER, OPERATOR_EMAIL, PASSWORD
from config.demo.seed import supplier_email
from config.management.commands.simulate import simulate_plates
from marketplace.services.credit_features import refresh_report
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.clock import site_now

SEATS = (("buyer", BUYER.email), ("lender", LENDER.email), ("operator", OPERATOR_EMAIL))


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        done = Path(settings.OPENFLOOR_DATA) / "demo-done.json"
        if not done.exists():
            scale = float(os.environ.get("OPENFLOOR_DEMO_SCALE", "1"))
            figures = simulate_plates(
                seed=1,
                scale=scale,
                out=self.stdout,
                each_look=_Lending(days=6 * min(scale * 10, 1)),
            )
            _refresh_reports()
            draft = done.with_suffix(".new")
            draft.write_text(json.dumps(figures))
            draft.replace(done)
        self._summary(json.loads(done.read_text()))

    def _summary(self, figures: dict[str, Any]) -> None:
        self.stdout.write(f"\nOrder {figures['order']}, simulated:")
        for figure in figures["figures"]:
            mark = "" if figure["holds"] else "   MISSED"
            value = f"{figure['value']:,.2f}".rstrip("0").rstrip(".")
            measured = f"{figure['name']:<16} {value:>14} {figure['unit']:<7}"
            self.stdout.write(f"  {measured} goal {figure['goal']}{mark}")
        address = os.environ.get("OPENFLOOR_HTTP", "127.0.0.1:8000")
        self.stdout.write(f"\nOpen http://{address}/ – password for all: {PASSWORD}")
        for seat, email in (("supplier", _shown_supplier()), *SEATS):
            self.stdout.write(f"  {seat:<9} {email}")
        self.stdout.flush()


def _shown_supplier() -> str:
    """Return the login of the supplier that the summary names and the lender finances."""
    shown = max(plates_facts(1).factories, key=lambda factory: len(factory.machines))
    return supplier_email(shown)


class _Lending:
    """Lead the shown supplier to its loan once production has run some days."""

    def __init__(self, *, days: float) -> None:
        self.after = timedelta(days=days)
        self.is_done = False

    def __call__(self, now: datetime, passed: timedelta) -> None:
        if not self.is_done and passed >= self.after:
            supplier, lender = demo_parties(_shown_supplier())
            self.is_done = finance_supplier(supplier, lender, now=now)


def _refresh_reports() -> None:
    """Grade the shown supplier on its whole record, when the order is done."""
    supplier, _lender = demo_parties(_shown_supplier())
    with acting_as(supplier.tenant_id):
        refresh_report(supplier=supplier.tenant, by=Actor.of_member(supplier), now=site_now())
