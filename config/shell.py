"""What every page's frame shows: who acts, where one can go, the site clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from tenants.clock import site_clock


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's context; the navigation comes lazily from the seat's own table."""
    acting = getattr(request, "acting", None)
    real = datetime.now(UTC)
    clock = site_clock()
    return {
        "acting": acting,
        "memberships": getattr(request, "memberships", []),
        "nav": [],
        "site_clock": {"now": clock.at(real), "rate": clock.running_rate(real)},
    }
