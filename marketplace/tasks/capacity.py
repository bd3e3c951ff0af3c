"""Outbox messages about capacity."""

from __future__ import annotations

from devices.services.topics import MACHINES_CHANGED
from marketplace.services.listings import refresh_listings
from marketplace.services.window_rows import PUBLISHED
from tenants.clock import site_now
from tenants.services.outbox import handles


@handles(PUBLISHED)
def on_capacity_published(supplier_id: int, machine_ids: list[int]) -> None:
    """Write the listings of machines whose windows or price have changed."""
    refresh_listings(supplier_id=supplier_id, machine_ids=machine_ids, now=site_now())


@handles(MACHINES_CHANGED)
def on_machines_changed(supplier_id: int, machine_ids: list[int]) -> None:
    """Write the listings of machines that are not what was listed any more."""
    refresh_listings(supplier_id=supplier_id, machine_ids=machine_ids, now=site_now())
