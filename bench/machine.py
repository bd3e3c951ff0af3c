"""Say on what machine a figure was measured."""

import os
import platform
from pathlib import Path
from typing import Any


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


def _memory_mb() -> int | None:
    total = _first("/proc/meminfo", "MemTotal")
    return None if total is None else int(total.split()[0]) // 1024


def _first(path: str, name: str) -> str | None:
    """Return the value of the first `name: value` line of a file under /proc."""
    file = Path(path)
    if not file.exists():
        return None
    for line in file.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
