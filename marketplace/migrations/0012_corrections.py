"""Corrections of finished lots' reports: entries that are only added, and what they allow."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

import tenants.ids
from tenants.rls import AppendOnly, BilateralTable

# A correction speaks of a finished lot in its own firm's shop, and says what stands there.
CORRECTION_FITS = """
create function correction_fits() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if not exists (
        select from marketplace_operation o
        where o.id = new.operation_id and o.state = 'finished' and o.inspected_at is null
          and o.good > 0
          and (o.buyer_id, o.supplier_id, o.order_uid, o.order_number, o.good, o.scrap)
            = (new.buyer_id, new.supplier_id, new.order_uid, new.order_number,
               new.good_before, new.scrap_before)
    ) then
        raise exception 'a correction speaks of what a finished lot holds' using errcode = '42501';
    end if;
    return new;
end $$
"""

# What a finished lot holds changes by its newest correction alone.
FINISHED_IS_CORRECTED = """
create function finished_is_corrected() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if not exists (
        select from (
            select * from marketplace_correction c where c.operation_id = old.id
            order by c.id desc limit 1
        ) newest
        where (newest.good_before, newest.scrap_before, newest.good, newest.scrap)
            = (old.good, old.scrap, new.good, new.scrap)
    ) then
        raise exception 'operation %: a finished lot changes by a correction only', old.uid
            using errcode = '42501';
    end if;
    return new;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0011_funding_is_the_price"),
        ("tenants", "0005_payment_scope"),
    ]

    operations = [
        migrations.CreateModel(
            name="Correction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "uid",
                    models.UUIDField(default=tenants.ids.uuid7, editable=False, unique=True),
                ),
                ("order_uid", models.UUIDField()),
                ("order_number", models.CharField(max_length=20)),
                ("good_before", models.PositiveBigIntegerField()),
                ("scrap_before", models.PositiveBigIntegerField()),
                ("good", models.PositiveBigIntegerField()),
                ("scrap", models.PositiveBigIntegerField()),
                ("reason", models.CharField(max_length=300)),
                ("corrected_by", models.CharField(max_length=160)),
                ("created_at", models.DateTimeField()),
                (
                    "buyer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.organisation",
                    ),
                ),
                (
                    "operation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="marketplace.operation",
                    ),
                ),
                (
                    "supplier",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.organisation",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["operation", "-id"], name="marketplace_operati_47b61e_idx")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(good=F("good_before") + F("scrap_before") - F("scrap")),
                        name="correction_conserves",
                    ),
                    models.CheckConstraint(
                        condition=~Q(good=F("good_before")), name="correction_corrects"
                    ),
                    models.CheckConstraint(condition=~Q(reason=""), name="correction_has_reason"),
                ],
            },
        ),
        BilateralTable(
            "marketplace_correction", "buyer_id", "supplier_id", inserted_by=["supplier_id"]
        ),
        AppendOnly("marketplace_correction"),
        migrations.RunSQL(CORRECTION_FITS),
        migrations.RunSQL(FINISHED_IS_CORRECTED),
        migrations.RunSQL(
            [
                "create trigger correction_fits before insert on marketplace_correction "
                "for each row execute function correction_fits()",
                "create trigger finished_is_corrected before update of good, scrap "
                "on marketplace_operation for each row "
                "when (old.state = 'finished' and (new.good, new.scrap) "
                "is distinct from (old.good, old.scrap)) "
                "execute function finished_is_corrected()",
            ]
        ),
    ]
