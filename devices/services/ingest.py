"""Take a batch of messages: sift, store, and say what each sender may be told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import DataError, IntegrityError, connections

from devices.core.frames import Reason, Refusal
from devices.services.arrivals import Arrival, Message, Refused, sift
from devices.services.latest import LiveValues
from devices.services.store import SiteTime, Stored, milliseconds, store
from tenants.clock import SiteClock, site_clock

logger = logging.getLogger(__name__)
OFFLINE_AFTER = timedelta(minutes=30)
"""Site time without a frame after which a machine is called offline."""
OFFLINE_AT_LEAST_SECONDS = 10.0
"""Real seconds that it takes at least, however fast the site's clock runs."""


class Boot(NamedTuple):
    """Whom a receipt speaks of and to whom it goes."""

    sender: str
    device: str
    boot: int


@dataclass(slots=True)
class Receipt:
    """The `seq` that need not be sent again: stored, or refused for ever and why."""

    stored: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Outcome:
    """What became of a batch; everything in it is committed."""

    stored: Counter[int] = field(default_factory=Counter)
    """New frames by position of their message."""
    arrivals: list[Arrival] = field(default_factory=list)
    """Every frame that is stored now, those that were there before included."""
    duplicates: int = 0
    refused: list[Refused] = field(default_factory=list)
    receipts: dict[Boot, Receipt] = field(default_factory=dict)
    """What senders may forget, by the boot that the frames belong to."""
    live: list[tuple[UUID, LiveValues]] = field(default_factory=list)
    quarantined_tenants: set[int] = field(default_factory=set)


def site_time(clock: SiteClock | None = None) -> SiteTime:
    """Return the site's clock for a batch that is taken now."""
    clock = clock or site_clock()
    real = datetime.now(UTC)
    now, rate = clock.at(real), clock.running_rate(real)
    patience = max(OFFLINE_AFTER, timedelta(seconds=OFFLINE_AT_LEAST_SECONDS * rate))
    return SiteTime(
        now_ms=milliseconds(now), rate=rate, silent_before_ms=milliseconds(now - patience)
    )


def take(messages: Sequence[Message], *, time: SiteTime, using: str = "ingest") -> Outcome:
    """Store the frames of `messages`, quarantine the rest, and commit.

    Safe to call again with the same messages: what is stored is not stored twice. A frame that
    the database will not have is found by halving and quarantined; the others are stored.

    Raises:
        OperationalError: the database went away; nothing may be acknowledged.
    """
    with connections[using].cursor() as cursor:
        arrivals, refused = sift(cursor, messages)
    outcome = Outcome()
    _store_or_halve(arrivals, refused, time, using, outcome)
    _note_receipts(outcome, messages)
    return outcome


def _store_or_halve(
    arrivals: Sequence[Arrival],
    refused: Sequence[Refused],
    time: SiteTime,
    using: str,
    outcome: Outcome,
) -> None:
    try:
        stored = store(arrivals=arrivals, refused=refused, time=time, using=using)
    except (DataError, IntegrityError) as error:
        if not arrivals:
            raise
        if len(arrivals) == 1:
            poison = _as_poison(arrivals[0], str(error))
            _store_or_halve([], [*refused, poison], time, using, outcome)
            return
        logger.warning("a batch of %s frames is halved: %s", len(arrivals), error)
        middle = len(arrivals) // 2
        _store_or_halve(arrivals[:middle], refused, time, using, outcome)
        _store_or_halve(arrivals[middle:], [], time, using, outcome)
        return
    _note_stored(outcome, arrivals, stored)
    outcome.refused.extend(refused)


def _as_poison(arrival: Arrival, detail: str) -> Refused:
    reading = arrival.reading
    refusal = Refusal(
        Reason.MALFORMED,
        f"cannot be stored: {detail}"[:300],
        arrival.metrics.encode(),
        reading.device,
        (reading.boot, reading.seq),
    )
    return Refused(
        refusal, arrival.received_ms, arrival.message, arrival.device.tenant_id, is_ours=True
    )


def _note_stored(outcome: Outcome, arrivals: Sequence[Arrival], stored: Stored) -> None:
    left = set(stored.new)
    machines: dict[int, UUID] = {}
    for one in arrivals:
        reading = one.reading
        machines[one.device.machine_id] = one.device.machine_uid
        key = (one.device.id, reading.boot, reading.seq)
        if key in left:
            left.discard(key)
            outcome.stored[one.message] += 1
        else:
            outcome.duplicates += 1
    outcome.arrivals.extend(arrivals)
    outcome.live.extend((machines[one.machine_id], one) for one in stored.live)
    outcome.quarantined_tenants |= stored.quarantined_tenants


def _note_receipts(outcome: Outcome, messages: Sequence[Message]) -> None:
    """Gather what each sender over MQTT may be told; HTTP has had its reply already."""
    for one in outcome.arrivals:
        sender = messages[one.message].sender
        if sender is not None:
            boot = Boot(sender, one.reading.device, one.reading.boot)
            outcome.receipts.setdefault(boot, Receipt()).stored.add(one.reading.seq)
    for refused in outcome.refused:
        sender = messages[refused.message].sender
        if sender is not None and refused.is_ours and refused.refusal.frame is not None:
            number, seq = refused.refusal.frame
            boot = Boot(sender, refused.refusal.device, number)
            receipt = outcome.receipts.setdefault(boot, Receipt())
            receipt.refused[seq] = refused.refusal.reason.value
