"""Money as people write it, in integer minor units and back."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

WITHOUT_MINOR_UNIT = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"})
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "OMR", "TND"})


class NotAnAmount(ValueError):
    """A text that is no amount, or one finer than the currency's smallest coin."""


def decimals_of(currency: str) -> int:
    """Return how many decimals a currency has (ISO 4217)."""
    if currency in WITHOUT_MINOR_UNIT:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def to_minor(amount: Decimal | str, currency: str) -> int:
    """Return an amount in minor units.

    Raises:
        NotAnAmount: no finite number, or more decimals than the currency has.
    """
    try:
        scaled = Decimal(amount).scaleb(decimals_of(currency))
    except InvalidOperation as error:
        raise NotAnAmount(str(amount)) from error
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise NotAnAmount(str(amount))
    return int(scaled)


def to_decimal(amount_minor: int, currency: str) -> Decimal:
    """Return minor units as the amount that people write."""
    return Decimal(amount_minor).scaleb(-decimals_of(currency))
