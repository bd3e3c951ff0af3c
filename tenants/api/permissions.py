"""What a key may do: reading needs `read`, writing the view's own scope."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tenants.access import refuse_suspended
from tenants.models.keys import Scope
from tenants.services.keys import KeyHolder

TRADING = (Scope.CAPACITY, Scope.ORDERS, Scope.OFFERS)


class HasScope(BasePermission):
    """Views name `write_scope`; a view without one is read-only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        holder = request.user
        if not isinstance(holder, KeyHolder):
            return False
        if request.method in SAFE_METHODS:
            return "read" in holder.scopes
        if not hasattr(view, str(request.method).lower()):
            return True  # there is nothing to allow: the view answers 405, whoever asks
        scope = getattr(view, "write_scope", None)
        if scope in TRADING:
            refuse_suspended(request.organisation)  # type: ignore[attr-defined]
        return scope in holder.scopes
