"""How the outbox is doing over all organisations: counts and ages, no contents."""

from django.db import migrations

OUTBOX_HEALTH = """
create function outbox_health()
returns table (topic text, open bigint, failing bigint, oldest timestamptz, handled_last_hour bigint)
language plpgsql stable security definer set search_path = pg_catalog, public as $$
begin
    if current_setting('app.tenant_id', true) is distinct from '1' then
        raise exception 'only the platform looks at the outbox' using errcode = '42501';
    end if;
    return query
        select m.topic::text,
               count(*) filter (where m.handled_at is null),
               count(*) filter (where m.handled_at is null and m.last_error <> ''),
               min(m.created_at) filter (where m.handled_at is null),
               count(*) filter (where m.handled_at > now() - interval '1 hour')
        from tenants_outboxmessage m group by m.topic order by 2 desc, 1;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_joining")]

    operations = [
        migrations.RunSQL(
            [
                OUTBOX_HEALTH,
                "alter function outbox_health() owner to app_definer",
                "revoke all on function outbox_health() from public",
                "grant execute on function outbox_health() to app_user",
                "create policy definer_select on tenants_outboxmessage for select "
                "to app_definer using (true)",
                "grant select on tenants_outboxmessage to app_definer",
            ]
        ),
    ]
