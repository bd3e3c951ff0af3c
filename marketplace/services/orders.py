"""Writing, posting and cancelling orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import record_change, transition
from marketplace.core.asked import AskedOrder, AskedStep, OrderFault, order_faults
from marketplace.models import Offer, OfferState, Order, OrderState, OrderStep, PlanPurpose, Process
from marketplace.selectors.catalogue import processes, rules_of
from marketplace.services.offers import withdraw_offers
from marketplace.services.planning import request_plans
from marketplace.wording import sentence
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError, NotFound
from tenants.live import announce
from tenants.models import Organisation
from tenants.services.outbox import send_after_commit

NUMBER_TRIES = 5
WRITABLE = (OrderState.DRAFT, OrderState.POSTED, OrderState.PLANNED)


class InvalidOrder(DomainError):
    """The order cannot stand as it is; `errors` maps each field to its sentences."""

    code = "invalid_order"

    def __init__(self, faults: tuple[OrderFault, ...], processes: Mapping[str, Process]) -> None:
        self.errors: dict[str, list[str]] = {}
        for fault in faults:
            said = sentence({"code": fault.code, "values": fault.values}, processes=processes)
            self.errors.setdefault(fault.at, []).append(said)
        super().__init__(
            " ".join(said for sentences in self.errors.values() for said in sentences),
            errors=self.errors,
        )


class OrderGone(NotFound):
    code = "order_not_found"


class OrderFixed(Conflict):
    """The order is past the state in which this may be done."""

    code = "order_fixed"


def find_order(*, organisation: Organisation, uid: UUID | str) -> Order:
    """Return the organisation's own order.

    Raises:
        OrderGone: it has no such order.
    """
    order = Order.objects.of(organisation.pk).filter(uid=uid).first()
    if order is None:
        raise OrderGone(_("There is no such order."))
    return order


@transaction.atomic
def save_draft(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    asked: AskedOrder,
    uid: UUID | str | None = None,
) -> Order:
    """Keep an order that is still being written.

    Raises:
        InvalidOrder: something in it could not be kept truthfully.
        OrderGone, OrderFixed: `uid` names no draft.
    """
    by_code = checked_catalogue(asked, now=now, is_draft=True)
    if uid is None:
        order = _create(organisation=organisation, by=by, now=now, asked=asked)
    else:
        order = find_order(organisation=organisation, uid=uid)
        _rewrite(order, asked, states=(OrderState.DRAFT,))
    _write_steps(order, asked.steps, by_code)
    return order


@transaction.atomic
def post_order(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    asked: AskedOrder,
    uid: UUID | str | None = None,
) -> Order:
    """Give an order to the matcher, which answers with a band and then with plans.

    `uid` names a draft, or an order whose plans are not chosen yet and which is to be planned
    anew as it now stands.

    Raises:
        InvalidOrder: nothing is stored.
        OrderGone, OrderFixed: `uid` names no order that may still be changed.
    """
    by_code = checked_catalogue(asked, now=now, is_draft=False)
    if uid is None:
        order = _create(organisation=organisation, by=by, now=now, asked=asked)
    else:
        order = find_order(organisation=organisation, uid=uid)
        _rewrite(order, asked, states=WRITABLE)
    _write_steps(order, asked.steps, by_code)
    transition(order, to=OrderState.POSTED, by=by, now=now, evidence=asked.to_json())
    request_plans(order=order, asked=asked, now=now, purpose=PlanPurpose.ORDER)
    announce(tenant_ids=(organisation.pk,), key=f"order:{order.uid}")
    return order


@transaction.atomic
def plan_again(*, organisation: Organisation, by: Actor, now: datetime, uid: UUID | str) -> Order:
    """Ask for new plans for an order as it stands, from what is free now.

    Offers that are out are taken back, accepted ones too; suppliers that gave a share of this
    order back are not asked again.

    Raises:
        InvalidOrder: its dates have passed in the meantime.
        OrderGone: no such order.
        ProductionPaid: a factory may be at work already.
        StateConflict: the order is past offers, or has ended.
    """
    order = find_order(organisation=organisation, uid=uid)
    asked = asked_of(order)
    checked_catalogue(asked, now=now, is_draft=False)
    transition(order, to=OrderState.POSTED, by=by, now=now, chosen_plan_uid=None)
    withdraw_offers(order_uid=order.uid, by=by, now=now)
    returned = Offer.objects.of_buyer(organisation.pk).filter(
        order_uid=order.uid, state__in=(OfferState.DECLINED, OfferState.LAPSED)
    )
    request_plans(
        order=order,
        asked=asked,
        now=now,
        purpose=PlanPurpose.ORDER,
        excluded=set(returned.values_list("supplier_id", flat=True)),
    )
    announce(tenant_ids=(organisation.pk,), key=f"order:{order.uid}")
    return order


@transaction.atomic
def cancel_order(*, organisation: Organisation, by: Actor, now: datetime, uid: UUID | str) -> Order:
    """End an order before production; what was held for it is free again.

    Raises:
        OrderGone: no such order.
        StateConflict: production has begun, or it has ended already.
        ProductionPaid: a factory may be at work already.
    """
    order = find_order(organisation=organisation, uid=uid)
    open_quantity = order.quantity - order.accepted_quantity
    transition(order, to=OrderState.CANCELLED, by=by, now=now, cancelled_quantity=open_quantity)
    withdraw_offers(order_uid=order.uid, by=by, now=now)
    send_after_commit(
        tenant_id=organisation.pk,
        topic="order.cancelled",
        buyer_id=organisation.pk,
        order_uid=str(order.uid),
    )
    announce(tenant_ids=(organisation.pk,), key=f"order:{order.uid}")
    return order


def asked_of(order: Order) -> AskedOrder:
    """Return what the order still asks for, as the matcher may see it."""
    return AskedOrder(
        title=order.title,
        quantity=order.quantity - order.cancelled_quantity,
        unit=order.unit,
        currency=order.currency,
        steps=tuple(
            AskedStep(process=step.process.code, requirements=step.requirements)
            for step in order.steps.select_related("process").order_by("position")
        ),
        earliest_start_at=order.earliest_start_at,
        due_at=order.due_at,
        price_ceiling_minor=order.price_ceiling_minor,
        lot_size=order.lot_size,
        ship_to=order.ship_to,
        ship_to_x_km=order.ship_to_x_km,
        ship_to_y_km=order.ship_to_y_km,
        note=order.note,
    )


def checked_catalogue(
    asked: AskedOrder, *, now: datetime, is_draft: bool = False
) -> dict[str, Process]:
    """Return the catalogue by code, when the order may stand.

    Raises:
        InvalidOrder: with the sentences of everything that is wrong.
    """
    listed = list(processes())
    by_code = {process.code: process for process in listed}
    faults = order_faults(asked, catalogue=rules_of(listed), now=now, is_draft=is_draft)
    if faults:
        raise InvalidOrder(faults, by_code)
    return by_code


def _fields(asked: AskedOrder) -> dict[str, Any]:
    return {
        "title": asked.title.strip(),
        "quantity": asked.quantity,
        "unit": asked.unit,
        "currency": asked.currency,
        "earliest_start_at": asked.earliest_start_at,
        "due_at": asked.due_at,
        "price_ceiling_minor": asked.price_ceiling_minor,
        "lot_size": asked.lot_size,
        "ship_to": asked.ship_to,
        "ship_to_x_km": asked.ship_to_x_km,
        "ship_to_y_km": asked.ship_to_y_km,
        "note": asked.note,
    }


def _create(*, organisation: Organisation, by: Actor, now: datetime, asked: AskedOrder) -> Order:
    """Make a draft under the buyer's next free number; of two at once, one tries again."""
    mine = Order.objects.of(organisation.pk)
    for attempt in range(NUMBER_TRIES):
        try:
            with transaction.atomic():
                order = Order.objects.create(
                    tenant=organisation,
                    number=f"PO-{mine.count() + 1 + attempt:05d}",
                    created_by=by.name,
                    created_at=now,
                    **_fields(asked),
                )
        except IntegrityError:
            continue
        record_change(order, change="draft", by=by, now=now)
        return order
    raise Conflict(_("Several orders were written at this moment. Send yours again."))


def _rewrite(order: Order, asked: AskedOrder, *, states: tuple[OrderState, ...]) -> None:
    """Change an order that nobody works on yet; the condition also locks it until commit."""
    # Written anew, the order is about what is asked now: nothing of that is cancelled.
    fields = _fields(asked) | {"cancelled_quantity": 0}
    changed = (
        Order.objects.of(order.tenant_id)
        .filter(pk=order.pk, state__in=states, chosen_plan_uid=None)
        .update(**fields)
    )
    if not changed:
        raise OrderFixed(
            _("A plan of this order is chosen or it has ended: it cannot be changed any more.")
        )
    order.refresh_from_db()


def _write_steps(
    order: Order, steps: tuple[AskedStep, ...], processes: Mapping[str, Process]
) -> None:
    OrderStep.objects.of(order.tenant_id).filter(order=order).delete()
    OrderStep.objects.bulk_create(
        OrderStep(
            tenant_id=order.tenant_id,
            order=order,
            position=position,
            process=processes[step.process],
            requirements=dict(step.requirements),
        )
        for position, step in enumerate(steps, start=1)
    )
