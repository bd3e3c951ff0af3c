"""Policies of this app's tables."""

from django.db import migrations

from tenants.rls import AppendOnly, OwnTable, TenantForeignKey, WorkerAccess

INGEST = "app_ingest"


class Migration(migrations.Migration):
    dependencies = [("devices", "0001_initial"), ("tenants", "0002_policies")]

    operations = [
        OwnTable("devices_site"),
        OwnTable("devices_machine"),
        OwnTable("devices_shift"),
        OwnTable("devices_device"),
        OwnTable("devices_plannedrun"),
        OwnTable("devices_frame", "select"),
        OwnTable("devices_quarantinedframe", "select"),
        OwnTable("devices_latestreading", "select"),
        OwnTable("devices_rollup", "select"),
        OwnTable("devices_stateinterval", "select"),
        TenantForeignKey("devices_machine", "site_id", "devices_site"),
        TenantForeignKey("devices_shift", "site_id", "devices_site"),
        TenantForeignKey("devices_device", "machine_id", "devices_machine"),
        TenantForeignKey("devices_plannedrun", "machine_id", "devices_machine"),
        WorkerAccess("devices_machine", INGEST, "select"),
        WorkerAccess("devices_device", INGEST, "select, update"),
        WorkerAccess("devices_plannedrun", INGEST, "select, update"),
        WorkerAccess("devices_frame", INGEST, "select, insert"),
        AppendOnly("devices_frame"),
        WorkerAccess("devices_quarantinedframe", INGEST, "select, insert"),
        WorkerAccess("devices_latestreading", INGEST, "select, insert, update"),
        WorkerAccess("devices_rollup", INGEST, "select, insert, update"),
        WorkerAccess("devices_stateinterval", INGEST, "select, insert, update, delete"),
        WorkerAccess("tenants_outboxmessage", INGEST, "select, insert"),
    ]
