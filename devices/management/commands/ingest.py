"""Take device frames from the MQTT broker and from HTTP, for as long as the site runs."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from devices.core.broker import BadBrokerAddress, broker_from_url
from devices.worker import IngestWorker


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            broker = broker_from_url(settings.MQTT_URL)
        except BadBrokerAddress as error:
            raise CommandError(str(error)) from error
        if "ingest" not in settings.DATABASES:
            raise CommandError("DATABASE_INGEST_URL is not set: ingest has a role of its own.")
        worker = IngestWorker(broker, group=os.environ.get("OPENFLOOR_INGEST_GROUP", ""))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        worker.run()
