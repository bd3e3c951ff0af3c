"""Booking machine time, which the database never sells twice.

Knows machines and spans; what they are booked for is the `subject_uid` of whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from psycopg.errors import ExclusionViolation

from evidence.services.transitions import Change, record_changes, transition_all
from scheduling.models import Reservation, ReservationState
from tenants.actors import Actor
from tenants.errors import Conflict, NotFound


class MachineTimeTaken(Conflict):
    """A span that is asked for is no longer free."""

    code = "machine_time_taken"


class MachineUnknown(NotFound):
    """A machine that does not stand in this organisation."""

    code = "machine_unknown"


@dataclass(frozen=True, kw_only=True)
class Span:
    """Time on one machine, half-open, and what it is for."""

    machine_id: int
    start_at: datetime
    end_at: datetime
    subject_uid: UUID


@transaction.atomic
def book_spans(*, spans: Sequence[Span], by: Actor, now: datetime) -> list[Reservation]:
    """Book many spans of the acting organisation's machines in one statement: all or none.

    The machines are locked first, in the order of their keys: of two that want the same hours
    the second waits and is then told which hours are gone, and neither can deadlock. The lock
    leaves readings alone, which only refer to the machines' keys.

    Raises:
        MachineTimeTaken: a span overlaps a live reservation; its sentence names machine and hours.
        MachineUnknown: a machine is not of this organisation.
    """
    machines = _lock_machines(by.tenant_id, {span.machine_id for span in spans})
    reservations = [
        Reservation(
            tenant_id=by.tenant_id,
            machine_id=span.machine_id,
            during=(span.start_at, span.end_at),
            state=ReservationState.BOOKED,
            subject_uid=span.subject_uid,
        )
        for span in spans
    ]
    try:
        with transaction.atomic():
            Reservation.objects.bulk_create(reservations)
    except IntegrityError as error:
        if not isinstance(error.__cause__, ExclusionViolation):
            raise
        raise _clash(by.tenant_id, spans, machines) from error
    record_changes(
        (Change(row=row, change="booked") for row in reservations),
        by=by,
        now=now,
    )
    return reservations


def release_spans(*, subject_uids: Iterable[UUID], by: Actor, now: datetime) -> int:
    """Give the live spans of some subjects back; returns how many. Twice changes nothing."""
    return _end_spans(subject_uids, to=ReservationState.RELEASED, by=by, now=now)


def finish_spans(*, subject_uids: Iterable[UUID], by: Actor, now: datetime) -> int:
    """Mark the booked spans of some subjects as worked; returns how many."""
    return _end_spans(subject_uids, to=ReservationState.DONE, by=by, now=now)


@transaction.atomic
def _end_spans(subject_uids: Iterable[UUID], *, to: str, by: Actor, now: datetime) -> int:
    live = list(
        Reservation.objects.of(by.tenant_id)
        .filter(subject_uid__in=list(subject_uids), state__in=Reservation.TRANSITIONS[to])
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    transition_all(live, to=to, by=by, now=now)
    return len(live)


def _lock_machines(tenant_id: int, machine_ids: set[int]) -> dict[int, models.Model]:
    # The engines do not import each other: the machine is known by the foreign key alone.
    machine: Any = Reservation._meta.get_field("machine").related_model
    locked = {
        row.pk: row
        for row in machine.objects.of(tenant_id)
        .filter(pk__in=machine_ids)
        .order_by("pk")
        .select_for_update(no_key=True)
    }
    if machine_ids - locked.keys():
        raise MachineUnknown(_("A machine of this share is not among your machines any more."))
    return locked


def _clash(
    tenant_id: int, spans: Sequence[Span], machines: dict[int, models.Model]
) -> MachineTimeTaken:
    wanted = [
        Q(machine_id=span.machine_id, during__overlap=(span.start_at, span.end_at))
        for span in spans
    ]
    taken = (
        Reservation.objects.of(tenant_id)
        .filter(reduce(or_, wanted))
        .exclude(state=ReservationState.RELEASED)
        .order_by("during")
        .first()
    )
    if taken is None:  # two of the spans themselves overlap
        return MachineTimeTaken(_("The share asks for the same machine hours twice."))
    code = str(machines[taken.machine_id])
    return MachineTimeTaken(
        _("Machine %(machine)s is booked from %(start)s to %(end)s UTC already.")
        % {
            "machine": code,
            "start": f"{taken.during.lower:%Y-%m-%d %H:%M}",
            "end": f"{taken.during.upper:%Y-%m-%d %H:%M}",
        },
        machine=code,
    )
