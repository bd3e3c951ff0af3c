"""Keep what each machine is already doing, and find the next place where a lot fits."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from scheduling.core.calendars import NEVER, Calendar
from scheduling.core.problem import Key

SetUp = Callable[[Key | None], int]
"""The minutes that a step needs after the step that the machine did before it."""


class Place(NamedTuple):
    """A span that a machine could give to a lot."""

    start: int
    end: int
    set_up_minutes: int


class _Booked(NamedTuple):
    start: int
    end: int
    key: Key
    lot: int
    set_up_minutes: int
    needed: SetUp


@dataclass(slots=True)
class Timeline:
    """The bookings of one machine in order of start."""

    calendar: Calendar
    booked: list[_Booked] = field(default_factory=list)
    free_at: int = 0
    longest_gap: int = 0

    def copy(self) -> "Timeline":
        """Return a timeline of its own with the same bookings."""
        return Timeline(self.calendar, list(self.booked), self.free_at, self.longest_gap)

    def place(
        self, *, ready: int, work: int, key: Key, needed: SetUp, resumable: bool
    ) -> Place | None:
        """Return the earliest place for `work` minutes at or after `ready`, or None.

        A gap before a later booking is used only when that booking keeps its set-up true.
        """
        if self.longest_gap >= work and ready < self.free_at:
            found = self._place_in_gap(ready, work, needed, key, resumable)
            if found is not None:
                return found
        set_up = needed(self.booked[-1].key if self.booked else None)
        return self._fit(max(ready, self.free_at), work, set_up, resumable)

    def book(self, place: Place, key: Key, lot: int, needed: SetUp) -> None:
        """Take `place`, which must come from `place()` with nothing booked since."""
        booked = _Booked(place.start, place.end, key, lot, place.set_up_minutes, needed)
        if place.start >= self.free_at:
            self.longest_gap = max(self.longest_gap, place.start - self.free_at)
            self.booked.append(booked)
            self.free_at = place.end
        else:
            insort(self.booked, booked, key=_start)

    def freeze(self, place: Place, key: Key, lot: int, needed: SetUp) -> None:
        """Book an assignment that is settled, wherever it lies."""
        booked = _Booked(place.start, place.end, key, lot, place.set_up_minutes, needed)
        insort(self.booked, booked, key=_start)
        self.free_at = max(self.free_at, place.end)
        self.longest_gap = self.free_at

    def withdraw(self, start: int) -> None:
        """Give up the booking that begins at `start`."""
        del self.booked[bisect_left(self.booked, start, key=_start)]
        self.free_at = self.booked[-1].end if self.booked else 0
        self.longest_gap = self.free_at

    def around(self, start: int, before: int, after: int) -> list[_Booked]:
        """Return up to so many bookings before and after the minute `start`, and those at it."""
        index = bisect_left(self.booked, start, key=_start)
        return self.booked[max(0, index - before) : index + after + 1]

    def broken_set_up(self, start: int) -> _Booked | None:
        """Return the booking at or after `start` if what now precedes it needs more set-up."""
        index = bisect_left(self.booked, start, key=_start)
        if index == len(self.booked):
            return None
        following = self.booked[index]
        before = self.booked[index - 1].key if index else None
        return following if following.needed(before) > following.set_up_minutes else None

    def _fit(self, ready: int, work: int, set_up: int, resumable: bool) -> Place | None:
        if resumable:
            start = self.calendar.next_open(ready)
            end = self.calendar.finish(start, work + set_up) if start < NEVER else NEVER
        else:
            start = self.calendar.whole_start(ready, work + set_up)
            end = start + work + set_up
        return Place(start, end, set_up) if end < NEVER else None

    def _place_in_gap(
        self, ready: int, work: int, needed: SetUp, key: Key, resumable: bool
    ) -> Place | None:
        index = bisect_right(self.booked, ready, key=_start)
        if index:
            ready = max(ready, self.booked[index - 1].end)
        for following in self.booked[index:]:
            if (
                following.start - ready >= work
                and following.needed(key) <= following.set_up_minutes
            ):
                before = self.booked[index - 1].key if index else None
                found = self._fit(ready, work, needed(before), resumable)
                if found is not None and found.end <= following.start:
                    return found
            ready = max(ready, following.end)
            index += 1
        return None


def _start(booked: _Booked) -> int:
    return booked.start
