"""Query parameters of lists, read with a sentence for what cannot be read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from tenants.errors import DomainError


class UnknownFilter(DomainError):
    """A filter's value that names nothing."""

    status = 400
    code = "unknown_filter"


def uid_of(request: Request, name: str) -> UUID | None:
    """Return the uid that `?name=` gives, or None without it."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise UnknownFilter(
            _("“%(text)s” is not a uid. Take the uid from an earlier answer.") % {"text": text[:60]}
        ) from error


def choice_of(request: Request, name: str, field: Any) -> str:
    """Return the choice of a model's field that `?name=` gives, or "" without it."""
    text = request.query_params.get(name, "")
    known = [value for value, _label in field.choices]
    if text and text not in known:
        raise UnknownFilter(
            _("“%(text)s” is not known here. Choose one of: %(known)s.")
            % {"text": text[:60], "known": ", ".join(known)}
        )
    return str(text)
