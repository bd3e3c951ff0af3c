"""One child process: how it is started, probed and stopped.

Every child is started in a session of its own, so that a Ctrl-C in the terminal reaches
only us, and with a parent-death signal, so that a kill -9 of us leaves nothing behind.
Linux only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.runtime.failures import CannotRun
from config.runtime.identity import SAME_USER, Identity

LOG_LIMIT_BYTES = 20_000_000
PROBE_PAUSE_S = 0.03
MARKER = "OPENFLOOR_SUPERVISED"
"""Environment variable of every child; its value is the data folder that it serves."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class StartFailed(CannotRun):
    """A child ended, or did not answer in time, while it was being started."""


class PortTaken(CannotRun):
    """Somebody else listens on a port that a child needs."""


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """What has to be known to start one child and to say that it is ready."""

    name: str
    command: tuple[str, ...]
    folder: Path
    log: Path
    probe: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    identity: Identity = SAME_USER
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals | None = None
    """Sent by the kernel when we die; by default the stop signal."""
    start_timeout_s: float = 60.0
    grace_s: float = 10.0
    port: int | None = None
    port_variable: str = ""
    before_start: Callable[[], None] | None = None


def end_with_parent(number: signal.Signals) -> None:
    """Have the kernel send us `number` when the thread that forked us ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def refuse_taken_port(spec: ProcessSpec, host: str = "127.0.0.1") -> None:
    """Check that `spec` will be able to listen.

    Raises:
        PortTaken: with a sentence that names the port and the variable to change.
    """
    if spec.port is None:
        return
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, spec.port))
        except OSError as refusal:
            reason = (refusal.strerror or "refused").lower()
            raise PortTaken(
                f"Port {spec.port} on {host}, which {spec.name} needs, cannot be used "
                f"({reason}); stop what listens there, or choose another "
                f"with {spec.port_variable}=PORT."
            ) from refusal


def launch(spec: ProcessSpec) -> subprocess.Popen[bytes]:
    """Start `spec` without waiting for it. Call from the main thread only.

    The parent-death signal follows the *thread* that forked, hence the main one.
    """
    if spec.before_start is not None:
        spec.before_start()
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    if spec.log.exists() and spec.log.stat().st_size > LOG_LIMIT_BYTES:
        spec.log.replace(spec.log.with_suffix(".log.1"))
    parent = os.getpid()
    orphan_signal = spec.orphan_signal or spec.stop_signal

    def in_child() -> None:
        # A shell starts background jobs with SIGINT ignored, and that is inherited.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        spec.identity.assume()
        # After the change of user, which would clear it again.
        end_with_parent(orphan_signal)
        if os.getppid() != parent:
            os._exit(1)

    with spec.log.open("ab") as log:
        return subprocess.Popen(
            [*spec.identity.prefix, *spec.command],
            cwd=spec.folder,
            env={**spec.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=in_child,
        )


def wait_until_ready(spec: ProcessSpec, process: subprocess.Popen[bytes]) -> None:
    """Wait until the probe of `spec` answers.

    Raises:
        StartFailed: the process ended, or the time was over; the last log lines are told.
    """
    deadline = time.monotonic() + spec.start_timeout_s
    while not spec.probe():
        if process.poll() is not None:
            raise StartFailed(
                f"{spec.name} ended at once (exit code {process.returncode}). {_last_words(spec)}"
            )
        if time.monotonic() > deadline:
            raise StartFailed(
                f"{spec.name} did not answer within {spec.start_timeout_s:.0f} s. "
                f"{_last_words(spec)}"
            )
        time.sleep(PROBE_PAUSE_S)


def stop(spec: ProcessSpec, process: subprocess.Popen[bytes]) -> None:
    """Stop `process` and everything in its session: politely first, then for certain."""
    if process.poll() is None:
        process.send_signal(spec.stop_signal)
        try:
            process.wait(spec.grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    kill_group(process.pid)


def kill_group(leader: int) -> None:
    """Kill what is left of the process group that `leader` led."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _last_words(spec: ProcessSpec, lines: int = 8) -> str:
    text = spec.log.read_text(errors="replace") if spec.log.exists() else ""
    return f"See {spec.log}; its last lines:\n" + "\n".join(text.splitlines()[-lines:])
