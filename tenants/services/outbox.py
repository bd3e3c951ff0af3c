"""Writing, sending and handling outbox messages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models

from tenants.acting import acting_as
from tenants.models import OutboxMessage

logger = logging.getLogger(__name__)
RESEND_AFTER = timedelta(seconds=30)
"""How long a sent message may stay unhandled before it is sent again; doubled at each attempt."""


class NotYet(Exception):
    """Raised by a handler that cannot do its work now; the message is sent again `again_after`."""

    def __init__(self, reason: str, *, again_after: timedelta = RESEND_AFTER) -> None:
        super().__init__(reason)
        self.again_after = again_after


@dataclass(frozen=True, kw_only=True)
class Handler:
    queue: str
    run: Callable[..., None]
    merges: bool


_handlers: dict[str, Handler] = {}


def handles(
    topic: str, *, queue: str = "default", merges: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register the one handler of a topic; its keyword arguments are the message's payload.

    A handler opens its own `acting_as` transactions and must be safe to run twice. One that
    `merges` reads the present state, so that a run answers every equal message that waits.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        if topic in _handlers:
            raise RuntimeError(f"two handlers for {topic}")
        _handlers[topic] = Handler(queue=queue, run=function, merges=merges)
        return function

    return register


def send_after_commit(*, tenant_id: int, topic: str, **payload: Any) -> None:
    """Write a message in the open transaction and wake the relay when it commits.

    Raises:
        KeyError: nobody handles `topic`: a mistake of ours.
    """
    OutboxMessage.objects.create(
        tenant_id=tenant_id, topic=topic, queue=_handlers[topic].queue, payload=payload
    )
    with connection.cursor() as cursor:
        cursor.execute("notify outbox")


def handle(*, message_id: int, tenant_id: int) -> None:
    """Run a message's handler unless it has been handled; the act of one Celery task."""
    with acting_as(tenant_id):
        open_ones = OutboxMessage.objects.of(tenant_id).filter(handled_at=None)
        message = open_ones.filter(id=message_id).first()
        if message is None:
            return
        handler = _handlers[message.topic]
        answered = [message.id]
        if handler.merges:
            equal = open_ones.filter(topic=message.topic, payload=message.payload)
            answered = list(equal.values_list("id", flat=True))
    handler.run(**message.payload)
    with acting_as(tenant_id):
        OutboxMessage.objects.of(tenant_id).filter(id__in=answered).update(
            handled_at=datetime.now(UTC), last_error=""
        )


def note_failure(*, message_id: int, tenant_id: int, error: str) -> None:
    """Keep what went wrong beside the message, for the operator's desk."""
    with acting_as(tenant_id):
        OutboxMessage.objects.of(tenant_id).filter(id=message_id).update(last_error=error[:2000])


def put_off(*, message_id: int, tenant_id: int, delay: timedelta) -> None:
    """Have an open message sent again after `delay`, or earlier if it was to be."""
    due_at = datetime.now(UTC) + delay
    with acting_as(tenant_id):
        OutboxMessage.objects.of(tenant_id).filter(
            id=message_id, handled_at=None, due_at__gt=due_at
        ).update(due_at=due_at)


def claim_due(*, limit: int = 200) -> list[tuple[int, int, str]]:
    """Claim open messages that are due, as the relay: (id, tenant, queue) of each.

    The next sending is set before the first leaves, so a relay killed in between loses nothing.
    """
    real_now = datetime.now(UTC)
    with acting_as(0, using="relay"):
        rows = list(
            OutboxMessage.objects.using("relay")
            .select_for_update(skip_locked=True)
            .filter(handled_at=None, due_at__lte=real_now)
            .order_by("due_at", "id")
            .only("id", "tenant_id", "queue", "attempts")[:limit]
        )
        for row in rows:
            row.due_at = real_now + RESEND_AFTER * 2 ** min(row.attempts, 7)
            row.attempts += 1
        OutboxMessage.objects.using("relay").bulk_update(rows, ["due_at", "attempts"])
    return [(row.id, row.tenant_id, row.queue) for row in rows]


def delete_handled(*, before: datetime) -> int:
    """Delete what was handled before an instant, as the relay; returns how many."""
    messages: models.QuerySet[OutboxMessage] = OutboxMessage.objects.using("relay")
    with acting_as(0, using="relay"):
        deleted, _ = messages.filter(handled_at__lt=before).delete()
    return deleted
