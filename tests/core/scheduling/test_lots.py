"""Lots: sizes within the limits, sums that are right, and no more lots than were asked for."""

from hypothesis import assume, given
from hypothesis import strategies as st

from scheduling.core.solvers.lots import LotLimits, base_size, lot_sizes


@given(
    quantity=st.integers(1, 10**7),
    smallest=st.integers(1, 1000),
    span=st.integers(1, 20),
    lots=st.integers(1, 300),
    ramp=st.integers(0, 60),
)
def test_lots_add_up_within_their_limits(
    quantity: int, smallest: int, span: int, lots: int, ramp: int
) -> None:
    limits = LotLimits(smallest=smallest, largest=smallest * span)
    assume(limits.allows(quantity))
    assume(quantity // smallest < 50_000)
    base = base_size(quantity, lots=lots, ramp=ramp, smallest=smallest)
    sizes = lot_sizes(quantity, limits=limits, base=base, ramp=ramp)
    assert sum(sizes) == quantity
    assert all(smallest <= size <= smallest * span for size in sizes)


def test_growing_and_shrinking_lots_count_among_the_lots_asked_for() -> None:
    limits = LotLimits(smallest=500, largest=10_000)
    base = base_size(4_700_000, lots=5000, ramp=300, smallest=500)
    sizes = lot_sizes(4_700_000, limits=limits, base=base, ramp=300)
    assert 4950 <= len(sizes) <= 5000
    assert sizes[0] < sizes[300] < 1.2 * 4_700_000 / 5000
    assert sizes[0] == sizes[-1]
