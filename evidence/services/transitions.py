"""The only way a state changes: one conditional UPDATE, an audit line and an evidence row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from evidence.models import PendingEntry
from tenants.actors import Actor
from tenants.errors import Conflict
from tenants.services.audit import record_act


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


def record_change(
    row: models.Model,
    *,
    change: str,
    by: Actor,
    now: datetime,
    evidence: dict[str, Any] | None = None,
) -> None:
    """Write the audit line and the evidence row of a change that the caller has made.

    For what has no earlier state (a row is born) or comes in bulk; `transition` calls it too.
    """
    subject = row._meta.model_name or ""
    uid = row.uid  # type: ignore[attr-defined]
    record_act(by=by, now=now, action=f"{subject}.{change}", subject=subject, subject_uid=uid)
    PendingEntry.objects.create(
        tenant_id=by.tenant_id,
        at=now,
        actor=by.name,
        kind=f"{subject}.{change}",
        subject_uid=uid,
        payload=evidence or {},
    )
