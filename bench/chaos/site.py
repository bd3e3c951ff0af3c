"""A whole site on a data folder and ports of its own: started, killed in parts, measured, stopped.

Linux only: processes are looked up in /proc.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from random import Random

from config.runtime.layout import PROJECT_ROOT, Layout, layout_from_environment
from config.runtime.process import MARKER
from config.runtime.servers import ADDRESS_VARIABLE, DATABASE_VARIABLES

GIVEN = {*DATABASE_VARIABLES, *ADDRESS_VARIABLE.values(), "MQTT_GATEWAY_URL", "OPENFLOOR_HTTP"}
PORTS = ("OPENFLOOR_HTTP_PORT", "OPENFLOOR_PG_PORT", "OPENFLOOR_VALKEY_PORT", "OPENFLOOR_MQTT_PORT")
SERVER_WORDS = {
    "web": "uvicorn",
    "worker": "--queues=default,money",
    "solver": "--queues=solve",
    "beat": " beat ",
    "relay": "manage.py relay",
    "ingest": "manage.py ingest",
    "broker": "iotcore",
    "valkey": "valkey-server",
    "postgres": "bin/postgres",
}
"""By what the command line of each child of the supervisor is known."""
VICTIMS = (*SERVER_WORDS, "backend", "supervisor")
START_PATIENCE_S = 300.0
STOP_PATIENCE_S = 90.0
GONE_PATIENCE_S = 10.0
Identity = tuple[int, int]
"""A process for certain: its number, and its start in clock ticks since boot."""


class SiteFailed(Exception):
    """The site did not start; the sentence says where to look."""


class Site:
    """One site under `manage.py serve`; call from one thread but for `look`."""

    def __init__(self, folder: Path) -> None:
        kept = {k: v for k, v in os.environ.items() if k not in GIVEN | {MARKER, "SECRET_KEY"}}
        ports = dict(zip(PORTS, map(str, _free_ports(len(PORTS))), strict=True))
        self.environment = {
            **kept,
            **ports,
            "OPENFLOOR_DATA": str(folder.resolve()),
            "OPENFLOOR_SOLVE_SECONDS": "5",
            "PYTHONUNBUFFERED": "1",
        }
        self.layout: Layout = layout_from_environment(self.environment)
        self.address = f"http://{self.layout.http_address}"
        self.cpu_seconds: dict[Identity, float] = {}
        """By every process that was ever seen, of the site and of the commands run on it."""
        self.peak_memory_mb = 0.0
        self._serve: subprocess.Popen[bytes] | None = None
        self._out = (folder / "serve.log").open("ab")

    def start(self) -> None:
        """Start the site and wait until the web server answers.

        Raises:
            SiteFailed: it ended, or did not answer in five minutes.
        """
        self._serve = self._command("serve")
        deadline = time.monotonic() + START_PATIENCE_S
        while not self.is_healthy():
            self.look()
            if self._serve.poll() is not None or time.monotonic() > deadline:
                raise SiteFailed(f"The site did not start; see {self._out.name}.")
            time.sleep(0.2)

    def run(self, *words: str) -> None:
        """Run a management command on the site's servers.

        Raises:
            SiteFailed: it ended with an error.
        """
        if self._command(*words).wait() != 0:
            raise SiteFailed(f"{words[0]} failed; see {self._out.name}.")

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz/", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self, victim: str, chance: Random) -> bool:
        """Kill -9 a part of the site; False when it does not run just now.

        `backend` is one of PostgreSQL's own processes. After the supervisor nothing may be left
        running; the next `start` is the caller's.
        """
        if victim == "supervisor":
            return self._kill_supervisor()
        pid = self._backend(chance) if victim == "backend" else self._child(victim)
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    def stop(self) -> None:
        """Stop everything, as Ctrl-C does."""
        if self._serve is not None and self._serve.poll() is None:
            self.look()
            self._serve.terminate()
            self._serve.wait(STOP_PATIENCE_S)
        self._out.close()

    def look(self) -> None:
        """Note who runs, how much CPU time each has used, and how much memory all have."""
        if self._serve is None:
            return
        memory_kb = 0
        for pid in (self._serve.pid, *_descendants(self._serve.pid)):
            try:
                fields = _stat(pid)
                ticks = int(fields[11]) + int(fields[12])
                memory_kb += _proportional_kb(pid)
            except (OSError, IndexError):
                continue
            self.cpu_seconds[pid, int(fields[19])] = ticks / os.sysconf("SC_CLK_TCK")
        self.peak_memory_mb = max(self.peak_memory_mb, memory_kb / 1024)

    def left_over(self) -> list[int]:
        """Return processes that were seen to belong to the site and still run, after a while."""
        deadline = time.monotonic() + GONE_PATIENCE_S
        while (left := [one for one in self.cpu_seconds if _runs(one)]) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.1)
        return [pid for pid, _start in left]

    def _kill_supervisor(self) -> bool:
        self.look()
        assert self._serve is not None, "started before"
        self._serve.kill()
        self._serve.wait()
        return True

    def _child(self, name: str) -> int | None:
        assert self._serve is not None, "started before"
        for pid in _children(self._serve.pid):
            if SERVER_WORDS[name] in _command_line(pid):
                return pid
        return None

    def _backend(self, chance: Random) -> int | None:
        postmaster = self._child("postgres")
        backends = [
            pid
            for pid in ([] if postmaster is None else _children(postmaster))
            if _command_line(pid).startswith("postgres: app_")
        ]
        return chance.choice(sorted(backends)) if backends else None

    def _command(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=PROJECT_ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._out,
        )


def _free_ports(count: int) -> list[int]:
    trials = [socket.socket() for _ in range(count)]
    for trial in trials:
        trial.bind(("127.0.0.1", 0))
    ports = [int(trial.getsockname()[1]) for trial in trials]
    for trial in trials:
        trial.close()
    return ports


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on, which is the third (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _children(parent: int) -> list[int]:
    return [pid for pid, ppid in _parents() if ppid == parent]


def _descendants(ancestor: int) -> list[int]:
    parents = list(_parents())
    found, fresh = [], {ancestor}
    while fresh:
        fresh = {pid for pid, ppid in parents if ppid in fresh}
        found += sorted(fresh)
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                yield int(name), int(_stat(int(name))[1])
            except (OSError, IndexError):
                continue


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def _proportional_kb(pid: int) -> int:
    """Return a process's memory, what it shares with others counted in parts (Pss)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _runs(one: Identity) -> bool:
    pid, start = one
    try:
        fields = _stat(pid)
    except OSError:
        return False
    return int(fields[19]) == start and fields[0] != "Z"
