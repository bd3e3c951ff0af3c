"""Bank transfer with manual proof: the payer quotes a reference, a person checks the account."""

from __future__ import annotations

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from finance.billing.gateway import PaymentInstructions, PaymentLine


class BankTransfer:
    """The provider that needs no other party's interface; the account is in the settings."""

    code = "bank_transfer"
    label: str | Promise = _("Bank transfer")

    def instructions(
        self, *, reference: str, amount_minor: int, currency: str
    ) -> PaymentInstructions:
        account = settings.BANK_TRANSFER_ACCOUNT
        return PaymentInstructions(
            lines=(
                PaymentLine(label=_("Account holder"), text=account["holder"]),
                PaymentLine(label=_("Bank"), text=account["bank"]),
                PaymentLine(label=_("Account number"), text=account["number"]),
                PaymentLine(label=_("Reference to quote"), text=reference),
            ),
            needs_proof=True,
        )
