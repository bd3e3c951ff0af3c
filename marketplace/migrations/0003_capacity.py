"""Prices above zero, words of choice attributes, and listings that their supplier may read."""

from django.db import migrations, models
from django.db.models import Q

from tenants.rls import BilateralTable


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0002_policies")]

    operations = [
        migrations.AddField(
            "capabilityattribute", "choices", models.JSONField(blank=True, default=list)
        ),
        migrations.AddField("listing", "version", models.PositiveBigIntegerField(default=0)),
        migrations.AddConstraint(
            "capacitywindow",
            models.CheckConstraint(name="window_price", condition=Q(price_minor_per_hour__gt=0)),
        ),
        migrations.RunSQL("drop policy own on marketplace_listing"),
        migrations.RunSQL("revoke delete on marketplace_listing from app_user"),
        BilateralTable(
            "marketplace_listing",
            "tenant_id",
            "supplier_id",
            inserted_by=["tenant_id"],
            updated_by=["tenant_id"],
        ),
    ]
