"""Machine time that is held for a refused order's ways out, once in an order's life."""

from django.db import migrations, models

# As in 0014, with `held_until` for the platform.
PARTIES = """
drop trigger parties_write on marketplace_planrequest;
create trigger parties_write before update on marketplace_planrequest
    for each row when (old.purpose <> 'inquiry') execute function parties_write(
        'buyer_id', '{stop_requested_at,waiting_since}', '{}',
        'platform_id',
        '{band,message,solve_run_uid,best_minutes,bound_minutes,market_mark,held_until}',
        '{requested>solving,requested>failed,solving>ready,solving>failed,ready>failed}')
"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0019_late_material"),
        ("tenants", "0006_closed_doors"),
    ]

    operations = [
        migrations.AddField(
            model_name="commitment",
            name="held_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="planrequest",
            name="held_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="commitment",
            name="state",
            field=models.CharField(
                choices=[
                    ("held", "Held"),
                    ("offered", "Offered"),
                    ("booked", "Booked"),
                    ("released", "Released"),
                ],
                max_length=10,
            ),
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
                    ("larger", "More pieces"),
                    ("steered", "Steered"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="commitment",
            index=models.Index(
                condition=models.Q(("state", "held")), fields=["held_until"], name="held_time"
            ),
        ),
        migrations.AddIndex(
            model_name="planrequest",
            index=models.Index(
                condition=models.Q(("held_until__isnull", False)),
                fields=["buyer", "held_until"],
                name="holds_of_a_buyer",
            ),
        ),
        migrations.AddConstraint(
            model_name="commitment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "held"), _negated=True),
                    ("held_until__isnull", False),
                    _connector="OR",
                ),
                name="held_time_has_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="planrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("held_until__isnull", False)),
                fields=("order_uid",),
                name="an_order_is_held_once",
            ),
        ),
        migrations.RunSQL(sql=[(PARTIES, None)]),
    ]
