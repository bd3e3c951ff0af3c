"""Lots of a plan that was changed go another way; what was agreed stays as it was agreed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery

from evidence.services.transitions import Change, record_changes
from marketplace.core.share import Route, Share
from marketplace.models import Offer, OfferState, Operation, OperationState
from tenants.actors import Actor
from tenants.live import announce


@transaction.atomic
def reroute_lots(*, order_uid: UUID, routes: Sequence[Route], by: Actor, now: datetime) -> None:
    """Send lots of accepted and open shares to the factories of a new plan, as the buyer.

    What was accepted stays as it is (machine, hours, pieces, price): only where the lot goes
    afterwards changes. An open offer is locked first, so a factory that accepts at the same moment
    works by the old route or by the new one, never by a mixture.
    """
    by_operation: Mapping[UUID, Route] = {route.operation_uid: route for route in routes}
    live = list(
        Offer.objects.of_buyer(by.tenant_id)
        .filter(order_uid=order_uid, state__in=[OfferState.OFFERED, OfferState.ACCEPTED])
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    changed = []
    for offer in live:
        share = Share.from_json(offer.snapshot)
        offer.snapshot = share.rerouted(by_operation).to_json()
        if share != Share.from_json(offer.snapshot):
            changed.append(offer)
    Offer.objects.bulk_update(changed, ["snapshot"])
    operations = list(
        Operation.objects.of_buyer(by.tenant_id)
        .filter(uid__in=by_operation)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    for operation in operations:
        route = by_operation[operation.uid]
        operation.next_supplier_id = route.next_supplier_id
        operation.next_operation_uid = route.next_operation_uid
        operation.transport_minutes = route.transport_minutes
    Operation.objects.bulk_update(
        operations,
        ["next_supplier", "next_operation_uid", "transport_minutes"],
    )
    record_changes((Change(row=offer, change="rerouted") for offer in changed), by=by, now=now)
    announce(tenant_ids=tuple({offer.supplier_id for offer in changed}), key="offers")


@transaction.atomic
def join_chains(*, order_uid: UUID, by: Actor) -> int:
    """Make every accepted operation say from whom its lot really comes; returns how many changed.

    A step that was planned anew may be with another factory than the step after it was told.
    """
    operations = (
        Operation.objects.of_buyer(by.tenant_id)
        .filter(order_uid=order_uid)
        .exclude(state=OperationState.CANCELLED)
    )
    before = operations.filter(next_operation_uid=OuterRef("uid")).values("supplier_id")[:1]
    return (
        operations.annotate(sender_id=Subquery(before))
        .filter(previous_supplier__isnull=False, sender_id__isnull=False)
        .exclude(previous_supplier_id=Subquery(before))
        .update(previous_supplier_id=Subquery(before))
    )
