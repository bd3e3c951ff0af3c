"""What a loan costs: simple interest over its term, and the rate that makes it comparable."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

DAYS_IN_YEAR = 365
"""Actual/365."""
RATE_PLACES = Decimal("0.00001")
MOST_RATE = 9_999
"""What is still told as an annual rate: a fee on a term of days is soon beyond any number."""


class RateTooHigh(ValueError):
    """More than MOST_RATE times the principal a year."""


def simple_interest(principal_minor: int, *, annual_rate: Decimal, days: int) -> int:
    """Return the interest of the whole term in minor units, half-even.

    Raises:
        ValueError: an amount, a rate or a term below nothing.
    """
    if principal_minor < 0 or annual_rate < 0 or days < 0:
        raise ValueError("an amount, a rate or a term below nothing")
    exact = Decimal(principal_minor) * annual_rate * days / DAYS_IN_YEAR
    return int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))


def effective_annual_rate(*, principal_minor: int, repaid_minor: int, days: int) -> Decimal:
    """Return the effective annual rate of paying `repaid_minor` back in one sum after `days`.

    (repaid / principal) ^ (365 / days) − 1, with five places: the rate that discounts the one
    repayment to the principal (the annual percentage rate of Directive 2008/48/EC, annex I).

    Raises:
        ValueError: nothing is lent, or for no time.
        RateTooHigh: the rate is above MOST_RATE.
    """
    if principal_minor <= 0 or days <= 0 or repaid_minor < 0:
        raise ValueError("nothing is lent, or for no time")
    with localcontext(prec=40):
        ratio = Decimal(repaid_minor) / Decimal(principal_minor)
        rate = ratio ** (Decimal(DAYS_IN_YEAR) / Decimal(days)) - 1
        if rate > MOST_RATE:
            raise RateTooHigh(f"more than {MOST_RATE} times the principal a year")
        return rate.quantize(RATE_PLACES, rounding=ROUND_HALF_EVEN)
