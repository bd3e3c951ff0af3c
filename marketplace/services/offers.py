"""A factory's answer to its offer, and what the buyer and the clock may do to it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import StateConflict, transition, transition_all
from marketplace.core.leaving import waiting_name
from marketplace.core.share import Share
from marketplace.models import Offer, OfferState, WorkOrder, WorkOrderState
from marketplace.services.making_room import make_room
from marketplace.services.work_orders import cancel_work, open_work
from scheduling.services.reservations import Span, book_spans
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError, NotFound
from tenants.live import announce
from tenants.services.outbox import send_after_commit

ANSWERED = _("This offer has its answer already, or the buyer took it back.")


class OfferUnknown(NotFound):
    code = "offer_unknown"


class OfferExpired(Conflict):
    """The time to answer is over."""

    code = "offer_expired"


class OfferAnswered(Conflict):
    """The offer has its answer, or the buyer took it back."""

    code = "offer_answered"


class ReasonMissing(DomainError):
    code = "reason_missing"


class ProductionPaid(Conflict):
    """The buyer's money is in and the factories may be at work."""

    code = "production_paid"


@transaction.atomic
def accept_offer(*, offer_uid: UUID, by: Actor, now: datetime) -> Offer:
    """Accept an offer: book its machine hours and open its work orders.

    Lots of the factory's own that have to make room for it move first, in the same transaction.
    Lots that another factory gives up are still its own: their work opens when all who take some
    of them have accepted (`services.leaving`). Of many callers one wins, by one conditional UPDATE
    of the offer and the database's refusal of overlapping reservations; for every other nothing
    has happened.

    Raises:
        OfferUnknown: no such offer to the acting organisation.
        OfferAnswered: it has its answer, or the buyer took it back.
        OfferExpired: `now` is at or past its expiry.
        MachineTimeTaken: some of its machine hours are booked; the offer stays open.
        RoomGone, RoomBusy: lots cannot make room, at all or right now; the offer stays open.
    """
    offer = _open_offer(offer_uid, by=by, now=now)
    _answer(offer, to=OfferState.ACCEPTED, by=by, now=now)
    # Read after the claim: the buyer may have sent a lot another way until now.
    offer.refresh_from_db(fields=["snapshot"])
    share = Share.from_json(offer.snapshot)
    make_room(offer=offer, by=by, now=now)
    is_waiting = offer.proposal_uid is not None
    book_spans(spans=spans_of(offer, share, are_waiting=is_waiting), by=by, now=now)
    if not is_waiting:
        open_work(offer=offer, share=share, by=by, now=now)
    _pass_on(offer, by=by)
    return offer


def spans_of(offer: Offer, share: Share, *, are_waiting: bool) -> list[Span]:
    """Return the machine hours of a share, named for its operations.

    While another factory still has the lots, the operations' names are its own: what waits for
    them is named for the offer too.
    """
    return [
        Span(
            machine_id=one.machine_id,
            start_at=one.start_at,
            end_at=one.end_at,
            subject_uid=waiting_name(offer.uid, one.uid) if are_waiting else one.uid,
        )
        for one in share.operations
    ]


def waiting_names(offer: Offer) -> list[tuple[UUID, UUID]]:
    """Return, for each operation of an offer, how its time is named while it waits, and after."""
    operations = Share.from_json(offer.snapshot).operations
    return [(waiting_name(offer.uid, one.uid), one.uid) for one in operations]


@transaction.atomic
def decline_offer(*, offer_uid: UUID, reason: str, by: Actor, now: datetime) -> Offer:
    """Decline an offer; its share goes back to the planner.

    Raises:
        OfferUnknown, OfferAnswered, OfferExpired: as for `accept_offer`.
        ReasonMissing: the buyer is owed a reason.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing(_("Say why you decline, so that the buyer can plan again."))
    offer = _open_offer(offer_uid, by=by, now=now)
    _answer(offer, to=OfferState.DECLINED, by=by, now=now, decline_reason=reason[:300])
    _pass_on(offer, by=by)
    return offer


@transaction.atomic
def lapse_offer(*, offer_uid: UUID, by: Actor, now: datetime) -> bool:
    """End an offer whose time is over, as its buyer; False when there is nothing to end."""
    offer = (
        Offer.objects.of_buyer(by.tenant_id)
        .filter(uid=offer_uid, state=OfferState.OFFERED, expires_at__lte=now)
        .select_for_update(no_key=True)
        .first()
    )
    if offer is None:
        return False
    transition(offer, to=OfferState.LAPSED, by=by, now=now, answered_at=now)
    _pass_on(offer, by=by)
    return True


@transaction.atomic
def withdraw_offers(
    *, order_uid: UUID, by: Actor, now: datetime, only: Collection[UUID] | None = None
) -> int:
    """Take offers of a buyer's order back, open and accepted ones; returns how many.

    `only` names those to take back; without it, all. Work orders of accepted offers end here;
    their machine hours are given back by the handler of `offer.answered`, which acts for each
    factory.

    Raises:
        ProductionPaid: a work order is released already.
    """
    offers = list(
        Offer.objects.of_buyer(by.tenant_id)
        .filter(order_uid=order_uid, state__in=Offer.TRANSITIONS[OfferState.WITHDRAWN])
        .filter(Q() if only is None else Q(uid__in=only))
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    begun = (
        WorkOrder.objects.of_buyer(by.tenant_id)
        .filter(offer__in=offers)
        .exclude(state__in=[WorkOrderState.CONFIRMED, WorkOrderState.CANCELLED])
    )
    if begun.exists():
        raise ProductionPaid(_("The factories may be at work: this order cannot be cancelled."))
    transition_all(offers, to=OfferState.WITHDRAWN, by=by, now=now)
    cancel_work(offers=offers, by=by, now=now)
    for offer in offers:
        _pass_on(offer, by=by)
    return len(offers)


def _open_offer(offer_uid: UUID, *, by: Actor, now: datetime) -> Offer:
    """Find an offer that may still be answered; its expiry never changes, so reading it is safe."""
    offer = Offer.objects.of_supplier(by.tenant_id).filter(uid=offer_uid).first()
    if offer is None:
        raise OfferUnknown(_("There is no such offer to you."))
    if offer.state != OfferState.OFFERED:
        raise OfferAnswered(ANSWERED)
    if now >= offer.expires_at:
        raise OfferExpired(_("The time to answer this offer is over."))
    return offer


def _answer(offer: Offer, *, to: str, by: Actor, now: datetime, **fields: str) -> None:
    """Claim the answer by one conditional UPDATE; who comes second learns that he did."""
    try:
        transition(
            offer,
            to=to,
            by=by,
            now=now,
            evidence=dict(fields),
            answered_at=now,
            answered_by=by.name,
            **fields,
        )
    except StateConflict as error:
        raise OfferAnswered(ANSWERED) from error


def _pass_on(offer: Offer, *, by: Actor) -> None:
    """Tell both sides' pages, and let the platform and the buyer draw the consequences."""
    send_after_commit(
        tenant_id=by.tenant_id,
        topic="offer.answered",
        buyer_id=offer.buyer_id,
        supplier_id=offer.supplier_id,
        offer_uid=str(offer.uid),
    )
    announce(tenant_ids=(offer.buyer_id,), key=f"order:{offer.order_uid}")
    announce(tenant_ids=(offer.supplier_id,), key="offers")
