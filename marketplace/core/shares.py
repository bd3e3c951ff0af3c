"""How the price of accepted pieces is shared among the firms that made them.

The price of an operation is for its planned quantity; what is accepted of the lot earns that part
of it at every operation of the lot's chain, so scrap and rejects lower what is paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Earning:
    """One operation of an inspected lot: whose it is, its price, and what was accepted."""

    work_order_uid: UUID
    price_minor: int
    quantity: int
    accepted: int

    @property
    def exact(self) -> Fraction:
        return Fraction(self.price_minor * self.accepted, self.quantity)


def exact_total(earnings: Iterable[Earning]) -> Fraction:
    """Return what the operations earn together, before any rounding."""
    return sum((earning.exact for earning in earnings), Fraction(0))


def split_release(
    earnings: Sequence[Earning], *, amount_minor: int | None = None
) -> Mapping[UUID, int]:
    """Share an amount among the work orders in proportion to what they earned, exactly.

    Without `amount_minor` it is what the operations earn together, rounded down; an order's last
    release passes what is left of the order's total. Whole minor units by the method of the
    largest remainder; of equal remainders the smaller uid is served first. Shares of nothing are
    left out.

    Raises:
        ValueError: the amount is negative, or there is an amount and nothing was earned.
    """
    exact: dict[UUID, Fraction] = {}
    for earning in earnings:
        exact[earning.work_order_uid] = exact.get(earning.work_order_uid, Fraction(0)) + (
            earning.exact
        )
    total = sum(exact.values(), Fraction(0))
    amount = int(total) if amount_minor is None else amount_minor
    if amount < 0 or (amount and not total):
        raise ValueError(f"cannot share {amount} among earnings of {total}")
    if not amount:
        return {}
    quotas = {uid: share * amount / total for uid, share in exact.items()}
    shares = {uid: int(quota) for uid, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda uid: (shares[uid] - quotas[uid], uid))
    for uid in by_remainder[: amount - sum(shares.values())]:
        shares[uid] += 1
    return {uid: share for uid, share in shares.items() if share}
