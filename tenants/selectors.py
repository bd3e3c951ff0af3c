"""Reads of people and organisations."""

from __future__ import annotations

from django.db.models import QuerySet

from tenants.models import ApiKey, AuditEntry, Invitation, Membership


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
