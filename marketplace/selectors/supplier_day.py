"""What a factory must do today, and what it will be paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, Q, Sum
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from devices.models import Device, Machine
from finance.billing.selectors import StatementTotals, statement_totals
from marketplace.models import (
    CapacityWindow,
    Operation,
    OperationState,
    WorkOrder,
    WorkOrderState,
)
from marketplace.selectors.work import LIVE_WORK, awaited, lots_to_ship, open_offers
from tenants.models import Organisation

TODAY = timedelta(hours=24)
MOST_TASKS = 8


@dataclass(frozen=True, kw_only=True)
class Task:
    """One thing to do, with its clock."""

    title: str
    text: str
    action: str
    url: str
    due_at: datetime
    icon: str


@dataclass(frozen=True, kw_only=True)
class Day:
    """The figures on top of a factory's first screen."""

    open_offers: int
    next_expiry: datetime | None
    at_risk: int
    running: int
    live_work: int
    to_earn_minor: int
    currency: str
    money: list[StatementTotals]


@dataclass(frozen=True, kw_only=True)
class FirstSteps:
    """Which of a newcomer's three steps are done."""

    has_machine: bool
    has_window: bool
    has_device: bool

    @property
    def is_open(self) -> bool:
        """Say whether the factory has nothing to sell yet; a device may follow when it will."""
        return not (self.has_machine and self.has_window)


STARTABLE = (WorkOrderState.RELEASED, WorkOrderState.IN_PROCESS)
ACTIONS: dict[str, Promise] = {
    "answer": gettext_lazy("Answer"),
    "sign": gettext_lazy("Sign"),
    "report": gettext_lazy("Report"),
    "start": gettext_lazy("Start"),
    "ship": gettext_lazy("Ship"),
}


def first_steps(supplier_id: int) -> FirstSteps:
    """Return how far a newcomer has come, past and archived things included; one query."""
    tenant = Organisation.objects.filter(pk=supplier_id)
    done = tenant.values_list(
        Exists(Machine.objects.of(supplier_id)),
        Exists(CapacityWindow.objects.of(supplier_id)),
        Exists(Device.objects.of(supplier_id)),
    )
    has_machine, has_window, has_device = done.get()
    return FirstSteps(has_machine=has_machine, has_window=has_window, has_device=has_device)


def day_of(supplier_id: int, *, currency: str, now: datetime) -> Day:
    """Return the day's figures in three queries and the statement's one."""
    offers = open_offers(supplier_id)
    late = Q(planned_end_at__lt=now, state__in=(OperationState.READY, OperationState.STARTED))
    operations = (
        Operation.objects.of_supplier(supplier_id)
        .filter(work_order__state__in=STARTABLE)
        .aggregate(
            at_risk=Count("pk", filter=late),
            running=Count("pk", filter=Q(state=OperationState.STARTED)),
        )
    )
    work = (
        WorkOrder.objects.of_supplier(supplier_id)
        .filter(state__in=LIVE_WORK)
        .aggregate(count=Count("pk"))
    )
    first = offers.first()
    return Day(
        open_offers=offers.count(),
        next_expiry=first.expires_at if first else None,
        at_risk=operations["at_risk"],
        running=operations["running"],
        live_work=work["count"],
        to_earn_minor=_to_earn(supplier_id, currency),
        currency=currency,
        money=statement_totals(supplier_id=supplier_id),
    )


def _to_earn(supplier_id: int, currency: str) -> int:
    """Return what accepted work still brings after commission, if every piece is accepted."""
    rows = (
        Operation.objects.of_supplier(supplier_id)
        .filter(inspected_at=None, work_order__currency=currency)
        .exclude(state=OperationState.CANCELLED)
        .exclude(state=OperationState.FINISHED, good=0)
        .values(
            price=F("work_order__offer__price_minor"),
            commission=F("work_order__offer__commission_minor"),
        )
        .annotate(left=Sum("price_minor"))
    )
    return sum(
        row["left"] * (row["price"] - row["commission"]) // row["price"]
        for row in rows
        if row["price"]
    )


def tasks_of(supplier_id: int, *, now: datetime) -> list[Task]:
    """Return what waits for somebody in the shop, the most urgent first."""
    tasks = [*_answers(supplier_id), *_signatures(supplier_id, now)]
    tasks += _work(supplier_id, now) + _leaving(supplier_id, now)
    return sorted(tasks, key=lambda task: task.due_at)[:MOST_TASKS]


def _answers(supplier_id: int) -> list[Task]:
    return [
        Task(
            title=_("Answer the offer for %(order)s") % {"order": offer.snapshot["title"]},
            text=str(offer.buyer),
            action=str(ACTIONS["answer"]),
            url=reverse("offer", args=[offer.uid]),
            due_at=offer.expires_at,
            icon="inbox",
        )
        for offer in open_offers(supplier_id)[:MOST_TASKS]
    ]


def _signatures(supplier_id: int, now: datetime) -> list[Task]:
    return [
        Task(
            title=_("Sign for shipment %(number)s") % {"number": shipment.number},
            text=_("from %(sender)s") % {"sender": shipment.sender},
            action=str(ACTIONS["sign"]),
            url=reverse("supplier_shipments"),
            due_at=shipment.due_at,
            icon="truck",
        )
        for shipment in awaited(supplier_id).filter(due_at__lt=now + TODAY)[:MOST_TASKS]
    ]


def _work(supplier_id: int, now: datetime) -> list[Task]:
    rows = (
        Operation.objects.of_supplier(supplier_id)
        .filter(
            work_order__state__in=STARTABLE,
            state__in=(OperationState.READY, OperationState.STARTED),
            planned_start_at__lt=now + TODAY,
        )
        .select_related("work_order")
        .order_by("planned_end_at")[:MOST_TASKS]
    )
    return [
        Task(
            title=(
                _("Report lot %(lot)s on %(machine)s")
                if row.state == OperationState.STARTED
                else _("Start lot %(lot)s on %(machine)s")
            )
            % {"lot": row.lot, "machine": row.machine_code},
            text=row.work_order.title,
            action=str(ACTIONS["report" if row.state == OperationState.STARTED else "start"]),
            url=reverse("work_order", args=[row.work_order.uid]),
            due_at=(
                row.planned_end_at if row.state == OperationState.STARTED else row.planned_start_at
            ),
            icon="clipboard-list",
        )
        for row in rows
    ]


def _leaving(supplier_id: int, now: datetime) -> list[Task]:
    rows = (
        lots_to_ship(supplier_id)
        .order_by()
        .values(work=F("work_order__uid"), title=F("work_order__title"))
        .annotate(lots=Count("pk"), pieces=Sum("good"))[:MOST_TASKS]
    )
    return [
        Task(
            title=ngettext("Ship %(lots)s finished lot", "Ship %(lots)s finished lots", row["lots"])
            % {"lots": row["lots"]},
            text=row["title"],
            action=str(ACTIONS["ship"]),
            url=reverse("supplier_shipments"),
            due_at=now,
            icon="package",
        )
        for row in rows
    ]
