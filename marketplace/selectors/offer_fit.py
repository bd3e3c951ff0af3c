"""What an offer means for the factory that reads it: its price an hour, and its week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from devices.selectors import machines as machines_of
from marketplace.core.disruption import Move
from marketplace.core.share import Share
from marketplace.core.spans import Span, subtract
from marketplace.models import Offer
from marketplace.selectors.capacity import latest_terms, reserved_spans
from tenants.templatetags.formats import percent


@dataclass(frozen=True, kw_only=True)
class OfferFit:
    """Price and load of an offer on its machines, from a day before it to a day after."""

    machines: int
    hours: float
    net_minor: int
    net_per_hour_minor: int
    list_per_hour_minor: int | None
    booked_hours: float
    frame_hours: float
    clashes: int

    @property
    def above_list_share(self) -> float | None:
        """How far the net price of an hour is above the factory's own list price."""
        if not self.list_per_hour_minor:
            return None
        return self.net_per_hour_minor / self.list_per_hour_minor - 1

    @property
    def above_list_text(self) -> str:
        return f"+{percent(self.above_list_share)}"

    @property
    def load_after(self) -> float:
        hours = self.booked_hours + self.hours
        return min(1.0, hours / self.frame_hours) if self.frame_hours else 0


def fit_of(offer: Offer, moves: Sequence[Move] = ()) -> OfferFit:
    """Return what accepting means, from the factory's reservations as they are now.

    `moves` are lots that make room for it: their hours are not in its way.
    """
    share = Share.from_json(offer.snapshot)
    wanted = {operation.machine_id for operation in share.operations}
    machines = [m for m in machines_of(offer.supplier_id) if m.pk in wanted]
    frame = Span(offer.starts_at - timedelta(days=1), offer.ends_at + timedelta(days=1))
    booked = reserved_spans(offer.supplier_id, machines, frame)
    leaving: dict[int, list[Span]] = {}
    for move in moves:
        span = Span(move.before.start_at, move.before.end_at)
        leaving.setdefault(move.before.machine_id, []).append(span)
    prices = [
        terms.price_minor_per_hour for terms in latest_terms(offer.supplier_id, machines).values()
    ]
    hours = offer.machine_minutes / 60
    net = offer.price_minor - offer.commission_minor
    return OfferFit(
        machines=len(machines),
        hours=hours,
        net_minor=net,
        net_per_hour_minor=round(net / hours) if hours else 0,
        list_per_hour_minor=round(median(prices)) if prices else None,
        booked_hours=sum(span.hours for spans in booked.values() for span in spans),
        frame_hours=frame.hours * len(machines),
        clashes=sum(
            any(
                span.start < operation.end_at and operation.start_at < span.end
                for span in subtract(
                    booked.get(operation.machine_id, ()), leaving.get(operation.machine_id, ())
                )
            )
            for operation in share.operations
        ),
    )
