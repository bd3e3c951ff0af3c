"""Seed the demo market: 62 small factories with 153 idle machines, a buyer, a lender.

Made through the same services as the pages; safe to run again after being killed anywhere.
What the simulator needs (keys, device keys) is left in one file that only the owner may read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from bench.scenarios.plates import FactoryFacts, plates_facts
from config.demo import people
from devices.core.keys import device_key, key_text
from devices.models import Device, Machine, Site
from devices.services.machines import add_machines
from devices.services.sites import ShiftTime, save_site, set_shifts
from marketplace.core.spans import Span
from marketplace.models import Capability, CapacityWindow, Process
from marketplace.selectors.capacity import Terms
from marketplace.services.capacity import add_windows, publish_windows
from marketplace.services.window_checks import NewWindow
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.models import Organisation

ZONE = ZoneInfo("Asia/Shanghai")
SHIFT = (time(6), time(2))
DAYS_LISTED = 34
CATALOGUE_CODES = {
    "film": "reflective-film",
    "emboss": "embossing",
    "hot_stamp_pack": "hot-stamp-pack",
}
Progress = Callable[[int, int], None]


def seed_market(
    *, now: datetime, file: Path, progress: Progress, seed: int = 1, factories: int | None = None
) -> dict[str, Any]:
    """Make whatever of the market is missing and write `file`; returns what is in it.

    `factories` takes the first few of the 62 only; the first three have machines for each step.
    """
    facts = plates_facts(seed)
    chosen = facts.factories[:factories]
    operator = people.ensure_operator()
    buyer = people.ensure_firm(people.BUYER, now=now)
    lender = people.ensure_firm(people.LENDER, now=now)
    suppliers = []
    for number, factory in enumerate(chosen, start=1):
        suppliers.append(_seed_supplier(factory, now=now))
        progress(number, len(chosen))
    market = {
        "scenario": "plates",
        "seed": seed,
        "quantity": facts.quantity,
        "operator": {"key": people.fresh_key(operator, now=now)},
        "buyer": {"key": people.fresh_key(buyer, now=now)},
        "lender": {"key": people.fresh_key(lender, now=now)},
        "suppliers": suppliers,
    }
    _write_private(file, market)
    return market


def _write_private(file: Path, market: dict[str, Any]) -> None:
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(market, out)
    draft.replace(file)


def supplier_email(factory: FactoryFacts) -> str:
    """Return the login of a factory's owner."""
    return f"{factory.code.lower()}@demo.example"


def _seed_supplier(factory: FactoryFacts, *, now: datetime) -> dict[str, Any]:
    owner = people.ensure_firm(
        people.Firm(
            email=supplier_email(factory),
            person=f"{factory.name_en.split()[0]} (owner)",
            name=factory.name_en,
            name_zh=factory.name_zh,
            kinds=("supplier",),
            city="Wenzhou",
        ),
        now=now,
    )
    organisation = owner.tenant
    by = Actor.of_member(owner)
    with acting_as(organisation.pk):
        if not Machine.objects.of(organisation.pk).exists():
            site = _seed_site(organisation, by, factory, now=now)
            _seed_machines(organisation, by, site, factory, now=now)
    with acting_as(organisation.pk):
        _seed_windows(organisation, by, factory, now=now)
    with acting_as(organisation.pk):
        machines = _simulated_machines(organisation, now=now)
    return {
        "organisation": str(organisation.uid),
        "name": organisation.name,
        "key": people.fresh_key(owner, now=now),
        "machines": machines,
    }


def _seed_site(
    organisation: Organisation, by: Actor, factory: FactoryFacts, *, now: datetime
) -> Site:
    site = save_site(
        organisation=organisation,
        by=by,
        now=now,
        site=Site(
            name=f"{factory.name_en} plant",
            name_zh=factory.name_zh,
            city="Wenzhou",
            time_zone=ZONE.key,
            x_km=factory.x_km,
            y_km=factory.y_km,
        ),
    )
    times = [ShiftTime(weekday=day, starts_at=SHIFT[0], ends_at=SHIFT[1]) for day in range(7)]
    set_shifts(organisation=organisation, by=by, now=now, site=site, shifts=times)
    return site


def _seed_machines(
    organisation: Organisation, by: Actor, site: Site, factory: FactoryFacts, *, now: datetime
) -> None:
    processes = {process.code: process for process in Process.objects.all()}
    machines = add_machines(
        organisation=organisation,
        by=by,
        now=now,
        machines=[
            Machine(
                site=site,
                code=facts.code,
                name=facts.process.name_en,
                machine_type=facts.process.name_en,
            )
            for facts in factory.machines
        ],
    )
    Capability.objects.bulk_create(
        Capability(
            tenant=organisation,
            machine=machine,
            process=processes[CATALOGUE_CODES.get(facts.process.code, facts.process.code)],
            pieces_per_hour=facts.process.rate_per_hour,
            set_up_minutes=facts.process.set_up_minutes,
        )
        for machine, facts in zip(machines, factory.machines, strict=True)
    )


def _seed_windows(
    organisation: Organisation, by: Actor, factory: FactoryFacts, *, now: datetime
) -> None:
    if CapacityWindow.objects.of(organisation.pk).exists():
        return
    prices = {facts.code: facts.price_per_hour_minor for facts in factory.machines}
    first_day = now.astimezone(ZONE).date() + timedelta(days=1)
    new = []
    for machine in Machine.objects.of(organisation.pk).select_related("site").order_by("id"):
        for offset in range(DAYS_LISTED):
            day = first_day + timedelta(days=offset)
            opens = datetime.combine(day, SHIFT[0], tzinfo=ZONE)
            closes = datetime.combine(day + timedelta(days=1), SHIFT[1], tzinfo=ZONE)
            span = Span(opens.astimezone(UTC), closes.astimezone(UTC))
            terms = Terms(price_minor_per_hour=prices[machine.code], minimum_lot=1_000)
            new.append(NewWindow(machine=machine, span=span, terms=terms))
    add_windows(organisation=organisation, by=by, now=now, new=new)
    publish_windows(organisation=organisation, by=by, now=now)


def _simulated_machines(organisation: Organisation, *, now: datetime) -> list[dict[str, str]]:
    """Return each machine with its simulated device and that device's key."""
    found = []
    for machine in Machine.objects.of(organisation.pk).order_by("id"):
        device, _made = Device.objects.of(organisation.pk).get_or_create(
            tenant=organisation,
            machine=machine,
            is_simulated=True,
            revoked_at=None,
            defaults={"created_at": now},
        )
        key = device_key(settings.SECRET_KEY, device.uid, device.key_version)
        found.append(
            {
                "machine": str(machine.uid),
                "code": machine.code,
                "device": str(device.uid),
                "device_key": key_text(key),
            }
        )
    return found
