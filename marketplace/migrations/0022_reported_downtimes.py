"""Downtimes that only a device has reported, and what the sweep reads to find them."""

from django.db import migrations, models
from django.db.models import Q

from tenants.rls import WorkerAccess


class Migration(migrations.Migration):
    dependencies = [("devices", "0006_out_of_service"), ("marketplace", "0021_cancelled_names")]

    operations = [
        migrations.AddField("downtime", "reported_since", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["supplier", "machine_id", "planned_start_at"],
                name="operation_open_on_machine",
                condition=Q(state__in=("waiting", "ready", "started")),
            ),
        ),
        WorkerAccess("marketplace_downtime", "app_sweep", "select"),
        WorkerAccess("marketplace_operation", "app_sweep", "select"),
    ]
