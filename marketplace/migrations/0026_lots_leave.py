"""Lots that a factory cannot make in time go to others: by an accepted proposal, and only so."""

from django.db import migrations, models

# As in 0023; the buyer also says what leaves, and that all who take it over have accepted.
PROPOSAL_PARTIES = """
drop trigger parties_write on marketplace_proposal;
create trigger parties_write before update on marketplace_proposal
    for each row execute function parties_write(
        'buyer_id',
        '{request_uid,plan_uid,moves,leaving,moved_minutes,parties,promise,promised_at,completes_at,earliest_at,expires_at}',
        '{asked>put,put>open,put>waiting,put>expired,asked>open,put>asked,open>asked,agreed>asked,asked>failed,asked>superseded,put>superseded,open>superseded,agreed>superseded,open>expired,open>undone,agreed>undone,open>accepted,agreed>accepted,accepted>applied}',
        'supplier_id', '{decided_at,decided_by,reason}',
        '{asked>superseded,put>superseded,open>superseded,agreed>superseded,failed>superseded,open>agreed,open>accepted,open>dismissed}');
drop trigger stands_as_proposed on marketplace_proposal;
create trigger stands_as_proposed before update of moves, leaving, plan_uid, parties
    on marketplace_proposal for each row
    when (old.state <> 'asked' and (old.moves, old.leaving, old.plan_uid, old.parties)
                       is distinct from (new.moves, new.leaving, new.plan_uid, new.parties))
    execute function stands_as_proposed()
"""

# A factory's own hours move by its own word alone; what only leaves goes when its takers accept.
OWN_HOURS_BY_OWN_WORD = """
create function own_hours_by_own_word() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.leaving = '[]' then
        raise exception 'proposal %: this step is not yours', new.uid using errcode = '42501';
    end if;
    if new.moves <> '[]' or not exists (
        select from marketplace_offer o
        where o.proposal_uid = new.uid and o.plan_uid = new.plan_uid and o.state = 'accepted'
        having count(*) = new.parties - 1 and count(*) > 0
    ) then
        raise exception 'proposal %: not all who are concerned have agreed', new.uid
            using errcode = '42501';
    end if;
    return new;
end $$;
create trigger own_hours_by_own_word before update of state on marketplace_proposal
    for each row when (new.state = 'accepted' and (new.leaving <> '[]' or (
        old.state = 'open'
        and new.supplier_id <> coalesce(current_setting('app.tenant_id', true), '0')::bigint)))
    execute function own_hours_by_own_word()
"""

# As in 0019; the buyer may also end a released work order, of which nothing is left.
WORK_ORDER_PARTIES = """
drop trigger parties_write on marketplace_workorder;
create trigger parties_write before update on marketplace_workorder
    for each row execute function parties_write(
        'buyer_id', '{}', '{confirmed>cancelled,released>cancelled}',
        'supplier_id',
        '{claimed_good,claimed_scrap,counted,counted_at,started_at,completed_at,starts_at,ends_at,material_at}',
        '{confirmed>released,released>in_process,released>completed,in_process>completed}');
create function released_work_ends_empty() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (select from marketplace_operation o
               where o.work_order_id = new.id and o.state <> 'cancelled') then
        raise exception 'work order %: it has lots', new.number using errcode = '42501';
    end if;
    return new;
end $$;
create trigger released_work_ends_empty before update of state on marketplace_workorder
    for each row when (old.state = 'released' and new.state = 'cancelled')
    execute function released_work_ends_empty()
"""

# What is paid for is taken from its factory only where it leaves by an accepted proposal.
RELEASED_LOTS_LEAVE = """
create function released_lots_leave() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (
        select from marketplace_workorder w
        where w.id = new.work_order_id and w.state not in ('confirmed', 'cancelled')
    ) and not exists (
        select from marketplace_proposal p
        cross join lateral jsonb_to_recordset(p.leaving) m(uid uuid)
        where p.state = 'accepted'
          and (p.buyer_id, p.supplier_id, p.order_uid)
            = (new.buyer_id, new.supplier_id, new.order_uid)
          and m.uid = new.uid
    ) then
        raise exception 'operation %: a lot leaves by an accepted proposal only', old.uid
            using errcode = '42501';
    end if;
    return new;
end $$;
create trigger released_lots_leave before update of state on marketplace_operation
    for each row when (old.state in ('waiting', 'ready') and new.state = 'cancelled')
    execute function released_lots_leave()
"""

# As in 0023; a lot that its factory has given up does not begin there either.
GIVEN_UP_LOTS_WAIT = """
create or replace function moving_lots_wait() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (
        select from marketplace_proposal p
        cross join lateral jsonb_to_recordset(p.moves) m(uid uuid, after jsonb)
        where p.supplier_id = new.supplier_id and p.state in ('agreed', 'accepted')
          and p.parties > 1 and p.order_uid = new.order_uid and m.uid = new.uid
          and ((m.after ->> 'machine_id')::bigint, (m.after ->> 'start')::timestamptz)
              is distinct from (new.machine_id, new.planned_start_at)
    ) or exists (
        select from marketplace_proposal p
        cross join lateral jsonb_to_recordset(p.leaving) m(uid uuid)
        where p.supplier_id = new.supplier_id and p.state in ('agreed', 'accepted')
          and p.order_uid = new.order_uid and m.uid = new.uid
    ) then
        raise exception 'operation %: it is agreed that this lot moves', new.uid
            using errcode = '42501';
    end if;
    return new;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0025_making_room")]

    operations = [
        migrations.AddField("offer", "proposal_uid", models.UUIDField(null=True)),
        migrations.AddField("proposal", "leaving", models.JSONField(default=list)),
        *(
            migrations.RunSQL(sql=[(statement, None)])
            for statement in (
                PROPOSAL_PARTIES,
                OWN_HOURS_BY_OWN_WORD,
                WORK_ORDER_PARTIES,
                RELEASED_LOTS_LEAVE,
                GIVEN_UP_LOTS_WAIT,
            )
        ),
    ]
