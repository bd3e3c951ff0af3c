"""Lots that make room for another order's share, moved by who accepts that share."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import tenants.ids
from tenants.rls import BilateralTable

KINDS = [
    ("cheapest", "Cheapest"),
    ("fastest", "Fastest"),
    ("safest", "Safest"),
    ("balanced", "Balanced"),
    ("later", "Later date"),
    ("dearer", "Higher ceiling"),
    ("smaller", "Fewer pieces"),
    ("larger", "More pieces"),
    ("room", "Other lots make room"),
    ("steered", "Steered"),
]

DISPLACEMENT_PARTIES = """
create trigger parties_write before update on marketplace_displacement
    for each row execute function parties_write(
        'platform_id', '{}', '{planned>asked,asked>ended,agreed>applied}',
        'supplier_id', '{}', '{asked>agreed}')
"""

# Nobody but the factory that has agreed to it begins with an accepted proposal.
ROOM_IS_AGREED = """
create function room_is_agreed() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if not exists (
        select from marketplace_displacement d
        where d.offer_uid = new.offer_uid and d.supplier_id = new.supplier_id
          and d.state = 'agreed' and jsonb_exists(d.plans, new.order_uid::text)
          and d.moves @> new.moves
    ) then
        raise exception 'a proposal is not accepted before it is open' using errcode = '42501';
    end if;
    return new;
end $$;
create trigger room_is_agreed before insert on marketplace_proposal
    for each row when (new.state = 'accepted') execute function room_is_agreed()
"""


def party() -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenants.organisation",
    )


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0024_slow_machines")]

    operations = [
        migrations.AlterField("plan", "kind", models.CharField(choices=KINDS, max_length=10)),
        migrations.AddField("proposal", "offer_uid", models.UUIDField(null=True)),
        migrations.AddField("commitment", "yields_to", models.UUIDField(null=True)),
        migrations.AddIndex(
            "commitment",
            models.Index(
                fields=["yields_to"], name="time_that_yields", condition=Q(yields_to__isnull=False)
            ),
        ),
        migrations.CreateModel(
            name="Displacement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.UUIDField(default=tenants.ids.uuid7, editable=False, unique=True)),
                ("order_uid", models.UUIDField()),
                ("plan_uid", models.UUIDField()),
                ("offer_uid", models.UUIDField(unique=True)),
                ("plans", models.JSONField()),
                ("moves", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("asked", "Asked"),
                            ("agreed", "Agreed"),
                            ("applied", "Applied"),
                            ("ended", "Ended"),
                        ],
                        default="planned",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("platform", party()),
                ("supplier", party()),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["platform", "plan_uid"], name="marketplace_platfor_2188bc_idx"
                    ),
                    models.Index(
                        fields=["supplier", "offer_uid"], name="marketplace_supplie_3b1cda_idx"
                    ),
                    models.Index(
                        fields=["platform", "order_uid"],
                        name="displacement_asked",
                        condition=Q(state="asked"),
                    ),
                ],
            },
        ),
        BilateralTable(
            "marketplace_displacement",
            "platform_id",
            "supplier_id",
            inserted_by=["platform_id"],
        ),
        migrations.RunSQL(sql=[(DISPLACEMENT_PARTIES, None)]),
        migrations.RunSQL(sql=[(ROOM_IS_AGREED, None)]),
    ]
