"""Re-plans that break a promise: the buyer agrees first, then all factories whose lots move."""

from django.db import migrations, models
from django.db.models import Q

from tenants.rls import TENANT

STATES = [
    ("asked", "Planning"),
    ("put", "Waits for the buyer"),
    ("open", "Waits for a decision"),
    ("agreed", "Agreed, waits for the others"),
    ("failed", "No place found"),
    ("accepted", "Accepted"),
    ("applied", "In the plan"),
    ("dismissed", "Dismissed"),
    ("expired", "Expired"),
    ("waiting", "The buyer waits"),
    ("undone", "Not agreed by all"),
    ("superseded", "Superseded"),
]

PROMISES = [
    ("kept", "Promised date kept"),
    ("unavoidable", "Promised date broken, proven here"),
    ("not_found", "Promised date broken"),
]

PROPOSAL_PARTIES = """
drop trigger parties_write on marketplace_proposal;
create trigger parties_write before update on marketplace_proposal
    for each row execute function parties_write(
        'buyer_id',
        '{request_uid,plan_uid,moves,moved_minutes,parties,promise,promised_at,completes_at,earliest_at,expires_at}',
        '{asked>put,put>open,put>waiting,put>expired,asked>open,put>asked,open>asked,agreed>asked,asked>failed,asked>superseded,put>superseded,open>superseded,agreed>superseded,open>expired,open>undone,agreed>undone,agreed>accepted,accepted>applied}',
        'supplier_id', '{decided_at,decided_by,reason}',
        '{asked>superseded,put>superseded,open>superseded,agreed>superseded,failed>superseded,open>agreed,open>accepted,open>dismissed}')
"""

# Its factory asks for a re-plan; the buyer asks further factories, in one that it has agreed to.
EACH_ASKS = f"""
alter policy party_insert on marketplace_proposal with check ({TENANT} in (buyer_id, supplier_id));
create function proposal_begins() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    v_tenant bigint := current_setting('app.tenant_id', true)::bigint;
begin
    if new.root_uid is null and v_tenant <> new.supplier_id then
        raise exception 'a re-plan is asked for by its factory' using errcode = '42501';
    end if;
    if new.root_uid is not null and (
        v_tenant <> new.buyer_id or new.state <> 'open' or not exists (
            select from marketplace_proposal r
            where r.uid = new.root_uid and r.root_uid is null and r.state = 'open'
              and (r.buyer_id, r.order_uid, r.plan_uid, r.parties)
                = (new.buyer_id, new.order_uid, new.plan_uid, new.parties)
              and r.supplier_id <> new.supplier_id
        )
    ) then
        raise exception 'a part of a re-plan that is not open' using errcode = '42501';
    end if;
    return new;
end $$;
create trigger proposal_begins before insert on marketplace_proposal
    for each row execute function proposal_begins()
"""

# What a person reads and accepts is what was written when the plan was made.
STANDS_AS_PROPOSED = """
create function stands_as_proposed() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    raise exception 'proposal %: what is proposed does not change', old.uid
        using errcode = '42501';
end $$;
create trigger stands_as_proposed before update of moves, plan_uid, parties on marketplace_proposal
    for each row when (old.state <> 'asked' and (old.moves, old.plan_uid, old.parties)
                       is distinct from (new.moves, new.plan_uid, new.parties))
    execute function stands_as_proposed()
"""

# A lot that is promised to move with others does not begin where it was.
MOVING_LOTS_WAIT = """
create function moving_lots_wait() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (
        select from marketplace_proposal p
        cross join lateral jsonb_to_recordset(p.moves) m(uid uuid, after jsonb)
        where p.supplier_id = new.supplier_id and p.state in ('agreed', 'accepted')
          and p.parties > 1 and p.order_uid = new.order_uid and m.uid = new.uid
          and ((m.after ->> 'machine_id')::bigint, (m.after ->> 'start')::timestamptz)
              is distinct from (new.machine_id, new.planned_start_at)
    ) then
        raise exception 'operation %: it is agreed that this lot moves', new.uid
            using errcode = '42501';
    end if;
    return new;
end $$;
create trigger moving_lots_wait before update of state on marketplace_operation
    for each row when (old.state = 'ready' and new.state = 'started')
    execute function moving_lots_wait()
"""


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0022_reported_downtimes")]

    operations = [
        migrations.RemoveConstraint("proposal", "proposal_open_once"),
        migrations.RemoveConstraint("proposal", "proposal_applied_one_by_one"),
        migrations.RemoveConstraint("proposal", "proposal_open_has_plan"),
        migrations.RemoveIndex("proposal", "proposal_open"),
        migrations.AddField("proposal", "root_uid", models.UUIDField(null=True)),
        migrations.AddField("proposal", "parties", models.PositiveSmallIntegerField(default=1)),
        migrations.AddField("proposal", "earliest_at", models.DateTimeField(null=True)),
        migrations.AlterField("proposal", "halts", models.JSONField(default=list)),
        migrations.AlterField(
            "proposal",
            "state",
            models.CharField(choices=STATES, default="asked", max_length=10),
        ),
        migrations.AlterField(
            "proposal",
            "promise",
            models.CharField(blank=True, choices=PROMISES, default="", max_length=12),
        ),
        migrations.AddIndex(
            "proposal",
            models.Index(
                fields=["expires_at"],
                name="proposal_expires",
                condition=Q(state__in=("put", "open")),
            ),
        ),
        migrations.AddConstraint(
            "proposal",
            models.UniqueConstraint(
                fields=("order_uid", "supplier"),
                name="proposal_under_way_once",
                condition=Q(root_uid=None, state__in=("asked", "put", "open", "agreed")),
            ),
        ),
        migrations.AddConstraint(
            "proposal",
            models.UniqueConstraint(
                fields=("root_uid", "supplier"),
                name="proposal_part_once",
                condition=Q(state__in=("open", "agreed", "accepted")),
            ),
        ),
        migrations.AddConstraint(
            "proposal",
            models.UniqueConstraint(
                fields=("order_uid",),
                name="proposal_applied_one_by_one",
                condition=Q(root_uid=None, state="accepted"),
            ),
        ),
        migrations.AddConstraint(
            "proposal",
            models.CheckConstraint(
                name="proposal_open_has_plan",
                condition=~Q(state__in=("put", "open", "agreed", "accepted", "applied"))
                | Q(plan_uid__isnull=False, expires_at__isnull=False),
            ),
        ),
        *(
            migrations.RunSQL(sql=[(statement, None)])
            for statement in (PROPOSAL_PARTIES, EACH_ASKS, STANDS_AS_PROPOSED, MOVING_LOTS_WAIT)
        ),
    ]
