"""A returned share's ways out: plans that change one limit of the order, and waiting."""

from django.db import migrations, models

from tenants.acting import PLATFORM_ID

# As in 0010, with `waiting_since` for the buyer and `market_mark` for the platform.
PARTIES = """
drop trigger parties_write on marketplace_planrequest;
create trigger parties_write before update on marketplace_planrequest
    for each row when (old.purpose <> 'inquiry') execute function parties_write(
        'buyer_id', '{stop_requested_at,waiting_since}', '{}',
        'platform_id', '{band,message,solve_run_uid,best_minutes,bound_minutes,market_mark}',
        '{requested>solving,requested>failed,solving>ready,solving>failed,ready>failed}')
"""

# As in 0011, less what the buyer has cancelled of accepted offers since.
FUNDING = f"""
create or replace function funding_is_the_price() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.platform_id <> {PLATFORM_ID} then
        raise exception 'only the platform holds money' using errcode = '42501';
    end if;
    if not exists (
        select from marketplace_order o
        where (o.tenant_id, o.uid, o.number, o.cost_minor, o.currency)
            = (new.buyer_id, new.order_uid, new.order_number, new.amount_minor, new.currency)
    ) then
        raise exception 'a payment asks for the price of its order' using errcode = '42501';
    end if;
    if new.amount_minor < (
        select coalesce(sum(f.price_minor), 0) from marketplace_offer f
        where f.buyer_id = new.buyer_id and f.order_uid = new.order_uid and f.state = 'accepted'
    ) - (
        select coalesce(sum(p.price_minor), 0)
        from marketplace_offer f
        join marketplace_workorder w on w.offer_id = f.id
        join marketplace_operation p on p.work_order_id = w.id and p.state = 'cancelled'
        where f.buyer_id = new.buyer_id and f.order_uid = new.order_uid and f.state = 'accepted'
    ) then
        raise exception 'a payment covers what the factories were promised' using errcode = '42501';
    end if;
    return new;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0013_conservation_path"),
        ("tenants", "0005_payment_scope"),
    ]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="terms",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="planrequest",
            name="market_mark",
            field=models.CharField(blank=True, default="", max_length=60),
        ),
        migrations.AddField(
            model_name="planrequest",
            name="waiting_since",
            field=models.DateTimeField(null=True),
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
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="planrequest",
            index=models.Index(
                condition=models.Q(("waiting_since__isnull", False)),
                fields=["platform"],
                name="share_waits",
            ),
        ),
        migrations.RunSQL(sql=[(PARTIES, None)]),
        migrations.RunSQL(sql=[(FUNDING, None)]),
    ]
