"""What is said of a machine that runs slower than the lots that wait for it were planned with."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0023_later_dates")]

    operations = [
        migrations.AddField("learnedrate", "slow_rate", models.FloatField(null=True)),
        migrations.AddField("learnedrate", "slow_planned_rate", models.FloatField(null=True)),
        migrations.AddConstraint(
            "learnedrate",
            models.CheckConstraint(
                name="learned_rate_slow_is_slower",
                condition=Q(slow_rate=None, slow_planned_rate=None)
                | Q(
                    slow_rate__isnull=False,
                    slow_planned_rate__isnull=False,
                    slow_rate__gt=0,
                    slow_rate__lt=F("slow_planned_rate"),
                ),
            ),
        ),
    ]
