"""Functions, the platform's own organisation, and the policies of this app's tables."""

from django.db import migrations

from tenants.rls import PERSON, TENANT, AppendOnly, GlobalTable, OwnTable, WorkerAccess

REFUSE_CHANGE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = '42501';
end $$
"""

PLATFORM = """
insert into tenants_organisation
    (id, uid, name, name_zh, kinds, country, city, time_zone, currency, verification, is_simulated, created_at)
values
    (1, gen_random_uuid(), 'Openfloor', '开工台', '{operator}', 'CN', '', 'Asia/Shanghai', 'CNY',
     'verified', false, now())
"""

PLATFORM_DECIDES = """
create function platform_decides() returns trigger language plpgsql as $$
begin
    if current_setting('app.tenant_id', true) is distinct from '1'
       and (new.verification not in (old.verification, 'submitted')
            or (new.kinds && '{operator}') <> (old.kinds && '{operator}')) then
        raise exception 'only the platform verifies' using errcode = '42501';
    end if;
    return new;
end $$
"""

API_KEY_BY_PREFIX = """
create function api_key_by_prefix(wanted text)
returns table (id bigint, tenant_id bigint, name text, secret_hash bytea, scopes text[], expires_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public as $$
    select k.id, k.tenant_id, k.name::text, k.secret_hash, k.scopes::text[], k.expires_at
    from public.tenants_apikey k where k.prefix = wanted and k.revoked_at is null
$$
"""

INVITATION_TENANT = """
create function invitation_tenant(wanted bytea) returns bigint
language sql stable security definer set search_path = pg_catalog, public as $$
    select i.tenant_id from public.tenants_invitation i
    where i.token_hash = wanted and i.accepted_at is null and i.withdrawn_at is null
$$
"""


def definer_function(name: str, arguments: str, table: str) -> list[str]:
    """Hand a function to the role that cannot log in, and let that role read one table."""
    return [
        f"alter function {name}({arguments}) owner to app_definer",
        f"revoke all on function {name}({arguments}) from public",
        f"grant execute on function {name}({arguments}) to app_user",
        f"create policy definer_select on {table} for select to app_definer using (true)",
        f"grant select on {table} to app_definer",
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("sessions", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunSQL(REFUSE_CHANGE),
        migrations.RunSQL("revoke all on all tables in schema public from public"),
        # Global tables: Django's own, people, the directory of organisations.
        GlobalTable("django_session", "select, insert, update, delete"),
        GlobalTable("django_content_type"),
        GlobalTable("django_migrations"),
        GlobalTable("auth_permission"),
        GlobalTable("auth_group"),
        GlobalTable("auth_group_permissions"),
        GlobalTable("tenants_person", "select, insert, update"),
        GlobalTable("tenants_organisation", "select, insert, update"),
        migrations.RunSQL(PLATFORM),
        migrations.RunSQL(
            "select setval(pg_get_serial_sequence('tenants_organisation', 'id'), 1000, false)"
        ),
        # The directory is read by all and changed by each organisation for itself, or the platform.
        migrations.RunSQL(
            [
                "alter table tenants_organisation enable row level security",
                "alter table tenants_organisation force row level security",
                "create policy everybody_reads on tenants_organisation for select using (true)",
                "create policy anybody_enters on tenants_organisation for insert to app_user "
                "with check (not kinds && '{operator}' and verification = 'unverified')",
                f"create policy own_entry on tenants_organisation for update to app_user "
                f"using (id = {TENANT}) with check (id = {TENANT})",
                f"create policy platform_verifies on tenants_organisation for update to app_user "
                f"using ({TENANT} = 1) with check ({TENANT} = 1)",
                "grant select on tenants_organisation to app_ingest, app_relay, app_sweep",
            ]
        ),
        migrations.RunSQL(PLATFORM_DECIDES),
        migrations.RunSQL(
            "create trigger platform_decides before update on tenants_organisation "
            "for each row execute function platform_decides()"
        ),
        OwnTable("tenants_membership"),
        migrations.RunSQL(
            f"create policy own_person on tenants_membership for select to app_user "
            f"using (person_id = {PERSON})"
        ),
        OwnTable("tenants_invitation", "select, insert, update"),
        OwnTable("tenants_apikey", "select, insert, update"),
        OwnTable("tenants_idempotentreply", "select, insert, delete"),
        OwnTable("tenants_auditentry", "select, insert"),
        AppendOnly("tenants_auditentry"),
        OwnTable("tenants_outboxmessage", "select, insert, update"),
        WorkerAccess("tenants_outboxmessage", "app_relay", "select, update, delete"),
        migrations.RunSQL(API_KEY_BY_PREFIX),
        migrations.RunSQL(definer_function("api_key_by_prefix", "text", "tenants_apikey")),
        migrations.RunSQL(INVITATION_TENANT),
        migrations.RunSQL(definer_function("invitation_tenant", "bytea", "tenants_invitation")),
    ]
