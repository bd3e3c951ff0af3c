"""A machine that has shown to be slower than its lots were planned with leads to proposals."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from evidence.services.transitions import Change, record_changes
from marketplace.core.slower import slow_after
from marketplace.models import LearnedRate
from marketplace.selectors.slow_machines import learned_rates, open_lots
from marketplace.services.downtimes import HALTED
from tenants.actors import Actor
from tenants.live import announce
from tenants.services.outbox import send_after_commit


@transaction.atomic
def note_slow_machines(*, supplier_id: int, now: datetime) -> None:
    """Say of a firm's machines which are slower now than their lots were planned with.

    Follows from what has been learned and what waits, so run twice it changes nothing more; what
    is said is locked, so that of two at once the second finds it said. Three reads at most.
    """
    rows = list(
        LearnedRate.objects.of(supplier_id)
        .exclude(rate_usual=None, slow_rate=None)
        .select_related("machine", "process")
        .order_by("machine_id", "process_id")
        .select_for_update(of=("self",), no_key=True)
    )
    rates = learned_rates(supplier_id, rows)
    queues = open_lots(supplier_id, {key[0] for key in rates}) if rates else {}
    changed = []
    for row in rows:
        said = slow_after(
            row.slow,
            rate=rates.get((row.machine_id, row.process_id)),
            process=row.process.code,
            queue=[one.lot for one in queues.get(row.machine_id, ())],
        )
        if said != row.slow:
            row.slow = said
            changed.append(row)
    if not changed:
        return
    LearnedRate.objects.bulk_update(changed, ["slow_rate", "slow_planned_rate"])
    record_changes((_change(one) for one in changed), by=Actor.system(supplier_id), now=now)
    send_after_commit(tenant_id=supplier_id, topic=HALTED, supplier_id=supplier_id)
    announce(tenant_ids=(supplier_id,), key="machines")


def _change(row: LearnedRate) -> Change:
    evidence = {"process": row.process.code}
    if row.slow is None:
        return Change(row=row.machine, change="keeps_pace", evidence=evidence)
    evidence |= {"rate": str(row.slow.rate), "planned_rate": str(row.slow.planned_rate)}
    return Change(row=row.machine, change="runs_slow", evidence=evidence)
