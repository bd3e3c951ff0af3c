"""A firm says when the material of a work order comes; lots planned sooner are re-planned."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import record_change
from marketplace.models import WorkOrder, WorkOrderState
from marketplace.services.downtimes import HALTED
from tenants.actors import Actor
from tenants.errors import Conflict, NotFound
from tenants.live import announce
from tenants.services.outbox import send_after_commit

LONGEST = timedelta(days=90)
OPEN = (WorkOrderState.CONFIRMED, WorkOrderState.RELEASED, WorkOrderState.IN_PROCESS)


class WorkOrderGone(NotFound):
    code = "work_order_not_found"


class MaterialRefused(Conflict):
    """The time is past or too far away, or the work order waits for no material of its own."""

    code = "material_refused"


@transaction.atomic
def say_material(
    *, work_order_uid: UUID, comes_at: datetime | None, by: Actor, now: datetime
) -> WorkOrder:
    """Say when material comes, or that it is here (None); the newest word counts.

    Raises:
        WorkOrderGone: no such work order to the acting organisation.
        MaterialRefused: nothing of it waits for material of the firm, or the time makes no sense.
    """
    mine = WorkOrder.objects.of_supplier(by.tenant_id).filter(uid=work_order_uid)
    work_order = mine.select_for_update(no_key=True).first()
    if work_order is None:
        raise WorkOrderGone(_("There is no such work order."))
    if work_order.step != 1 or work_order.state not in OPEN:
        raise MaterialRefused(_("This work order does not wait for material of yours."))
    if comes_at is not None and not now < comes_at <= now + LONGEST:
        raise MaterialRefused(
            _("Say a time from now to at most %(days)s days ahead.") % {"days": LONGEST.days}
        )
    work_order.material_at = comes_at
    work_order.save(update_fields=["material_at"])
    record_change(
        work_order,
        change="material_here" if comes_at is None else "material_late",
        by=by,
        now=now,
        evidence={"comes_at": None if comes_at is None else comes_at.isoformat()},
    )
    send_after_commit(tenant_id=by.tenant_id, topic=HALTED, supplier_id=by.tenant_id)
    announce(tenant_ids=(by.tenant_id,), key="work")
    return work_order
