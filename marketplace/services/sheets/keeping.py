"""Files between their preview and their import: kept half an hour, each for one organisation."""

from __future__ import annotations

import secrets

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from tenants.errors import NotFound

KEPT_SECONDS = 30 * 60


class FileGone(NotFound):
    code = "file_gone"


def keep_file(*, tenant_id: int, content: bytes) -> str:
    """Keep a file and return the word that finds it again."""
    token = secrets.token_urlsafe(16)
    cache.set(_key(tenant_id, token), content, KEPT_SECONDS)
    return token


def kept_file(*, tenant_id: int, token: str) -> bytes:
    """Return a kept file.

    Raises:
        FileGone: it was imported, half an hour is over, or it is another organisation's.
    """
    content = cache.get(_key(tenant_id, token))
    if content is None:
        raise FileGone(_("This file is not kept any more. Choose it again."))
    return bytes(content)


def drop_file(*, tenant_id: int, token: str) -> None:
    cache.delete(_key(tenant_id, token))


def _key(tenant_id: int, token: str) -> str:
    return f"import:{tenant_id}:{token}"
