"""What kind of work a run is and how much set-up was planned: what rates are learned by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0004_ingest_policies")]

    operations = [
        migrations.AddField(
            "plannedrun", "kind", models.CharField(blank=True, default="", max_length=40)
        ),
        migrations.AddField("plannedrun", "set_up_minutes", models.PositiveIntegerField(default=0)),
    ]
