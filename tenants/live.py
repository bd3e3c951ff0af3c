"""Live signals to browsers: numbers and "changed", sent after commit; HTML never travels here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.cache import cache
from django.db import transaction

REMEMBERED_S = 120
"""How long a change is remembered for pages that were made before it and listen only after."""


def organisation_group(tenant_id: int) -> str:
    """Return the channel group of an organisation's signals."""
    return f"organisation.{tenant_id}"


def announce(*, tenant_ids: tuple[int, ...], key: str) -> None:
    """Tell the open pages of some organisations, after commit, that `key` has changed."""
    transaction.on_commit(lambda: _send_change(tenant_ids, key), robust=True)


def announce_numbers(*, tenant_id: int, key: str, values: dict[str, Any]) -> None:
    """Send numbers for the nodes `data-live="<key>.<name>"` of an organisation's open pages."""
    transaction.on_commit(
        lambda: _send((tenant_id,), {"t": "n", "k": key, "v": values}), robust=True
    )


def announce_end_of_membership(*, tenant_id: int, person_id: int) -> None:
    """Close, after commit, what a person's open pages hear of an organisation."""
    transaction.on_commit(
        lambda: _send((tenant_id,), {"t": "ended", "k": "", "p": person_id}), robust=True
    )


def changed_since(*, tenant_id: int, topics: Iterable[str], moment: float) -> set[str]:
    """Return those of `topics` that changed at `moment` (seconds since 1970, ours) or later."""
    names = {_memory_of(tenant_id, topic): topic for topic in topics}
    return {names[name] for name, at in cache.get_many(names).items() if at >= moment}


def _send_change(tenant_ids: tuple[int, ...], key: str) -> None:
    now = datetime.now(UTC).timestamp()
    for tenant_id in tenant_ids:
        topics = {key, key.partition(":")[0]}
        memory = {_memory_of(tenant_id, topic): now for topic in topics}
        cache.set_many(memory, timeout=REMEMBERED_S)
    _send(tenant_ids, {"t": "changed", "k": key})


def _memory_of(tenant_id: int, topic: str) -> str:
    return f"changed.{tenant_id}.{topic}"


def _send(tenant_ids: tuple[int, ...], message: dict[str, Any]) -> None:
    send = async_to_sync(get_channel_layer().group_send)
    for tenant_id in tenant_ids:
        send(organisation_group(tenant_id), {"type": "signal", "message": message})
