"""Writing the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from tenants.actors import Actor
from tenants.models import AuditEntry


def record_act(
    *,
    by: Actor,
    now: datetime,
    action: str,
    subject: str,
    subject_uid: UUID | None,
    **detail: Any,
) -> None:
    """Write one line of the acting organisation's audit trail in the open transaction."""
    AuditEntry.objects.create(
        tenant_id=by.tenant_id,
        at=now,
        actor=by.name,
        action=action,
        subject=subject,
        subject_uid=subject_uid,
        detail=detail,
    )
