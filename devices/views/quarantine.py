"""The operator's list of messages that nobody's device has sent."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from devices import telemetry
from devices.models import QuarantinedFrame, QuarantineReason
from tenants.access import member
from tenants.core.roles import Act

PREVIEW_BYTES = 240


@member(Act.READ, seat="operator")
def quarantine(request: HttpRequest) -> HttpResponse:
    """Show what was refused and belongs to no organisation, by reason and by search."""
    tenant_id = request.acting.tenant_id
    reason = request.GET.get("reason", "")
    reason = reason if reason in QuarantineReason.values else ""
    search = request.GET.get("q", "").strip()[:64]
    counts = telemetry.quarantine_counts(tenant_id)
    found = telemetry.quarantined(tenant_id, reason=reason, search=search)
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [_row(one) for one in page],
        "search": search,
        "is_narrowed": bool(reason or search),
        "reasons": [
            (code, label, counts.get(code, {}).get("messages", 0))
            for code, label in QuarantineReason.choices
        ],
    }
    return render(request, "devices/quarantine.html", context)


def _row(one: QuarantinedFrame) -> dict[str, Any]:
    text = bytes(one.payload)[:PREVIEW_BYTES].decode(errors="replace")
    shown = "".join(letter if letter.isprintable() else "·" for letter in text)
    return {"frame": one, "preview": shown, "bytes": len(bytes(one.payload))}
