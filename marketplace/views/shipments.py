"""What a factory sends and awaits, and what comes to the buyer's door."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from marketplace.forms.production import InspectionForm
from marketplace.models import Shipment, ShipmentState
from marketplace.selectors.work import awaited, lots_to_ship, shipments_from, shipments_to
from marketplace.services.acceptance_preview import AcceptancePreview, preview_acceptance
from marketplace.services.inspection import inspect_shipment, inspect_shipments
from marketplace.services.shipping import ShipmentUnknown, receive_shipments, ship_operations
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.errors import NotFound

PAGE_ROWS = 50


@member(Act.READ, seat="supplier")
def supplier_shipments(request: HttpRequest) -> HttpResponse:
    """Show lots to send, shipments to sign for, and what is on its way."""
    own = request.acting.tenant_id
    context = {
        "to_ship": lots_to_ship(own)[:PAGE_ROWS],
        "incoming": awaited(own)[:PAGE_ROWS],
        "page": Paginator(shipments_from(own), PAGE_ROWS).get_page(request.GET.get("page")),
    }
    return render(request, "supplier/shipments.html", context)


@member(Act.PRODUCE, seat="supplier")
@require_POST
def lots_ship(request: HttpRequest) -> HttpResponse:
    """Send the ticked lots: one shipment for each order and receiver."""
    uids = _uids(request, "operation")
    if not uids:
        messages.warning(request, _("Tick the lots that leave."))
        return redirect("supplier_shipments")
    sent = ship_operations(operation_uids=uids, by=request.actor, now=site_now())
    numbers = ", ".join(shipment.number for shipment in sent)
    messages.success(request, _("Sent: %(numbers)s.") % {"numbers": numbers})
    return redirect("supplier_shipments")


@member(Act.PRODUCE, seat="supplier")
@require_POST
def shipments_receive(request: HttpRequest) -> HttpResponse:
    """Sign for the ticked shipments at the factory's gate."""
    return _receive(request, "supplier_shipments")


@member(Act.TRADE, seat="buyer")
@require_POST
def deliveries_receive(request: HttpRequest) -> HttpResponse:
    """Sign for the ticked shipments at the buyer's door."""
    return _receive(request, "inspections")


def _receive(request: HttpRequest, back: str) -> HttpResponse:
    uids = _uids(request, "shipment")
    if not uids:
        messages.warning(request, _("Tick the shipments that are here."))
        return redirect(back)
    received = receive_shipments(shipment_uids=uids, by=request.actor, now=site_now())
    messages.success(
        request,
        ngettext("%(count)s shipment received.", "%(count)s shipments received.", len(received))
        % {"count": len(received)},
    )
    return redirect(back)


@member(Act.READ, seat="buyer")
def inspections(request: HttpRequest) -> HttpResponse:
    """List what is on its way, what waits for inspection, and what was inspected."""
    own = request.acting.tenant_id
    state = request.GET.get("state", ShipmentState.DELIVERED)
    found = shipments_to(own).filter(is_final=True)
    if state != "all":
        found = found.filter(state=state)
    context = {
        "page": Paginator(found, PAGE_ROWS).get_page(request.GET.get("page")),
        "state": state,
        "tabs": [
            {"label": label, "url": f"?state={code}", "current": code == state}
            for code, label in (
                ("delivered", _("To inspect")),
                ("in_transit", _("On the way")),
                ("inspected", _("Inspected")),
                ("all", _("All")),
            )
        ],
    }
    return render(request, "buyer/inspections.html", context)


@member(Act.READ, seat="buyer")
def inspection(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show a shipment lot by lot, with the verdicts to give or given."""
    shipment = _delivery(request, uid)
    return _show(request, shipment, InspectionForm(lots=shipment.lots))


@member(Act.TRADE, seat="buyer")
@require_POST
def inspection_check(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Say what the typed verdicts release and to whom, before they are given."""
    shipment = _delivery(request, uid)
    form = InspectionForm(request.POST, lots=shipment.lots)
    if not form.is_valid():
        return _show(request, shipment, form, status=422)
    preview = preview_acceptance(verdicts={uid: form.verdicts()}, by=request.actor, now=site_now())
    kept = [(field.html_name, field.value()) for field in form]
    return _ask(request, preview, reverse("inspection_give", args=[uid]), kept)


@member(Act.TRADE, seat="buyer")
@require_POST
def inspection_give(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take the verdicts, lot by lot."""
    shipment = _delivery(request, uid)
    form = InspectionForm(request.POST, lots=shipment.lots)
    if not form.is_valid():
        return _show(request, shipment, form, status=422)
    inspect_shipment(shipment_uid=uid, verdicts=form.verdicts(), by=request.actor, now=site_now())
    messages.success(request, _("Inspected. The money of the accepted pieces is released."))
    return redirect("inspection", uid=uid)


@member(Act.TRADE, seat="buyer")
@require_POST
def inspections_check(request: HttpRequest) -> HttpResponse:
    """Say what accepting every piece of the ticked shipments releases and to whom."""
    uids = _uids(request, "shipment")
    if not uids:
        messages.warning(request, _("Tick the shipments that you accept."))
        return redirect("inspections")
    preview = preview_acceptance(verdicts=dict.fromkeys(uids), by=request.actor, now=site_now())
    kept = [("shipment", shipment.uid) for shipment in preview.shipments]
    return _ask(request, preview, reverse("inspections_accept"), kept)


def _ask(
    request: HttpRequest, preview: AcceptancePreview, url: str, kept: list[tuple[str, object]]
) -> HttpResponse:
    """Show the question whose answer goes to `url` with the fields in `kept`."""
    context = {"preview": preview, "give_url": url, "kept": kept}
    return render(request, "buyer/inspection_check.html", context)


@member(Act.TRADE, seat="buyer")
@require_POST
def inspections_accept(request: HttpRequest) -> HttpResponse:
    """Accept every piece of the ticked shipments."""
    uids = _uids(request, "shipment")
    if not uids:
        messages.warning(request, _("Tick the shipments that you accept."))
        return redirect("inspections")
    inspect_shipments(verdicts=dict.fromkeys(uids), by=request.actor, now=site_now())
    messages.success(
        request,
        ngettext("%(count)s shipment accepted.", "%(count)s shipments accepted.", len(uids))
        % {"count": len(uids)},
    )
    return redirect("inspections")


def _delivery(request: HttpRequest, uid: UUID) -> Shipment:
    own = shipments_to(request.acting.tenant_id).filter(is_final=True, uid=uid)
    found = own.first()
    if found is None:
        raise ShipmentUnknown(gettext_lazy("There is no such shipment to you."))
    return found


def _show(
    request: HttpRequest, shipment: Shipment, form: InspectionForm, status: int = 200
) -> HttpResponse:
    context = {
        "shipment": shipment,
        "form": form,
        "is_open": shipment.state != ShipmentState.INSPECTED,
    }
    return render(request, "buyer/inspection.html", context, status=status)


def _uids(request: HttpRequest, name: str) -> list[UUID]:
    try:
        return [UUID(text) for text in request.POST.getlist(name)]
    except ValueError as error:
        raise NotFound(gettext_lazy("There is no such lot or shipment.")) from error
