"""Which lots of its own a factory moves if it accepts an offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from marketplace.core.disruption import Move, moved_minutes
from marketplace.models import Displacement, DisplacementState, Offer, OfferState, Operation
from marketplace.selectors.proposals import MoveTable, move_table

SHOWN = (DisplacementState.ASKED, DisplacementState.AGREED, DisplacementState.APPLIED)


@dataclass(frozen=True, kw_only=True)
class MovedOrder:
    """Lots of one order that move."""

    order_number: str
    table: MoveTable


@dataclass(frozen=True, kw_only=True)
class OfferRoom:
    """All that moves for an offer; `is_gone` when some lot cannot move like that any more."""

    moves: tuple[Move, ...]
    orders: tuple[MovedOrder, ...]
    is_gone: bool

    @property
    def lots(self) -> int:
        return len(self.moves)

    @property
    def minutes(self) -> int:
        return moved_minutes(self.moves)


def moves_for(supplier_id: int, offers: Iterable[Offer]) -> dict[UUID, list[Move]]:
    """Return what moves for a factory's offers, by offer; one query."""
    rows = Displacement.objects.filter(
        supplier_id=supplier_id, offer_uid__in=[one.uid for one in offers], state__in=SHOWN
    )
    return {row.offer_uid: [Move.from_json(one) for one in row.moves] for row in rows}


def room_of(offer: Offer) -> OfferRoom | None:
    """Return what moves for an offer, as its factory reads it; None where nothing does or did."""
    mine = Displacement.objects.filter(supplier_id=offer.supplier_id, offer_uid=offer.uid)
    displaced = mine.exclude(state=DisplacementState.PLANNED).first()
    is_over = offer.state != OfferState.OFFERED
    if displaced is None or (is_over and displaced.state == DisplacementState.ENDED):
        return None
    moves = [Move.from_json(one) for one in displaced.moves]
    numbers = dict(
        Operation.objects.of_supplier(offer.supplier_id)
        .filter(uid__in=[move.operation_uid for move in moves])
        .values_list("uid", "order_number")
    )
    by_order: dict[str, list[Move]] = {}
    for move in moves:
        by_order.setdefault(numbers.get(move.operation_uid, ""), []).append(move)
    return OfferRoom(
        moves=tuple(moves),
        orders=tuple(
            MovedOrder(order_number=number, table=move_table(offer.supplier, None, mine))
            for number, mine in sorted(by_order.items())
        ),
        is_gone=displaced.state == DisplacementState.ENDED,
    )
