"""Policies of this app's tables."""

from django.db import migrations

from tenants.rls import AppendOnly, BilateralTable, OwnTable


class Migration(migrations.Migration):
    dependencies = [("evidence", "0001_initial"), ("tenants", "0002_policies")]

    operations = [
        OwnTable("evidence_pendingentry", "select, insert"),
        AppendOnly("evidence_pendingentry"),
        # A lender may ask, an owner may grant without being asked; only the owner decides.
        BilateralTable("evidence_consent", "owner_id", "grantee_id", updated_by=["owner_id"]),
        OwnTable("evidence_accessevent", "select"),
        AppendOnly("evidence_accessevent"),
    ]
