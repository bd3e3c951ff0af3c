"""The Celery application: queues `default`, `solve`, `ingest` and `money`."""

import os
import signal

from celery import Celery
from celery.signals import worker_process_init

from config.runtime.process import end_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("openfloor")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def end_with_worker(**_: object) -> None:
    """Let no pool process outlive its worker, however that one was ended."""
    end_with_parent(signal.SIGKILL)
