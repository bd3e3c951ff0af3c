"""What accepted pieces earn is shared to the last minor unit."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.shares import Earning, exact_total, split_release


def _earning(order: int, price: int, quantity: int, accepted: int) -> Earning:
    return Earning(
        work_order_uid=UUID(int=order), price_minor=price, quantity=quantity, accepted=accepted
    )


@st.composite
def _earnings(draw: st.DrawFn) -> list[Earning]:
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(1, 5), st.integers(0, 10**9), st.integers(1, 10**6), st.floats(0, 1)
            ),
            min_size=1,
            max_size=12,
        )
    )
    return [_earning(order, price, n, int(n * part)) for order, price, n, part in rows]


def test_all_accepted_earns_the_whole_price() -> None:
    assert split_release([_earning(1, 100, 3, 3), _earning(2, 7, 3, 3)]) == {
        UUID(int=1): 100,
        UUID(int=2): 7,
    }


def test_the_largest_remainder_gets_the_odd_unit() -> None:
    # 66.67 and 33.33 make 100: the odd unit goes to the firm that misses two thirds of one.
    assert split_release([_earning(1, 100, 3, 2), _earning(2, 50, 3, 2)]) == {
        UUID(int=1): 67,
        UUID(int=2): 33,
    }


def test_nothing_accepted_earns_nothing() -> None:
    assert split_release([_earning(1, 100, 3, 0)]) == {}


def test_the_last_release_passes_what_rounding_kept_back() -> None:
    assert split_release([_earning(1, 10, 3, 1)], amount_minor=5) == {UUID(int=1): 5}


@pytest.mark.parametrize("amount", [-1, 5])
def test_an_amount_without_earnings_is_refused(amount: int) -> None:
    with pytest.raises(ValueError, match="cannot share"):
        split_release([_earning(1, 100, 3, 0)], amount_minor=amount)


@given(_earnings())
def test_shares_add_up_and_are_within_one_unit_of_what_was_earned(earnings: list[Earning]) -> None:
    shares = split_release(earnings)
    total = exact_total(earnings)
    assert sum(shares.values()) == int(total)
    for uid in {earning.work_order_uid for earning in earnings}:
        exact = exact_total(e for e in earnings if e.work_order_uid == uid)
        assert abs(shares.get(uid, 0) - exact) < 1 + exact / max(total, 1)


@given(_earnings(), st.integers(0, 10**12))
def test_any_amount_is_shared_exactly(earnings: list[Earning], amount: int) -> None:
    if exact_total(earnings):
        shares = split_release(earnings, amount_minor=amount)
        assert sum(shares.values()) == amount
        assert all(share > 0 for share in shares.values())


@given(_earnings())
def test_releases_and_the_last_sweep_pay_the_orders_total(earnings: list[Earning]) -> None:
    *early, last = earnings
    paid = sum(sum(split_release([one]).values()) for one in early)
    left = int(exact_total(earnings)) - paid
    assert left >= int(last.exact)
    if last.exact:
        paid += sum(split_release([last], amount_minor=left).values())
        assert paid == int(exact_total(earnings))
