"""How a buyer's order is going: a part of the order's page, and the trace of its lots."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from marketplace.models import Order
from marketplace.selectors.catalogue import process_names
from marketplace.selectors.order_progress import (
    factories_of_order,
    lot_numbers,
    order_lots_summary,
    step_balances,
    traces_of,
)
from marketplace.services.orders import find_order
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act

LOTS_A_PAGE = 25


def _order(request: HttpRequest, uid: UUID) -> Order:
    return find_order(organisation=request.acting.tenant, uid=uid)


@member(Act.READ, seat="buyer")
def order_progress(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Return the region of the order's page that follows production."""
    order = _order(request, uid)
    asked = {"buyer_id": request.acting.tenant_id, "order_uid": order.uid}
    names = process_names()
    context = {
        "order": order,
        "balances": [(row, names.get(row.process, row.process)) for row in step_balances(**asked)],
        "factories": [
            (row, names.get(row.work_order.process_code, row.work_order.process_code))
            for row in factories_of_order(**asked, now=site_now())
        ],
        "lots": order_lots_summary(**asked),
    }
    return render(request, "buyer/_order_progress.html", context)


@member(Act.READ, seat="buyer")
def order_trace(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show each lot's way: machines, shipments, inspection."""
    order = _order(request, uid)
    asked = {"buyer_id": request.acting.tenant_id, "order_uid": order.uid}
    page = Paginator(lot_numbers(**asked), LOTS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "order": order,
        "page": page,
        "traces": traces_of(**asked, lots=page.object_list),
        "steps": list(order.steps.select_related("process")),
    }
    return render(request, "buyer/order_trace.html", context)
