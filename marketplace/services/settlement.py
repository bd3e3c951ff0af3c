"""An order's money: asked for, proved, received, released with each inspection, and closed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import record_change, transition
from finance.billing.services import GrossShare, book_funding, book_refund, book_release
from finance.core.postings import Pot
from marketplace.models import Funding, FundingState, Order, Release
from tenants.acting import PLATFORM_ID
from tenants.actors import Actor
from tenants.errors import Conflict
from tenants.live import announce
from tenants.services.outbox import send_after_commit


class OrderWithoutPrice(Conflict):
    """Money is asked for after a plan is chosen, which sets the price."""

    code = "order_without_price"


@transaction.atomic
def ask_for_funding(*, order: Order, by: Actor, now: datetime) -> Funding:
    """Ask the buyer to pay an order's price in; once for each order.

    Raises:
        OrderWithoutPrice: no plan has set a price.
    """
    if not order.cost_minor:
        raise OrderWithoutPrice(_("This order has no price yet. Choose a plan first."))
    funding, is_new = Funding.objects.get_or_create(
        order_uid=order.uid,
        defaults={
            "buyer_id": order.tenant_id,
            "platform_id": PLATFORM_ID,
            "order_number": order.number,
            "amount_minor": order.cost_minor,
            "currency": order.currency,
            "payment_reference": _reference(order),
            "created_at": now,
        },
    )
    if is_new:
        record_change(
            funding, change="asked", by=by, now=now, evidence={"amount_minor": funding.amount_minor}
        )
        _announce(funding)
    return funding


def _reference(order: Order) -> str:
    """Return what tells a transfer apart from that of another buyer's order of the same number."""
    return f"OF-{order.number}-{order.uid.hex[-6:].upper()}"


@transaction.atomic
def send_proof(*, funding: Funding, proof: str, by: Actor, now: datetime) -> None:
    """Say as the buyer that the money was sent, with the bank's reference of the transfer.

    Raises:
        StateConflict: proof was sent, or the money received, in the meantime.
    """
    transition(
        funding,
        to=FundingState.PROVED,
        by=by,
        now=now,
        proof=proof,
        proved_at=now,
        note="",
        evidence={"proof": proof},
    )
    _announce(funding)


@transaction.atomic
def confirm_proof(*, funding: Funding, by: Actor, now: datetime) -> None:
    """Say as the platform that the money is on the account: it is held, and work may start.

    Money for an order that was cancelled in the meantime is owed back at once.

    Raises:
        StateConflict: another operator was first, or there is no proof.
    """
    transition(
        funding,
        to=FundingState.CONFIRMED,
        by=by,
        now=now,
        confirmed_at=now,
        evidence={"amount_minor": funding.amount_minor, "currency": funding.currency},
    )
    book_funding(
        pot=_pot(funding),
        key=str(funding.uid),
        amount_minor=funding.amount_minor,
        memo=f"{funding.order_number} {funding.proof}",
        now=now,
    )
    funding.refresh_from_db(fields=["closed_at"])  # the row is locked since the transition
    if funding.closed_at is not None:
        book_refund(pot=_pot(funding), label=funding.order_number, now=now)
    else:
        send_after_commit(
            tenant_id=PLATFORM_ID,
            topic="funding.confirmed",
            buyer_id=funding.buyer_id,
            order_uid=str(funding.order_uid),
        )
    _announce(funding)


@transaction.atomic
def close_funding(*, buyer_id: int, order_uid: UUID, now: datetime) -> None:
    """Ask no more money for a cancelled order, as the platform, and give back what is held.

    Safe to run twice. A proof that waits is still checked: the money may be on its way.
    """
    funding = (
        Funding.objects.select_for_update()
        .filter(platform_id=PLATFORM_ID, buyer_id=buyer_id, order_uid=order_uid)
        .first()
    )
    if funding is None or funding.closed_at is not None:
        return
    funding.closed_at = now
    funding.save(update_fields=["closed_at"])
    if funding.state == FundingState.CONFIRMED:
        book_refund(pot=_pot(funding), label=funding.order_number, now=now)
    record_change(funding, change="closed", by=Actor.system(PLATFORM_ID), now=now)
    _announce(funding)


@transaction.atomic
def return_proof(*, funding: Funding, reason: str, by: Actor, now: datetime) -> None:
    """Say as the platform that no such money has arrived; the buyer reads why and may try again.

    Raises:
        StateConflict: another operator was first, or there is no proof.
    """
    transition(
        funding, to=FundingState.ASKED, by=by, now=now, note=reason, evidence={"reason": reason}
    )
    _announce(funding)


@transaction.atomic
def book_released(*, release_uid: UUID, now: datetime) -> None:
    """Book what an inspected shipment releases, as the platform; safe to run twice."""
    release = Release.objects.select_for_update().get(platform_id=PLATFORM_ID, uid=release_uid)
    if release.booked_at is not None:
        return
    book_release(
        pot=_pot(release),
        release_uid=release.uid,
        shares=[
            GrossShare(
                supplier_id=share["supplier_id"],
                subject_uid=UUID(share["work_order_uid"]),
                label=share["work_order_number"],
                gross_minor=share["amount_minor"],
            )
            for share in release.shares
            if share["amount_minor"]
        ],
        memo=release.order_number,
        now=now,
    )
    release.booked_at = now
    release.save(update_fields=["booked_at"])
    announce(tenant_ids=(release.buyer_id,), key=f"order:{release.order_uid}")


@transaction.atomic
def close_money(*, buyer_id: int, order_uid: UUID, now: datetime) -> None:
    """Pay what is left of an accepted order's money back, as the platform; safe to run twice.

    The suppliers that it has paid are told, for their credit reports. Word of the acceptance may
    overtake word of a release: what is not booked yet is booked first.
    """
    funding = Funding.objects.filter(
        platform_id=PLATFORM_ID, buyer_id=buyer_id, order_uid=order_uid
    ).first()
    if funding is None or funding.state != FundingState.CONFIRMED:
        return
    releases = list(
        Release.objects.filter(platform_id=PLATFORM_ID, order_uid=order_uid).order_by("id")
    )
    for release in releases:
        if release.booked_at is None:
            book_released(release_uid=release.uid, now=now)
    book_refund(pot=_pot(funding), label=funding.order_number, now=now)
    paid = {share["supplier_id"] for release in releases for share in release.shares}
    for supplier_id in sorted(paid):
        send_after_commit(tenant_id=PLATFORM_ID, topic="credit.due", supplier_id=supplier_id)


def _pot(row: Funding | Release) -> Pot:
    return Pot(
        platform_id=PLATFORM_ID,
        buyer_id=row.buyer_id,
        subject_uid=row.order_uid,
        currency=row.currency,
    )


def _announce(funding: Funding) -> None:
    announce(tenant_ids=(funding.buyer_id, PLATFORM_ID), key="money")
    announce(tenant_ids=(funding.buyer_id,), key=f"order:{funding.order_uid}")
