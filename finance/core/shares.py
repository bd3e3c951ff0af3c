"""Dividing a supplier's gross amount: commission, repayment of a loan, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

WHOLE_IN_BASIS_POINTS = 10_000


@dataclass(frozen=True, kw_only=True)
class Division:
    """gross = commission + repayment + net, in minor units, none below zero."""

    gross_minor: int
    commission_minor: int
    repayment_minor: int
    net_minor: int


def commission_of(gross_minor: int, *, basis_points: int) -> int:
    """Return the platform's commission, rounded down: a fraction of a cent stays the supplier's.

    Raises:
        ValueError: a rate below nothing or above the whole.
    """
    if not 0 <= basis_points <= WHOLE_IN_BASIS_POINTS:
        raise ValueError(f"{basis_points} basis points are no share")
    return gross_minor * basis_points // WHOLE_IN_BASIS_POINTS


def divide(
    gross_minor: int, *, basis_points: int, repayment_share: Decimal, owed_minor: int
) -> Division:
    """Divide `gross_minor`: commission first, then the lender's share of the rest.

    The repayment is `repayment_share` of what commission leaves, rounded down, and never more
    than is still owed. Without a loan give a share or a debt of nothing.
    """
    if gross_minor < 0 or owed_minor < 0 or not 0 <= repayment_share <= 1:
        raise ValueError("an amount below nothing, or no share")
    commission = commission_of(gross_minor, basis_points=basis_points)
    left = gross_minor - commission
    asked = int((left * repayment_share).to_integral_value(rounding=ROUND_FLOOR))
    repayment = min(asked, owed_minor)
    return Division(
        gross_minor=gross_minor,
        commission_minor=commission,
        repayment_minor=repayment,
        net_minor=left - repayment,
    )
