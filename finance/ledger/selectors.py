"""Reading the books: balances, totals, the trial balance, and one order's money."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from finance.ledger.models import Account, AccountCode, Entry, Transaction


@dataclass(frozen=True, kw_only=True)
class OrderMoney:
    """Where the money of one order is: funded = held + released + refunded + fees."""

    currency: str
    funded_minor: int
    held_minor: int
    released_minor: int
    refunded_minor: int
    fees_minor: int

    @property
    def adds_up(self) -> bool:
        parts = self.held_minor + self.released_minor + self.refunded_minor + self.fees_minor
        return self.funded_minor == parts


@dataclass(frozen=True, kw_only=True)
class BookTotals:
    """All accounts of one currency, by kind; credits are shown as what is owed, above zero."""

    currency: str
    bank_minor: int
    held_minor: int
    payable_minor: int
    loan_clearing_minor: int
    refund_due_minor: int
    commission_minor: int
    trial_balance_minor: int
    accounts_off: int

    @property
    def owed_minor(self) -> int:
        """What the money at the bank is owed to others."""
        return (
            self.held_minor + self.payable_minor + self.loan_clearing_minor + self.refund_due_minor
        )

    @property
    def balances(self) -> bool:
        """Whether debits equal credits and every account is the sum of its entries."""
        return self.trial_balance_minor == 0 and self.accounts_off == 0


def balance_of(
    *, tenant_id: int, code: AccountCode, currency: str, subject_uid: UUID | None = None
) -> int:
    """Return what an account owes to its organisation (for the bank: what is there)."""
    account = (
        Account.objects.of(tenant_id)
        .filter(code=code, currency=currency, subject_uid=subject_uid)
        .first()
    )
    signed = account.balance_minor if account else 0
    return signed if code == AccountCode.BANK else -signed


def book_totals(*, platform_id: int) -> list[BookTotals]:
    """Return the totals of each currency, counted from the entries; for the platform."""
    summed = (
        Entry.objects.filter(platform_id=platform_id)
        .values("account__code", "currency")
        .annotate(total=Sum("amount_minor"))
        .order_by("currency")
    )
    by_currency: dict[str, dict[str, int]] = {}
    for row in summed:
        by_currency.setdefault(row["currency"], {})[row["account__code"]] = row["total"]
    off = _accounts_off(platform_id)
    return [
        BookTotals(
            currency=currency,
            bank_minor=sums.get("bank", 0),
            held_minor=-sums.get("held", 0),
            payable_minor=-sums.get("payable", 0),
            loan_clearing_minor=-sums.get("loan_clearing", 0),
            refund_due_minor=-sums.get("refund_due", 0),
            commission_minor=-sums.get("commission", 0),
            trial_balance_minor=sum(sums.values()),
            accounts_off=off[currency],
        )
        for currency, sums in by_currency.items()
    ]


def _accounts_off(platform_id: int) -> Counter[str]:
    """Count, by currency, the accounts whose balance is not the sum of their entries."""
    wrong = (
        Account.objects.filter(platform_id=platform_id)
        .annotate(counted=Coalesce(Sum("entries__amount_minor"), 0))
        .exclude(balance_minor=F("counted"))
    )
    return Counter(account.currency for account in wrong)


def order_money(*, platform_id: int, order_uid: UUID) -> OrderMoney | None:
    """Return where an order's money is, from its entries; None before anything was paid in."""
    rows = (
        Entry.objects.filter(platform_id=platform_id, subject_uid=order_uid)
        .values("currency")
        .annotate(
            funded=Sum("amount_minor", filter=Q(account__code=AccountCode.BANK), default=0),
            held=Sum("amount_minor", filter=Q(account__code=AccountCode.HELD), default=0),
            refunded=Sum("amount_minor", filter=Q(account__code=AccountCode.REFUND_DUE), default=0),
            fees=Sum("amount_minor", filter=Q(account__code=AccountCode.COMMISSION), default=0),
            released=Sum(
                "amount_minor",
                filter=Q(account__code__in=[AccountCode.PAYABLE, AccountCode.LOAN_CLEARING]),
                default=0,
            ),
        )
    )
    row = next(iter(rows), None)
    if row is None:
        return None
    return OrderMoney(
        currency=row["currency"],
        funded_minor=row["funded"],
        held_minor=-row["held"],
        released_minor=-row["released"],
        refunded_minor=-row["refunded"],
        fees_minor=-row["fees"],
    )


def transactions(*, platform_id: int, kind: str = "", search: str = "") -> QuerySet[Transaction]:
    """Return the journal, newest first, each with its entries and their accounts.

    `search` is a part of the memo (an order's number, a bank reference) or of the key.
    """
    found = Transaction.objects.of(platform_id).order_by("-id")
    if kind:
        found = found.filter(kind=kind)
    if search:
        found = found.filter(Q(memo__icontains=search) | Q(key__icontains=search))
    return found.prefetch_related("entries__account", "entries__tenant")


def kinds_with_counts(*, platform_id: int) -> list[tuple[str, int]]:
    """Return the kinds of transactions that there are, with how many of each."""
    rows = Transaction.objects.of(platform_id).values("kind").annotate(n=Count("id"))
    return sorted((row["kind"], row["n"]) for row in rows)


def entries_of(*, tenant_id: int) -> QuerySet[Entry]:
    """Return the entries in an organisation's own books, newest first."""
    return Entry.objects.of(tenant_id).select_related("account").order_by("-id")
