"""What the operator's first screen answers: which queue is late?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.apps import apps
from django.db.models import Count, Min
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.models import (
    Funding,
    FundingState,
    Listing,
    ListingState,
    PlanPurpose,
    PlanRequest,
)
from marketplace.selectors.orders import UNDER_WAY
from tenants.acting import PLATFORM_ID
from tenants.models.organisations import Verification
from tenants.selectors import directory, outbox_health


@dataclass(frozen=True, kw_only=True)
class Queue:
    """One queue: how much waits, since when, and after how long that is late."""

    label: Promise
    waiting: int
    oldest: datetime | None
    late_after: timedelta
    url: str
    icon: str

    def is_late(self, now: datetime) -> bool:
        return self.oldest is not None and now - self.oldest > self.late_after


def queues() -> list[Queue]:
    """Return the operator's queues; five queries whatever the size."""
    proofs = Funding.objects.filter(platform_id=PLATFORM_ID, state=FundingState.PROVED).aggregate(
        waiting=Count("id"), oldest=Min("proved_at")
    )
    asked = PlanRequest.objects.filter(platform_id=PLATFORM_ID, state__in=UNDER_WAY)
    # An inquiry is answered at once and stays open for the next question of its form.
    plans = asked.exclude(purpose=PlanPurpose.INQUIRY).aggregate(
        waiting=Count("id"), oldest=Min("created_at")
    )
    unseen = directory(verification=Verification.SUBMITTED).aggregate(
        waiting=Count("id"), oldest=Min("created_at")
    )
    messages = outbox_health()
    ages = [topic.oldest for topic in messages if topic.oldest]
    return [
        Queue(
            label=_("Transfers to confirm"),
            late_after=timedelta(hours=24),
            url=reverse("money"),
            icon="wallet",
            **proofs,
        ),
        Queue(
            label=_("Orders being planned"),
            late_after=timedelta(minutes=10),
            url=reverse("matching_runs"),
            icon="workflow",
            **plans,
        ),
        Queue(
            label=_("Organisations to verify"),
            late_after=timedelta(days=2),
            url=reverse("organisations") + "?verification=submitted",
            icon="building-2",
            **unseen,
        ),
        Queue(
            label=_("Messages between parts of the site"),
            waiting=sum(topic.open for topic in messages),
            oldest=min(ages, default=None),
            late_after=timedelta(minutes=2),
            url=reverse("outbox"),
            icon="send",
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class MarketSize:
    """How much is on the floor."""

    suppliers: int
    machines: int
    frames_in_quarantine: int


def market_size() -> MarketSize:
    """Count listed suppliers and machines, and what the platform holds in quarantine."""
    listed = Listing.objects.of(PLATFORM_ID).filter(state=ListingState.LISTED)
    sums = listed.aggregate(suppliers=Count("supplier", distinct=True), machines=Count("id"))
    quarantine = apps.get_model("devices", "QuarantinedFrame").objects.of(PLATFORM_ID)
    return MarketSize(frames_in_quarantine=quarantine.count(), **sums)
