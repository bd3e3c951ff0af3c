"""What every page's frame shows: who acts, where one can go, the site clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from marketplace.navigation import navigation
from tenants.clock import site_clock


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's context; costs no query."""
    acting = getattr(request, "acting", None)
    real = datetime.now(UTC)
    clock = site_clock()
    return {
        "user": getattr(request, "user", None),
        "acting": acting,
        "memberships": getattr(request, "memberships", []),
        "nav": navigation(acting, request.path) if acting else [],
        "now": clock.at(real),
        "site_clock": {
            "now": clock.at(real),
            "rate": clock.running_rate(real),
            "simulated": bool(acting and acting.tenant.is_simulated),
        },
    }
