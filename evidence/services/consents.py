"""Asking for, giving, refusing and withdrawing consent; the owner alone decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from evidence.models import Consent
from evidence.models.consents import ConsentState, Purpose
from evidence.services.transitions import record_change, transition
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError
from tenants.live import announce

LONGEST = timedelta(days=365)
DEFAULT = timedelta(days=90)
READS = 100


class ConsentSpanRefused(DomainError):
    """A consent ends in the future, a year away at most."""

    code = "consent_span"


class ConsentOpen(Conflict):
    """There is a request or a consent between the two already."""

    code = "consent_open"


@transaction.atomic
def ask_for_consent(
    *,
    owner_id: int,
    scope: Sequence[str],
    valid_until: datetime,
    by: Actor,
    now: datetime,
) -> Consent:
    """Ask an owner for a look at its reports, as the reader. Opens nothing.

    Raises:
        ConsentSpanRefused: the span is not in the future, or longer than a year.
        ConsentOpen: a request or a consent is open already.
    """
    _check_span(now, valid_until)
    try:
        with transaction.atomic():
            consent = Consent.objects.create(
                owner_id=owner_id,
                grantee_id=by.tenant_id,
                purpose=Purpose.LENDING,
                scope=sorted(set(scope)),
                valid_until=valid_until,
                created_at=now,
            )
    except IntegrityError as error:
        raise ConsentOpen(
            _("You have asked this firm already, or it has consented already.")
        ) from error
    record_change(consent, change="requested", by=by, now=now, evidence={"scope": consent.scope})
    _announce(consent)
    return consent


@transaction.atomic
def grant_consent(
    *,
    grantee_id: int,
    scope: Sequence[str],
    valid_until: datetime,
    notice: str,
    notice_language: str,
    by: Actor,
    now: datetime,
) -> Consent:
    """Let a reader read reports in a scope until an instant, in place of what it had before.

    `notice` is the text that was shown, word for word. An earlier consent to the same reader is
    withdrawn, an open request is answered by this one.

    Raises:
        ConsentSpanRefused: the span is not in the future, or longer than a year.
    """
    _check_span(now, valid_until)
    for earlier in _live(by.tenant_id, grantee_id):
        to = (
            ConsentState.REVOKED if earlier.state == ConsentState.GRANTED else ConsentState.DECLINED
        )
        transition(
            earlier,
            to=to,
            by=by,
            now=now,
            decided_at=now,
            decided_by=by.name,
            evidence={"replaced": True},
        )
    consent = Consent.objects.create(
        owner_id=by.tenant_id,
        grantee_id=grantee_id,
        purpose=Purpose.LENDING,
        scope=sorted(set(scope)),
        notice=notice,
        notice_language=notice_language,
        valid_from=now,
        valid_until=valid_until,
        reads_left=READS,
        state=ConsentState.GRANTED,
        decided_at=now,
        decided_by=by.name,
        created_at=now,
    )
    record_change(consent, change="granted", by=by, now=now, evidence=_terms(consent))
    _announce(consent)
    return consent


@transaction.atomic
def decline_consent(*, consent: Consent, by: Actor, now: datetime) -> None:
    """Refuse a reader's request.

    Raises:
        StateConflict: it was answered already.
    """
    transition(
        consent, to=ConsentState.DECLINED, by=by, now=now, decided_at=now, decided_by=by.name
    )
    _announce(consent)


@transaction.atomic
def revoke_consent(*, consent: Consent, by: Actor, now: datetime) -> None:
    """Withdraw a consent: the reader's next look is refused.

    Raises:
        StateConflict: it is not granted any more.
    """
    transition(consent, to=ConsentState.REVOKED, by=by, now=now, decided_at=now, decided_by=by.name)
    _announce(consent)


def _live(owner_id: int, grantee_id: int) -> list[Consent]:
    """Lock what stands between the two for the same purpose: a request or a consent."""
    return list(
        Consent.objects.filter(
            owner_id=owner_id,
            grantee_id=grantee_id,
            purpose=Purpose.LENDING,
            state__in=[ConsentState.REQUESTED, ConsentState.GRANTED],
        )
        .order_by("id")
        .select_for_update()
    )


def _check_span(now: datetime, valid_until: datetime) -> None:
    if not now < valid_until <= now + LONGEST:
        raise ConsentSpanRefused(_("Choose a last day in the future, at most a year away."))


def _terms(consent: Consent) -> dict[str, object]:
    return {
        "grantee_id": consent.grantee_id,
        "purpose": consent.purpose,
        "scope": consent.scope,
        "valid_until": consent.valid_until.isoformat(),
        "notice": consent.notice,
    }


def _announce(consent: Consent) -> None:
    announce(tenant_ids=(consent.owner_id, consent.grantee_id), key="desk")
