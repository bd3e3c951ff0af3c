"""Lending: a lender's product, and one loan from application to the last repayment."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7


class LoanProduct(models.Model):
    """What a lender offers to suppliers: a directory entry that everybody may read."""

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    lender = models.ForeignKey("tenants.Organisation", models.PROTECT, related_name="+")
    name = models.CharField(_("Name"), max_length=80)
    name_zh = models.CharField(_("Chinese name"), max_length=80, blank=True)
    currency = models.CharField(max_length=3)
    minimum_minor = models.PositiveBigIntegerField()
    maximum_minor = models.PositiveBigIntegerField()
    annual_rate = models.DecimalField(_("Annual rate"), max_digits=7, decimal_places=5)
    term_days = models.PositiveIntegerField()
    share_of_release = models.DecimalField(max_digits=4, decimal_places=3)
    is_open = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="product_amounts",
                condition=Q(minimum_minor__gt=0, maximum_minor__gte=F("minimum_minor")),
            ),
            models.CheckConstraint(
                name="product_share", condition=Q(share_of_release__gt=0, share_of_release__lte=1)
            ),
            models.CheckConstraint(
                name="product_terms",
                condition=Q(annual_rate__gte=0, annual_rate__lte=1, term_days__gt=0),
            ),
        ]


class LoanState(models.TextChoices):
    APPLIED = "applied", _("Applied")
    """The lender is to decide."""
    OFFERED = "offered", _("Offered")
    """The supplier is to accept."""
    REJECTED = "rejected", _("Rejected")
    """With reasons that the supplier reads."""
    WITHDRAWN = "withdrawn", _("Withdrawn")
    """By the supplier."""
    ACCEPTED = "accepted", _("Accepted")
    """The lender is to pay out, bank to bank."""
    ACTIVE = "active", _("Active")
    """Paid out; repaid from releases."""
    REPAID = "repaid", _("Repaid")
    """Nothing is owed."""


class Loan(models.Model):
    """A bilateral row of supplier and lender. Principal moves bank to bank; here is the record.

    Owed = principal + interest + fee, fixed when the offer is made: simple interest over the whole
    term. `apr` is the effective annual rate of being paid back in one sum at the end of the term.
    """

    TRANSITIONS = {
        "offered": frozenset({"applied"}),
        "rejected": frozenset({"applied"}),
        "withdrawn": frozenset({"applied", "offered"}),
        "accepted": frozenset({"offered"}),
        "active": frozenset({"accepted"}),
        "repaid": frozenset({"active"}),
    }

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    supplier = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    lender = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    product = models.ForeignKey("finance.LoanProduct", models.PROTECT, related_name="+")
    number = models.CharField(max_length=20)
    consent_uid = models.UUIDField()
    order_uid = models.UUIDField(null=True)
    currency = models.CharField(max_length=3)
    asked_minor = models.PositiveBigIntegerField()
    principal_minor = models.PositiveBigIntegerField(default=0)
    fee_minor = models.PositiveBigIntegerField(default=0)
    interest_minor = models.PositiveBigIntegerField(default=0)
    term_days = models.PositiveIntegerField(default=90)
    apr = models.DecimalField(max_digits=9, decimal_places=5, null=True)
    annual_rate = models.DecimalField(max_digits=7, decimal_places=5)
    share_of_release = models.DecimalField(max_digits=4, decimal_places=3)
    repaid_minor = models.PositiveBigIntegerField(default=0)
    purpose = models.CharField(_("What it is for"), max_length=300, blank=True)
    decision_note = models.CharField(_("Reasons"), max_length=300, blank=True)
    disbursement_reference = models.CharField(_("Bank reference"), max_length=120, blank=True)
    state = models.CharField(_("State"), max_length=10, choices=LoanState, default="applied")
    applied_at = models.DateTimeField()
    offered_at = models.DateTimeField(null=True)
    offer_expires_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    disbursed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    repaid_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["supplier", "-id"]),
            models.Index(fields=["lender", "state", "-id"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["lender", "number"], name="loan_number_once"),
            # One question at a time: a second application waits until this one is answered.
            models.UniqueConstraint(
                fields=["supplier", "lender"],
                name="loan_open_once",
                condition=Q(state__in=["applied", "offered"]),
            ),
            # One loan at a time is repaid from a supplier's releases.
            models.UniqueConstraint(
                fields=["supplier", "currency"],
                name="loan_running_once",
                condition=Q(state__in=["accepted", "active"]),
            ),
            models.CheckConstraint(
                name="loan_not_overpaid",
                condition=Q(
                    repaid_minor__lte=F("principal_minor") + F("interest_minor") + F("fee_minor")
                ),
            ),
            models.CheckConstraint(
                name="loan_offer_is_whole",
                condition=Q(state__in=["applied", "rejected", "withdrawn"])
                | Q(principal_minor__gt=0, apr__isnull=False, offered_at__isnull=False),
            ),
            models.CheckConstraint(
                name="loan_repaid_in_full",
                condition=~Q(state="repaid")
                | Q(repaid_minor=F("principal_minor") + F("interest_minor") + F("fee_minor")),
            ),
            models.CheckConstraint(
                name="loan_rates",
                condition=Q(
                    annual_rate__gte=0,
                    annual_rate__lte=1,
                    share_of_release__gt=0,
                    share_of_release__lte=1,
                    term_days__gt=0,
                    asked_minor__gt=0,
                ),
            ),
        ]

    @property
    def owed_minor(self) -> int:
        """Principal, interest and fee: all that is ever to be paid back."""
        return self.principal_minor + self.interest_minor + self.fee_minor

    @property
    def left_minor(self) -> int:
        return self.owed_minor - self.repaid_minor


class Repayment(models.Model):
    """One repayment that a release made: bilateral of supplier and lender."""

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    supplier = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    lender = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    loan = models.ForeignKey("finance.Loan", models.PROTECT, related_name="repayments")
    payout_uid = models.UUIDField(unique=True)
    amount_minor = models.PositiveBigIntegerField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["supplier", "-id"]), models.Index(fields=["lender", "-id"])]
        constraints = [
            models.CheckConstraint(name="repayment_amount", condition=Q(amount_minor__gt=0))
        ]


class RepaymentInstruction(models.Model):
    """The supplier's order to the platform to repay a loan from its releases: bilateral of both."""

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    supplier = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    lender_id = models.BigIntegerField()
    loan_uid = models.UUIDField(unique=True)
    currency = models.CharField(max_length=3)
    share_of_release = models.DecimalField(max_digits=4, decimal_places=3)
    owed_minor = models.PositiveBigIntegerField()
    repaid_minor = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["supplier"]), models.Index(fields=["platform", "supplier"])]
        constraints = [
            models.CheckConstraint(
                name="instruction_not_overpaid", condition=Q(repaid_minor__lte=F("owed_minor"))
            ),
            models.UniqueConstraint(
                fields=["platform", "supplier", "currency"],
                name="instruction_live_once",
                condition=Q(ended_at=None),
            ),
        ]
