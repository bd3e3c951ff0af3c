"""Plans steered by the buyer: beside the others, numbered, one under way at a time."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0015_drills"),
        ("tenants", "0006_closed_doors"),
    ]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="number",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="steering",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="answer",
                to="marketplace.planrequest",
            ),
        ),
        migrations.AddField(
            model_name="planrequest",
            name="base_plan_uid",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="planrequest",
            name="steering",
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name="plan",
            name="kind",
            field=models.CharField(
                choices=[
                    ("cheapest", "Cheapest"),
                    ("fastest", "Fastest"),
                    ("safest", "Safest"),
                    ("balanced", "Balanced"),
                    ("later", "Later date"),
                    ("dearer", "Higher ceiling"),
                    ("smaller", "Fewer pieces"),
                    ("steered", "Steered"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="planrequest",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("inquiry", "Inquiry"),
                    ("order", "Order"),
                    ("share", "Returned share"),
                    ("drill", "What if a factory stops"),
                    ("steered", "Steered"),
                ],
                default="order",
                max_length=8,
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.UniqueConstraint(
                fields=("request", "number"), name="steered_plan_number_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="planrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("purpose", "steered"), ("state__in", ("requested", "solving"))),
                fields=("buyer", "order_uid"),
                name="one_steering_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="planrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("base_plan_uid__isnull", False), ("purpose", "steered")),
                    models.Q(
                        models.Q(("purpose", "steered"), _negated=True),
                        ("base_plan_uid__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="steered_from_a_plan",
            ),
        ),
    ]
