"""A buyer's drill on an order: what if this factory stopped today?"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from marketplace.models import Order
from marketplace.selectors.catalogue import process_names
from marketplace.selectors.drills import DRILLABLE, drill_rows
from marketplace.selectors.orders import UNDER_WAY
from marketplace.services.drills import NothingToDrill, ask_drill
from marketplace.services.orders import find_order
from marketplace.wording import sentence
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act


@member(Act.READ, seat="buyer")
@require_GET
def order_drills(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Return the region of the order's page with a drill for each of its factories."""
    return _region(request, find_order(organisation=request.acting.tenant, uid=uid))


def _region(request: HttpRequest, order: Order, refusal: str = "") -> HttpResponse:
    rows, names = drill_rows(buyer_id=order.tenant_id, order_uid=order.uid), process_names()
    context = {
        "order": order,
        "refusal": refusal,
        "can_ask": order.state in DRILLABLE,
        "rows": [
            (row, sentence(row.message, processes=names, currency=order.currency)) for row in rows
        ],
        "is_planning": any(row.request and row.request.state in UNDER_WAY for row in rows),
    }
    return render(request, "buyer/_drills.html", context)


@member(Act.TRADE, seat="buyer")
@require_POST
def order_drill(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Ask what would happen if a factory stopped; nothing of the order changes.

    The region alone answers a page that asked for it, so that its reader stays in place.
    """
    order = find_order(organisation=request.acting.tenant, uid=uid)
    try:
        supplier = UUID(request.POST.get("supplier", ""))
    except ValueError:
        raise Http404 from None
    refused = ""
    try:
        ask_drill(
            organisation=request.acting.tenant,
            by=request.actor,
            now=site_now(),
            order_uid=order.uid,
            supplier_uid=supplier,
        )
    except NothingToDrill as refusal:
        refused = str(refusal)
    if request.headers.get("HX-Request"):
        return _region(request, order, refused)
    if refused:
        messages.error(request, refused)
    return redirect("order", uid=uid)
