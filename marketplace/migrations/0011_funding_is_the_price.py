"""What a buyer is asked to pay in is its order's price, and never less than what was promised."""

from django.db import migrations, models

from tenants.acting import PLATFORM_ID

# Runs as the buyer, who alone sees the order and all of its offers: nobody else can ask.
FUNDING_IS_THE_PRICE = f"""
create function funding_is_the_price() returns trigger
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
    ) then
        raise exception 'a payment covers what the factories were promised' using errcode = '42501';
    end if;
    return new;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0010_parties")]

    operations = [
        migrations.AddConstraint(
            model_name="funding",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="funding_amount_positive"
            ),
        ),
        migrations.RunSQL(FUNDING_IS_THE_PRICE),
        migrations.RunSQL(
            "create trigger funding_is_the_price before insert on marketplace_funding "
            "for each row execute function funding_is_the_price()"
        ),
    ]
