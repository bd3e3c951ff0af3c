"""Which party of a shared row may write what of it, and that work follows from a promise.

The policies say who may write a row at all; these triggers say which of its columns and which
steps of its state are whose. A row's other columns never change.
"""

from django.db import migrations

# The arguments come in threes: the column that names a party, the columns that this party may
# change, and the steps of the state that it may take, as `from>to`.
PARTIES_WRITE = """
create function parties_write() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    v_tenant text := current_setting('app.tenant_id', true);
    v_new jsonb := to_jsonb(new);
    v_old jsonb := to_jsonb(old);
    v_free text[] := '{}';
    v_steps text[] := '{}';
begin
    for i in 0 .. tg_nargs / 3 - 1 loop
        if v_old ->> tg_argv[3 * i] = v_tenant then
            v_free := v_free || tg_argv[3 * i + 1]::text[];
            v_steps := v_steps || tg_argv[3 * i + 2]::text[];
        end if;
    end loop;
    if v_new - 'state' - v_free <> v_old - 'state' - v_free then
        raise exception '%: this is not yours to change', tg_table_name using errcode = '42501';
    end if;
    if v_new ->> 'state' <> v_old ->> 'state'
       and (v_old ->> 'state') || '>' || (v_new ->> 'state') <> all (v_steps) then
        raise exception '%: this step is not yours', tg_table_name using errcode = '42501';
    end if;
    return new;
end $$
"""

OFFER_BEGINS_OPEN = """
create function offer_begins_open() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.state <> 'offered' or new.answered_at is not null then
        raise exception 'an offer begins without an answer' using errcode = '42501';
    end if;
    return new;
end $$
"""

# Where a lot goes next may change while an offer lives; what is asked and paid never does.
ONLY_ROUTES_CHANGE = """
create function only_routes_change() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    v_route text[] := '{next_supplier_id,next_operation_uid,transport_minutes}';
begin
    if new.snapshot - 'operations' <> old.snapshot - 'operations'
       or (select jsonb_agg(o - v_route order by n)
           from jsonb_array_elements(new.snapshot -> 'operations') with ordinality l(o, n))
          is distinct from
          (select jsonb_agg(o - v_route order by n)
           from jsonb_array_elements(old.snapshot -> 'operations') with ordinality l(o, n)) then
        raise exception 'what an offer asks for does not change' using errcode = '42501';
    end if;
    return new;
end $$
"""

WORK_IS_PROMISED = """
create function work_is_promised() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.state <> 'confirmed' or not exists (
        select from marketplace_offer o
        where o.id = new.offer_id and o.state = 'accepted'
          and (o.buyer_id, o.supplier_id, o.order_uid, o.currency)
            = (new.buyer_id, new.supplier_id, new.order_uid, new.currency)
          and new.price_minor <= o.price_minor
    ) then
        raise exception 'work order %: there is no such accepted offer', new.number
            using errcode = '42501';
    end if;
    return new;
end $$
"""

# One look at each offer for a whole statement: an offer may have thousands of lots.
LOTS_ARE_PROMISED = """
create function lots_are_promised() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (
        with promised as (
            select w.id work_order_id, w.buyer_id, w.supplier_id, w.order_uid, p.*
            from (select distinct work_order_id from fresh) f
            join marketplace_workorder w on w.id = f.work_order_id
            join marketplace_offer o on o.id = w.offer_id
            cross join lateral jsonb_to_recordset(o.snapshot -> 'operations')
                p(uid uuid, lot bigint, step int, machine_id bigint, quantity bigint, price_minor bigint)
            where p.step = w.step
        )
        select from fresh f left join promised p
          on (p.work_order_id, p.uid) = (f.work_order_id, f.uid)
        where (p.buyer_id, p.supplier_id, p.order_uid, p.lot, p.step, p.machine_id, p.quantity, p.price_minor)
              is distinct from
              (f.buyer_id, f.supplier_id, f.order_uid, f.lot, f.step, f.machine_id, f.quantity, f.price_minor)
           or f.state not in ('waiting', 'ready') or f.accepted <> 0 or f.good <> 0 or f.scrap <> 0
    ) then
        raise exception 'an operation is not what its offer asks for' using errcode = '42501';
    end if;
    return null;
end $$
"""

SHIPMENT_IS_OF_THE_ORDER = """
create function shipment_is_of_the_order() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.state <> 'in_transit' or new.accepted <> 0 or new.rejected <> 0 or not exists (
        select from marketplace_operation o
        where (o.buyer_id, o.order_uid, o.supplier_id)
            = (new.buyer_id, new.order_uid, new.sender_id)
          and coalesce(o.next_supplier_id, o.buyer_id) = new.receiver_id
          and (o.next_operation_uid is null) = new.is_final
          and o.state in ('finished', 'shipped')
    ) then
        raise exception 'shipment %: nothing of this order goes there', new.number
            using errcode = '42501';
    end if;
    return new;
end $$
"""

LINE_FOLLOWS_ITS_LOT = """
create function line_follows_its_lot() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.accepted <> 0 or not exists (
        select from marketplace_operation o
        join marketplace_shipment s on s.id = new.shipment_id
        where o.uid = new.operation_uid
          and (o.supplier_id, coalesce(o.next_supplier_id, o.buyer_id), o.order_uid, o.lot)
            = (new.sender_id, new.receiver_id, s.order_uid, new.lot)
          and (s.sender_id, s.receiver_id) = (new.sender_id, new.receiver_id)
          and o.next_operation_uid is not distinct from new.next_operation_uid
    ) then
        raise exception 'lot %: it does not go there', new.lot using errcode = '42501';
    end if;
    return new;
end $$
"""

INSPECTED_ONCE = """
create function inspected_once() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if old.inspected_at is not null and
       (new.accepted, new.inspected_at) is distinct from (old.accepted, old.inspected_at) then
        raise exception '%: an inspection is final', tg_table_name using errcode = '42501';
    end if;
    return new;
end $$
"""

# A release names work of its own order only, and pays no work order more than its price.
RELEASE_IS_EARNED = """
create function release_is_earned() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.booked_at is not null
       or new.amount_minor <> (select coalesce(sum(s.amount_minor), 0) from jsonb_to_recordset(new.shares)
                               s(amount_minor bigint))
       or not exists (
            select from marketplace_shipment s
            where s.uid = new.shipment_uid and s.state = 'inspected' and s.is_final
              and (s.receiver_id, s.order_uid, s.accepted)
                = (new.buyer_id, new.order_uid, new.quantity))
       or exists (
            select from jsonb_to_recordset(new.shares)
                s(supplier_id bigint, work_order_uid uuid, amount_minor bigint)
            left join marketplace_workorder w
              on (w.uid, w.supplier_id, w.buyer_id, w.order_uid)
               = (s.work_order_uid, s.supplier_id, new.buyer_id, new.order_uid)
            where w.id is null or s.amount_minor < 0 or w.currency <> new.currency
               or s.amount_minor > w.price_minor)
    then
        raise exception 'a release pays what was inspected, to whom it was promised'
            using errcode = '42501';
    end if;
    return new;
end $$
"""

FUNCTIONS = (
    PARTIES_WRITE,
    OFFER_BEGINS_OPEN,
    ONLY_ROUTES_CHANGE,
    WORK_IS_PROMISED,
    LOTS_ARE_PROMISED,
    SHIPMENT_IS_OF_THE_ORDER,
    LINE_FOLLOWS_ITS_LOT,
    INSPECTED_ONCE,
    RELEASE_IS_EARNED,
)

OFFER = (
    ("buyer_id", "snapshot,answered_at", "offered>lapsed,offered>withdrawn,accepted>withdrawn"),
    (
        "supplier_id",
        "answered_at,answered_by,decline_reason",
        "offered>accepted,offered>declined",
    ),
)
WORK_ORDER = (
    ("buyer_id", "", "confirmed>cancelled"),
    (
        "supplier_id",
        "claimed_good,claimed_scrap,counted,counted_at,started_at,completed_at",
        "confirmed>released,released>in_process,released>completed,in_process>completed",
    ),
)
OPERATION = (
    (
        "buyer_id",
        "accepted,inspected_at,delivered_at,"
        "previous_supplier_id,next_supplier_id,next_operation_uid,transport_minutes",
        "waiting>cancelled,ready>cancelled",
    ),
    (
        "supplier_id",
        "received,good,scrap,counted,received_at,started_at,reported_at,finished_at,shipped_at,"
        "shipment_number",
        "waiting>ready,ready>started,started>finished,waiting>finished,finished>shipped",
    ),
)
SHIPMENT = (
    (
        "receiver_id",
        "delivered_at,inspected_at,accepted,rejected",
        "in_transit>delivered,delivered>inspected",
    ),
)
LINE = (("receiver_id", "accepted,reject_reason", ""),)
PLAN = (("buyer_id", "", "proposed>chosen,proposed>superseded,chosen>superseded"),)
PLAN_REQUEST = (
    ("buyer_id", "stop_requested_at", ""),
    (
        "platform_id",
        "band,message,solve_run_uid,best_minutes,bound_minutes",
        "requested>solving,requested>failed,solving>ready,solving>failed,ready>failed",
    ),
)


def trigger(name: str, table: str, event: str) -> str:
    """Return a row trigger that runs the function of its name before `event`."""
    return f"create trigger {name} before {event} on {table} for each row execute function {name}()"


def parties(table: str, *rules: tuple[str, str, str], when: str = "") -> str:
    """Return the trigger that holds each party of a table to its columns and steps."""
    arguments = ", ".join(
        f"'{column}', '{{{free}}}', '{{{steps}}}'" for column, free, steps in rules
    )
    return (
        f"create trigger parties_write before update on {table} for each row {when} "
        f"execute function parties_write({arguments})"
    )


TRIGGERS = (
    parties("marketplace_offer", *OFFER),
    parties("marketplace_workorder", *WORK_ORDER),
    parties("marketplace_operation", *OPERATION),
    parties("marketplace_shipment", *SHIPMENT),
    parties("marketplace_shipmentline", *LINE),
    parties("marketplace_plan", *PLAN),
    # An inquiry is asked anew in its own row; it holds nothing.
    parties("marketplace_planrequest", *PLAN_REQUEST, when="when (old.purpose <> 'inquiry')"),
    trigger("offer_begins_open", "marketplace_offer", "insert"),
    "create trigger only_routes_change before update of snapshot on marketplace_offer "
    "for each row when (old.snapshot is distinct from new.snapshot) "
    "execute function only_routes_change()",
    trigger("work_is_promised", "marketplace_workorder", "insert"),
    "create trigger lots_are_promised after insert on marketplace_operation "
    "referencing new table as fresh for each statement execute function lots_are_promised()",
    trigger("shipment_is_of_the_order", "marketplace_shipment", "insert"),
    trigger("line_follows_its_lot", "marketplace_shipmentline", "insert"),
    trigger("inspected_once", "marketplace_operation", "update of accepted, inspected_at"),
    trigger("inspected_once", "marketplace_shipment", "update of accepted, inspected_at"),
    trigger("release_is_earned", "marketplace_release", "insert"),
)


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0009_funding_closed")]

    operations = [
        migrations.RunSQL(sql=[(statement, None)]) for statement in (*FUNCTIONS, *TRIGGERS)
    ]
