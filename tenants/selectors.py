"""Reads of people and organisations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Q, QuerySet

from tenants.acting import PLATFORM_ID
from tenants.clock import site_now
from tenants.models import ApiKey, AuditEntry, Invitation, Membership, Organisation


def members(tenant_id: int) -> QuerySet[Membership]:
    """Return the organisation's members with their people, active first."""
    return Membership.objects.of(tenant_id).select_related("person").order_by("-is_active", "id")


def open_invitations(tenant_id: int) -> QuerySet[Invitation]:
    """Return invitations that nobody has accepted or withdrawn, newest first."""
    return (
        Invitation.objects.of(tenant_id)
        .filter(accepted_at=None, withdrawn_at=None)
        .select_related("invited_by")
        .order_by("-id")
    )


def api_keys(tenant_id: int) -> QuerySet[ApiKey]:
    """Return all keys, live and ended, newest first."""
    return ApiKey.objects.of(tenant_id).select_related("created_by").order_by("-id")


def audit_trail(tenant_id: int, *, search: str = "") -> QuerySet[AuditEntry]:
    """Return the audit trail, newest first, narrowed to an actor, action or subject."""
    entries = AuditEntry.objects.of(tenant_id).order_by("-id")
    if search:
        entries = entries.filter(actor__icontains=search) | entries.filter(action__icontains=search)
    return entries


@dataclass(frozen=True, kw_only=True)
class TopicHealth:
    """One topic of the outbox over all organisations."""

    topic: str
    open: int
    failing: int
    oldest: datetime | None
    handled_last_hour: int


def outbox_health() -> list[TopicHealth]:
    """Return how each topic is doing; only the platform may ask (the database refuses others).

    Messages are written by real time. `oldest` lies as long before the site's now as the oldest
    message has really waited, so that a page may say how long ago that is.
    """
    to_site = site_now() - datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "select topic, open, failing, oldest, handled_last_hour from outbox_health()"
        )
        rows = cursor.fetchall()
    return [
        TopicHealth(
            topic=topic,
            open=open_,
            failing=failing,
            oldest=None if oldest is None else oldest + to_site,
            handled_last_hour=done,
        )
        for topic, open_, failing, oldest, done in rows
    ]


def directory(
    *, search: str = "", kind: str = "", verification: str = ""
) -> QuerySet[Organisation]:
    """Return organisations of the public directory, newest first."""
    found = Organisation.objects.exclude(pk=PLATFORM_ID).order_by("-id")
    if search:
        found = found.filter(Q(name__icontains=search) | Q(name_zh__icontains=search))
    if kind:
        found = found.filter(kinds__contains=[kind])
    if verification:
        found = found.filter(verification=verification)
    return found
