"""One supplier's share of a plan, as its offer carries it: the only shape of `Offer.snapshot`.

Times are instants in UTC. Steps count from 1; a lot is one number through all steps of its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

SCHEMA = 1
"""The version that `to_json` writes; a later one must still read what this one wrote."""


@dataclass(frozen=True, kw_only=True)
class ShareOperation:
    """One lot on one machine in one step.

    `previous_supplier_id` hands the lot over; None for the first step, whose material the shop
    has. `next_supplier_id` takes it over after `transport_minutes`, into the operation
    `next_operation_uid`; both are None when the lot goes to the buyer. A next supplier that is
    the firm itself gets the lot without a shipment.
    `price_minor` is for `quantity` good pieces that the buyer accepts.
    """

    uid: UUID
    lot: int
    step: int
    process: str
    machine_id: int
    machine_code: str
    start_at: datetime
    end_at: datetime
    quantity: int
    set_up_minutes: int
    price_minor: int
    previous_supplier_id: int | None
    next_supplier_id: int | None
    next_operation_uid: UUID | None
    transport_minutes: int

    @property
    def is_first_step(self) -> bool:
        return self.previous_supplier_id is None

    @property
    def is_last_step(self) -> bool:
        return self.next_operation_uid is None

    @property
    def minutes(self) -> int:
        """Machine time that the operation takes, set-up included."""
        return round((self.end_at - self.start_at).total_seconds() / 60)


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where the lot of an operation goes next: what a new plan may still change."""

    operation_uid: UUID
    next_supplier_id: int | None
    next_operation_uid: UUID | None
    transport_minutes: int


@dataclass(frozen=True, kw_only=True)
class Share:
    """All that a supplier sees of an order: what is asked of it, from whom, until when."""

    title: str
    unit: str
    currency: str
    order_quantity: int
    step_count: int
    due_at: datetime
    operations: tuple[ShareOperation, ...]
    note: str = ""
    ship_to: str = ""
    requirements: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By process code: what the machine must hold, attribute code to number or word."""

    @property
    def price_minor(self) -> int:
        return sum(operation.price_minor for operation in self.operations)

    @property
    def machine_minutes(self) -> int:
        return sum(operation.minutes for operation in self.operations)

    def rerouted(self, routes: Mapping[UUID, Route]) -> Share:
        """Return the share with the lots of the operations in `routes` going another way."""
        return replace(
            self,
            operations=tuple(
                operation
                if (route := routes.get(operation.uid)) is None
                else replace(
                    operation,
                    next_supplier_id=route.next_supplier_id,
                    next_operation_uid=route.next_operation_uid,
                    transport_minutes=route.transport_minutes,
                )
                for operation in self.operations
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the share in JSON's own types, ready for `Offer.snapshot`."""
        return {
            "schema": SCHEMA,
            "title": self.title,
            "unit": self.unit,
            "currency": self.currency,
            "order_quantity": self.order_quantity,
            "step_count": self.step_count,
            "due_at": self.due_at.isoformat(),
            "note": self.note,
            "ship_to": self.ship_to,
            "requirements": {code: dict(held) for code, held in self.requirements.items()},
            "operations": [_operation_to_json(operation) for operation in self.operations],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Share:
        """Read what `to_json` wrote.

        Raises:
            ValueError: a version that is not known here.
        """
        if document["schema"] != SCHEMA:
            raise ValueError(f"an offer of schema {document['schema']}, known is {SCHEMA}")
        return cls(
            title=document["title"],
            unit=document["unit"],
            currency=document["currency"],
            order_quantity=document["order_quantity"],
            step_count=document["step_count"],
            due_at=datetime.fromisoformat(document["due_at"]),
            note=document["note"],
            ship_to=document["ship_to"],
            requirements=document["requirements"],
            operations=tuple(_operation_from_json(row) for row in document["operations"]),
        )


def _operation_to_json(operation: ShareOperation) -> dict[str, Any]:
    return {
        "uid": str(operation.uid),
        "lot": operation.lot,
        "step": operation.step,
        "process": operation.process,
        "machine_id": operation.machine_id,
        "machine_code": operation.machine_code,
        "start": operation.start_at.isoformat(),
        "end": operation.end_at.isoformat(),
        "quantity": operation.quantity,
        "set_up_minutes": operation.set_up_minutes,
        "price_minor": operation.price_minor,
        "previous_supplier_id": operation.previous_supplier_id,
        "next_supplier_id": operation.next_supplier_id,
        "next_operation_uid": (
            None if operation.next_operation_uid is None else str(operation.next_operation_uid)
        ),
        "transport_minutes": operation.transport_minutes,
    }


def _operation_from_json(row: Mapping[str, Any]) -> ShareOperation:
    next_uid = row["next_operation_uid"]
    return ShareOperation(
        uid=UUID(row["uid"]),
        lot=row["lot"],
        step=row["step"],
        process=row["process"],
        machine_id=row["machine_id"],
        machine_code=row["machine_code"],
        start_at=datetime.fromisoformat(row["start"]),
        end_at=datetime.fromisoformat(row["end"]),
        quantity=row["quantity"],
        set_up_minutes=row["set_up_minutes"],
        price_minor=row["price_minor"],
        previous_supplier_id=row["previous_supplier_id"],
        next_supplier_id=row["next_supplier_id"],
        next_operation_uid=None if next_uid is None else UUID(next_uid),
        transport_minutes=row["transport_minutes"],
    )
