"""The Celery tasks of people and organisations: the one behind the outbox, and mail."""

from __future__ import annotations

import logging

from celery import shared_task

from tenants.services import outbox, password_links

logger = logging.getLogger(__name__)


@shared_task(name="tenants.handle_message")
def handle_message(message_id: int, tenant_id: int) -> None:
    """Handle one outbox message; what fails stays open and is sent again by the relay."""
    try:
        outbox.handle(message_id=message_id, tenant_id=tenant_id)
    except outbox.NotYet as reason:
        logger.info("message %s of organisation %s waits: %s", message_id, tenant_id, reason)
        outbox.put_off(message_id=message_id, tenant_id=tenant_id, delay=reason.again_after)
    except Exception as error:
        logger.exception("message %s of organisation %s failed", message_id, tenant_id)
        outbox.note_failure(message_id=message_id, tenant_id=tenant_id, error=repr(error))


@shared_task(name="tenants.mail_password_link")
def mail_password_link(email: str, host: str, is_secure: bool) -> None:
    """Mail a link to set a new password; lost with the broker, it is asked for again."""
    password_links.mail_link(email=email, host=host, is_secure=is_secure)
