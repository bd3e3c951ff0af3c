"""Founding and joining an organisation: the two acts of a person before any tenant is bound.

Both functions take the person from the transaction's own setting, never from an argument.
"""

from django.db import migrations

OPEN_ORGANISATION = """
create function open_organisation(p_organisation bigint, p_now timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    v_person bigint := current_setting('app.person_id', true)::bigint;
begin
    perform pg_advisory_xact_lock(hashtext('open_organisation'), p_organisation::int);
    if v_person = 0 or p_organisation = 1
       or exists (select from tenants_membership where tenant_id = p_organisation) then
        raise exception 'organisation % has its owner already', p_organisation using errcode = '42501';
    end if;
    insert into tenants_membership (tenant_id, uid, person_id, role, is_active, created_at)
    values (p_organisation, gen_random_uuid(), v_person, 'owner', true, now());
    insert into tenants_auditentry (tenant_id, uid, at, actor, action, subject, subject_uid, detail)
    select p_organisation, gen_random_uuid(), p_now, p.name, 'organisation.founded', 'organisation',
           o.uid, '{}' from tenants_person p, tenants_organisation o
    where p.id = v_person and o.id = p_organisation;
end $$
"""

ACCEPT_INVITATION = """
create function accept_invitation(p_token bytea, p_now timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, public as $$
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

DOORS = [
    ("open_organisation(bigint, timestamptz)", OPEN_ORGANISATION),
    ("accept_invitation(bytea, timestamptz)", ACCEPT_INVITATION),
]
NEEDS = {
    "tenants_membership": ["select", "insert", "update"],
    "tenants_auditentry": ["select", "insert"],
    "tenants_invitation": ["select", "update"],
}
CLAUSES = {"select": "using (true)", "insert": "with check (true)", "update": "using (true)"}


def statements() -> list[str]:
    """Return the functions and what their owner, which cannot log in, needs for them."""
    made = []
    for table, commands in NEEDS.items():
        for command in commands:
            if (table, command) != ("tenants_invitation", "select"):  # 0002 has it
                made.append(
                    f"create policy definer_{command} on {table} for {command} "
                    f"to app_definer {CLAUSES[command]}"
                )
        made.append(f"grant {', '.join(commands)} on {table} to app_definer")
    made.append("grant select on tenants_person, tenants_organisation to app_definer")
    for signature, body in DOORS:
        made += [
            body,
            f"alter function {signature} owner to app_definer",
            f"revoke all on function {signature} from public",
            f"grant execute on function {signature} to app_user",
        ]
    return made


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_policies")]

    operations = [
        migrations.RunSQL("drop function invitation_tenant(bytea)"),
        migrations.RunSQL(statements()),
    ]
