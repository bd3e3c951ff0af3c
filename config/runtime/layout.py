"""Where the site keeps its files and on which ports its own servers listen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.runtime.failures import CannotRun

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent

DEFAULT_HOST = "127.0.0.1"
PORT_VARIABLES = {
    "postgres": ("OPENFLOOR_PG_PORT", 55432),
    "valkey": ("OPENFLOOR_VALKEY_PORT", 56379),
    "mqtt": ("OPENFLOOR_MQTT_PORT", 51883),
    "web": ("OPENFLOOR_HTTP_PORT", 8000),
}


class BadEnvironment(CannotRun):
    """An environment variable that cannot be used, with the sentence for the operator."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The data folder and the ports of one running site."""

    root: Path
    postgres_port: int
    valkey_port: int
    mqtt_port: int
    http_host: str
    http_port: int
    durable: bool = True
    """False in test runs: PostgreSQL may skip fsync, because nothing has to survive."""

    @property
    def postgres_folder(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "postgres"

    @property
    def valkey_folder(self) -> Path:
        """Valkey's append-only file and configuration."""
        return self.root / "valkey"

    @property
    def mqtt_folder(self) -> Path:
        """The broker's configuration."""
        return self.root / "mqtt"

    @property
    def log_folder(self) -> Path:
        """One log file for each child process."""
        return self.root / "log"

    @property
    def lock_file(self) -> Path:
        """Held exclusively by the one process that runs the servers."""
        return self.root / "lock"

    @property
    def users_file(self) -> Path:
        """Held shared by every command that uses servers which another process runs."""
        return self.root / "users"

    @property
    def secrets_file(self) -> Path:
        """Generated passwords and keys, readable by the owner alone."""
        return self.root / "secrets.json"

    @property
    def schema_stamp(self) -> Path:
        """Which migrations the embedded database has seen."""
        return self.root / "schema"

    @property
    def clock_file(self) -> Path:
        """The site clock of a demo, if this folder holds one."""
        return self.root / "clock.json"

    @property
    def http_address(self) -> str:
        """The web server's `host:port`."""
        return f"{self.http_host}:{self.http_port}"


def layout_from_environment(environment: Mapping[str, str] | None = None) -> Layout:
    """Read the data folder and the ports from `environment` (by default the process's own).

    Raises:
        BadEnvironment: a port or the HTTP address is not usable.
    """
    environment = os.environ if environment is None else environment
    host, http_port = _http_address(environment)
    return Layout(
        root=Path(environment.get("OPENFLOOR_DATA") or PROJECT_ROOT / "var").resolve(),
        postgres_port=_port(environment, "postgres"),
        valkey_port=_port(environment, "valkey"),
        mqtt_port=_port(environment, "mqtt"),
        http_host=host,
        http_port=http_port,
    )


def _http_address(environment: Mapping[str, str]) -> tuple[str, int]:
    address = environment.get("OPENFLOOR_HTTP")
    if not address:
        return DEFAULT_HOST, _port(environment, "web")
    host, _, port = address.rpartition(":")
    return host or DEFAULT_HOST, _as_port(port, "OPENFLOOR_HTTP")


def _port(environment: Mapping[str, str], server: str) -> int:
    variable, default = PORT_VARIABLES[server]
    return _as_port(environment.get(variable) or str(default), variable)


def _as_port(text: str, variable: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise BadEnvironment(f"{variable} must hold a port between 1 and 65535, not {text!r}.")
    return int(text)
