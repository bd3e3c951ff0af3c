"""What machines have shown is worked out from their runs and told to the market."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from devices.core.learned import WIDEST_RATE, WIDEST_SET_UP, pattern_of
from devices.models import Machine
from devices.observed_runs import ObservedRuns, observed_runs
from evidence.services.transitions import record_change
from marketplace.core.learned import Shown
from marketplace.models import LearnedRate, Process
from marketplace.services.listings import refresh_listings
from marketplace.services.slow_machines import note_slow_machines
from marketplace.services.window_rows import tell_market
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.errors import NotFound
from tenants.live import announce
from tenants.models import Organisation, OutboxMessage
from tenants.services.outbox import send_after_commit

LEARN = "rates.due"
GATHER = timedelta(seconds=60)
"""Real time in which everything that machines tell leads to one look at their runs."""
FIGURES = ("runs", "rate_usual", "rate_low", "set_ups", "set_up_usual", "set_up_high")


class NothingLearned(NotFound):
    code = "nothing_learned"


@transaction.atomic
def ask_to_learn(*, supplier_id: int) -> None:
    """Have a supplier's rates worked out soon; one message waits at most.

    A message that the relay has claimed may have read already, so it does not count. The row is
    locked so that the relay reads it after this transaction.
    """
    waiting = OutboxMessage.objects.of(supplier_id).filter(topic=LEARN, handled_at=None, attempts=0)
    if not list(waiting.select_for_update().values_list("pk", flat=True)):
        send_after_commit(tenant_id=supplier_id, topic=LEARN, supplier_id=supplier_id)
        waiting.update(due_at=datetime.now(UTC) + GATHER)


def learn_rates(*, supplier_id: int, now: datetime) -> list[int]:
    """Work out what a supplier's machines have shown, for the next plans and for what waits.

    Their listings are written anew, and machines that are slower than planned noted. Everything
    is made from roll-ups as they are now: run twice, late or out of order it ends the same.
    Returns the machines that have runs.
    """
    with acting_as(supplier_id):
        seen = observed_runs(tenant_id=supplier_id, now=now)
        if _store(supplier_id, seen, now):
            announce(tenant_ids=(supplier_id,), key="machines")
    machine_ids = sorted({one.machine_id for one in seen})
    if machine_ids:
        refresh_listings(supplier_id=supplier_id, machine_ids=machine_ids, now=now)
    with acting_as(supplier_id):
        note_slow_machines(supplier_id=supplier_id, now=now)
    return machine_ids


@transaction.atomic
def use_learned(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    machine: Machine,
    process_code: str,
    is_used: bool,
) -> None:
    """Decide whether plans reckon with what a machine has shown, or with what is stated.

    What that means for lots that wait is looked at within a minute.

    Raises:
        NothingLearned: the machine has not shown anything for that process.
    """
    mine = LearnedRate.objects.of(organisation.pk).filter(
        machine=machine, process__code=process_code
    )
    if not mine.update(is_used=is_used):
        raise NothingLearned(_("This machine has shown nothing for that process yet."))
    record_change(
        machine,
        change="learned_rate_used" if is_used else "stated_rate_used",
        by=by,
        now=now,
        evidence={"process": process_code},
    )
    tell_market(organisation, [machine.pk])
    ask_to_learn(supplier_id=organisation.pk)


def shown_by(seen: ObservedRuns) -> Shown:
    """Return what some runs show; figures stay empty below the least number of runs."""
    rate = pattern_of(seen.rates, widest=WIDEST_RATE)
    set_up = pattern_of(seen.set_ups, widest=WIDEST_SET_UP)
    return Shown(
        runs=len(seen.rates),
        rate_usual=None if rate is None else rate.usual,
        rate_low=None if rate is None else rate.low,
        set_ups=len(seen.set_ups),
        set_up_usual=None if set_up is None else set_up.usual,
        set_up_high=None if set_up is None else set_up.high,
    )


def _store(supplier_id: int, seen: Iterable[ObservedRuns], now: datetime) -> bool:
    """Write what is not known yet; tells whether anything changed. Two statements at most."""
    processes = dict(Process.objects.values_list("code", "pk"))
    found = {
        (one.machine_id, processes[one.kind]): shown_by(one)
        for one in seen
        if one.kind in processes
    }
    known = {
        (row.machine_id, row.process_id): row.shown for row in LearnedRate.objects.of(supplier_id)
    }
    # Runs that have grown too old teach nothing any more.
    wanted = {key: found.get(key, Shown()) for key in found.keys() | known.keys()}
    fresh = {key: shown for key, shown in wanted.items() if known.get(key) != shown}
    LearnedRate.objects.bulk_create(
        [
            LearnedRate(
                tenant_id=supplier_id,
                machine_id=machine_id,
                process_id=process_id,
                learned_at=now,
                **{name: getattr(shown, name) for name in FIGURES},
            )
            for (machine_id, process_id), shown in sorted(fresh.items())
        ],
        update_conflicts=True,
        unique_fields=["tenant", "machine", "process"],
        update_fields=[*FIGURES, "learned_at"],
    )
    return bool(fresh)
