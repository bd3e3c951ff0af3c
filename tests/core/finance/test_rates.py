"""Interest is simple and disclosed as an effective annual rate."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.core.rates import effective_annual_rate, simple_interest


@pytest.mark.parametrize(
    ("principal", "rate", "days", "interest"),
    [
        (10_000_00, "0.12", 365, 1_200_00),
        (10_000_00, "0.12", 90, 295_89),
        (100, "0.05", 73, 1),
        (50, "0.10", 365, 5),
        (25, "0.10", 365, 2),
        (35, "0.10", 365, 4),
        (10_000_00, "0", 90, 0),
    ],
)
def test_interest_is_actual_365_and_half_even(
    principal: int, rate: str, days: int, interest: int
) -> None:
    assert simple_interest(principal, annual_rate=Decimal(rate), days=days) == interest


@pytest.mark.parametrize(
    ("principal", "repaid", "days", "apr"),
    [
        (100_000, 112_000, 365, "0.12000"),
        (100_000, 106_000, 182, "0.12396"),
        (100_000, 103_000, 90, "0.12736"),
        (100_000, 100_000, 30, "0.00000"),
        (100_000, 121_000, 730, "0.10000"),
    ],
)
def test_the_annual_rate_of_known_loans(principal: int, repaid: int, days: int, apr: str) -> None:
    found = effective_annual_rate(principal_minor=principal, repaid_minor=repaid, days=days)
    assert str(found) == apr


@given(st.integers(1_000, 10**12), st.integers(0, 5_000), st.integers(7, 730))
def test_a_flat_rate_never_looks_cheaper_than_it_is(principal: int, basis: int, days: int) -> None:
    """Up to a year, compounding makes the effective rate at least the simple one."""
    rate = Decimal(basis) / 10_000
    interest = simple_interest(principal, annual_rate=rate, days=days)
    apr = effective_annual_rate(
        principal_minor=principal, repaid_minor=principal + interest, days=days
    )
    simple = Decimal(interest) / principal * 365 / days
    assert apr >= simple - Decimal("0.00001") if days <= 365 else apr <= simple + Decimal("0.00001")


@pytest.mark.parametrize(("principal", "days"), [(0, 90), (100, 0)])
def test_nothing_lent_has_no_rate(principal: int, days: int) -> None:
    with pytest.raises(ValueError, match="nothing"):
        effective_annual_rate(principal_minor=principal, repaid_minor=100, days=days)
