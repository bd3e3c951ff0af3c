"""Solve in a process of its own, which may be stopped, killed, or run into its limits.

`python -m scheduling.services.child`: the first line on stdin is the question as JSON, a later
line `stop` asks for the best so far; the end of stdin means that whoever asked is gone. On
stdout come JSON lines: `progress` as either number improves, and one `result`.
It never outlives whoever asked: a solver that holds the interpreter does not read stdin, so the
kernel ends it too.
Nothing here knows the site: no settings, no database, no environment.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from time import monotonic, process_time
from typing import Any, TextIO

PROGRESS_EVERY_S = 0.25
MEGABYTE = 1024 * 1024
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Answer the one question on stdin."""
    # Solvers write banners to the descriptor 1: the answer gets a door of its own.
    say = _Speaker(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)
    # Whoever died before this line has left an end of stdin, which `_listen` reads.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    question = json.loads(sys.stdin.readline())
    _limit(question["memory_mb"], question["cpu_seconds"])
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(stopped,), daemon=True).start()
    # Imported here, so that the limits hold for the solvers too.
    from scheduling.services.answers import answer

    started = monotonic()
    result = answer(question, on_progress=_Reporter(started, say), should_stop=stopped.is_set)
    used = resource.getrusage(resource.RUSAGE_SELF)
    result |= {
        "cpu_seconds": round(process_time(), 3),
        "runtime_seconds": round(monotonic() - started, 3),
        "peak_memory_mb": round(used.ru_maxrss / 1024, 1),
    }
    say({"t": "result", **result})


def _limit(memory_mb: int, cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * MEGABYTE,) * 2)
    # The soft limit ends the process by SIGXCPU, which the parent tells from a crash.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _listen(stopped: threading.Event) -> None:
    for line in _lines():
        if line.strip() == "stop":
            stopped.set()
    os._exit(1)


def _lines() -> Iterator[str]:
    yield from iter(sys.stdin.readline, "")


class _Speaker:
    """Write messages as JSON lines, each at once."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, message: dict[str, Any]) -> None:
        self._out.write(json.dumps(message, separators=(",", ":")) + "\n")
        self._out.flush()


class _Reporter:
    """Write progress to stdout, a few times a second at most."""

    def __init__(self, started: float, say: _Speaker) -> None:
        self._started, self._say = started, say
        self._last = 0.0
        self._told: tuple[int | None, int | None] = (None, None)

    def __call__(self, best: int | None, bound: int | None) -> None:
        now = monotonic()
        first = self._told[0] is None and best is not None
        if (best, bound) == self._told or (now - self._last < PROGRESS_EVERY_S and not first):
            return
        self._last, self._told = now, (best, bound)
        seconds = round(now - self._started, 2)
        self._say({"t": "progress", "best": best, "bound": bound, "seconds": seconds})


if __name__ == "__main__":
    main()
