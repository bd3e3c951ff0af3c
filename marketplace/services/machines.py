"""Machines with what they can do: entered together, changed, taken off the market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from devices.models import Machine
from devices.services.machines import add_machines, change_machine, set_machine_active
from evidence.services.transitions import record_change
from marketplace.models import Capability, CapabilityAttribute, CapacityWindow, Process
from marketplace.selectors.capacity import ACTIVE
from marketplace.services.capacity import withdraw_windows
from marketplace.services.window_rows import tell_market
from tenants.actors import Actor
from tenants.errors import DomainError
from tenants.models import Organisation

Held = float | int | list[str]
MOST_HELD = 1_000_000_000
MOST_PIECES_PER_HOUR = 1_000_000
LONGEST_SET_UP_MINUTES = 7 * 24 * 60


class CapabilityRefused(DomainError):
    code = "capability_refused"


@dataclass(frozen=True, kw_only=True)
class Ability:
    """What a machine is said to do of a process; `attributes` by code: a number or words."""

    process: Process
    pieces_per_hour: int
    set_up_minutes: int = 0
    attributes: Mapping[str, Held] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NewMachine:
    """A machine to enter, with its abilities."""

    machine: Machine
    abilities: Sequence[Ability] = ()


@transaction.atomic
def enter_machines(
    *, organisation: Organisation, by: Actor, now: datetime, new: Sequence[NewMachine]
) -> list[Machine]:
    """Enter machines with their capabilities, all or none.

    Raises:
        MachineCodeTaken: a code is used already.
        CapabilityRefused: an ability that cannot be.
    """
    for one in new:
        check_abilities(one.abilities)
    machines = add_machines(
        organisation=organisation, by=by, now=now, machines=[one.machine for one in new]
    )
    _store(organisation, {one.machine: one.abilities for one in new})
    for one in new:
        _record(one.machine, one.abilities, by, now)
    return machines


@transaction.atomic
def set_abilities(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    machine: Machine,
    abilities: Sequence[Ability],
) -> None:
    """Replace what a machine can do; its listing follows.

    Raises:
        CapabilityRefused: an ability that cannot be.
    """
    check_abilities(abilities)
    Capability.objects.of(organisation.pk).filter(machine=machine).delete()
    _store(organisation, {machine: abilities})
    _record(machine, abilities, by, now)
    tell_market(organisation, [machine.pk])


@transaction.atomic
def change_machine_and_abilities(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    machine: Machine,
    abilities: Sequence[Ability] | None,
) -> None:
    """Save a machine and what it can do in one act; None leaves its abilities as they are.

    Raises:
        MachineCodeTaken: another machine bears the code.
        CapabilityRefused: an ability that cannot be.
    """
    change_machine(organisation=organisation, by=by, now=now, machine=machine)
    if abilities is not None:
        set_abilities(
            organisation=organisation, by=by, now=now, machine=machine, abilities=abilities
        )


@transaction.atomic
def archive_machine(
    *, organisation: Organisation, by: Actor, now: datetime, machine: Machine
) -> None:
    """Take a machine out of use: its windows ahead leave the market, its history stays.

    Raises:
        TimeCommitted: an order has bought some of its time.
        TimeOffered: an offer that waits for an answer asks for some of its time.
    """
    ahead = CapacityWindow.objects.of(organisation.pk).filter(
        machine=machine, state__in=ACTIVE, during__endswith__gt=now
    )
    uids = list(ahead.values_list("uid", flat=True))
    withdraw_windows(organisation=organisation, by=by, now=now, uids=uids)
    set_machine_active(organisation=organisation, by=by, now=now, machine=machine, is_active=False)


def check_abilities(abilities: Sequence[Ability]) -> None:
    """Refuse what a machine cannot be said to do.

    Raises:
        CapabilityRefused: a process twice, a rate of zero, an attribute that its process lacks,
            a number that is not above zero, a word that is not in the list.
    """
    seen: set[int] = set()
    for one in abilities:
        if one.process.pk in seen:
            raise CapabilityRefused(
                _("%(process)s is there twice. Put it all in one line.") % {"process": one.process}
            )
        seen.add(one.process.pk)
        if not 0 < one.pieces_per_hour <= MOST_PIECES_PER_HOUR:
            raise CapabilityRefused(
                _("%(process)s needs its pieces per hour, from 1 to %(most)s.")
                % {"process": one.process, "most": MOST_PIECES_PER_HOUR}
            )
        if not 0 <= one.set_up_minutes <= LONGEST_SET_UP_MINUTES:
            raise CapabilityRefused(
                _("The set-up for %(process)s is in minutes, from 0 to %(most)s.")
                % {"process": one.process, "most": LONGEST_SET_UP_MINUTES}
            )
        known = {attribute.code: attribute for attribute in one.process.attributes.all()}
        for code, held in one.attributes.items():
            _check_attribute(one.process, known.get(code), code, held)


def _check_attribute(
    process: Process, attribute: CapabilityAttribute | None, code: str, held: Held
) -> None:
    if attribute is None:
        raise CapabilityRefused(
            _("%(process)s has no attribute “%(code)s”. Leave it out.")
            % {"process": process, "code": code}
        )
    if attribute.is_choice:
        words = [choice["code"] for choice in attribute.choices]
        said = held if isinstance(held, list) and held else [held]
        wrong = next((word for word in said if word not in words), None)
        if wrong is not None:
            raise CapabilityRefused(
                _("“%(word)s” is not a word for %(attribute)s. Use some of: %(words)s.")
                % {"word": wrong, "attribute": attribute, "words": ", ".join(words)}
            )
    elif isinstance(held, bool) or not isinstance(held, int | float) or not 0 < held < MOST_HELD:
        raise CapabilityRefused(
            _("%(attribute)s for %(process)s is a number above zero.")
            % {"attribute": attribute, "process": process}
        )


def _store(organisation: Organisation, wanted: Mapping[Machine, Sequence[Ability]]) -> None:
    Capability.objects.bulk_create(
        Capability(
            tenant=organisation,
            machine=machine,
            process=one.process,
            pieces_per_hour=one.pieces_per_hour,
            set_up_minutes=one.set_up_minutes,
            attributes=dict(one.attributes),
        )
        for machine, abilities in wanted.items()
        for one in abilities
    )


def _record(machine: Machine, abilities: Sequence[Ability], by: Actor, now: datetime) -> None:
    record_change(
        machine,
        change="capabilities_set",
        by=by,
        now=now,
        evidence={
            "capabilities": [
                {
                    "process": one.process.code,
                    "pieces_per_hour": one.pieces_per_hour,
                    "set_up_minutes": one.set_up_minutes,
                    "attributes": dict(one.attributes),
                }
                for one in abilities
            ]
        },
    )
