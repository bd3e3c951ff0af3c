"""What a way of paying must be able to do; providers stand beside this file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from django.utils.functional import Promise


@dataclass(frozen=True, kw_only=True)
class PaymentLine:
    """One line that a payer has to copy: what it is, and its text."""

    label: str | Promise
    text: str


@dataclass(frozen=True, kw_only=True)
class PaymentInstructions:
    """How to pay one amount. `needs_proof`: the payer says when it has paid, a person checks."""

    lines: tuple[PaymentLine, ...]
    needs_proof: bool


class PaymentGateway(Protocol):
    """A provider. It moves money in and out; what it has moved is booked by our ledger."""

    code: str

    @property
    def label(self) -> str | Promise:
        """What people call this way of paying."""
        ...

    def instructions(
        self, *, reference: str, amount_minor: int, currency: str
    ) -> PaymentInstructions:
        """Return what the payer is to do; `reference` is what we will recognise it by."""
        ...
