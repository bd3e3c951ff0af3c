"""Who may say what of an order's money: the buyer proves, the platform confirms and books."""

from django.db import migrations

FUNDING_PARTIES = """
create function funding_parties_decide() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    v_free text[] := '{state,proof,note,proved_at,confirmed_at}';
    v_tenant text := current_setting('app.tenant_id', true);
begin
    if tg_op = 'INSERT' then
        if new.state <> 'asked' or new.confirmed_at is not null then
            raise exception 'funding begins with being asked for' using errcode = '42501';
        end if;
        return new;
    end if;
    if to_jsonb(new) - v_free <> to_jsonb(old) - v_free then
        raise exception 'what is asked for does not change' using errcode = '42501';
    end if;
    if new.state <> old.state
       and v_tenant is distinct from (case when new.state = 'proved' then new.buyer_id else new.platform_id end)::text then
        raise exception 'this step of a payment is not yours' using errcode = '42501';
    end if;
    if old.state = 'confirmed' then
        raise exception 'a received payment does not change' using errcode = '42501';
    end if;
    return new;
end $$
"""

BOOKED_ONCE = """
create function release_booked_once() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if old.booked_at is not null
       or to_jsonb(new) - 'booked_at' <> to_jsonb(old) - 'booked_at' then
        raise exception 'a release is only booked, once' using errcode = '42501';
    end if;
    return new;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0006_conservation")]

    operations = [
        migrations.RunSQL(FUNDING_PARTIES),
        migrations.RunSQL(BOOKED_ONCE),
        migrations.RunSQL(
            [
                "create trigger funding_parties_decide before insert or update on "
                "marketplace_funding for each row execute function funding_parties_decide()",
                "create trigger release_booked_once before update on marketplace_release "
                "for each row execute function release_booked_once()",
            ]
        ),
    ]
