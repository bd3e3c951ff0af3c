"""What machines are meant to do, as the business process that owns a subject writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from devices.models import PlannedRun


@dataclass(frozen=True, kw_only=True)
class Run:
    """A subject's span on a machine: the pieces counted in it are the subject's.

    `kind` and `set_up_minutes` as in `PlannedRun`: what rates and set-ups are learned by.
    """

    machine_id: int
    start_at: datetime
    end_at: datetime
    label: str
    quantity: int
    subject_uid: UUID
    kind: str = ""
    set_up_minutes: int = 0


def plan_runs(*, tenant_id: int, runs: Sequence[Run]) -> None:
    """Enter many runs in one statement; a subject that has its run already keeps it."""
    PlannedRun.objects.bulk_create(
        [
            PlannedRun(
                tenant_id=tenant_id,
                machine_id=run.machine_id,
                during=(run.start_at, run.end_at),
                label=run.label,
                quantity=run.quantity,
                subject_uid=run.subject_uid,
                kind=run.kind,
                set_up_minutes=run.set_up_minutes,
            )
            for run in runs
        ],
        ignore_conflicts=True,
    )


def drop_runs(*, tenant_id: int, subject_uids: Iterable[UUID]) -> None:
    """Take back runs on which nothing has been counted."""
    PlannedRun.objects.of(tenant_id).filter(subject_uid__in=list(subject_uids), counted=0).delete()


def counted_pieces(*, tenant_id: int, subject_uids: Iterable[UUID]) -> Mapping[UUID, int]:
    """Return what the machines have counted for each subject that has a run."""
    return dict(
        PlannedRun.objects.of(tenant_id)
        .filter(subject_uid__in=list(subject_uids))
        .values_list("subject_uid", "counted")
    )
