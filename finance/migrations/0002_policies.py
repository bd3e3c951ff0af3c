"""Policies of this app's tables, and the ledger's own door."""

from django.db import migrations

from tenants.rls import TENANT, AppendOnly, BilateralTable, GlobalTable, OwnTable

BALANCED = """
create function ledger_balanced() returns trigger language plpgsql as $$
begin
    if exists (select from finance_entry where transaction_id = new.transaction_id
               group by currency having sum(amount_minor) <> 0)
       or (select count(*) from finance_entry where transaction_id = new.transaction_id) < 2 then
        raise exception 'transaction % does not balance', new.transaction_id using errcode = '23514';
    end if;
    return null;
end $$
"""

NOT_EMPTY = """
create function ledger_not_empty() returns trigger language plpgsql as $$
begin
    if not exists (select from finance_entry where transaction_id = new.id) then
        raise exception 'transaction % has no entries', new.id using errcode = '23514';
    end if;
    return null;
end $$
"""

POST = """
create function ledger_post(p_key text, p_kind text, p_subject uuid, p_memo text, p_at timestamptz, p_legs jsonb)
returns bigint
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    v_transaction bigint;
    v_leg record;
    v_account bigint;
begin
    if current_setting('app.tenant_id', true) is distinct from '1' then
        raise exception 'only the platform posts to the ledger' using errcode = '42501';
    end if;
    insert into finance_transaction (tenant_id, uid, key, kind, subject_uid, memo, at)
    values (1, gen_random_uuid(), p_key, p_kind, p_subject, p_memo, p_at)
    on conflict (key) do nothing returning id into v_transaction;
    if v_transaction is null then
        return null;
    end if;
    -- Accounts are made and locked in one order, so that two postings never deadlock.
    insert into finance_account
        (tenant_id, uid, code, currency, subject_uid, never_debit, never_credit, balance_minor)
    select distinct l.tenant, gen_random_uuid(), l.code, l.currency, l.subject,
           l.code in ('held', 'payable', 'loan_clearing'), l.code = 'bank', 0
    from (select (e->>'tenant')::bigint tenant, e->>'code' code, e->>'currency' currency,
                 (e->>'subject')::uuid subject from jsonb_array_elements(p_legs) e) l
    order by 1, 3, 4, 5
    on conflict on constraint account_once do nothing;
    for v_leg in
        select a.id account, a.tenant_id tenant, a.currency, sum(l.amount)::bigint amount
        from (select (e->>'tenant')::bigint tenant, e->>'code' code, e->>'currency' currency,
                     (e->>'subject')::uuid subject, (e->>'amount')::bigint amount
              from jsonb_array_elements(p_legs) e) l
        join finance_account a on a.tenant_id = l.tenant and a.code = l.code
             and a.currency = l.currency and a.subject_uid is not distinct from l.subject
        group by a.id, a.tenant_id, a.currency having sum(l.amount) <> 0 order by a.id
    loop
        update finance_account set balance_minor = balance_minor + v_leg.amount
        where id = v_leg.account returning id into v_account;
        insert into finance_entry
            (uid, tenant_id, transaction_id, account_id, currency, amount_minor, kind, subject_uid, memo, at)
        values (gen_random_uuid(), v_leg.tenant, v_transaction, v_account, v_leg.currency,
                v_leg.amount, p_kind, p_subject, p_memo, p_at);
    end loop;
    return v_transaction;
end $$
"""


def definer_policies(table: str, commands: str) -> list[str]:
    """Let the ledger's door, which runs as a role that cannot log in, use a table."""
    clauses = {
        "select": "using (true)",
        "insert": "with check (true)",
        "update": "using (true) with check (true)",
    }
    policies = [
        f"create policy definer_{command} on {table} for {command} to app_definer {clauses[command]}"
        for command in commands.split(", ")
    ]
    return [*policies, f"grant {commands} on {table} to app_definer"]


class Migration(migrations.Migration):
    dependencies = [("finance", "0001_initial"), ("tenants", "0002_policies")]

    operations = [
        OwnTable("finance_account", "select"),
        OwnTable("finance_transaction", "select"),
        OwnTable("finance_entry", "select"),
        AppendOnly("finance_transaction"),
        AppendOnly("finance_entry"),
        migrations.RunSQL(
            [
                "alter table finance_account add constraint finance_account_tenant_id_id "
                "unique (tenant_id, id)",
                "alter table finance_entry add constraint entry_account_currency "
                "foreign key (account_id, currency) references finance_account (id, currency)",
                "alter table finance_entry add constraint entry_account_tenant "
                "foreign key (tenant_id, account_id) references finance_account (tenant_id, id)",
            ]
        ),
        migrations.RunSQL(BALANCED),
        migrations.RunSQL(NOT_EMPTY),
        migrations.RunSQL(
            [
                "create constraint trigger ledger_balanced after insert on finance_entry "
                "deferrable initially deferred for each row execute function ledger_balanced()",
                "create constraint trigger ledger_not_empty after insert on finance_transaction "
                "deferrable initially deferred for each row execute function ledger_not_empty()",
            ]
        ),
        migrations.RunSQL(POST),
        migrations.RunSQL(
            [
                "alter function ledger_post(text, text, uuid, text, timestamptz, jsonb) owner to app_definer",
                "revoke all on function ledger_post(text, text, uuid, text, timestamptz, jsonb) from public",
                "grant execute on function ledger_post(text, text, uuid, text, timestamptz, jsonb) to app_user",
                "alter function ledger_balanced() owner to app_definer",
                "alter function ledger_balanced() security definer",
                "alter function ledger_balanced() set search_path = pg_catalog, public",
                "alter function ledger_not_empty() owner to app_definer",
                "alter function ledger_not_empty() security definer",
                "alter function ledger_not_empty() set search_path = pg_catalog, public",
                *definer_policies("finance_account", "select, insert, update"),
                *definer_policies("finance_transaction", "select, insert"),
                *definer_policies("finance_entry", "select, insert"),
            ]
        ),
        OwnTable("finance_creditreport", "select, insert"),
        AppendOnly("finance_creditreport"),
        GlobalTable("finance_loanproduct", "select, insert, update"),
        migrations.RunSQL(
            [
                "alter table finance_loanproduct enable row level security",
                "alter table finance_loanproduct force row level security",
                "create policy everybody_reads on finance_loanproduct for select using (true)",
                f"create policy lender_enters on finance_loanproduct for insert to app_user "
                f"with check (lender_id = {TENANT})",
                f"create policy lender_changes on finance_loanproduct for update to app_user "
                f"using (lender_id = {TENANT}) with check (lender_id = {TENANT})",
            ]
        ),
        BilateralTable("finance_loan", "supplier_id", "lender_id", inserted_by=["supplier_id"]),
        BilateralTable(
            "finance_repayment", "supplier_id", "lender_id", inserted_by=["supplier_id"]
        ),
        BilateralTable(
            "finance_repaymentinstruction",
            "supplier_id",
            "platform_id",
            inserted_by=["supplier_id"],
            updated_by=["platform_id"],
        ),
        BilateralTable(
            "finance_payout",
            "platform_id",
            "supplier_id",
            inserted_by=["platform_id"],
            updated_by=["platform_id"],
        ),
    ]
