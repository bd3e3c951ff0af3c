"""Policies of the tables that storing frames needs, and room for rows that change often."""

from django.db import migrations

from tenants.rls import OwnTable, WorkerAccess

INGEST = "app_ingest"
OFTEN_CHANGED = ("devices_rollup", "devices_boot", "devices_latestreading", "devices_producedhour")


class Migration(migrations.Migration):
    dependencies = [("devices", "0003_ingest_storage"), ("tenants", "0002_policies")]

    operations = [
        OwnTable("devices_boot", "select"),
        OwnTable("devices_clockbin", "select"),
        OwnTable("devices_producedhour", "select"),
        # The web role may hand frames in for its own organisation; storing them stays with ingest.
        OwnTable("devices_readingpost", "select, insert"),
        WorkerAccess("devices_boot", INGEST, "select, insert, update"),
        WorkerAccess("devices_clockbin", INGEST, "select, insert, update"),
        WorkerAccess("devices_producedhour", INGEST, "select, insert, update"),
        WorkerAccess("devices_readingpost", INGEST, "select, update, delete"),
        WorkerAccess("devices_rollup", INGEST, "delete"),
        WorkerAccess("devices_quarantinedframe", INGEST, "update"),
        WorkerAccess("tenants_outboxmessage", INGEST, "update"),
        migrations.RunSQL(
            [(f"alter table {table} set (fillfactor = 70)", None) for table in OFTEN_CHANGED]
        ),
    ]
