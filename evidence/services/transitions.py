"""The only way a state changes: one conditional UPDATE, an audit line and an evidence row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from evidence.models import PendingEntry
from tenants.actors import Actor
from tenants.errors import Conflict
from tenants.models import AuditEntry


class StateConflict(Conflict):
    """Another act came first, or the state does not allow this one."""

    code = "state_conflict"


def transition(
    row: models.Model,
    *,
    to: str,
    by: Actor,
    now: datetime,
    evidence: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Move `row` to the state `to` and set `fields`, if its model's TRANSITIONS allow it.

    The row is claimed by one conditional UPDATE, of which exactly one caller wins; the audit line
    and the evidence row are written in the same transaction. `row` is updated in memory.

    Raises:
        StateConflict: the row's state in the database does not lead to `to`, or it is not visible.
    """
    allowed = row.TRANSITIONS[to]  # type: ignore[attr-defined]
    model = type(row)
    claimed = model._default_manager.filter(pk=row.pk, state__in=allowed).update(state=to, **fields)
    if not claimed:
        raise StateConflict(
            _("This has changed in the meantime. Load the page again to see where it stands.")
        )
    before = row.state  # type: ignore[attr-defined]
    for name, value in {**fields, "state": to}.items():
        setattr(row, name, value)
    record_change(row, change=f"{before}>{to}", by=by, now=now, evidence=evidence)


def transition_all(
    rows: Sequence[models.Model],
    *,
    to: str,
    by: Actor,
    now: datetime,
    evidence: dict[Any, dict[str, Any]] | None = None,
    **fields: Any,
) -> None:
    """Move many rows of one model to the state `to` in one statement: all of them or none.

    `evidence` is by primary key. The rows are updated in memory.

    Raises:
        StateConflict: the state of one of them does not lead to `to`, or it is not visible.
    """
    if not rows:
        return
    model = type(rows[0])
    claimed = model._default_manager.filter(
        pk__in=[row.pk for row in rows],
        state__in=model.TRANSITIONS[to],  # type: ignore[attr-defined]
    ).update(state=to, **fields)
    if claimed != len(rows):
        raise StateConflict(
            _("This has changed in the meantime. Load the page again to see where it stands.")
        )
    changes = []
    for row in rows:
        before = row.state  # type: ignore[attr-defined]
        for name, value in {**fields, "state": to}.items():
            setattr(row, name, value)
        changes.append(
            Change(row=row, change=f"{before}>{to}", evidence=(evidence or {}).get(row.pk, {}))
        )
    record_changes(changes, by=by, now=now)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that the caller has made to a row: what the trails say of it."""

    row: models.Model
    change: str
    evidence: dict[str, Any] = field(default_factory=dict)


def record_change(
    row: models.Model,
    *,
    change: str,
    by: Actor,
    now: datetime,
    evidence: dict[str, Any] | None = None,
) -> None:
    """Write the audit line and the evidence row of a change that the caller has made.

    For what has no earlier state (a row is born); `transition` calls it too.
    """
    record_changes([Change(row=row, change=change, evidence=evidence or {})], by=by, now=now)


def record_changes(changes: Iterable[Change], *, by: Actor, now: datetime) -> None:
    """Write the audit lines and the evidence rows of many changes, in two statements."""
    acts, entries = [], []
    for change in changes:
        subject = change.row._meta.model_name or ""
        uid = change.row.uid  # type: ignore[attr-defined]
        kind = f"{subject}.{change.change}"
        trail = {"tenant_id": by.tenant_id, "at": now, "actor": by.name}
        acts.append(AuditEntry(**trail, action=kind, subject=subject, subject_uid=uid))
        entries.append(PendingEntry(**trail, kind=kind, subject_uid=uid, payload=change.evidence))
    AuditEntry.objects.bulk_create(acts)
    PendingEntry.objects.bulk_create(entries)
