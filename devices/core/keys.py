"""Device keys: derived from one master secret, so that none is ever stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID

LABEL = b"openfloor device key 1\0"


def device_key(master: str, uid: UUID, version: int) -> bytes:
    """Return the 32-byte key of a device; another version is another key."""
    told = LABEL + uid.bytes + version.to_bytes(4, "big")
    return hmac.new(master.encode(), told, hashlib.sha256).digest()


def key_text(key: bytes) -> str:
    """Write a key as people copy it: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def key_from_text(text: str) -> bytes:
    """Read a key that a person has copied.

    Raises:
        ValueError: it is not the text of a 32-byte key.
    """
    key = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
    if len(key) != 32:
        raise ValueError("a device key has 32 bytes")
    return key
