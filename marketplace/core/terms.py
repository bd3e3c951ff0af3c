"""What choosing a plan changes in its order: the only shape of `Plan.terms`, nothing for most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from marketplace.core.asked import AskedOrder


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The limits that give way; None where the order's own stays.

    `quantity` are the pieces that are still made; the others are cancelled. Where lots of other
    orders have to make room, `room_factories` counts the factories that have to agree, before
    `room_until`, when the first of these lots would begin or begins; no limit changes then.
    """

    due_at: datetime | None = None
    price_ceiling_minor: int | None = None
    quantity: int | None = None
    room_factories: int | None = None
    room_until: datetime | None = None

    def of(self, asked: AskedOrder) -> AskedOrder:
        """Return the order as it is asked under these terms."""
        return replace(
            asked,
            due_at=self.due_at or asked.due_at,
            price_ceiling_minor=self.price_ceiling_minor or asked.price_ceiling_minor,
            quantity=self.quantity or asked.quantity,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the terms in JSON's own types, without those that stay."""
        terms = {
            "due_at": None if self.due_at is None else self.due_at.isoformat(),
            "price_ceiling_minor": self.price_ceiling_minor,
            "quantity": self.quantity,
            "room_factories": self.room_factories,
            "room_until": None if self.room_until is None else self.room_until.isoformat(),
        }
        return {name: value for name, value in terms.items() if value is not None}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Terms:
        """Read what `to_json` wrote."""
        due_at, room_until = document.get("due_at"), document.get("room_until")
        return cls(
            due_at=None if due_at is None else datetime.fromisoformat(due_at),
            price_ceiling_minor=document.get("price_ceiling_minor"),
            quantity=document.get("quantity"),
            room_factories=document.get("room_factories"),
            room_until=None if room_until is None else datetime.fromisoformat(room_until),
        )
