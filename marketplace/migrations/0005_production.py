"""What production needs beside the plan: where each lot is, when it came, when it left."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0004_catalogue"),
        ("tenants", "0002_policies"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="operation",
            name="operation_once",
        ),
        migrations.AddField(
            model_name="operation",
            name="delivered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="operation",
            name="inspected_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="operation",
            name="previous_supplier",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.organisation",
            ),
        ),
        migrations.AddField(
            model_name="operation",
            name="received_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="operation",
            name="reported_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="operation",
            name="shipment_number",
            field=models.CharField(blank=True, max_length=30),
        ),
        migrations.AddField(
            model_name="operation",
            name="shipped_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="shipmentline",
            name="reject_reason",
            field=models.CharField(blank=True, max_length=300, verbose_name="Reason"),
        ),
        migrations.AlterField(
            model_name="operation",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting for the lot"),
                    ("ready", "Ready"),
                    ("started", "Started"),
                    ("finished", "Finished"),
                    ("shipped", "Sent on"),
                    ("cancelled", "Cancelled"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                fields=["next_operation_uid"], name="marketplace_next_op_93b838_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="shipmentline",
            index=models.Index(
                fields=["next_operation_uid"], name="marketplace_next_op_b1348e_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "cancelled"), _negated=True),
                fields=("order_uid", "lot", "step"),
                name="operation_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("received", None), ("received__lte", models.F("quantity")), _connector="OR"
                ),
                name="operation_receives_at_most",
            ),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.CheckConstraint(
                condition=models.Q(("accepted__lte", models.F("good"))),
                name="operation_accepted_is_good",
            ),
        ),
        migrations.AddConstraint(
            model_name="shipmentline",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gt", 0)), name="line_quantity"
            ),
        ),
    ]
