"""What is for sale, as the platform reads it: listings without what is offered or booked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from marketplace.core.fitting import OnSale
from marketplace.core.listed import ListedMachine
from marketplace.core.spans import Span, subtract
from marketplace.models import Commitment, Listing, ListingState
from tenants.acting import PLATFORM_ID


def machines_on_sale(
    *,
    processes: Iterable[str],
    now: datetime,
    also: Iterable[int] = (),
    freed: Iterable[UUID] = (),
) -> list[OnSale]:
    """Return the listed machines that do any of `processes`, with the time that is still free.

    `also` names machines of frozen work, which are needed even when withdrawn; those have no
    free time then. `freed` names operations whose time counts as free already. Two queries,
    whatever the size of the market. Acts as the platform.
    """
    wanted = Q()
    for process in set(processes):
        wanted |= Q(processes__contains=[process])
    live = Q(state=ListingState.LISTED, listed_until__gt=now) & wanted
    rows = list(
        Listing.objects.of(PLATFORM_ID)
        .filter(live | Q(machine_id__in=set(also)))
        .order_by("machine_id")
    )
    busy = _busy([row.machine_id for row in rows], since=now, freed=freed)
    return [_on_sale(row, busy.get(row.machine_id, []), now) for row in rows]


def market_mark(processes: Iterable[str]) -> str:
    """Return a mark that changes whenever a listing is written or time is given back.

    Of the machines that do any of `processes`; both counts only grow. Acts as the platform.
    """
    wanted = Q()
    for process in set(processes):
        wanted |= Q(processes__contains=[process])
    listings = Listing.objects.of(PLATFORM_ID).filter(wanted)
    given_back = Commitment.objects.of(PLATFORM_ID).filter(
        machine_id__in=listings.values("machine_id"), state="released"
    )
    versions = listings.aggregate(rows=Count("pk"), sum=Coalesce(Sum("version"), 0))
    return f"{versions['rows']}/{versions['sum']}/{given_back.count()}"


def _busy(
    machine_ids: list[int], *, since: datetime, freed: Iterable[UUID]
) -> dict[int, list[Span]]:
    taken = (
        Commitment.objects.of(PLATFORM_ID)
        .filter(machine_id__in=machine_ids, during__endswith__gt=since)
        .exclude(Q(state="released") | Q(operation_uid__in=set(freed)))
        .values_list("machine_id", "during")
    )
    busy: dict[int, list[Span]] = {}
    for machine_id, during in taken:
        busy.setdefault(machine_id, []).append(Span(during.lower, during.upper))
    return busy


def _on_sale(row: Listing, busy: list[Span], now: datetime) -> OnSale:
    is_live = row.state == ListingState.LISTED and row.listed_until > now
    windows = [
        Span(max(now, datetime.fromisoformat(start)), datetime.fromisoformat(end))
        for start, end in (row.windows if is_live else ())
    ]
    return OnSale(
        machine_id=row.machine_id,
        supplier_id=row.supplier_id,
        machine=ListedMachine.from_json(row.snapshot),
        free=tuple(subtract(windows, busy)),
        price_minor_per_hour=row.price_minor_per_hour,
        currency=row.currency,
        minimum_lot=row.minimum_lot,
        on_time_share=row.on_time_share,
    )
