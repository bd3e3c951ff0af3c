"""A progress bar on one line of a terminal; a plain line now and then where there is none."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

WIDTH = 30
PLAIN_EVERY_SECONDS = 15.0


class ProgressLine:
    """Show how far a long step is: `line.show(done, total, "12.4 days")`."""

    def __init__(self, out: Any, title: str) -> None:
        self.out = out
        self.title = title
        self.is_terminal = bool(getattr(out, "isatty", lambda: False)())
        self.began = time.monotonic()
        self.plain_at = 0.0
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds = time.monotonic() - self.began
        end = "stopped" if error else "done"
        text = f"{self.title}: {end} after {seconds:.0f} s"
        self._write(f"\r\033[K{text}\n" if self.is_terminal else f"{text}\n")

    def show(self, done: float, total: float, note: str = "") -> None:
        """Show `done` of `total` and a note beside it."""
        share = min(1.0, done / total) if total else 1.0
        if self.is_terminal:
            bar = "█" * int(share * WIDTH)
            self._write(f"\r\033[K{self.title} {bar:░<{WIDTH}} {share:4.0%} {note}")
        elif time.monotonic() - self.plain_at > PLAIN_EVERY_SECONDS and note != self.shown:
            self.plain_at, self.shown = time.monotonic(), note
            self._write(f"{self.title}: {share:.0%} {note}\n")

    def step(self, title: str, done: float, total: float, note: str = "") -> None:
        """Show a step of a longer work under its own title."""
        if title != self.title:
            if self.shown or self.is_terminal:
                self._write("\n")
            self.title, self.plain_at = title, 0.0
        self.show(done, total, note)

    def _write(self, text: str) -> None:
        self.out.write(text, ending="")
        self.out.flush()
