"""One transaction a request, bound to the person and the organisation that act."""

from __future__ import annotations

import logging
import zoneinfo
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user
from django.core.exceptions import BadRequest
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.template import loader
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from tenants.acting import acting_for_person, bind_tenant
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError
from tenants.models import Membership

logger = logging.getLogger(__name__)
Next = Callable[[HttpRequest], HttpResponse]
SESSION_KEY = "organisation_id"
AWAY = (OperationalError, InterfaceError)
"""How it shows that the database restarts, is out of connections, or ended a deadlock."""
TRY_AGAIN_SECONDS = 2
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class MembershipEnded(Conflict):
    """The page was made for an organisation that the person does not belong to any more."""

    code = "membership_ended"


def act_for(request: HttpRequest, tenant_id: int) -> None:
    """Let the session act for another organisation; forms made for the one before are refused.

    Another tab may still show the former organisation's pages: its forms carry the token that
    ends here, so that nothing meant for one organisation is ever done for another.
    """
    request.session[SESSION_KEY] = tenant_id
    rotate_token(request)


class TenantMiddleware:
    """Open the request's transaction and bind it; what fails is rolled back whole.

    A database that is away is answered with 503, also when it goes at the commit: whether that
    was still done nobody knows then, so a POST is sent again with the same `Idempotency-Key`.

    Sets `request.user`, `request.memberships` (list), `request.acting` (Membership or None) and,
    when somebody acts, `request.actor`.
    The API authenticates by key and binds by itself (tenants/api/authentication.py).
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(("/static/", "/healthz/")):
            return self.get_response(request)
        if "%00" in request.META.get("QUERY_STRING", "") and not _is_api(request):
            # No text of ours holds a zero byte, and PostgreSQL takes none to look for.
            raise BadRequest("a zero byte in the query")
        try:
            return self._in_transaction(request)
        except AWAY as error:
            return try_again(request, error)

    def _in_transaction(self, request: HttpRequest) -> HttpResponse:
        user = None if _is_api(request) else get_user(request)
        with acting_for_person(user.pk or 0 if user else 0):
            request.user = user  # type: ignore[assignment]
            self._bind(request)
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
        return response

    def _bind(self, request: HttpRequest) -> None:
        request.memberships = []  # type: ignore[attr-defined]
        request.acting = None  # type: ignore[attr-defined]
        if request.user is None or not request.user.is_authenticated:
            return
        memberships = list(
            Membership.objects.filter(person_id=request.user.pk, is_active=True)
            .select_related("tenant")
            .order_by("tenant__name", "id")
        )
        chosen = request.session.get(SESSION_KEY)
        acting = next((m for m in memberships if m.tenant_id == chosen), None)
        acting = acting or (memberships[0] if memberships else None)
        request.memberships = memberships  # type: ignore[attr-defined]
        if acting is not None:
            acting.person = request.user  # type: ignore[assignment]
            request.acting = acting  # type: ignore[attr-defined]
            request.actor = Actor.of_member(acting)  # type: ignore[attr-defined]
            bind_tenant(acting.tenant_id)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Refuse what was meant for an organisation whose member the person is no longer."""
        acting = getattr(request, "acting", None)
        if acting is None or request.session.get(SESSION_KEY) in (None, acting.tenant_id):
            return None
        act_for(request, acting.tenant_id)
        if request.method in SAFE_METHODS:
            return None
        sentence = _("You are no longer a member of the organisation that this page was made for.")
        return self.process_exception(request, MembershipEnded(sentence))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Show a named refusal as a page with its sentence; nothing of the request is kept."""
        transaction.set_rollback(True)
        if isinstance(exception, AWAY):
            return try_again(request, exception)
        if not isinstance(exception, DomainError):
            return None
        if request.headers.get("Accept", "").startswith("application/json"):
            return JsonResponse(
                {"code": exception.code, "detail": str(exception)}, status=exception.status
            )
        return render(request, "refused.html", {"refusal": exception}, status=exception.status)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def try_again(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer that the database is away, without asking it for anything."""
    logger.warning("503 for %s %s: %s", request.method, request.path, error)
    later = {"Retry-After": str(TRY_AGAIN_SECONDS)}
    if _is_api(request) or "json" in request.headers.get("Accept", ""):
        body = {
            "code": "database_away",
            "detail": str(_("The database does not answer just now. Try again in a moment.")),
        }
        return JsonResponse(
            body, status=503, headers=later, content_type="application/problem+json"
        )
    return HttpResponse(loader.render_to_string("503.html"), status=503, headers=later)


class PersonPreferencesMiddleware:
    """Speak the person's language and show times in the person's zone."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return self.get_response(request)
        translation.activate(user.language)
        request.LANGUAGE_CODE = user.language
        with timezone.override(zoneinfo.ZoneInfo(user.time_zone)):
            return self.get_response(request)
