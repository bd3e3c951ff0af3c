"""An invitation is no way back for a member, and no table of a session stands in for one of ours.

PostgreSQL looks for a table in the session's own temporary schema first unless the search path
names `pg_temp`; last in the path, it is looked at last.
"""

from django.db import migrations

ACCEPT_INVITATION = """
create or replace function accept_invitation(p_token bytea, p_now timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    v_person bigint := current_setting('app.person_id', true)::bigint;
    v_tenant bigint;
    v_role text;
    v_membership uuid;
begin
    update tenants_invitation i set accepted_at = p_now
    from tenants_person p
    where i.token_hash = p_token and i.accepted_at is null and i.withdrawn_at is null
      and i.expires_at > p_now and p.id = v_person and lower(i.email) = p.email
      and not exists (select from tenants_membership m
                      where m.tenant_id = i.tenant_id and m.person_id = p.id and m.is_active)
    returning i.tenant_id, i.role into v_tenant, v_role;
    if v_tenant is null then
        return null;
    end if;
    insert into tenants_membership (tenant_id, uid, person_id, role, is_active, created_at)
    values (v_tenant, gen_random_uuid(), v_person, v_role, true, now())
    on conflict on constraint membership_once
    do update set role = excluded.role, is_active = true
    returning uid into v_membership;
    insert into tenants_auditentry (tenant_id, uid, at, actor, action, subject, subject_uid, detail)
    select v_tenant, gen_random_uuid(), p_now, p.name, 'member.joined', 'membership', v_membership,
           jsonb_build_object('role', v_role) from tenants_person p where p.id = v_person;
    return v_tenant;
end $$
"""

FUNCTIONS = (
    "api_key_by_prefix(text)",
    "open_organisation(bigint, timestamptz)",
    "outbox_health()",
    "platform_decides()",
    "refuse_change()",
)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0005_payment_scope")]

    operations = [
        migrations.RunSQL(sql=[(ACCEPT_INVITATION, None)]),
        migrations.RunSQL(
            sql=[
                (f"alter function {function} set search_path = pg_catalog, public, pg_temp", None)
                for function in FUNCTIONS
            ]
        ),
    ]
