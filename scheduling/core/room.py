"""Find whose bookings would leave room for a lot that has no place."""

from collections.abc import Iterator, Sequence

from scheduling.core.book import CapacityBook
from scheduling.core.placing import LotToPlace
from scheduling.core.problem import Option
from scheduling.core.schedule import Assignment

LONGEST_RUN = 3
"""So many lots on one machine may make room together."""

Run = tuple[Assignment, ...]
"""Bookings that follow each other on one machine."""


def victims_of(
    book: CapacityBook, lot: LotToPlace, until: int, *, now: int, freeze_until: int
) -> Sequence[Run]:
    """Return runs of others' bookings in whose place a missing step might go, short ones first.

    Each holds, with the free time around it, at least the minutes that the step works before
    `until`. None has a booking that starts before `freeze_until`.
    """
    missing = set(range(len(lot.order.steps))) - set(book.lot(lot.order.id, lot.number))
    found: list[tuple[int, Run]] = []
    for step in missing:
        for option in book.supply.admitted(lot.order, step):
            if option.takes_lot(lot.quantity):
                found += _runs(book, lot, option, until, now, freeze_until)
    return [run for _, run in sorted(found)]


def _runs(
    book: CapacityBook, lot: LotToPlace, option: Option, until: int, now: int, freeze_until: int
) -> Iterator[tuple[int, Run]]:
    """Yield, with their minutes, the shortest runs on one machine that the lot would fit into."""
    needed = option.work_minutes(lot.quantity)
    booked, calendar = book.on(option.machine.id), book.calendar(option.machine)
    for first, a in enumerate(booked):
        if a.start < freeze_until:
            continue
        begin = max(booked[first - 1].end if first else now, now)
        for last in range(first, min(first + LONGEST_RUN, len(booked))):
            if booked[last].order == lot.order.id or booked[last].start >= until:
                break
            end = min(booked[last + 1].start if last + 1 < len(booked) else until, until)
            if calendar.open_between(begin, end) >= needed:
                run = tuple(booked[first : last + 1])
                yield sum(each.end - each.start for each in run), run
                break
