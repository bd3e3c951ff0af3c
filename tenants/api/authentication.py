"""API requests act for the organisation whose key they carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from tenants.acting import bind_tenant
from tenants.models import ApiKey, Organisation
from tenants.services.keys import KeyHolder, find_holder

TOUCH_EVERY = timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer of_…`; binds the request's transaction to the key's organisation."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey] | None:
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        if not text:
            return None
        now = datetime.now(UTC)
        holder = find_holder(text=text.strip(), now=now) if scheme.lower() == "bearer" else None
        if holder is None:
            raise AuthenticationFailed(_("This API key is unknown, expired or revoked."))
        bind_tenant(holder.tenant_id)
        key = ApiKey.objects.of(holder.tenant_id).get(pk=holder.key_id)
        if key.last_used_at is None or now - key.last_used_at > TOUCH_EVERY:
            ApiKey.objects.of(holder.tenant_id).filter(pk=key.pk).update(last_used_at=now)
        request.organisation = Organisation.objects.get(pk=holder.tenant_id)
        return holder, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: of_…"}
