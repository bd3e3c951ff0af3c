"""Double entry held by the database: append-only, balanced per currency, posted by one function.

Accounts and entries are bilateral rows of the organisation whose account it is and of the
platform, which keeps the books. `ledger_post` (a function of the database) is the only door in,
and only the platform may call it.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7
from tenants.models.base import TenantModel, TenantQuerySet


class AccountCode(models.TextChoices):
    BANK = "bank", _("Bank (money held by the provider)")
    """Platform, debit side: what the payment provider holds for us."""
    HELD = "held", _("Held for an order")
    """Buyer, credit side: paid in, not yet released."""
    PAYABLE = "payable", _("Payable to the supplier")
    """Supplier, credit side: released, not yet paid out."""
    COMMISSION = "commission", _("Commission earned")
    """Platform, credit side."""
    LOAN_CLEARING = "loan_clearing", _("Repayments to pass on")
    """Lender, credit side: taken from releases, not yet paid out."""
    REFUND_DUE = "refund_due", _("To be paid back")
    """Buyer, credit side: left over when an order closed, not yet paid back."""


OF_PLATFORM = (AccountCode.BANK, AccountCode.COMMISSION)
"""The platform's own accounts; every other code is an account of somebody else."""
OF_ONE_ORDER = (AccountCode.HELD,)
"""One account for each order, named by `subject_uid`; every other code has one account in all."""
NEVER_DEBIT = (
    AccountCode.HELD,
    AccountCode.PAYABLE,
    AccountCode.LOAN_CLEARING,
    AccountCode.REFUND_DUE,
)
NEVER_CREDIT = (AccountCode.BANK,)


def _exactly(codes: tuple[str, ...], condition: Q) -> Q:
    """Say that `condition` holds for the accounts of these codes and for no other."""
    return Q(condition, code__in=codes) | Q(~condition, ~Q(code__in=codes))


class Account(TenantModel):
    """One account of an organisation in one currency; `balance_minor` = the sum of its entries.

    Amounts are signed: debit above zero, credit below. An account with `never_debit` or
    `never_credit` refuses a balance on that side: nobody is paid what is not there.
    """

    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False, db_default=1
    )
    code = models.CharField(max_length=20, choices=AccountCode)
    currency = models.CharField(max_length=3)
    subject_uid = models.UUIDField(null=True)
    never_debit = models.BooleanField()
    never_credit = models.BooleanField()
    balance_minor = models.BigIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["platform", "code", "currency"])]
        constraints = [
            models.CheckConstraint(
                name="account_code_known", condition=Q(code__in=AccountCode.values)
            ),
            models.CheckConstraint(
                name="account_currency_code", condition=Q(currency__regex="^[A-Z]{3}$")
            ),
            models.CheckConstraint(
                name="account_of_the_right_party",
                condition=_exactly(OF_PLATFORM, Q(tenant=F("platform"))),
            ),
            models.CheckConstraint(
                name="account_names_its_order",
                condition=_exactly(OF_ONE_ORDER, Q(subject_uid__isnull=False)),
            ),
            models.CheckConstraint(
                name="account_never_debit", condition=_exactly(NEVER_DEBIT, Q(never_debit=True))
            ),
            models.CheckConstraint(
                name="account_never_credit", condition=_exactly(NEVER_CREDIT, Q(never_credit=True))
            ),
            models.UniqueConstraint(
                fields=["tenant", "code", "currency", "subject_uid"],
                name="account_once",
                nulls_distinct=False,
            ),
            models.UniqueConstraint(fields=["id", "currency"], name="account_currency"),
            models.CheckConstraint(
                name="account_floor",
                condition=(Q(never_debit=False) | Q(balance_minor__lte=0))
                & (Q(never_credit=False) | Q(balance_minor__gte=0)),
            ),
        ]


class Transaction(TenantModel):
    """One movement of money; `key` makes it happen once. `tenant` is the platform."""

    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=30)
    subject_uid = models.UUIDField()
    memo = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-id"]),
            models.Index(fields=["tenant", "subject_uid"]),
        ]


class Entry(models.Model):
    """One leg of a transaction, in the books of the account's organisation."""

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    tenant = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False, db_default=1
    )
    transaction = models.ForeignKey("finance.Transaction", models.PROTECT, related_name="entries")
    account = models.ForeignKey(
        "finance.Account", models.PROTECT, related_name="entries", db_index=False
    )
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    kind = models.CharField(max_length=30)
    subject_uid = models.UUIDField()
    memo = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    objects = TenantQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-id"]),
            models.Index(fields=["account", "id"]),
            models.Index(fields=["tenant", "subject_uid"]),
            models.Index(fields=["platform", "subject_uid"]),
        ]
        constraints = [models.CheckConstraint(name="entry_not_zero", condition=~Q(amount_minor=0))]

    @property
    def credit_minor(self) -> int:
        """The amount as a credit, above zero when it is one."""
        return -self.amount_minor
