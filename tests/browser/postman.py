"""The site's messages, carried as in operation while a browser looks on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import Organisation, OutboxMessage
from tenants.services.outbox import claim_due
from tenants.tasks import handle_message

PAUSE_S = 0.05


@contextmanager
def carried_messages() -> Iterator[None]:
    """Claim what is due as the relay does and run each message's task, until the block ends.

    One thread takes the place of broker and workers; claim, handlers and their order are the
    product's own.
    """
    ended = threading.Event()
    carrier = threading.Thread(target=_carry, args=(ended,), daemon=True)
    carrier.start()
    try:
        yield
    finally:
        ended.set()
        carrier.join(timeout=30)


def _carry(ended: threading.Event) -> None:
    try:
        while not ended.wait(PAUSE_S):
            for message_id, tenant_id, _queue in claim_due():
                handle_message(message_id, tenant_id)
    finally:
        connections.close_all()


def failed_messages(*organisations: Organisation) -> list[str]:
    """Return what went wrong in the messages of some organisations and of the platform."""
    found: list[str] = []
    for tenant_id in (PLATFORM_ID, *(one.pk for one in organisations)):
        with acting_as(tenant_id):
            rows = OutboxMessage.objects.of(tenant_id).exclude(last_error="")
            found += [f"{row.topic}: {row.last_error}" for row in rows]
    return found
