"""Look at the processes of one data folder from outside, as an operator would."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from config.runtime.process import MARKER

PATIENCE_S = 30.0


def soon(holds: Callable[[], bool]) -> bool:
    """Wait until `holds`, and say whether it came to that in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def processes_of(data: str) -> dict[int, str]:
    """Return number and command line of all that live for the data folder `data`."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            is_ours = f"{MARKER}={data}".encode() in (folder / "environ").read_bytes()
            is_ours = is_ours or os.readlink(folder / "cwd").startswith(data)
            if is_ours and (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment that the process `pid` was started with."""
    words = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


def children_of(parent: int) -> dict[int, str]:
    """Return number and command line of the living children of a process."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            state, ppid = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found
