"""The passwords and keys that a fresh data folder makes for itself."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path


def _token() -> str:
    return secrets.token_hex(24)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Hexadecimal secrets, so that they stand in an address without quoting."""

    secret_key: str = field(default_factory=_token)
    postgres: str = field(default_factory=_token)
    app_owner: str = field(default_factory=_token)
    app_user: str = field(default_factory=_token)
    app_ingest: str = field(default_factory=_token)
    app_relay: str = field(default_factory=_token)
    app_sweep: str = field(default_factory=_token)
    valkey: str = field(default_factory=_token)
    mqtt_site: str = field(default_factory=_token)
    mqtt_gateway: str = field(default_factory=_token)


def load_or_create_credentials(path: Path) -> Credentials:
    """Read the credentials at `path`; make and keep what is missing.

    The caller holds the data folder's lock when the file may still have to be written.
    """
    kept = json.loads(path.read_text()) if path.exists() else {}
    names = {one.name for one in fields(Credentials)}
    credentials = Credentials(**{name: kept[name] for name in names if name in kept})
    if asdict(credentials) != kept:
        _write_private(path, json.dumps(asdict(credentials), indent=2) + "\n")
    return credentials


def _write_private(path: Path, text: str) -> None:
    """Replace `path` in one step; nobody but its owner may ever read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
