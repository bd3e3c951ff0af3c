"""Run the servers and the site's processes together, and start again what ends."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import TextIO

from config.runtime.process import ProcessSpec, StartFailed, kill_group, launch, stop

TICK_S = 0.2
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0
"""A child that ran this long has earned a quick restart again."""


@dataclass
class Child:
    """One supervised process and when it may be started again."""

    spec: ProcessSpec
    process: subprocess.Popen[bytes]
    started_at: float
    pause_s: float = FIRST_PAUSE_S
    restart_at: float | None = None


class Supervisor:
    """Watches its children from the main thread; `tick` never waits."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._children: list[Child] = []

    def adopt(self, spec: ProcessSpec, process: subprocess.Popen[bytes]) -> None:
        """Watch a process that is running already; the last adopted is stopped first."""
        self._children.append(Child(spec=spec, process=process, started_at=time.monotonic()))

    def start(self, spec: ProcessSpec) -> subprocess.Popen[bytes]:
        """Start `spec` and watch it."""
        process = launch(spec)
        self.adopt(spec, process)
        return process

    def tick(self) -> None:
        """Look at every child once; start those again that ended, after a growing pause."""
        now = time.monotonic()
        for child in self._children:
            if child.restart_at is not None:
                if now >= child.restart_at:
                    self._restart(child, now)
            elif child.process.poll() is not None:
                self._plan_restart(child, now)

    def watch(self, until: subprocess.Popen[bytes] | None = None) -> int:
        """Watch until the process `until` ends, and return its exit code; else for ever."""
        while True:
            code = None if until is None else until.poll()
            if code is not None:
                return code
            self.tick()
            time.sleep(TICK_S)

    def stop(self) -> None:
        """Stop all children, the last started first."""
        while self._children:
            child = self._children.pop()
            stop(child.spec, child.process)

    def say(self, name: str, words: str) -> None:
        """Print one short line about `name`."""
        print(f"  {name:<10} {words}", file=self._terminal, flush=True)

    def _plan_restart(self, child: Child, now: float) -> None:
        # A forked grandchild would hold the port or a half-done task.
        kill_group(child.process.pid)
        if now - child.started_at > STEADY_AFTER_S:
            child.pause_s = FIRST_PAUSE_S
        child.restart_at = now + child.pause_s
        self.say(
            child.spec.name,
            f"{_ending(child.process.returncode)}; starts again in {child.pause_s:g} s "
            f"(log: {child.spec.log})",
        )
        child.pause_s = min(child.pause_s * 2, LONGEST_PAUSE_S)

    def _restart(self, child: Child, now: float) -> None:
        child.restart_at = None
        child.started_at = now
        try:
            child.process = launch(child.spec)
        except (OSError, StartFailed) as failure:
            self.say(child.spec.name, f"could not be started: {failure}")
            child.restart_at = now + child.pause_s
            child.pause_s = min(child.pause_s * 2, LONGEST_PAUSE_S)
        else:
            self.say(child.spec.name, "started again")


def _ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
