"""A cancelled operation gives up its name to who is asked for the lot next."""

from django.db import migrations

# As in 0018; the buyer, who cancels, may also change a name, but only of what is cancelled.
STATEMENTS = """
drop trigger parties_write on marketplace_operation;
create trigger parties_write before update on marketplace_operation
    for each row execute function parties_write(
        'buyer_id',
        '{uid,accepted,inspected_at,delivered_at,previous_supplier_id,next_supplier_id,next_operation_uid,transport_minutes}',
        '{waiting>cancelled,ready>cancelled}',
        'supplier_id',
        '{received,good,scrap,counted,received_at,started_at,reported_at,finished_at,shipped_at,shipment_number,machine_id,machine_code,planned_start_at,planned_end_at,set_up_minutes}',
        '{waiting>ready,ready>started,started>finished,waiting>finished,finished>shipped}');
create function names_are_given_up() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    raise exception 'operation %: only what is cancelled gives up its name', old.uid
        using errcode = '42501';
end $$;
create trigger names_are_given_up before update of uid on marketplace_operation
    for each row when (old.uid <> new.uid and new.state <> 'cancelled')
    execute function names_are_given_up()
"""


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0020_held_ways")]

    operations = [migrations.RunSQL(sql=[(STATEMENTS, None)])]
