"""API keys: made, looked up, revoked."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy as _

from tenants.actors import KEY_MARK, Actor
from tenants.errors import NotFound
from tenants.models import ApiKey, Membership, Organisation
from tenants.services.audit import record_act


@dataclass(frozen=True, kw_only=True)
class KeyHolder:
    """The organisation and scopes behind a valid key; stands in as DRF's user."""

    key_id: int
    tenant_id: int
    name: str
    scopes: frozenset[str]
    is_authenticated: bool = True

    @property
    def actor(self) -> Actor:
        return Actor(tenant_id=self.tenant_id, name=f"{KEY_MARK}{self.name}")


def create_key(
    *,
    organisation: Organisation,
    by: Membership,
    now: datetime,
    name: str,
    scopes: list[str],
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """Make a key; the full text is returned once and never kept."""
    prefix = secrets.token_hex(6)
    secret = secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        tenant=organisation,
        name=name,
        prefix=prefix,
        secret_hash=hashlib.sha256(secret.encode()).digest(),
        scopes=sorted(set(scopes)),
        created_by=by.person,
        created_at=now,
        expires_at=expires_at,
    )
    record_act(
        by=Actor.of_member(by),
        now=now,
        action="key.created",
        subject="api_key",
        subject_uid=key.uid,
        scopes=key.scopes,
    )
    return key, f"of_{prefix}_{secret}"


def find_holder(*, text: str, now: datetime) -> KeyHolder | None:
    """Return who holds the key `text`, or None when it is unknown, expired or revoked.

    Runs before any organisation is bound: the row is found by a function of the database.
    The secret has 256 random bits, so a plain hash is enough; it is compared in constant time.
    """
    kind, _sep, rest = text.partition("_")
    prefix, _sep, secret = rest.partition("_")
    if kind != "of" or not secret:
        return None
    with connection.cursor() as cursor:
        cursor.execute("select * from api_key_by_prefix(%s)", [prefix])
        row = cursor.fetchone()
    if row is None:
        return None
    key_id, tenant_id, name, secret_hash, scopes, expires_at = row
    if not hmac.compare_digest(bytes(secret_hash), hashlib.sha256(secret.encode()).digest()):
        return None
    if expires_at is not None and expires_at <= now:
        return None
    return KeyHolder(key_id=key_id, tenant_id=tenant_id, name=name, scopes=frozenset(scopes))


def revoke_key(*, organisation: Organisation, by: Actor, now: datetime, uid: str) -> None:
    """End a key at once.

    Raises:
        NotFound: no such live key here.
    """
    changed = (
        ApiKey.objects.of(organisation.pk).filter(uid=uid, revoked_at=None).update(revoked_at=now)
    )
    if not changed:
        raise NotFound(_("There is no such live key."))
    record_act(by=by, now=now, action="key.revoked", subject="api_key", subject_uid=None)
