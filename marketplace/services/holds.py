"""Machine time that is held for a refused order while its buyer thinks about the ways out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from marketplace.core.frozen import FrozenPart
from marketplace.core.plan_json import PlanDocument, instant
from marketplace.core.spans import Span, merge, subtract
from marketplace.core.terms import Terms
from marketplace.models import Commitment, Plan, PlanPurpose, PlanRequest, PlanState
from tenants.acting import PLATFORM_ID, acting_as
from tenants.ids import uuid7
from tenants.live import announce

HELD_FOR = (PlanPurpose.ORDER, PlanPurpose.SHARE)
GRACE = timedelta(minutes=1)
"""How much longer time is held than is said, for a choice that is made in the last second."""
DAY = timedelta(days=1)
LOCK_SPACE = 0x4F48  # "OH"


def hold_ways(request: PlanRequest, ways: Sequence[Plan], *, now: datetime) -> list[Plan]:
    """Hold the machine time of an order's ways out, as the platform; return those that stand.

    One hold covers them all: where two want the same hours, these are held once. A way whose time
    somebody else has taken is left out. Where no hold is due (the order had one before, or its
    buyer has as many as anybody gets) the ways stand without. So does one for which others' lots
    make room: their hours are theirs.
    """
    unheld = [way for way in ways if needs_room(way)]
    ways = [way for way in ways if not needs_room(way)]
    return [*_hold_free(request, ways, now), *unheld]


def needs_room(way: Plan) -> bool:
    """Tell whether lots of other orders have to make room for a plan."""
    return Terms.from_json(way.terms).room_factories is not None


def _hold_free(request: PlanRequest, ways: Sequence[Plan], now: datetime) -> list[Plan]:
    if not ways or request.purpose not in HELD_FOR or not _is_due(request, now):
        return list(ways)
    until = now + timedelta(minutes=settings.HOLD_MINUTES)
    if request.frozen:
        _free_returned(FrozenPart.from_json(request.frozen))
    held = _own_spans(request.order_uid)
    has_held = False
    standing = []
    for way in ways:
        fresh = {
            machine: subtract(spans, held.get(machine, []))
            for machine, spans in _spans(way).items()
        }
        if _held(request.order_uid, fresh, until + GRACE):
            standing.append(way)
            has_held |= any(fresh.values())
            for machine, spans in fresh.items():
                held.setdefault(machine, []).extend(spans)
    if has_held:
        mine = PlanRequest.objects.filter(platform_id=PLATFORM_ID, pk=request.pk)
        mine.update(held_until=until)
    return standing


def _own_spans(order_uid: UUID) -> dict[int, list[Span]]:
    """Return the hours that open and accepted offers of the order have already, by machine."""
    rows = Commitment.objects.of(PLATFORM_ID).filter(order_uid=order_uid)
    spans: dict[int, list[Span]] = {}
    for machine, during in rows.exclude(state="released").values_list("machine_id", "during"):
        spans.setdefault(machine, []).append(Span(during.lower, during.upper))
    return spans


def _free_returned(frozen: FrozenPart) -> None:
    """Free the time of what came back; the answers that gave it back do so too, or have done."""
    returned = Commitment.objects.of(PLATFORM_ID).filter(operation_uid__in=frozen.returned_uids)
    returned.exclude(state="released").update(state="released")


def _is_due(request: PlanRequest, now: datetime) -> bool:
    """Tell whether an order may be held; of a buyer's requests one after the other is counted."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, request.buyer_id])
    given = PlanRequest.objects.filter(
        platform_id=PLATFORM_ID, buyer_id=request.buyer_id, held_until__isnull=False
    )
    return (
        not given.filter(order_uid=request.order_uid).exists()
        and given.filter(held_until__gt=now).count() < settings.HOLDS_AT_ONCE
        and given.filter(held_until__gt=now - DAY).count() < settings.HOLDS_A_DAY
    )


def _spans(way: Plan) -> dict[int, list[Span]]:
    """Return the hours that a way takes beyond those that are agreed already, by machine."""
    document = PlanDocument.from_json(way.schedule)
    spans: dict[int, list[Span]] = {}
    for operations in document.by_supplier().values():
        for one in operations:
            span = Span(instant(way.origin_at, one.start), instant(way.origin_at, one.end))
            spans.setdefault(document.machines[one.machine].id, []).append(span)
    return {machine: merge(each) for machine, each in spans.items()}


def _held(order_uid: UUID, spans: dict[int, list[Span]], until: datetime) -> bool:
    rows = [
        Commitment(
            tenant_id=PLATFORM_ID,
            machine_id=machine,
            during=(span.start, span.end),
            order_uid=order_uid,
            operation_uid=uuid7(),
            state="held",
            held_until=until,
        )
        for machine, each in sorted(spans.items())
        for span in each
    ]
    try:
        with transaction.atomic():
            Commitment.objects.bulk_create(rows, batch_size=1000)
    except IntegrityError:
        return False
    return True


def free_hold(order_uid: UUID) -> None:
    """Free what is held for an order, as the platform: it is claimed now, or planned anew."""
    held = Commitment.objects.of(PLATFORM_ID).filter(order_uid=order_uid, state="held")
    held.update(state="released")


def end_holds(*, now: datetime) -> int:
    """Free the time of the holds that have run out; returns of how many orders.

    A choice locks the request before it is stored, and so does this: of a way that was chosen
    while the hold ran the time stays until the choice claims it.
    """
    with acting_as(PLATFORM_ID):
        over = Commitment.objects.of(PLATFORM_ID).filter(state="held", held_until__lte=now)
        ended = 0
        for order_uid in sorted(set(over.values_list("order_uid", flat=True))):
            request = PlanRequest.objects.select_for_update().get(
                platform_id=PLATFORM_ID, order_uid=order_uid, held_until__isnull=False
            )
            if Plan.objects.filter(request=request, state=PlanState.CHOSEN).exists():
                continue
            free_hold(order_uid)
            ended += 1
            announce(tenant_ids=(request.buyer_id, PLATFORM_ID), key=f"order:{order_uid}")
    return ended
