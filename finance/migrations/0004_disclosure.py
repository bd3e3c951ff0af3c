"""The one door to another organisation's credit report."""

from django.db import migrations

# The row of the consent is locked first, so that a look and a revocation come one after the
# other. `p_site_now` is the site's clock, which may run ahead of ours; whoever tells it falsely
# still meets the database's own clock: a consent never outlives, in real time, the span that was
# granted, counted from when the database saw it granted.
DISCLOSE = """
create function disclose_report(p_consent uuid, p_purpose text, p_site_now timestamptz)
returns table (outcome text, report_uid uuid, as_of timestamptz, document jsonb)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    v_reader bigint := nullif(current_setting('app.tenant_id', true), '')::bigint;
    v_consent evidence_consent;
    v_report finance_creditreport;
    v_name text;
begin
    select * into v_consent from evidence_consent c where c.uid = p_consent for update;
    if not found or coalesce(v_reader, 0) = 0 then
        return query select 'unknown', null::uuid, null::timestamptz, null::jsonb;
        return;
    end if;
    outcome := case
        when v_reader <> v_consent.grantee_id then 'not_the_reader'
        when p_purpose is distinct from v_consent.purpose then 'other_purpose'
        when v_consent.state <> 'granted' then v_consent.state
        when p_site_now is null or p_site_now < v_consent.valid_from then 'not_yet'
        when p_site_now >= v_consent.valid_until
             or clock_timestamp() >= v_consent.granted_real_at + (v_consent.valid_until - v_consent.valid_from)
             then 'expired'
        when v_consent.reads_left = 0 then 'no_reads_left'
        when exists (select from tenants_organisation o
                     where o.id = v_reader and o.verification = 'suspended') then 'reader_suspended'
    end;
    if outcome is null then
        select * into v_report from finance_creditreport r
        where r.tenant_id = v_consent.owner_id order by r.as_of desc, r.id desc limit 1;
        outcome := case when found then 'disclosed' else 'no_report' end;
    end if;
    if outcome = 'disclosed' then
        update evidence_consent c set reads_left = c.reads_left - 1 where c.id = v_consent.id;
        report_uid := v_report.uid;
        as_of := v_report.as_of;
        select jsonb_object_agg(part.key, part.value) into document
        from jsonb_each(v_report.document) part
        where part.key = 'about' or part.key = any (v_consent.scope);
    end if;
    select o.name into v_name from tenants_organisation o where o.id = v_reader;
    insert into evidence_accessevent
        (tenant_id, uid, at, reader_id, consent_uid, subject_uid, purpose, outcome)
    values (v_consent.owner_id, gen_random_uuid(), coalesce(p_site_now, clock_timestamp()), v_reader,
            v_consent.uid, report_uid, left(coalesce(p_purpose, ''), 20), outcome);
    insert into evidence_pendingentry (tenant_id, uid, at, actor, kind, subject_uid, payload)
    values (v_consent.owner_id, gen_random_uuid(), coalesce(p_site_now, clock_timestamp()), v_name,
            case when outcome = 'disclosed' then 'report.disclosed' else 'report.refused' end,
            coalesce(report_uid, v_consent.uid),
            jsonb_build_object('consent', v_consent.uid, 'reader_id', v_reader, 'outcome', outcome,
                               'purpose', p_purpose, 'scope', v_consent.scope,
                               'real_time', clock_timestamp()));
    -- A stranger learns nothing, not even that there is such a consent.
    if outcome = 'not_the_reader' then
        outcome := 'unknown';
    end if;
    return next;
end $$
"""
SIGNATURE = "disclose_report(uuid, text, timestamptz)"


class Migration(migrations.Migration):
    dependencies = [("finance", "0003_finance_books"), ("evidence", "0003_consents")]

    operations = [
        migrations.RunSQL(DISCLOSE),
        migrations.RunSQL(
            [
                f"alter function {SIGNATURE} owner to app_definer",
                f"revoke all on function {SIGNATURE} from public",
                f"grant execute on function {SIGNATURE} to app_user",
                "create policy definer_select on finance_creditreport for select to app_definer using (true)",
                "create policy definer_select on evidence_consent for select to app_definer using (true)",
                "create policy definer_update on evidence_consent for update to app_definer "
                "using (true) with check (true)",
                "create policy definer_insert on evidence_accessevent for insert to app_definer with check (true)",
                "create policy definer_insert on evidence_pendingentry for insert to app_definer with check (true)",
                "grant select on finance_creditreport to app_definer",
                "grant select, update on evidence_consent to app_definer",
                "grant insert on evidence_accessevent, evidence_pendingentry to app_definer",
                "grant select on tenants_organisation to app_definer",
            ]
        ),
    ]
