"""The Celery application: queues `default`, `solve`, `ingest` and `money`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("openfloor")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
