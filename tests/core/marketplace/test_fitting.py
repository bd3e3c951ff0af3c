"""What keeps a market's machines from an order is said with what would mend it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.asked import AskedOrder, AskedStep
from marketplace.core.fitting import OnSale, fit, lots_cannot_add_up
from marketplace.core.listed import ListedCapability, ListedMachine
from marketplace.core.spans import Span

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def machine(process: str, minimum_lot: int) -> OnSale:
    return OnSale(
        machine_id=minimum_lot,
        supplier_id=2,
        machine=ListedMachine(
            supplier_name="Works",
            site_uid="hall",
            site_name="Hall",
            time_zone="UTC",
            machine_code="M",
            machine_type="Press",
            capabilities=(ListedCapability(process=process, pieces_per_hour=500),),
        ),
        free=(Span(NOW, NOW + timedelta(days=9)),),
        price_minor_per_hour=100,
        currency="CNY",
        minimum_lot=minimum_lot,
    )


@given(
    quantity=st.integers(1, 200),
    lot_size=st.none() | st.integers(1, 200),
    first=st.integers(1, 60),
    second=st.integers(1, 60),
)
def test_lots_that_cannot_add_up_are_named_with_the_lot_size_that_mends_it(
    quantity: int, lot_size: int | None, first: int, second: int
) -> None:
    order = AskedOrder(
        title="Plates",
        quantity=quantity,
        currency="CNY",
        steps=(AskedStep(process="blanking"), AskedStep(process="packing")),
        earliest_start_at=NOW,
        due_at=NOW + timedelta(days=9),
        lot_size=lot_size,
    )
    found = fit(order, [machine("blanking", first), machine("packing", second)])
    message = lots_cannot_add_up(order, found)
    if lot_size is None or not found.is_complete:
        assert message is None
        return
    least = max(first, second)

    def adds_up(most: int) -> bool:
        return any(least * lots <= quantity <= most * lots for lots in range(1, quantity + 1))

    assert (message is None) == adds_up(lot_size)
    if message is not None:
        enough = message["values"]["enough"]
        assert adds_up(enough)
        assert not adds_up(enough - 1)
