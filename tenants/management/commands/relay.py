"""Send outbox messages to Celery for as long as the site runs."""

from __future__ import annotations

import logging
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from tenants.services import outbox
from tenants.tasks import handle_message

logger = logging.getLogger(__name__)
KEEP_HANDLED = timedelta(days=7)


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: exit(0))
        connection = connections["relay"]
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("listen outbox")
        cleaned_at = datetime.min.replace(tzinfo=UTC)
        while True:
            claimed = outbox.claim_due()
            for message_id, tenant_id, queue in claimed:
                handle_message.apply_async((message_id, tenant_id), queue=queue)
            if datetime.now(UTC) - cleaned_at > timedelta(hours=1):
                outbox.delete_handled(before=datetime.now(UTC) - KEEP_HANDLED)
                cleaned_at = datetime.now(UTC)
            if not claimed:
                # Any notification or one second: whatever was due later is looked at again.
                for _ in connection.connection.notifies(timeout=1.0, stop_after=1):
                    break
