"""A machine that only its device reports as down: its downtime opens, lasts and ends by itself.

A sweep over all organisations finds whose downtimes do not say what devices say, and hands each
on to its firm; there everything is looked up again under the machines' locks.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connections, transaction

from devices.models import Machine
from evidence.services.transitions import record_change
from marketplace.core.reported import Lasts, Opens
from marketplace.models import Downtime
from marketplace.selectors.reported import DueStep, due_steps
from marketplace.services.downtimes import end_downtime, pass_on
from marketplace.services.expiry import ALIAS
from marketplace.services.window_rows import lock_machines
from tenants.acting import acting_as
from tenants.actors import SYSTEM, Actor
from tenants.models import Organisation, OutboxMessage

REPORTED = "machines.reported"


def hand_on_reports(*, now: datetime) -> int:
    """Write a message to each firm whose downtimes must change; returns how many.

    Runs as the sweep's own role; a firm whose message is still open gets no second one.
    """
    with acting_as(0, using=ALIAS):
        due = {one.tenant_id for one in due_steps(now=now, using=ALIAS)}
        if not due:
            return 0
        waiting = OutboxMessage.objects.using(ALIAS).filter(
            tenant__in=due, topic=REPORTED, handled_at=None
        )
        due -= set(waiting.values_list("tenant_id", flat=True))
        OutboxMessage.objects.using(ALIAS).bulk_create(
            OutboxMessage(tenant_id=one, topic=REPORTED, payload={"supplier_id": one})
            for one in sorted(due)
        )
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("notify outbox")
    return len(due)


@transaction.atomic
def follow_reports(*, supplier_id: int, now: datetime) -> None:
    """Bring a firm's downtimes to what its devices say; run twice it changes nothing more.

    The machines are locked as by a person who speaks of them: who comes second knows of the first.
    """
    wanted = [one.machine_id for one in due_steps(now=now, using="default", tenant_id=supplier_id)]
    if not wanted:
        return
    firm = Organisation.objects.get(pk=supplier_id)
    lock_machines(firm, wanted)
    found = due_steps(now=now, using="default", tenant_id=supplier_id)
    steps = [one for one in found if one.machine_id in wanted]
    for one in steps:
        _take(one, by=Actor.system(supplier_id), now=now)
    if steps:
        pass_on(firm, [one.machine_id for one in steps])


def _take(due: DueStep, *, by: Actor, now: datetime) -> None:
    """Write one step and its trail; the machine is locked."""
    step, downtime = due.step, due.downtime
    machine = Machine.objects.of(due.tenant_id).get(pk=due.machine_id)
    evidence = {"machine": str(machine.uid)}
    if isinstance(step, Opens):
        # What a person said is over by now, or this would not be news.
        end_downtime(machine, now=now)
        downtime = Downtime.objects.create(
            tenant_id=due.tenant_id,
            machine=machine,
            until_at=step.until_at,
            said_by=SYSTEM,
            said_at=now,
            reported_since=step.since_at,
        )
        change = "reported"
        evidence |= {"since": step.since_at.isoformat(), "until": step.until_at.isoformat()}
    elif isinstance(step, Lasts):
        assert downtime is not None, "only what is open lasts"
        downtime.until_at = step.until_at
        downtime.save(update_fields=["until_at"])
        change = "prolonged"
        evidence["until"] = step.until_at.isoformat()
    else:
        assert downtime is not None, "only what is open ends"
        downtime.ended_at = step.at
        downtime.save(update_fields=["ended_at"])
        change = "ended"
        evidence["runs_since"] = step.at.isoformat()
    record_change(downtime, change=change, by=by, now=now, evidence=evidence)
