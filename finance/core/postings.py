"""The journal of the market: which accounts each movement of money touches.

Amounts are signed minor units: debit above zero, credit below. The legs of each movement add up
to zero in each currency; `balanced` says so and the database insists on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from finance.core.shares import Division


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One entry to be: an amount on an account of an organisation."""

    tenant_id: int
    code: str
    currency: str
    amount_minor: int
    subject_uid: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Pot:
    """The money that a buyer has paid in for one order (`subject_uid`), and who keeps the books."""

    platform_id: int
    buyer_id: int
    subject_uid: UUID
    currency: str


@dataclass(frozen=True, kw_only=True)
class SupplierShare:
    """What a release owes to one supplier, and to its lender."""

    supplier_id: int
    lender_id: int | None
    division: Division


def balanced(legs: Iterable[Leg]) -> bool:
    """Say whether the legs add up to zero in each currency."""
    sums: dict[str, int] = defaultdict(int)
    for leg in legs:
        sums[leg.currency] += leg.amount_minor
    return all(total == 0 for total in sums.values())


def funding(pot: Pot, amount_minor: int) -> list[Leg]:
    """The buyer's money has arrived: bank to held."""
    return [_bank(pot.platform_id, pot.currency, amount_minor), _held(pot, -amount_minor)]


def release(pot: Pot, shares: Sequence[SupplierShare]) -> list[Leg]:
    """Goods were accepted: held to the suppliers, the platform's commission and the lenders."""
    legs = [_held(pot, sum(share.division.gross_minor for share in shares))]
    for share in shares:
        legs.append(_credit(pot, share.supplier_id, "payable", share.division.net_minor))
        legs.append(_credit(pot, pot.platform_id, "commission", share.division.commission_minor))
        if share.lender_id is not None:
            legs.append(
                _credit(pot, share.lender_id, "loan_clearing", share.division.repayment_minor)
            )
    return [leg for leg in legs if leg.amount_minor]


def refund(pot: Pot, rest_minor: int) -> list[Leg]:
    """The order is closed: what is still held is owed back to the buyer."""
    return [_held(pot, rest_minor), _credit(pot, pot.buyer_id, "refund_due", rest_minor)]


def paid_out(
    *, platform_id: int, payee_id: int, code: str, currency: str, amount_minor: int
) -> list[Leg]:
    """The bank has sent what `payee_id` was owed on its account `code`."""
    return [
        Leg(tenant_id=payee_id, code=code, currency=currency, amount_minor=amount_minor),
        _bank(platform_id, currency, -amount_minor),
    ]


def _bank(platform_id: int, currency: str, amount_minor: int) -> Leg:
    return Leg(tenant_id=platform_id, code="bank", currency=currency, amount_minor=amount_minor)


def _held(pot: Pot, amount_minor: int) -> Leg:
    return Leg(
        tenant_id=pot.buyer_id,
        code="held",
        currency=pot.currency,
        amount_minor=amount_minor,
        subject_uid=pot.subject_uid,
    )


def _credit(pot: Pot, tenant_id: int, code: str, amount_minor: int) -> Leg:
    return Leg(tenant_id=tenant_id, code=code, currency=pot.currency, amount_minor=-amount_minor)
