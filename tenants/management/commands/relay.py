"""Send outbox messages to Celery for as long as the site runs."""

from __future__ import annotations

import logging
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connections

from tenants.services import outbox
from tenants.tasks import handle_message

logger = logging.getLogger(__name__)
KEEP_HANDLED = timedelta(days=7)
RETRY_SECONDS = 1.0
# What is claimed is sent, however long Celery's broker is away: unsent it would have to wait
# until its next sending.
UNTIL_SENT = {"max_retries": None, "interval_start": 0, "interval_step": 0.2, "interval_max": 1}


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: exit(0))
        self.cleaned_at = datetime.min.replace(tzinfo=UTC)
        while True:
            try:
                self._listen()
                while True:
                    self._turn()
            except (OperationalError, InterfaceError) as error:
                logger.warning("the database is away, nothing is sent: %s", error)
                connections["relay"].close()
                time.sleep(RETRY_SECONDS)

    def _listen(self) -> None:
        with connections["relay"].cursor() as cursor:
            cursor.execute("listen outbox")

    def _turn(self) -> None:
        """Send what is due; where nothing is, wait for a notification, or a second."""
        claimed = outbox.claim_due()
        for message_id, tenant_id, queue in claimed:
            handle_message.apply_async(
                (message_id, tenant_id), queue=queue, retry=True, retry_policy=UNTIL_SENT
            )
        if datetime.now(UTC) - self.cleaned_at > timedelta(hours=1):
            outbox.delete_handled(before=datetime.now(UTC) - KEEP_HANDLED)
            self.cleaned_at = datetime.now(UTC)
        if not claimed:
            connection = connections["relay"]
            with connection.wrap_database_errors:
                for _ in connection.connection.notifies(timeout=1.0, stop_after=1):
                    break
