"""The one Celery task behind the outbox."""

from __future__ import annotations

import logging

from celery import shared_task

from tenants.services import outbox

logger = logging.getLogger(__name__)


@shared_task(name="tenants.handle_message")
def handle_message(message_id: int, tenant_id: int) -> None:
    """Handle one outbox message; what fails stays open and is sent again by the relay."""
    try:
        outbox.handle(message_id=message_id, tenant_id=tenant_id)
    except outbox.NotYet as reason:
        logger.info("message %s of organisation %s waits: %s", message_id, tenant_id, reason)
    except Exception as error:
        logger.exception("message %s of organisation %s failed", message_id, tenant_id)
        outbox.note_failure(message_id=message_id, tenant_id=tenant_id, error=repr(error))
