"""Reading consents for either party, and the looks that were taken."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from evidence.models import AccessEvent, Consent
from evidence.models.consents import ConsentState
from tenants.errors import NotFound


def consents_given(*, owner_id: int) -> QuerySet[Consent]:
    """Return what an owner was asked for and has granted, newest first."""
    return Consent.objects.filter(owner_id=owner_id).select_related("grantee").order_by("-id")


def consents_held(*, grantee_id: int) -> QuerySet[Consent]:
    """Return what a reader has asked for and was granted, newest first."""
    return Consent.objects.filter(grantee_id=grantee_id).select_related("owner").order_by("-id")


def consent_given(*, owner_id: int, uid: UUID) -> Consent:
    """Return one consent of its owner.

    Raises:
        NotFound: no such consent here.
    """
    consent = consents_given(owner_id=owner_id).filter(uid=uid).first()
    if consent is None:
        raise NotFound(_("There is no such consent."))
    return consent


def live_consent(*, owner_id: int, grantee_id: int, now: datetime) -> Consent | None:
    """Return the consent that opens an owner's report to a reader now, if there is one."""
    return Consent.objects.filter(
        owner_id=owner_id,
        grantee_id=grantee_id,
        state=ConsentState.GRANTED,
        valid_until__gt=now,
    ).first()


def looks_at(*, owner_id: int) -> QuerySet[AccessEvent]:
    """Return who looked at an owner's reports, refused looks too, newest first."""
    return AccessEvent.objects.of(owner_id).select_related("reader").order_by("-id")
