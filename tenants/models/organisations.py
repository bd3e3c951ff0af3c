"""Organisations, who belongs to them and in which role."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7
from tenants.models.base import TenantModel


class OrganisationKind(models.TextChoices):
    SUPPLIER = "supplier", _("Supplier")
    """Sells idle machine hours."""
    BUYER = "buyer", _("Buyer")
    """Posts orders."""
    LENDER = "lender", _("Lender")
    """Finances suppliers on consented reports."""
    OPERATOR = "operator", _("Platform operator")
    """Runs the platform; exactly one organisation."""


class Verification(models.TextChoices):
    UNVERIFIED = "unverified", _("Unverified")
    """Signed up, nothing shown yet."""
    SUBMITTED = "submitted", _("Submitted")
    """Papers are with the operator."""
    VERIFIED = "verified", _("Verified")
    """The operator has seen the papers."""
    SUSPENDED = "suspended", _("Suspended")
    """May read, may not trade."""


class Organisation(models.Model):
    """A firm on the platform. Its row is the public directory entry and holds nothing secret."""

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    name = models.CharField(_("Name"), max_length=160)
    name_zh = models.CharField(_("Chinese name"), max_length=160, blank=True)
    kinds = ArrayField(
        models.CharField(max_length=10, choices=OrganisationKind), verbose_name=_("Kinds")
    )
    country = models.CharField(_("Country"), max_length=2, default="CN")
    city = models.CharField(_("City"), max_length=80, blank=True)
    time_zone = models.CharField(_("Time zone"), max_length=40, default="Asia/Shanghai")
    currency = models.CharField(_("Currency"), max_length=3, default="CNY")
    verification = models.CharField(
        max_length=12, choices=Verification, default=Verification.UNVERIFIED
    )
    is_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="organisation_kinds_known",
                condition=Q(kinds__contained_by=[k.value for k in OrganisationKind])
                & Q(kinds__len__gt=0),
            ),
            models.CheckConstraint(
                name="organisation_one_operator",
                condition=Q(id=1) | ~Q(kinds__contains=["operator"]),
            ),
        ]

    def __str__(self) -> str:
        return (
            self.name_zh if self.name_zh and (get_language() or "").startswith("zh") else self.name
        )

    @property
    def kind_names(self) -> str:
        """Return what it is, in the reader's language."""
        return " · ".join(str(OrganisationKind(kind).label) for kind in self.kinds)

    @property
    def initials(self) -> str:
        """Return one or two letters for the avatar."""
        words = str(self).split()
        return "".join(word[0] for word in words[:2]).upper()


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    """Everything, members and keys included."""
    MANAGER = "manager", _("Manager")
    """Trades, plans, lends and moves money."""
    OPERATOR = "operator", _("Shop floor")
    """Runs work orders and machines."""
    VIEWER = "viewer", _("Viewer")
    """Reads."""


class Membership(TenantModel):
    """A person in an organisation."""

    person = models.ForeignKey("tenants.Person", models.PROTECT, related_name="memberships")
    role = models.CharField(_("Role"), max_length=10, choices=Role)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "person"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}@{self.tenant_id}"

    @property
    def organisation(self) -> Organisation:
        """Return the organisation, under the word that pages use."""
        return self.tenant

    @property
    def seat_label(self) -> str:
        """Return the seats of the organisation, for the switcher."""
        return self.tenant.kind_names


class Invitation(TenantModel):
    """An offer of membership, sent to an e-mail address; the link's token is kept as a hash."""

    email = models.EmailField(_("E-mail"))
    role = models.CharField(_("Role"), max_length=10, choices=Role)
    token_hash = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey("tenants.Person", models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "tenant",
                Lower("email"),
                name="invitation_open_once",
                condition=Q(accepted_at=None, withdrawn_at=None),
            ),
        ]
