"""The operator's drill: which orders would a factory that stops today touch, and how?"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from marketplace.selectors.catalogue import process_names
from marketplace.selectors.orders import UNDER_WAY
from marketplace.selectors.stops import booked_suppliers, stop_rows
from marketplace.services.stops import ask_stop
from marketplace.wording import sentence
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.models import Organisation


@member(Act.READ, seat="operator")
@require_GET
def factory_stops(request: HttpRequest) -> HttpResponse:
    """Show the orders with time booked at the chosen factory, with their newest drills."""
    now, names = site_now(), process_names()
    word = request.GET.get("supplier", "")
    chosen = _supplier(word) if word else None
    rows = [] if chosen is None else stop_rows(chosen, now)
    context = {
        "suppliers": booked_suppliers(now),
        "chosen": chosen,
        "rows": [
            (row, sentence(row.drill.message, processes=names, currency=row.asked.currency))
            for row in rows
        ],
        "is_planning": any(
            row.drill.request and row.drill.request.state in UNDER_WAY for row in rows
        ),
    }
    return render(request, "operator/factory_stops.html", context)


@member(Act.TRADE, seat="operator")
@require_POST
def factory_stop_try(request: HttpRequest) -> HttpResponse:
    """Ask for a drill on each order that the factory's stop touches."""
    supplier = _supplier(request.POST.get("supplier", ""))
    count = ask_stop(supplier=supplier, by=request.actor, now=site_now())
    words = ngettext("%(n)s order is being tried.", "%(n)s orders are being tried.", count)
    messages.success(request, words % {"n": count})
    return redirect(f"{reverse('factory_stops')}?supplier={supplier.uid}")


def _supplier(word: str) -> Organisation:
    try:
        return Organisation.objects.get(uid=UUID(word))
    except (ValueError, Organisation.DoesNotExist):
        raise Http404 from None
