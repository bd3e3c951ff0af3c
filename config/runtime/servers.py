"""The three embedded servers together: start, addresses, stop."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.runtime import postgres
from config.runtime.credentials import Credentials
from config.runtime.layout import BadEnvironment, Layout
from config.runtime.leftovers import kill_marked_processes, kill_processes_in
from config.runtime.mqtt import GATEWAY_USER, SITE_USER, mqtt_spec
from config.runtime.postgres import DATABASE, SUPERUSER, postgres_spec
from config.runtime.process import (
    MARKER,
    ProcessSpec,
    launch,
    refuse_taken_port,
    stop,
    wait_until_ready,
)
from config.runtime.roles import LOGIN_ROLES, bootstrap_roles
from config.runtime.valkey import valkey_spec

DATABASE_VARIABLES = {
    "DATABASE_URL": "app_user",
    "DATABASE_OWNER_URL": "app_owner",
    "DATABASE_INGEST_URL": "app_ingest",
    "DATABASE_RELAY_URL": "app_relay",
    "DATABASE_SWEEP_URL": "app_sweep",
}
# A server is embedded exactly when the environment gives no address for it.
ADDRESS_VARIABLE = {"postgres": "DATABASE_URL", "valkey": "REDIS_URL", "mqtt": "MQTT_URL"}
SPECS: Mapping[str, Callable[[Layout, Credentials], ProcessSpec]] = {
    "postgres": postgres_spec,
    "valkey": valkey_spec,
    "mqtt": mqtt_spec,
}


@dataclass
class RunningServers:
    """Children of this process, in the order of their start."""

    children: list[tuple[ProcessSpec, subprocess.Popen[bytes]]] = field(default_factory=list)

    def stop(self) -> None:
        """Stop all, the last started first."""
        while self.children:
            stop(*self.children.pop())


def embedded_servers(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Name the servers for which `environment` gives no address."""
    environment = os.environ if environment is None else environment
    return tuple(
        name for name, variable in ADDRESS_VARIABLE.items() if not environment.get(variable)
    )


def sweep_leftovers(layout: Layout) -> None:
    """Kill what a killed run left. Only the holder of the data folder's lock may do this."""
    kill_processes_in(layout.postgres_folder)
    kill_marked_processes(MARKER, str(layout.root))


def start_servers(
    layout: Layout, credentials: Credentials, names: tuple[str, ...]
) -> RunningServers:
    """Start the servers of `names` and wait until each answers; all or none.

    Raises:
        PortTaken: somebody else listens on one of the ports.
        StartFailed: one of them ended, or did not answer in time.
    """
    prepare_folder(layout)
    sweep_leftovers(layout)
    specs = [marked(SPECS[name](layout, credentials), layout.root) for name in names]
    for spec in specs:
        refuse_taken_port(spec)
    running = RunningServers()
    try:
        for spec in specs:
            running.children.append((spec, launch(spec)))
        for spec, process in running.children:
            wait_until_ready(spec, process)
        if "postgres" in names:
            prepare_database(layout, credentials)
    except BaseException:
        running.stop()
        raise
    return running


def prepare_folder(layout: Layout) -> None:
    """Make the data folder.

    Raises:
        BadEnvironment: it cannot be made or written by this user.
    """
    try:
        layout.log_folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(layout.root, os.W_OK) and os.access(layout.log_folder, os.W_OK)
    except PermissionError:
        writable = False
    if not writable:
        raise BadEnvironment(
            f"The data folder {layout.root} cannot be written by this user; "
            "choose another with OPENFLOOR_DATA=FOLDER, or change its owner."
        )


def marked(spec: ProcessSpec, root: Path) -> ProcessSpec:
    """Return `spec` with the mark by which a later start recognises a leftover."""
    return replace(spec, environment={**spec.environment, MARKER: str(root)})


def prepare_database(layout: Layout, credentials: Credentials) -> None:
    """Make the roles and the database in the embedded PostgreSQL."""
    bootstrap_roles(
        superuser_url=_postgres_url(layout, SUPERUSER, credentials.postgres, "postgres"),
        passwords={role: getattr(credentials, role) for role in LOGIN_ROLES},
        database=DATABASE,
    )


def embedded_addresses(
    layout: Layout, credentials: Credentials, names: tuple[str, ...]
) -> dict[str, str]:
    """Return the environment variables that lead to the embedded servers of `names`."""
    addresses: dict[str, str] = {}
    if "postgres" in names:
        for variable, role in DATABASE_VARIABLES.items():
            password = getattr(credentials, role)
            addresses[variable] = _postgres_url(layout, role, password, DATABASE)
    if "valkey" in names:
        addresses["REDIS_URL"] = f"redis://:{credentials.valkey}@127.0.0.1:{layout.valkey_port}/0"
    if "mqtt" in names:
        place = f"127.0.0.1:{layout.mqtt_port}"
        addresses["MQTT_URL"] = f"mqtt://{SITE_USER}:{credentials.mqtt_site}@{place}"
        addresses["MQTT_GATEWAY_URL"] = f"mqtt://{GATEWAY_USER}:{credentials.mqtt_gateway}@{place}"
    return addresses


def _postgres_url(layout: Layout, role: str, password: str, database: str) -> str:
    return f"postgres://{role}:{password}@{postgres.HOST}:{layout.postgres_port}/{database}"
