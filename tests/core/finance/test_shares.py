"""A supplier's gross amount is divided without a cent lost, whatever the rates."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.core.postings import Leg, Pot, SupplierShare, balanced, funding, refund, release
from finance.core.shares import commission_of, divide

AMOUNTS = st.integers(min_value=0, max_value=10**13)
RATES = st.integers(min_value=0, max_value=10_000)
SHARES = st.decimals(min_value=0, max_value=1, places=3)
POT = Pot(platform_id=1, buyer_id=2, subject_uid=UUID(int=9), currency="CNY")


def test_a_known_division() -> None:
    division = divide(1_000_01, basis_points=300, repayment_share=Decimal("0.2"), owed_minor=10**9)
    assert (division.commission_minor, division.repayment_minor, division.net_minor) == (
        3_000,
        19_400,
        77_601,
    )


def test_no_more_is_repaid_than_is_owed() -> None:
    division = divide(1_000_00, basis_points=0, repayment_share=Decimal("0.5"), owed_minor=7)
    assert (division.repayment_minor, division.net_minor) == (7, 99_993)


@given(AMOUNTS, RATES, SHARES, AMOUNTS)
def test_the_parts_add_up_to_the_whole(gross: int, rate: int, share: Decimal, owed: int) -> None:
    division = divide(gross, basis_points=rate, repayment_share=share, owed_minor=owed)
    parts = (division.commission_minor, division.repayment_minor, division.net_minor)
    assert sum(parts) == gross
    assert min(parts) >= 0
    assert division.repayment_minor <= owed


@pytest.mark.parametrize("rate", [-1, 10_001])
def test_a_rate_outside_the_whole_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="basis points"):
        commission_of(100, basis_points=rate)


@given(st.lists(st.tuples(st.integers(3, 6), AMOUNTS, SHARES, AMOUNTS), min_size=1, max_size=8))
def test_every_movement_balances(rows: list[tuple[int, int, Decimal, int]]) -> None:
    shares = [
        SupplierShare(
            supplier_id=supplier,
            lender_id=7 if owed else None,
            division=divide(gross, basis_points=300, repayment_share=share, owed_minor=owed),
        )
        for supplier, gross, share, owed in rows
    ]
    legs = release(POT, shares)
    assert balanced(legs)
    assert all(leg.amount_minor for leg in legs)
    total = sum(gross for _supplier, gross, _share, _owed in rows)
    assert balanced(funding(POT, total))
    assert balanced(refund(POT, total))


def test_two_currencies_do_not_make_up_for_each_other() -> None:
    pair = [
        Leg(tenant_id=1, code="bank", currency="CNY", amount_minor=5),
        Leg(tenant_id=1, code="commission", currency="EUR", amount_minor=-5),
    ]
    assert not balanced(pair)
