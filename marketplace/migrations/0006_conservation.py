"""Triggers that conserve a lot's quantity from operation to operation, whoever writes.

Checks on one row (received = good + scrap + in process) are constraints of the models; these
compare a lot with what the step before sent. They run as the acting organisation, which sees its
own operations and the shipments that it sends or receives: nothing more is needed.
"""

from django.db import migrations

LOT_CONSERVED = """
create function marketplace_lot_conserved() returns trigger language plpgsql as $$
declare
    sent bigint;
begin
    if tg_op = 'UPDATE' and old.state = 'shipped'
            and (new.received, new.good, new.scrap) is distinct from
                (old.received, old.good, old.scrap) then
        raise exception 'operation %: the lot has left, its pieces are fixed', new.uid
            using errcode = 'check_violation';
    end if;
    if new.received is null or new.received = 0 or new.previous_supplier_id is null then
        return new;
    end if;
    if tg_op = 'UPDATE' and new.received is not distinct from old.received then
        return new;
    end if;
    if new.previous_supplier_id = new.supplier_id then
        select good into sent from marketplace_operation
            where next_operation_uid = new.uid and state = 'shipped';
    else
        select quantity into sent from marketplace_shipmentline
            where next_operation_uid = new.uid and receiver_id = new.supplier_id;
    end if;
    if sent is distinct from new.received then
        raise exception 'operation %: received % pieces, but % were sent',
            new.uid, new.received, coalesce(sent, 0) using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

LOT_CONSERVED_TRIGGER = """
create trigger lot_conserved before insert or update of received, good, scrap
    on marketplace_operation for each row execute function marketplace_lot_conserved()
"""

LINE_CONSERVED = """
create function marketplace_line_conserved() returns trigger language plpgsql as $$
declare
    made bigint;
begin
    if tg_op = 'UPDATE' then
        if new.quantity <> old.quantity or new.operation_uid <> old.operation_uid then
            raise exception 'shipment line %: what was sent is fixed', new.id
                using errcode = 'check_violation';
        end if;
        return new;
    end if;
    select good into made from marketplace_operation
        where uid = new.operation_uid and supplier_id = new.sender_id
          and state in ('finished', 'shipped');
    if made is distinct from new.quantity then
        raise exception 'shipment line of lot %: % pieces sent, but % are good',
            new.lot, new.quantity, coalesce(made, 0) using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

LINE_CONSERVED_TRIGGER = """
create trigger line_conserved before insert or update of quantity, operation_uid
    on marketplace_shipmentline for each row execute function marketplace_line_conserved()
"""


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0005_production")]

    operations = [
        migrations.RunSQL(sql=[(statement, None)])
        for statement in (
            LOT_CONSERVED,
            LOT_CONSERVED_TRIGGER,
            LINE_CONSERVED,
            LINE_CONSERVED_TRIGGER,
        )
    ]
