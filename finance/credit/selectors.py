"""Reading an organisation's own credit reports."""

from __future__ import annotations

from django.db.models import QuerySet

from finance.credit.models import CreditReport


def reports_of(*, tenant_id: int) -> QuerySet[CreditReport]:
    """Return an organisation's own reports, newest first."""
    return CreditReport.objects.of(tenant_id).order_by("-as_of", "-id")


def newest_report(*, tenant_id: int) -> CreditReport | None:
    return reports_of(tenant_id=tenant_id).first()
