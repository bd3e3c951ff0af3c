"""Machines said to be down, and proposals by which lots that they hold up move in their factory."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

import tenants.ids
from tenants.rls import BilateralTable, OwnTable, TenantForeignKey, WorkerAccess

# As in 0010; a firm may also move lots of its own that have not begun.
PARTIES = """
drop trigger parties_write on marketplace_workorder;
create trigger parties_write before update on marketplace_workorder
    for each row execute function parties_write(
        'buyer_id', '{}', '{confirmed>cancelled}',
        'supplier_id',
        '{claimed_good,claimed_scrap,counted,counted_at,started_at,completed_at,starts_at,ends_at}',
        '{confirmed>released,released>in_process,released>completed,in_process>completed}');
drop trigger parties_write on marketplace_operation;
create trigger parties_write before update on marketplace_operation
    for each row execute function parties_write(
        'buyer_id',
        '{accepted,inspected_at,delivered_at,previous_supplier_id,next_supplier_id,next_operation_uid,transport_minutes}',
        '{waiting>cancelled,ready>cancelled}',
        'supplier_id',
        '{received,good,scrap,counted,received_at,started_at,reported_at,finished_at,shipped_at,shipment_number,machine_id,machine_code,planned_start_at,planned_end_at,set_up_minutes}',
        '{waiting>ready,ready>started,started>finished,waiting>finished,finished>shipped}')
"""

PROPOSAL_PARTIES = """
create trigger parties_write before update on marketplace_proposal
    for each row execute function parties_write(
        'buyer_id',
        '{request_uid,plan_uid,moves,moved_minutes,promise,promised_at,completes_at,expires_at}',
        '{asked>open,open>asked,asked>failed,asked>superseded,open>superseded,open>expired,accepted>applied}',
        'supplier_id', '{decided_at,decided_by,reason}',
        '{asked>superseded,open>superseded,failed>superseded,open>accepted,open>dismissed}')
"""

# What stands in an accepted proposal is all that moves a lot, and only one that has not begun.
MOVES_ARE_PROPOSED = """
create function moves_are_proposed() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if old.state not in ('waiting', 'ready') or new.state <> old.state or not exists (
        select from marketplace_proposal p
        cross join lateral jsonb_to_recordset(p.moves) m(uid uuid, after jsonb)
        where p.state = 'accepted'
          and (p.buyer_id, p.supplier_id, p.order_uid)
            = (new.buyer_id, new.supplier_id, new.order_uid)
          and m.uid = new.uid
          and (m.after ->> 'machine_id')::bigint = new.machine_id
          and (m.after ->> 'start')::timestamptz = new.planned_start_at
          and (m.after ->> 'end')::timestamptz = new.planned_end_at
    ) then
        raise exception 'operation %: a lot moves by an accepted proposal only', old.uid
            using errcode = '42501';
    end if;
    return new;
end $$
"""
MOVES_TRIGGER = """
create trigger moves_are_proposed before update of machine_id, planned_start_at, planned_end_at
    on marketplace_operation for each row
    when ((old.machine_id, old.planned_start_at, old.planned_end_at)
          is distinct from (new.machine_id, new.planned_start_at, new.planned_end_at))
    execute function moves_are_proposed()
"""


def reference(to: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=to
    )


def keys() -> list[tuple[str, models.Field]]:
    return [
        (
            "id",
            models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
            ),
        ),
        ("uid", models.UUIDField(default=tenants.ids.uuid7, editable=False, unique=True)),
    ]


STATES = [
    ("asked", "Planning"),
    ("open", "Waits for a decision"),
    ("failed", "No place found"),
    ("accepted", "Accepted"),
    ("applied", "In the plan"),
    ("dismissed", "Dismissed"),
    ("expired", "Expired"),
    ("superseded", "Superseded"),
]
PROMISES = [
    ("kept", "Promised date kept"),
    ("unavoidable", "Promised date broken, proven unavoidable"),
    ("not_found", "Promised date broken"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0005_run_kinds"),
        ("marketplace", "0017_learned_rates"),
        ("tenants", "0006_closed_doors"),
    ]

    operations = [
        migrations.CreateModel(
            name="Downtime",
            fields=[
                *keys(),
                ("until_at", models.DateTimeField()),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="Reason")),
                ("said_by", models.CharField(max_length=160)),
                ("said_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("machine", reference("devices.machine")),
                ("tenant", reference("tenants.organisation")),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["tenant", "machine"], name="marketplace_tenant__ae76d6_idx"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(until_at__gt=F("said_at")), name="downtime_has_time"
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "machine"),
                        name="downtime_open_once",
                        condition=Q(ended_at=None),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                *keys(),
                ("order_uid", models.UUIDField()),
                ("order_number", models.CharField(max_length=20)),
                ("halts", models.JSONField()),
                ("state", models.CharField(choices=STATES, default="asked", max_length=10)),
                ("request_uid", models.UUIDField(null=True)),
                ("plan_uid", models.UUIDField(null=True)),
                ("moves", models.JSONField(default=list)),
                ("moved_minutes", models.PositiveIntegerField(default=0)),
                (
                    "promise",
                    models.CharField(blank=True, choices=PROMISES, default="", max_length=12),
                ),
                ("promised_at", models.DateTimeField(null=True)),
                ("completes_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.CharField(blank=True, default="", max_length=160)),
                (
                    "reason",
                    models.CharField(blank=True, default="", max_length=300, verbose_name="Reason"),
                ),
                ("created_at", models.DateTimeField()),
                ("buyer", reference("tenants.organisation")),
                ("supplier", reference("tenants.organisation")),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["buyer", "order_uid", "-id"], name="marketplace_buyer_i_2bc5c1_idx"
                    ),
                    models.Index(
                        fields=["supplier", "state", "-id"], name="marketplace_supplie_71e6ef_idx"
                    ),
                    models.Index(
                        fields=["expires_at"], name="proposal_open", condition=Q(state="open")
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("order_uid", "supplier"),
                        name="proposal_open_once",
                        condition=Q(state__in=("asked", "open")),
                    ),
                    models.UniqueConstraint(
                        fields=("order_uid",),
                        name="proposal_applied_one_by_one",
                        condition=Q(state="accepted"),
                    ),
                    models.CheckConstraint(
                        name="proposal_open_has_plan",
                        condition=~Q(state__in=("open", "accepted", "applied"))
                        | Q(plan_uid__isnull=False, expires_at__isnull=False),
                    ),
                    models.CheckConstraint(
                        name="proposal_dismissed_with_reason",
                        condition=~Q(state="dismissed") | ~Q(reason=""),
                    ),
                ],
            },
        ),
        migrations.AlterField(
            model_name="planrequest",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("inquiry", "Inquiry"),
                    ("order", "Order"),
                    ("share", "Returned share"),
                    ("drill", "What if a factory stops"),
                    ("event", "Re-plan after an event"),
                    ("steered", "Steered"),
                ],
                default="order",
                max_length=8,
            ),
        ),
        OwnTable("marketplace_downtime"),
        TenantForeignKey("marketplace_downtime", "machine_id", "devices_machine"),
        BilateralTable(
            "marketplace_proposal", "buyer_id", "supplier_id", inserted_by=["supplier_id"]
        ),
        WorkerAccess("marketplace_proposal", "app_sweep", "select"),
        migrations.RunSQL(sql=[(PARTIES, None)]),
        migrations.RunSQL(sql=[(PROPOSAL_PARTIES, None)]),
        migrations.RunSQL(sql=[(MOVES_ARE_PROPOSED, None)]),
        migrations.RunSQL(sql=[(MOVES_TRIGGER, None)]),
    ]
