"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from tenants.errors import DomainError


def problem_response(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Return `{"code", "detail", "errors"?}` for a named refusal; roll its request back."""
    transaction.set_rollback(True)
    if isinstance(exception, DomainError):
        body = {"code": exception.code, "detail": str(exception), **exception.context}
        return Response(body, status=exception.status, content_type="application/problem+json")
    response = exception_handler(exception, context)
    if response is not None and isinstance(exception, APIException):
        detail = exception.detail
        plain = detail if isinstance(detail, str) else None
        response.data = {
            "code": exception.default_code,
            "detail": str(plain or exception.default_detail),
        }
        if plain is None:
            response.data["errors"] = detail
    return response
