"""Live signals to browsers: numbers and "changed", sent after commit; HTML never travels here."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction


def organisation_group(tenant_id: int) -> str:
    """Return the channel group of an organisation's signals."""
    return f"organisation.{tenant_id}"


def announce(*, tenant_ids: tuple[int, ...], key: str) -> None:
    """Tell the open pages of some organisations, after commit, that `key` has changed."""
    transaction.on_commit(lambda: _send(tenant_ids, {"t": "changed", "k": key}), robust=True)


def announce_numbers(*, tenant_id: int, key: str, values: dict[str, Any]) -> None:
    """Send numbers for the nodes `data-live="<key>.<name>"` of an organisation's open pages."""
    transaction.on_commit(
        lambda: _send((tenant_id,), {"t": "n", "k": key, "v": values}), robust=True
    )


def _send(tenant_ids: tuple[int, ...], message: dict[str, Any]) -> None:
    send = async_to_sync(get_channel_layer().group_send)
    for tenant_id in tenant_ids:
        send(organisation_group(tenant_id), {"type": "signal", "message": message})
