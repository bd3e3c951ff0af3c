"""A firm says that a machine stands still: off the market until then, and its orders are asked.

Its word stands above what the machine's device reports (`services.reported_downtimes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from devices.models import Machine
from evidence.services.transitions import record_change
from marketplace.models import Downtime
from marketplace.services.window_rows import tell_market
from tenants.actors import Actor
from tenants.errors import DomainError, NotFound
from tenants.live import announce
from tenants.models import Organisation
from tenants.services.outbox import send_after_commit

HALTED = "machine.halted"
LONGEST = timedelta(days=90)


class DowntimeRefused(DomainError):
    code = "downtime_refused"


class NotDown(NotFound):
    code = "machine_not_down"


@transaction.atomic
def say_down(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    machine: Machine,
    until_at: datetime,
    reason: str = "",
) -> Downtime:
    """Say until when a machine is down; said again, the newest word counts.

    The machine is locked, so of two at once each ends the one before.

    Raises:
        DowntimeRefused: the time is past or too far away.
    """
    if not now < until_at <= now + LONGEST:
        raise DowntimeRefused(
            _("Say a time from now to at most %(days)s days ahead.") % {"days": LONGEST.days}
        )
    end_downtime(machine, now=now)
    downtime = Downtime.objects.create(
        tenant=organisation,
        machine=machine,
        until_at=until_at,
        reason=reason.strip()[:300],
        said_by=by.name,
        said_at=now,
    )
    evidence = {"machine": str(machine.uid), "until": until_at.isoformat()}
    record_change(downtime, change="said", by=by, now=now, evidence=evidence)
    pass_on(organisation, [machine.pk])
    return downtime


@transaction.atomic
def say_running(*, organisation: Organisation, by: Actor, now: datetime, machine: Machine) -> None:
    """Say that a machine runs again, earlier than was said.

    Raises:
        NotDown: nobody has said that it is down.
    """
    ended = end_downtime(machine, now=now)
    if not ended:
        raise NotDown(_("Nobody has said that this machine is down."))
    for downtime in ended:
        record_change(downtime, change="ended", by=by, now=now)
    pass_on(organisation, [machine.pk])


def end_downtime(machine: Machine, *, now: datetime) -> Sequence[Downtime]:
    """End what is open of a machine, which stays locked: of two who speak one comes second."""
    Machine.objects.of(machine.tenant_id).select_for_update(no_key=True).get(pk=machine.pk)
    open_ones = list(Downtime.objects.of(machine.tenant_id).filter(machine=machine, ended_at=None))
    for downtime in open_ones:
        downtime.ended_at = now
        downtime.save(update_fields=["ended_at"])
    return open_ones


def pass_on(organisation: Organisation, machine_ids: Sequence[int]) -> None:
    """Tell the market, and have the orders asked that wait for these machines."""
    tell_market(organisation, machine_ids)
    send_after_commit(tenant_id=organisation.pk, topic=HALTED, supplier_id=organisation.pk)
    announce(tenant_ids=(organisation.pk,), key="machines")
