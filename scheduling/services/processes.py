"""Start the solver's child process, follow it, and end it."""

from __future__ import annotations

import json
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Any, TextIO

PROJECT_ROOT = Path(__file__).resolve().parents[2]
TICK_S = 1.0
OUT_OF_MEMORY = ("MemoryError", "bad_alloc", "failed to map", "Cannot allocate memory")
GRACE_S = 20.0
"""How long a child may go on after its time limit, before it is killed."""


class SolverFailed(RuntimeError):
    """The child gave no answer; `code` names the sentence for whoever asked."""

    code = "solver_failed"


class SolverKilled(SolverFailed):
    """Somebody or the machine killed it."""

    code = "solver_killed"


class SolverOverran(SolverFailed):
    """It used more time or memory than it may."""

    code = "solver_overran"


@dataclass(kw_only=True)
class Progress:
    """How far a run is; None where nothing is known yet."""

    best: int | None = None
    bound: int | None = None
    seconds: float = 0.0


OnTick = Callable[[Progress], bool]
"""Called about once a second; returns whether to stop and use what is there."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may use."""

    time_seconds: float = 45.0
    cpu_seconds: int = 240
    memory_mb: int = 4096


def solve_apart(question: dict[str, Any], *, limits: Limits, on_tick: OnTick) -> dict[str, Any]:
    """Let a child answer `question` and return its answer.

    `on_tick` may do slow things: the child does not wait for it. What it raises ends the child.

    Raises:
        SolverOverran, SolverKilled, SolverFailed: there is no answer.
    """
    asked = question | {
        "time_limit": limits.time_seconds,
        "cpu_seconds": limits.cpu_seconds,
        "memory_mb": limits.memory_mb,
    }
    with TemporaryFile("w+") as complaints:
        child = subprocess.Popen(
            [sys.executable, "-m", "scheduling.services.child"],
            cwd=PROJECT_ROOT,
            env={"PYTHONPATH": str(PROJECT_ROOT), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            start_new_session=True,
        )
        try:
            return _follow(child, asked, limits, on_tick, complaints)
        finally:
            child.kill()
            child.communicate()


def _follow(
    child: subprocess.Popen[str],
    asked: dict[str, Any],
    limits: Limits,
    on_tick: OnTick,
    complaints: TextIO,
) -> dict[str, Any]:
    assert child.stdin is not None, "opened as pipes"
    assert child.stdout is not None, "opened as pipes"
    _tell(child, json.dumps(asked, separators=(",", ":")))
    progress = Progress()
    answer: dict[str, Any] | None = None
    is_told_to_stop = False
    last_tick = started = monotonic()
    for line in _lines(child, until=started + limits.time_seconds + GRACE_S):
        if line:
            message = json.loads(line)
            if message.pop("t") == "result":
                answer = message
                break
            progress = Progress(**message)
        if monotonic() - last_tick >= TICK_S:
            last_tick = monotonic()
            progress.seconds = round(last_tick - started, 1)
            if on_tick(progress) and not is_told_to_stop:
                _tell(child, "stop")
                is_told_to_stop = True
    if answer is None:
        raise _failure(child, complaints)
    return answer


def _lines(child: subprocess.Popen[str], *, until: float) -> Any:
    """Yield each line of stdout as it comes, and "" at least once a second."""
    stdout = child.stdout
    assert stdout is not None, "opened as a pipe"
    pending = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(stdout, selectors.EVENT_READ)
        while monotonic() < until:
            if waiting.select(timeout=TICK_S):
                chunk = stdout.buffer.raw.read(1 << 16)  # type: ignore[attr-defined]
                if not chunk:
                    return
                *lines, pending = (pending + chunk).split(b"\n")
                yield from (line.decode() for line in lines if line)
            yield ""


def _tell(child: subprocess.Popen[str], line: str) -> None:
    try:
        child.stdin.write(line + "\n")  # type: ignore[union-attr]
        child.stdin.flush()  # type: ignore[union-attr]
    except BrokenPipeError:
        return  # it has ended; the missing answer says so


def _failure(child: subprocess.Popen[str], complaints: TextIO) -> SolverFailed:
    """Say why a child ended, or has to be ended, without an answer."""
    try:
        code = child.wait(timeout=2)
    except subprocess.TimeoutExpired:
        return SolverOverran("no answer in its time")
    complaints.seek(0)
    trace = complaints.read()[-4000:].strip()
    if code == -signal.SIGXCPU or any(word in trace for word in OUT_OF_MEMORY):
        return SolverOverran(f"ended with {code}: {trace}")
    if code < 0:
        return SolverKilled(f"ended by signal {-code}")
    return SolverFailed(f"ended with {code}: {trace}")
