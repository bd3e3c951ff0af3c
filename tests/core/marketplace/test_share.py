"""An offer's snapshot says the same after a journey through JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from marketplace.core.share import Route, Share, ShareOperation

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
FIRST, SECOND = UUID(int=1), UUID(int=2)


def _operation(uid: UUID, step: int, **changes: object) -> ShareOperation:
    fields: dict[str, object] = {
        "uid": uid,
        "lot": 1,
        "step": step,
        "process": "film",
        "machine_id": 7,
        "machine_code": "F-07",
        "start_at": START,
        "end_at": START + timedelta(minutes=90),
        "quantity": 5000,
        "set_up_minutes": 20,
        "price_minor": 125_000,
        "previous_supplier_id": None,
        "next_supplier_id": None,
        "next_operation_uid": None,
        "transport_minutes": 0,
    }
    return ShareOperation(**{**fields, **changes})  # type: ignore[arg-type]


def _share() -> Share:
    return Share(
        title="Licence plates",
        unit="pcs",
        currency="CNY",
        order_quantity=10_000,
        step_count=2,
        due_at=START + timedelta(days=14),
        requirements={"film": {"width_mm": 440}},
        operations=(
            _operation(FIRST, 1, next_supplier_id=4, next_operation_uid=SECOND),
            _operation(SECOND, 2, previous_supplier_id=4),
        ),
    )


def test_a_share_survives_json() -> None:
    assert Share.from_json(json.loads(json.dumps(_share().to_json()))) == _share()


def test_a_share_of_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="schema 2"):
        Share.from_json({**_share().to_json(), "schema": 2})


def test_a_share_adds_up_its_operations() -> None:
    assert (_share().price_minor, _share().machine_minutes) == (250_000, 180)


def test_only_the_named_lot_goes_another_way() -> None:
    route = Route(
        operation_uid=FIRST,
        next_supplier_id=9,
        next_operation_uid=UUID(int=3),
        transport_minutes=60,
    )
    first, second = _share().rerouted({FIRST: route}).operations
    assert (first.next_supplier_id, first.next_operation_uid) == (9, UUID(int=3))
    assert (first.transport_minutes, second) == (60, _share().operations[1])
