"""The ways of paying that this site offers."""

from __future__ import annotations

from finance.billing.bank_transfer import BankTransfer
from finance.billing.gateway import PaymentGateway

_GATEWAYS: dict[str, PaymentGateway] = {gateway.code: gateway for gateway in (BankTransfer(),)}


def gateway_for(code: str) -> PaymentGateway:
    """Return the provider of a payment.

    Raises:
        KeyError: no such provider: a mistake of ours.
    """
    return _GATEWAYS[code]
