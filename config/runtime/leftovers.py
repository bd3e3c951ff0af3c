"""Find and kill what an earlier run left behind. Call only with the data folder's lock."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

WAIT_S = 5.0


def kill_processes_in(folder: Path) -> None:
    """Kill every process whose working directory is `folder`.

    PostgreSQL's processes all stand in their data directory, and overwrite their
    environment, so this is the only sure mark they carry.
    """
    wanted = str(folder.resolve())
    _kill_all(lambda pid: os.readlink(f"/proc/{pid}/cwd") == wanted)


def kill_marked_processes(marker: str, value: str) -> None:
    """Kill every process that was started with `marker=value` in its environment."""
    wanted = f"{marker}={value}".encode()

    def is_marked(pid: int) -> bool:
        return wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")

    _kill_all(is_marked)


def _kill_all(matches: Callable[[int], bool]) -> None:
    killed = [pid for pid in _other_processes() if _holds(matches, pid)]
    for pid in killed:
        _kill(pid)
    deadline = time.monotonic() + WAIT_S
    while any(_is_running(pid) for pid in killed) and time.monotonic() < deadline:
        time.sleep(0.01)


def _other_processes() -> Iterable[int]:
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            yield int(name)


def _holds(matches: Callable[[int], bool], pid: int) -> bool:
    try:
        return matches(pid)
    except OSError:  # it has ended, or belongs to somebody else: not ours either way
        return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _is_running(pid: int) -> bool:
    """Say whether `pid` lives; a zombie that nobody has reaped holds nothing any more."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
