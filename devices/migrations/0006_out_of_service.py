"""What the sweep reads of machines that are out of service, and an index to find them by."""

from django.db import migrations, models
from django.db.models import Q

from tenants.rls import WorkerAccess


class Migration(migrations.Migration):
    dependencies = [("devices", "0005_run_kinds"), ("tenants", "0006_closed_doors")]

    operations = [
        migrations.AddIndex(
            "latestreading",
            models.Index(
                fields=["tenant", "machine"],
                name="latest_out_of_service",
                condition=Q(state__in=("down", "maintenance")),
            ),
        ),
        WorkerAccess("devices_latestreading", "app_sweep", "select"),
        WorkerAccess("devices_stateinterval", "app_sweep", "select"),
    ]
