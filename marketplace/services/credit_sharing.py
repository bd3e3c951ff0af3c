"""Letting a lender read: the consent, and a report that is no older than a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from evidence.models import Consent
from evidence.services.consents import grant_consent
from finance.credit.selectors import newest_report
from marketplace.services.credit_features import refresh_report
from tenants.actors import Actor
from tenants.models import Organisation

FRESH = timedelta(days=1)


def consent_notice(*, owner: Organisation, grantee: Organisation) -> str:
    """Return what an owner agrees to, in the language of the page; it is kept word for word."""
    return _(
        "%(owner)s lets %(grantee)s read the parts of its credit report that are ticked, for "
        "deciding on and watching a loan, until the day given. %(grantee)s may not pass them on. "
        "Every look is written down for %(owner)s. The consent can be withdrawn at any time; the "
        "next look is then refused. What was read before stays read."
    ) % {"owner": owner.name, "grantee": grantee.name}


@transaction.atomic
def keep_fresh(*, supplier: Organisation, by: Actor, now: datetime) -> None:
    """Make a report of a supplier, as that supplier, unless there is one of the last day."""
    report = newest_report(tenant_id=supplier.pk)
    if report is None or report.as_of < now - FRESH:
        refresh_report(supplier=supplier, by=by, now=now)


@transaction.atomic
def share_report(
    *,
    owner: Organisation,
    grantee: Organisation,
    scope: Sequence[str],
    valid_until: datetime,
    by: Actor,
    now: datetime,
) -> Consent:
    """Grant a consent, and make a report if there is none of the last day.

    Raises:
        ConsentSpanRefused: the last day is not in the future, or more than a year away.
    """
    keep_fresh(supplier=owner, by=by, now=now)
    return grant_consent(
        grantee_id=grantee.pk,
        scope=scope,
        valid_until=valid_until,
        notice=consent_notice(owner=owner, grantee=grantee),
        notice_language=get_language() or "en",
        by=by,
        now=now,
    )
