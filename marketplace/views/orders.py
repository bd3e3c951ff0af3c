"""A buyer's orders: which is at risk, the list, posting, one order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from marketplace.core.asked import AskedOrder
from marketplace.forms.orders import OrderForm, first_values, values_of
from marketplace.forms.routing import TEMPLATES, Routing
from marketplace.models import Order, OrderState, PlanPurpose, PlanRequest, Process
from marketplace.selectors import orders as selectors
from marketplace.selectors.catalogue import processes as catalogue
from marketplace.selectors.order_page import band_context, order_page
from marketplace.services import orders as services
from marketplace.services.planning import ask_market
from marketplace.services.sheets.reading import write_sheet
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.errors import DomainError

PAGE = 25
CSV_COLUMNS = (
    *("number", "title", "state", "quantity", "unit", "due_at", "promised_at"),
    *("cost_minor", "currency"),
)


@member(Act.READ, seat="buyer")
@require_GET
def buyer_home(request: HttpRequest) -> HttpResponse:
    """Show which orders are at risk, the worst first."""
    risks = selectors.orders_by_risk(request.acting.tenant_id, now=site_now())
    counts = {level: sum(1 for r in risks if r.level == level) for level in selectors.LEVELS}
    has_orders = bool(risks) or selectors.order_list(request.acting.tenant_id).exists()
    context = {"risks": risks, "counts": counts, "has_orders": has_orders}
    return render(request, "buyer/home.html", context)


@member(Act.READ, seat="buyer")
@require_GET
def orders(request: HttpRequest) -> HttpResponse:
    """List the orders, or give them as CSV."""
    tenant_id = request.acting.tenant_id
    state, search = request.GET.get("state", ""), request.GET.get("q", "").strip()
    rows = selectors.order_list(
        tenant_id, state=state, search=search, sort=request.GET.get("sort", "")
    )
    if request.GET.get("format") == "csv":
        return _csv(rows[:10_000])
    counts = selectors.count_by_state(tenant_id)
    states = [
        (value, label, counts[value]) for value, label in OrderState.choices if value in counts
    ]
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "states": states, "search": search, "total": sum(counts.values())}
    return render(request, "buyer/orders.html", context)


def _csv(rows: Iterable[Order]) -> HttpResponse:
    text = write_sheet(CSV_COLUMNS, [[_cell(one, name) for name in CSV_COLUMNS] for one in rows])
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="orders.csv"'
    return answer


def _cell(order: Order, name: str) -> str:
    value = getattr(order, name)
    return value.isoformat() if isinstance(value, datetime) else str("" if value is None else value)


@member(Act.TRADE, seat="buyer")
def order_new(request: HttpRequest, uid: UUID | None = None) -> HttpResponse:
    """Write an order, or change one that nobody works on yet; post it or keep it as a draft."""
    organisation = request.acting.tenant
    listed = list(catalogue())
    by_code = {process.code: process for process in listed}
    order = None if uid is None else services.find_order(organisation=organisation, uid=uid)
    if request.method != "POST":
        form, routing = _blank_form(request, order)
        return _form_page(request, form, routing, listed, order)
    form, routing = OrderForm(request.POST), Routing.from_post(request.POST)
    if action := request.POST.get("row"):
        pasted = request.POST.get("pasted", "")
        faults = routing.changed(action, pasted=pasted, processes=listed)
        if request.htmx:
            context = _routing_context(routing, listed, faults) | {"pasted": faults and pasted}
            return render(request, "buyer/_routing.html", context)
        form = OrderForm(initial=request.POST.dict())
        return _form_page(request, form, routing, listed, order, faults)
    steps_errors: list[str] = []
    if form.is_valid():
        asked = form.asked(routing.steps(by_code))
        keep = "draft" in request.POST
        write = services.save_draft if keep else services.post_order
        try:
            written = write(
                organisation=organisation, by=request.actor, now=site_now(), asked=asked, uid=uid
            )
        except services.InvalidOrder as refusal:
            steps_errors = form.take_errors(refusal.errors)
        else:
            said = _("Draft kept.") if keep else _("Order %(number)s is posted.")
            messages.success(request, said % {"number": written.number})
            return redirect("orders" if keep else "order", **({} if keep else {"uid": written.uid}))
    return _form_page(request, form, routing, listed, order, steps_errors, status=422)


def _blank_form(request: HttpRequest, order: Order | None) -> tuple[OrderForm, Routing]:
    if order is not None:
        asked = services.asked_of(order)
        return OrderForm(initial=values_of(asked)), Routing.from_steps(asked.steps)
    values = first_values(site_now(), request.acting.tenant.currency)
    return OrderForm(initial=values), Routing.of_template(request.GET.get("route", ""))


def _routing_context(
    routing: Routing, listed: list[Process], errors: list[str] | None = None
) -> dict[str, Any]:
    return {
        "routing": routing,
        "processes": listed,
        "rows": [
            {
                "number": number,
                "process": row.process,
                "is_unknown": row.process not in {"", *(p.code for p in listed)},
                "values": row.values,
                "attributes": next(
                    (list(p.attributes.all()) for p in listed if p.code == row.process), []
                ),
            }
            for number, row in enumerate(routing.rows)
        ],
        "templates": TEMPLATES,
        "steps_errors": errors or [],
    }


def _form_page(
    request: HttpRequest,
    form: OrderForm,
    routing: Routing,
    listed: list[Process],
    order: Order | None,
    steps_errors: list[str] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = _routing_context(routing, listed, steps_errors) | {"form": form, "order": order}
    return render(request, "buyer/order_new.html", context, status=status)


@member(Act.TRADE, seat="buyer")
@require_POST
def order_market(request: HttpRequest) -> HttpResponse:
    """Ask the market who could make what the form says at the moment; holds nothing."""
    form, routing = OrderForm(request.POST), Routing.from_post(request.POST)
    by_code = {process.code: process for process in catalogue()}
    form.data = form.data.copy()
    form.data["title"] = form.data.get("title") or "–"
    asked: AskedOrder | None = None
    if form.is_valid():
        asked = form.asked(routing.steps(by_code))
    try:
        if asked is None or not asked.steps:
            return render(request, "buyer/_market.html", {"is_incomplete": True})
        services.checked_catalogue(asked, now=site_now())
        inquiry = ask_market(
            organisation=request.acting.tenant,
            now=site_now(),
            asked=asked,
            uid=_inquiry_named(request.POST.get("inquiry", "")),
        )
    except services.InvalidOrder as refusal:
        return render(request, "buyer/_market.html", {"refusal": refusal})
    return render(request, "buyer/_market.html", {"inquiry": inquiry, "tries": 0})


def _inquiry_named(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None  # a form's first question, or one that somebody has tampered with


@member(Act.TRADE, seat="buyer")
@require_GET
def order_market_answer(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show an inquiry's answer, or look again shortly."""
    inquiry = PlanRequest.objects.filter(
        buyer_id=request.acting.tenant_id, purpose=PlanPurpose.INQUIRY, uid=uid
    ).first()
    if inquiry is None:
        raise services.OrderGone(_("There is no such inquiry."))
    tried = request.GET.get("tries", "")
    tries = int(tried) + 1 if tried.isdecimal() else 1
    context = {"inquiry": inquiry, "tries": tries, **band_context(inquiry)}
    return render(request, "buyer/_market.html", context)


@member(Act.READ, seat="buyer")
@require_GET
def order(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show one order: where it stands, what comes next, its plans, offers and history."""
    return render(request, "buyer/order.html", _order_context(request, uid))


@member(Act.READ, seat="buyer")
@require_GET
def order_state(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show the part of an order's page that changes by itself."""
    return render(request, "buyer/_order.html", _order_context(request, uid))


def _order_context(request: HttpRequest, uid: UUID) -> dict[str, Any]:
    found = services.find_order(organisation=request.acting.tenant, uid=uid)
    return {
        **order_page(found, now=site_now()),
        "progress_url": reverse("order_progress", args=[found.uid]),
    }


@member(Act.TRADE, seat="buyer")
@require_POST
def order_cancel(request: HttpRequest, uid: UUID) -> HttpResponse:
    """End an order before production."""
    services.cancel_order(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), uid=uid
    )
    messages.success(request, _("The order is cancelled. Nothing is held for it any more."))
    return redirect("order", uid=uid)


@member(Act.TRADE, seat="buyer")
@require_POST
def order_again(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Plan an order again, from what is free now."""
    try:
        services.plan_again(
            organisation=request.acting.tenant, by=request.actor, now=site_now(), uid=uid
        )
    except services.OrderGone:
        raise
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("order", uid=uid)
