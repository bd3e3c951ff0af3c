"""Policies of this app's tables."""

from django.db import migrations

from tenants.rls import OwnTable, TenantForeignKey


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0001_initial"), ("devices", "0002_policies")]

    operations = [
        OwnTable("scheduling_solverun", "select, insert, update"),
        OwnTable("scheduling_reservation", "select, insert, update"),
        TenantForeignKey("scheduling_reservation", "machine_id", "devices_machine"),
    ]
