"""What a buyer asks of the matcher: inquiries, plans, and to stop looking for better ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.core.asked import AskedOrder
from marketplace.models import ASIDE, Order, PlanPurpose, PlanRequest, PlanRequestState
from tenants.acting import PLATFORM_ID
from tenants.actors import Actor
from tenants.errors import NotFound
from tenants.ids import uuid7
from tenants.models import Organisation
from tenants.services.audit import record_act
from tenants.services.outbox import send_after_commit


class RequestGone(NotFound):
    code = "plan_request_not_found"


def request_plans(
    *,
    order: Order,
    asked: AskedOrder,
    now: datetime,
    purpose: PlanPurpose,
    frozen: dict[str, Any] | None = None,
    excluded: Iterable[int] = (),
) -> PlanRequest:
    """Ask the matcher for plans, in the open transaction of the buyer.

    A share that the buyer has decided to wait for goes on waiting in the new request.
    """
    waiting = PlanRequest.objects.filter(
        buyer_id=order.tenant_id, order_uid=order.uid, waiting_since__isnull=False
    )
    since = list(waiting.values_list("waiting_since", flat=True))
    if purpose not in ASIDE:
        waiting.update(waiting_since=None)
    request = PlanRequest.objects.create(
        buyer_id=order.tenant_id,
        platform_id=PLATFORM_ID,
        order_uid=order.uid,
        purpose=purpose,
        snapshot=asked.to_json(),
        frozen=frozen or {},
        excluded=sorted(excluded),
        waiting_since=since[0] if since and purpose == PlanPurpose.SHARE else None,
        created_at=now,
    )
    send_request(request)
    return request


@transaction.atomic
def ask_market(
    *, organisation: Organisation, now: datetime, asked: AskedOrder, uid: UUID | str | None = None
) -> PlanRequest:
    """Ask who could do this and roughly when and for how much; holds nothing.

    `uid` names an earlier inquiry of the same form, which is asked anew: a form that changes
    ten times leaves one row. An inquiry that is still unanswered answers for the last question.
    """
    mine = PlanRequest.objects.filter(
        buyer_id=organisation.pk, purpose=PlanPurpose.INQUIRY, uid=uid or uuid7()
    )
    fresh = {"snapshot": asked.to_json(), "band": None, "message": {}, "created_at": now}
    if uid is None or not mine.update(**fresh):
        request = PlanRequest.objects.create(
            buyer=organisation,
            platform_id=PLATFORM_ID,
            order_uid=uuid7(),
            purpose=PlanPurpose.INQUIRY,
            **fresh,
        )
    else:
        request = mine.get()
    send_request(request)
    return request


@transaction.atomic
def stop_and_use(
    *, organisation: Organisation, by: Actor, now: datetime, uid: UUID | str
) -> PlanRequest:
    """Take the best plans found so far; asked twice, or too late, it changes nothing.

    Raises:
        RequestGone: the organisation has no such request.
    """
    mine = PlanRequest.objects.filter(buyer_id=organisation.pk, uid=uid)
    stopped = mine.filter(
        state__in=(PlanRequestState.REQUESTED, PlanRequestState.SOLVING), stop_requested_at=None
    ).update(stop_requested_at=now)
    request = mine.first()
    if request is None:
        raise RequestGone(_("There is no such planning run."))
    if stopped:
        record_act(
            by=by,
            now=now,
            action="planrequest.stopped",
            subject="planrequest",
            subject_uid=request.uid,
        )
    return request


def send_request(request: PlanRequest) -> None:
    """Bring a request to the matcher, on commit."""
    send_after_commit(
        tenant_id=request.buyer_id,
        topic="plan.requested",
        buyer_id=request.buyer_id,
        request_uid=str(request.uid),
    )
