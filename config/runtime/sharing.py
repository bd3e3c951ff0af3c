"""Share the embedded servers of one data folder between the commands that need them.

Who finds the folder's lock free starts the servers and stops them when it ends. Every
other command joins, and holds a second lock shared meanwhile, on which the first one
waits before it stops anything. The kernel frees both locks when a holder is killed.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import IO

from config.runtime.clock import clock_variables
from config.runtime.credentials import Credentials, load_or_create_credentials
from config.runtime.failures import CannotRun
from config.runtime.layout import Layout
from config.runtime.servers import (
    RunningServers,
    embedded_addresses,
    embedded_servers,
    prepare_folder,
    start_servers,
)

JOIN_TIMEOUT_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What the holder of a data folder's lock tells the others."""

    purpose: str
    process: int
    servers: tuple[str, ...] = ()
    """Those that answer by now; empty while they are being started."""
    postgres_port: int = 0
    valkey_port: int = 0
    mqtt_port: int = 0


class DataFolderLock:
    """The exclusive lock of one data folder."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream: IO[str] = path.open("a+")

    def acquire(self, purpose: str) -> bool:
        """Take the lock if it is free, and say what for."""
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._tell(Holding(purpose=purpose, process=os.getpid()))
        return True

    def tell_ready(self, layout: Layout, servers: tuple[str, ...], purpose: str) -> None:
        """Let the others know which servers they may use, and where."""
        self._tell(
            Holding(
                purpose=purpose,
                process=os.getpid(),
                servers=servers,
                postgres_port=layout.postgres_port,
                valkey_port=layout.valkey_port,
                mqtt_port=layout.mqtt_port,
            )
        )

    def holder(self) -> Holding | None:
        """Return what the holder tells; nothing while he is just about to."""
        self._stream.seek(0)
        text = self._stream.read()
        if not text.endswith("}"):
            return None
        told = json.loads(text)
        return Holding(**{**told, "servers": tuple(told["servers"])})

    def release(self) -> None:
        """Let the next one in."""
        self._stream.close()

    def _tell(self, holding: Holding) -> None:
        self._stream.truncate(0)
        self._stream.write(json.dumps(asdict(holding)))
        self._stream.flush()


def use_servers(layout: Layout) -> None:
    """Lead `os.environ` to the embedded servers, started here or by somebody else.

    Raises:
        CannotRun: they cannot be started, or another process holds them and is not ready.
    """
    names = embedded_servers()
    prepare_folder(layout)
    if not names:
        set_addresses(layout, load_or_create_credentials(layout.secrets_file), names)
        return
    users = layout.users_file.open("a+")
    fcntl.flock(users, fcntl.LOCK_SH)
    deadline = time.monotonic() + JOIN_TIMEOUT_S
    while True:
        lock = DataFolderLock(layout.lock_file)
        if lock.acquire(purpose="a command"):
            _start(layout, names, lock, users)
            return
        holding = lock.holder()
        lock.release()
        if holding is not None and holding.servers:
            _join(layout, names, holding)
            _held_until_exit.append(users)
            return
        if time.monotonic() > deadline:
            raise CannotRun(
                f"Another process holds the data folder {layout.root}, but its servers are "
                f"not ready after {JOIN_TIMEOUT_S:.0f} s. See {layout.log_folder}."
            )
        time.sleep(0.1)


def set_addresses(layout: Layout, credentials: Credentials, names: tuple[str, ...]) -> None:
    """Put the embedded servers' addresses, and what else the settings read, into place."""
    os.environ.update(embedded_addresses(layout, credentials, names))
    os.environ.setdefault("SECRET_KEY", credentials.secret_key)
    os.environ.setdefault("OPENFLOOR_HTTP", layout.http_address)
    os.environ.setdefault("OPENFLOOR_DATA", str(layout.root))
    os.environ.update(clock_variables(layout.clock_file, os.environ))


_held_until_exit: list[IO[str]] = []


def _start(layout: Layout, names: tuple[str, ...], lock: DataFolderLock, users: IO[str]) -> None:
    credentials = load_or_create_credentials(layout.secrets_file)
    running = start_servers(layout, credentials, names)
    _stop_at_exit(running, lock, users)
    lock.tell_ready(layout, names, purpose="a command")
    set_addresses(layout, credentials, names)


def _join(layout: Layout, names: tuple[str, ...], holding: Holding) -> None:
    missing = [name for name in names if name not in holding.servers]
    if missing:
        raise CannotRun(
            f"Process {holding.process} runs this data folder without {', '.join(missing)}. "
            "Give this command the same addresses as that one, or stop that one first."
        )
    found = replace(
        layout,
        postgres_port=holding.postgres_port,
        valkey_port=holding.valkey_port,
        mqtt_port=holding.mqtt_port,
    )
    set_addresses(found, load_or_create_credentials(layout.secrets_file), names)


def _stop_at_exit(running: RunningServers, lock: DataFolderLock, users: IO[str]) -> None:
    """Stop the servers when this process ends, after the last command that uses them."""
    starter = os.getpid()

    def finish() -> None:
        if os.getpid() != starter:  # a forked child's exit is not ours
            return
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another command that uses the servers.", file=sys.stderr)
            fcntl.flock(users, fcntl.LOCK_EX)
        running.stop()
        lock.release()
        users.close()

    def terminate(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    atexit.register(finish)
    signal.signal(signal.SIGTERM, terminate)
