"""What machines have shown for each process, beside what is stated, and lots on time."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
from tenants.rls import OwnTable, TenantForeignKey


def keys() -> list[tuple[str, Any]]:
    return [
        (
            "id",
            models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
            ),
        ),
        ("uid", models.UUIDField(default=tenants.ids.uuid7, editable=False, unique=True)),
    ]


def reference(to: str, *, on_delete: Any = django.db.models.deletion.PROTECT, **more: Any) -> Any:
    return models.ForeignKey(on_delete=on_delete, related_name="+", to=to, **more)


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0005_run_kinds"),
        ("marketplace", "0016_steering"),
        ("tenants", "0006_closed_doors"),
    ]

    operations = [
        migrations.RemoveField("listing", "rate_low_share"),
        migrations.AddField("listing", "on_time_lots", models.PositiveIntegerField(default=0)),
        migrations.CreateModel(
            name="LearnedRate",
            fields=[
                *keys(),
                ("runs", models.PositiveIntegerField(default=0)),
                ("rate_usual", models.FloatField(null=True)),
                ("rate_low", models.FloatField(null=True)),
                ("set_ups", models.PositiveIntegerField(default=0)),
                ("set_up_usual", models.FloatField(null=True)),
                ("set_up_high", models.FloatField(null=True)),
                ("is_used", models.BooleanField(default=True)),
                ("learned_at", models.DateTimeField()),
                (
                    "machine",
                    reference(
                        "devices.machine",
                        on_delete=django.db.models.deletion.CASCADE,
                        db_index=False,
                    ),
                ),
                ("process", reference("marketplace.process")),
                ("tenant", reference("tenants.organisation", db_index=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "machine", "process"), name="learned_rate_once"
                    )
                ],
            },
        ),
        OwnTable("marketplace_learnedrate"),
        TenantForeignKey("marketplace_learnedrate", "machine_id", "devices_machine"),
    ]
