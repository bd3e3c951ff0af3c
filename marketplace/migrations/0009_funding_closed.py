"""The platform asks no more money for an order that was cancelled."""

from django.db import migrations, models

FUNDING_PARTIES = """
create or replace function funding_parties_decide() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    v_free text[] := '{state,proof,note,proved_at,confirmed_at,closed_at}';
    v_tenant text := current_setting('app.tenant_id', true);
begin
    if tg_op = 'INSERT' then
        if new.state <> 'asked' or new.confirmed_at is not null or new.closed_at is not null then
            raise exception 'funding begins with being asked for' using errcode = '42501';
        end if;
        return new;
    end if;
    if to_jsonb(new) - v_free <> to_jsonb(old) - v_free then
        raise exception 'what is asked for does not change' using errcode = '42501';
    end if;
    if new.closed_at is distinct from old.closed_at
       and (old.closed_at is not null or v_tenant is distinct from new.platform_id::text) then
        raise exception 'only the platform closes a payment, once' using errcode = '42501';
    end if;
    if new.state <> old.state
       and v_tenant is distinct from (case when new.state = 'proved' then new.buyer_id else new.platform_id end)::text then
        raise exception 'this step of a payment is not yours' using errcode = '42501';
    end if;
    if old.state = 'confirmed' and to_jsonb(new) - 'closed_at' <> to_jsonb(old) - 'closed_at' then
        raise exception 'a received payment does not change' using errcode = '42501';
    end if;
    return new;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0008_orders"),
    ]

    operations = [
        migrations.AddField(
            model_name="funding",
            name="closed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(FUNDING_PARTIES),
    ]
