"""Machines: entered, changed, taken out of use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from devices.models import Machine
from devices.services.topics import MACHINES_CHANGED
from tenants.actors import Actor
from tenants.errors import Conflict
from tenants.live import announce
from tenants.models import Organisation
from tenants.services.audit import record_act
from tenants.services.outbox import send_after_commit


class MachineCodeTaken(Conflict):
    code = "machine_code_taken"


def add_machines(
    *, organisation: Organisation, by: Actor, now: datetime, machines: Sequence[Machine]
) -> list[Machine]:
    """Enter machines, all or none.

    Raises:
        MachineCodeTaken: a code is used already, in use or retired.
    """
    for machine in machines:
        machine.tenant = organisation
        machine.is_simulated = machine.is_simulated or organisation.is_simulated
    try:
        with transaction.atomic():
            entered = Machine.objects.bulk_create(machines)
    except IntegrityError as error:
        raise _code_taken(organisation, machines) from error
    for machine in entered:
        _record(by, now, "machine.added", machine)
    announce(tenant_ids=(organisation.pk,), key="machines")
    return entered


def change_machine(
    *, organisation: Organisation, by: Actor, now: datetime, machine: Machine
) -> Machine:
    """Save a changed machine.

    Raises:
        MachineCodeTaken: another machine bears the code.
    """
    try:
        with transaction.atomic():
            machine.save()
    except IntegrityError as error:
        raise _code_taken(organisation, [machine]) from error
    _record(by, now, "machine.changed", machine)
    _tell(organisation, machine)
    return machine


def set_machine_active(
    *, organisation: Organisation, by: Actor, now: datetime, machine: Machine, is_active: bool
) -> None:
    """Take a machine out of use or back into it; its history stays."""
    changed = (
        Machine.objects.of(organisation.pk)
        .filter(pk=machine.pk, is_active=not is_active)
        .update(is_active=is_active)
    )
    if changed:
        machine.is_active = is_active
        _record(by, now, "machine.restored" if is_active else "machine.archived", machine)
        _tell(organisation, machine)


def _code_taken(organisation: Organisation, machines: Sequence[Machine]) -> MachineCodeTaken:
    codes = [machine.code for machine in machines]
    taken = (
        Machine.objects.of(organisation.pk)
        .filter(code__in=codes)
        .exclude(pk__in=[machine.pk for machine in machines if machine.pk])
        .values_list("code", flat=True)
        .first()
    )
    twice = next((code for code in codes if codes.count(code) > 1), "")
    return MachineCodeTaken(
        _("You have a machine with the code %(code)s already. Codes are used once.")
        % {"code": taken or twice}
    )


def _tell(organisation: Organisation, machine: Machine) -> None:
    send_after_commit(
        tenant_id=organisation.pk,
        topic=MACHINES_CHANGED,
        supplier_id=organisation.pk,
        machine_ids=[machine.pk],
    )
    announce(tenant_ids=(organisation.pk,), key="machines")


def _record(by: Actor, now: datetime, action: str, machine: Machine) -> None:
    record_act(
        by=by,
        now=now,
        action=action,
        subject="machine",
        subject_uid=machine.uid,
        code=machine.code,
    )
