"""Plans as their pages show them: side by side, one by one, and on the Gantt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.core.plan_json import PlanDocument, PlanSummary
from marketplace.core.terms import Terms
from marketplace.models import (
    ASIDE,
    Offer,
    Order,
    OrderState,
    Plan,
    PlanPurpose,
    PlanRequest,
    PlanRequestState,
    PlanState,
    Process,
)
from marketplace.wording import sentence

KINDS = (
    *("cheapest", "fastest", "safest", "balanced"),
    *("later", "dearer", "smaller", "larger", "room"),
)
REASONS_SHOWN = ("only_machine", "price_rank", "same_place", "reliability")
FULL_RELIABILITY = 1000
MINUTE_MS = 60_000


def plans_of_request(request: PlanRequest) -> list[Plan]:
    """Return the alternatives of a request in the usual order, without their schedules.

    Steered ones come last, as they were made.
    """
    rows = Plan.objects.filter(buyer_id=request.buyer_id, request=request)
    found = {}
    steered = []
    for plan in rows.defer("schedule").order_by("id"):
        if plan.number is None:
            found[plan.kind] = plan
        else:
            steered.append(plan)
    return [*(found[kind] for kind in KINDS if kind in found), *steered]


@dataclass(frozen=True, kw_only=True)
class Way:
    """A plan that changes one limit of its order, with what that means; None where it stays.

    `added` are pieces beyond those of the order, `cancelled` those that are not made.
    `room_factories` have to move lots of others first.
    """

    plan: Plan
    later: timedelta | None = None
    above_minor: int | None = None
    made: int | None = None
    cancelled: int | None = None
    added: int | None = None
    room_factories: int | None = None


def way_of(order: Order, plan: Plan) -> Way:
    """Say what choosing a plan would change in its order."""
    terms = Terms.from_json(plan.terms)
    ceiling, made = terms.price_ceiling_minor, terms.quantity
    less = None if made is None else order.quantity - order.cancelled_quantity - made
    return Way(
        plan=plan,
        later=None if terms.due_at is None else terms.due_at - order.due_at,
        above_minor=None if ceiling is None else ceiling - (order.price_ceiling_minor or 0),
        made=made,
        cancelled=less if less is not None and less >= 0 else None,
        added=-less if less is not None and less < 0 else None,
        room_factories=terms.room_factories,
    )


def find_plan(tenant_id: int, uid: UUID) -> Plan | None:
    """Return one of the buyer's plans."""
    return (
        Plan.objects.filter(buyer_id=tenant_id, uid=uid)
        .select_related("request", "steering")
        .first()
    )


def is_open(plan: Plan, order: Order) -> bool:
    """Tell whether the buyer may choose a plan; what somebody chose just now is not known here."""
    asked_aside = (PlanPurpose.DRILL, PlanPurpose.EVENT)
    if plan.state != PlanState.PROPOSED or plan.request.purpose in asked_aside:
        return False
    if plan.request.purpose == PlanPurpose.SHARE:
        return order.state == OrderState.OFFERED
    # An order that nobody could plan stays posted, and may have ways out; so is one planned anew.
    is_refused = plan.request.state == PlanRequestState.FAILED and not _is_replaced(plan.request)
    states = (OrderState.POSTED, OrderState.PLANNED) if is_refused else (OrderState.PLANNED,)
    return order.state in states and order.chosen_plan_uid is None


def held_until(plan: Plan, now: datetime) -> datetime | None:
    """Return until when a way out is held for its buyer; None when it is not, or not any more."""
    until = plan.request.held_until
    if Terms.from_json(plan.terms).room_factories is not None:
        return None
    return until if plan.terms and until is not None and until > now else None


def _is_replaced(request: PlanRequest) -> bool:
    newer = PlanRequest.objects.filter(
        buyer_id=request.buyer_id, order_uid=request.order_uid, pk__gt=request.pk
    )
    return newer.exclude(purpose__in=ASIDE).exists()


@dataclass(frozen=True, kw_only=True)
class ShareRow:
    """What one supplier does in one step, and why."""

    supplier: str
    supplier_zh: str
    city: str
    process: object
    step: int
    quantity: int
    machines: int
    lots: int
    minutes: int
    price_minor: int
    is_frozen: bool
    why: str


def share_rows(
    plan: Plan, document: PlanSummary, processes: Mapping[str, Process]
) -> list[ShareRow]:
    """Return the supplier × step table of a plan, by step and the larger share first."""
    reasons = {(r["supplier"], r["step"]): r["reasons"] for r in plan.reasons["chosen"]}
    rows = []
    for share in document.shares:
        supplier = document.suppliers[share.supplier]
        code = document.processes[share.step - 1]
        rows.append(
            ShareRow(
                supplier=supplier.name,
                supplier_zh=supplier.name_zh,
                city=supplier.city,
                process=processes.get(code, code),
                step=share.step,
                quantity=share.quantity,
                machines=share.machines,
                lots=share.lots,
                minutes=share.minutes,
                price_minor=share.price,
                is_frozen=share.frozen > 0,
                why=why_chosen(reasons.get((share.supplier, share.step), {}), processes),
            )
        )
    return sorted(rows, key=lambda row: (row.step, -row.quantity))


def why_chosen(reasons: Mapping[str, Any], processes: Mapping[str, Process]) -> str:
    """Return the reasons for a supplier as one line; full reliability says nothing."""
    shown = [
        sentence({"code": code, "values": reasons[code]}, processes=processes)
        for code in REASONS_SHOWN
        if code in reasons
        and not (code == "reliability" and reasons[code]["permille"] >= FULL_RELIABILITY)
    ]
    return "; ".join(shown)


def assumed_sentences(plan: Plan, processes: Mapping[str, Process]) -> list[str]:
    """Return in words with which rates a plan reckons; nothing for plans of old."""
    return [sentence(one, processes=processes) for one in plan.reasons.get("assumed", [])]


def left_out_rows(plan: Plan, processes: Mapping[str, Process]) -> list[dict[str, Any]]:
    """Return the machines that are left out, each with its reason in words."""
    codes = PlanRequest.objects.values_list("snapshot", flat=True).get(pk=plan.request_id)
    steps = [step["process"] for step in codes["steps"]]
    return [
        {
            **row,
            "process": processes.get(steps[row["step"] - 1], ""),
            "why": sentence(row, processes=processes, currency=plan.currency),
        }
        for row in plan.reasons["left_out"]
    ]


def gantt_of(
    plan: Plan,
    document: PlanDocument,
    processes: Mapping[str, Process],
    *,
    zone: str,
    now: datetime,
    chinese: bool,
) -> dict[str, Any]:
    """Return a plan for gantt.js: a group per factory, a row per machine, a bar per lot."""
    origin = round(plan.origin_at.timestamp() * 1000)
    words = [str(processes.get(code, code)) for code in document.processes]
    groups = []
    for index, supplier in enumerate(document.suppliers):
        machines = [
            {"id": number, "name": f"{machine.code} · {machine.type}"}
            for number, machine in enumerate(document.machines)
            if machine.supplier == index
        ]
        name = supplier.name_zh if chinese and supplier.name_zh else supplier.name
        groups.append({"id": index, "name": name, "note": supplier.city, "rows": machines})
    bars: list[list[Any]] = []
    for one in document.operations:
        start, end = (origin + minute * MINUTE_MS for minute in (one.start, one.end))
        label = f"{words[one.step - 1]} #{one.lot}"
        kind = "confirmed" if one.frozen or plan.state == PlanState.CHOSEN else "proposed"
        if one.set_up:
            middle = start + one.set_up * MINUTE_MS
            bars.append([one.machine, start, middle, "setup", label])
            start = middle
        bars.append([one.machine, start, end, kind, f"{label} · {one.quantity:,}"])
    return {
        "zone": zone,
        "now": round(now.astimezone(UTC).timestamp() * 1000),
        "groups": groups,
        "bars": bars,
    }


def offers_of_order(tenant_id: int, order_uid: UUID) -> list[Offer]:
    """Return the offers of the buyer's order with their suppliers' names, newest plans last."""
    return list(
        Offer.objects.of_buyer(tenant_id)
        .filter(order_uid=order_uid)
        .select_related("supplier")
        .defer("snapshot")
        .order_by("id")
    )
