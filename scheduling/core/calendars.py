"""Count working time: idle windows as an axis of open minutes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from scheduling.core.problem import Machine, Window

NEVER = 10**15


class Calendar:
    """The open minutes of one machine, with the counts that planning asks for.

    A span that holds closed minutes is worked only in its open ones, so an operation that
    pauses over closing time is plain arithmetic on the axis of open minutes.
    """

    def __init__(self, windows: Sequence[Window] | None) -> None:
        if windows is None:
            windows = (Window(start=0, end=NEVER),)
        merged = _merged(windows)
        self.starts = [window.start for window in merged]
        self.ends = [window.end for window in merged]
        lengths = [window.end - window.start for window in merged]
        self.worked = [0, *accumulate(lengths)]
        self.longest_window = max(lengths, default=0)

    @property
    def total_minutes(self) -> int:
        """All open minutes."""
        return self.worked[-1]

    def open_before(self, minute: int) -> int:
        """Count the open minutes in `[0, minute)`."""
        index = bisect_right(self.starts, minute) - 1
        if index < 0:
            return 0
        return self.worked[index] + min(minute, self.ends[index]) - self.starts[index]

    def open_between(self, start: int, end: int) -> int:
        """Count the open minutes in `[start, end)`; 0 when the span is empty."""
        return max(0, self.open_before(end) - self.open_before(start))

    def next_open(self, minute: int) -> int:
        """Return the first open minute at or after `minute`, or NEVER."""
        index = bisect_right(self.ends, minute)
        return max(minute, self.starts[index]) if index < len(self.starts) else NEVER

    def finish(self, start: int, minutes: int) -> int:
        """Return when `minutes` of work begun at `start` end, pausing when closed, or NEVER."""
        target = self.open_before(start) + minutes
        index = bisect_left(self.worked, target) - 1
        if index >= len(self.starts):
            return NEVER
        return self.starts[index] + target - self.worked[index]

    def latest_start(self, end: int, minutes: int) -> int:
        """Return the last start from which `minutes` of work end by `end`, or -NEVER."""
        target = self.open_before(end) - minutes
        if target < 0:
            return -NEVER
        index = bisect_right(self.worked, target) - 1
        if index >= len(self.starts):
            return end
        return self.starts[index] + target - self.worked[index]

    def whole_start(self, minute: int, minutes: int) -> int:
        """Return the first start at or after `minute` where `minutes` fit one window, or NEVER."""
        for index in range(bisect_right(self.ends, minute), len(self.starts)):
            start = max(minute, self.starts[index])
            if start + minutes <= self.ends[index]:
                return start
        return NEVER

    def slices(self, start: int, end: int) -> Iterator[Window]:
        """Yield the open parts of `[start, end)`, one for each window it touches."""
        for index in range(bisect_right(self.ends, start), len(self.starts)):
            if self.starts[index] >= end:
                return
            yield Window(start=max(start, self.starts[index]), end=min(end, self.ends[index]))


def calendar_of(machine: Machine) -> Calendar:
    """Return the calendar of `machine`."""
    return Calendar(machine.windows)


def _merged(windows: Sequence[Window]) -> list[Window]:
    """Sort windows and join those that touch, so that work crosses them without a pause."""
    merged: list[Window] = []
    for window in sorted(windows):
        if merged and window.start <= merged[-1].end:
            merged[-1] = Window(start=merged[-1].start, end=max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return merged
