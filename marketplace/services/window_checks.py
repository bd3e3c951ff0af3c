"""Checking windows before they are entered: each with its own reason, for forms, CSV and API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from devices.models import Machine
from marketplace.core.spans import Span
from marketplace.selectors.capacity import Terms, active_windows, span_of
from marketplace.services.window_faults import (
    Sentence,
    WindowFault,
    empty_sentence,
    overlap_sentence,
    past_sentence,
    price_missing,
    span_text,
)
from tenants.models import Organisation

HORIZON = timedelta(days=731)
MOST_MINOR = 10**12
MOST_PIECES = 10**9


@dataclass(frozen=True, kw_only=True)
class NewWindow:
    """A window that somebody wants to enter; `span` in UTC."""

    machine: Machine
    span: Span
    terms: Terms


def faults_of(
    *, organisation: Organisation, now: datetime, new: Sequence[NewWindow]
) -> list[WindowFault]:
    """Return what is wrong with each window, first fault first: time, price, overlap.

    A window that is faulty itself is not held against the others.
    """
    faults: dict[int, WindowFault] = {}
    sound: dict[int, list[tuple[Span, int]]] = defaultdict(list)
    terms: dict[int, Terms] = {}
    for index, one in enumerate(new):
        fault = _own_fault(one, now) or _terms_fault(one, terms)
        if fault is None:
            sound[one.machine.pk].append((one.span, index))
        else:
            code, sentence = fault
            faults[index] = WindowFault(index=index, code=code, sentence=sentence)
    for index, sentence in _overlaps(organisation, new, sound):
        faults[index] = WindowFault(index=index, code="windows_overlap", sentence=sentence)
    return [faults[index] for index in sorted(faults)]


def _own_fault(one: NewWindow, now: datetime) -> tuple[str, Sentence] | None:
    if one.span.start >= one.span.end:
        return "window_empty", empty_sentence(one.machine, one.span.start)
    if one.span.end <= now:
        return "window_past", past_sentence(one.machine, one.span)
    if one.span.end > now + HORIZON:
        return "window_far", _(
            "On %(machine)s the time %(span)s ends more than two years ahead. Check the year."
        ) % {"machine": one.machine.code, "span": span_text(one.span, one.machine.site.time_zone)}
    if not 0 < one.terms.price_minor_per_hour <= MOST_MINOR:
        return "price_missing", str(price_missing(one.machine))
    if not 1 <= one.terms.minimum_lot <= MOST_PIECES:
        return "minimum_lot", _("The minimum lot is from 1 to %(most)s pieces.") % {
            "most": MOST_PIECES
        }
    return None


def _terms_fault(one: NewWindow, terms: dict[int, Terms]) -> tuple[str, Sentence] | None:
    """A machine has one price at a time, and its first window here sets it."""
    if terms.setdefault(one.machine.pk, one.terms) == one.terms:
        return None
    return "two_prices", _(
        "%(machine)s has another price or minimum lot further up. "
        "A machine has one price at a time: write the same in all its rows."
    ) % {"machine": one.machine.code}


def _overlaps(
    organisation: Organisation,
    new: Sequence[NewWindow],
    sound: Mapping[int, list[tuple[Span, int]]],
) -> Iterable[tuple[int, Sentence]]:
    """Yield the later of each overlapping pair, and each that overlaps what is there."""
    spans = [span for pairs in sound.values() for span, _index in pairs]
    if not spans:
        return
    machines = {one.machine.pk: one.machine for one in new}
    frame = Span(min(s.start for s in spans), max(s.end for s in spans))
    drawn = active_windows(organisation.pk, machines.values(), frame)
    for machine_id, pairs in sound.items():
        machine = machines[machine_id]
        zone = machine.site.time_zone
        there = [(span_of(window), -1) for window in drawn[machine_id]]
        held: tuple[Span, int] | None = None
        for span, index in sorted(there + pairs):
            if held is not None and span.start < held[0].end:
                # What is there already stays; of two new ones the later written is at fault.
                faulty = index if held[1] < 0 or (index >= 0 and index > held[1]) else held[1]
                yield (
                    faulty,
                    overlap_sentence(machine, span_text(held[0], zone), span_text(span, zone)),
                )
            if held is None or span.end > held[0].end:
                held = (span, index)
