"""Say on what machine a figure was measured."""

import os
import platform
import resource
from pathlib import Path
from threading import Event, Thread, main_thread
from typing import Any, Self

LOOK_S = 0.1
"""How often the memory of other processes is looked at."""


def machine_facts() -> dict[str, Any]:
    """Return processor, cores usable by this process, memory and Python version."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or None,
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_mb": _memory_mb(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


class PeakMemory:
    """Adds up the peak memory of this process and of those that its main thread starts.

    The sum of all peaks, whenever each was reached, is never too little. It is read from /proc:
    `getrusage` counts for a new process what the one that started it held at that moment.
    """

    def __init__(self) -> None:
        self._peaks: dict[int, int] = {}
        self._is_done = Event()
        self._looking = Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_done.set()
        self._looking.join()

    @property
    def megabytes(self) -> float:
        """The sum of the peaks so far."""
        here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return (here + sum(self._peaks.values())) / 1024

    def _look(self) -> None:
        children = Path(f"/proc/self/task/{main_thread().native_id}/children")
        while not self._is_done.wait(LOOK_S):
            for child in children.read_text().split() if children.exists() else ():
                peak = _first(f"/proc/{child}/status", "VmHWM")
                if peak is not None:
                    self._peaks[int(child)] = int(peak.split()[0])


def _memory_mb() -> int | None:
    total = _first("/proc/meminfo", "MemTotal")
    return None if total is None else int(total.split()[0]) // 1024


def _first(path: str, name: str) -> str | None:
    """Return the value of the first `name: value` line of a file under /proc."""
    file = Path(path)
    try:
        lines = file.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
