"""A POST that carries an `Idempotency-Key` is done once, however often it is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.errors import Conflict, DomainError
from tenants.models import IdempotentReply

HEADER = "Idempotency-Key"
LONGEST_KEY = 80
LOCK_SPACE = 7_405

Method = Callable[..., Response]


class KeyTooLong(DomainError):
    code = "idempotency_key_too_long"


class KeyReused(Conflict):
    """The key came before with another request."""

    code = "idempotency_key_reused"


def idempotent(method: Method) -> Method:
    """Let a view's method answer a repeated request with its first reply.

    The reply is kept in the transaction of the work, so there is never one without the other. A
    refused request keeps nothing: sent again, it is tried again. Of two equal requests at once the
    second waits for the first. Without the header nothing changes.
    """

    @wraps(method)
    def guarded(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER, "").strip()
        if not key:
            return method(view, request, *args, **kwargs)
        if len(key) > LONGEST_KEY:
            raise KeyTooLong(_("An Idempotency-Key has at most 80 characters."))
        tenant_id = request.organisation.pk  # type: ignore[attr-defined]
        _take_turns(f"{tenant_id}:{key}")
        digest = _digest(request)
        kept = IdempotentReply.objects.of(tenant_id).filter(key=key).first()
        if kept is not None:
            return _again(kept, digest)
        response = method(view, request, *args, **kwargs)
        if response.status_code < 400:
            _keep(tenant_id, key, digest, response)
        return response

    header = OpenApiParameter(
        HEADER,
        str,
        OpenApiParameter.HEADER,
        description="Send the same key again to get the first reply again instead of a second act.",
    )
    return extend_schema(parameters=[header])(guarded)


def _take_turns(name: str) -> None:
    """Wait until no other open transaction uses the same key."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK_SPACE, name])


def _digest(request: Request) -> bytes:
    asked = [request.method, request.path, request.data]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()


def _again(kept: IdempotentReply, digest: bytes) -> Response:
    if bytes(kept.request_hash) != digest:
        raise KeyReused(_("This key came with another request. Send a new key with a new request."))
    return Response(kept.body, status=kept.status, headers={"Idempotent-Replay": "true"})


def _keep(tenant_id: int, key: str, digest: bytes, response: Response) -> None:
    IdempotentReply.objects.create(
        tenant_id=tenant_id,
        key=key,
        request_hash=digest,
        status=response.status_code,
        body=json.loads(JSONRenderer().render(response.data) or "null"),
        created_at=datetime.now(UTC),
    )
