"""Access to pages in one place: signed in, member, of that kind of organisation, in that role.

404 never 403 across organisations: a page of a seat that the organisation does not have does
not exist for it. A member whose role is too small learns so by name (403).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from tenants.core.roles import Act, may
from tenants.errors import NotAllowed
from tenants.models import Organisation
from tenants.models.organisations import Verification

View = Callable[..., HttpResponse]


def refuse_suspended(organisation: Organisation) -> None:
    """Let a suspended organisation finish and read, and not trade.

    Raises:
        NotAllowed: the platform has suspended it.
    """
    if organisation.verification == Verification.SUSPENDED:
        raise NotAllowed(
            _("Your organisation is suspended and does not trade now. Write to the platform.")
        )


def signed_in(view: View) -> View:
    """Ask for a signed-in person."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    guarded.access = "signed_in"  # type: ignore[attr-defined]
    return guarded


def member(act: Act, *, seat: str | None = None) -> Callable[[View], View]:
    """Ask for a member who may do `act`, of an organisation with the seat `seat` (a kind)."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            acting = request.acting  # type: ignore[attr-defined]
            if acting is None:
                return redirect("organisation_new")
            if seat is not None and seat not in acting.tenant.kinds:
                raise Http404
            if not may(acting.role, act):
                raise NotAllowed(
                    _("Your role does not include this. Ask an owner of your organisation.")
                )
            if act == Act.TRADE:
                refuse_suspended(acting.tenant)
            return view(request, *args, **kwargs)

        guarded.access = (act, seat)  # type: ignore[attr-defined]
        return guarded

    return wrap


def public(view: View) -> View:
    """Mark a page that anyone may see."""
    view.access = "public"  # type: ignore[attr-defined]
    return view
