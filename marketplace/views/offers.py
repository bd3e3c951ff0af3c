"""The factory's inbox of offers."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from marketplace.core.share import Share, ShareOperation
from marketplace.forms.production import DeclineForm
from marketplace.models import Offer, OfferState
from marketplace.selectors.catalogue import process_names
from marketplace.selectors.offer_fit import fit_of
from marketplace.selectors.offer_room import room_of
from marketplace.selectors.supplier_plan import height_of, machine_plan
from marketplace.selectors.work import offers_to, open_offers
from marketplace.services.offers import OfferUnknown, accept_offer, decline_offer
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act, may

PAGE_ROWS = 25
MOST_OPERATIONS = 100


@member(Act.READ, seat="supplier")
def offers(request: HttpRequest) -> HttpResponse:
    """List what waits for an answer, the soonest to expire first; or what was answered."""
    supplier_id = request.acting.tenant_id
    state = request.GET.get("state", OfferState.OFFERED)
    found = (
        open_offers(supplier_id)
        if state == OfferState.OFFERED
        else offers_to(supplier_id, state="" if state == "all" else state)
    )
    page = Paginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "state": state,
        "tabs": [
            {"label": label, "url": f"?state={code}", "current": code == state}
            for code, label in (
                ("offered", _("To answer")),
                ("accepted", _("Accepted")),
                ("all", _("All")),
            )
        ],
    }
    return render(request, "supplier/offers.html", context)


@member(Act.READ, seat="supplier")
def offer(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show what is asked, what it pays and what it does to the machines' week."""
    return _show(request, _find(request, uid), DeclineForm())


@member(Act.TRADE, seat="supplier")
@require_POST
def offer_accept(request: HttpRequest, uid: UUID) -> HttpResponse:
    accepted = accept_offer(offer_uid=uid, by=request.actor, now=site_now())
    said = _("Accepted. The machine hours are booked; the work orders are open.")
    if accepted.proposal_uid is not None:
        said = _("Accepted. The machine hours are held until the others have answered.")
    messages.success(request, said)
    return redirect("offer", uid=uid)


@member(Act.TRADE, seat="supplier")
@require_POST
def offer_decline(request: HttpRequest, uid: UUID) -> HttpResponse:
    form = DeclineForm(request.POST)
    if not form.is_valid():
        return _show(request, _find(request, uid), form, status=422)
    reason = form.cleaned_data["reason"]
    decline_offer(offer_uid=uid, reason=reason, by=request.actor, now=site_now())
    messages.success(request, _("Declined. The buyer is looking for another factory."))
    return redirect("offers")


def _find(request: HttpRequest, uid: UUID) -> Offer:
    found = offers_to(request.acting.tenant_id).filter(uid=uid).first()
    if found is None:
        raise OfferUnknown(gettext_lazy("There is no such offer to you."))
    return found


def _show(request: HttpRequest, found: Offer, form: DeclineForm, status: int = 200) -> HttpResponse:
    now = site_now()
    is_open = found.state == OfferState.OFFERED and found.expires_at > now
    share, room = Share.from_json(found.snapshot), room_of(found)
    work_orders = list(found.work_orders.order_by("step"))
    plan = machine_plan(tenant=request.acting.tenant, now=now, offer=found if is_open else None)
    context = {
        "offer": found,
        "share": share,
        "form": form,
        "room": room,
        "fit": fit_of(found, room.moves if room is not None and is_open else ()),
        "plan": plan,
        "plan_height": height_of(plan),
        "operations": _operations(share),
        "requirements": _requirements(share),
        "is_open": is_open,
        "may_answer": is_open and may(request.acting.role, Act.TRADE),
        "net_minor": found.price_minor - found.commission_minor,
        "work_orders": work_orders,
        "waits_for_others": found.state == OfferState.ACCEPTED and not work_orders,
    }
    return render(request, "supplier/offer.html", context, status=status)


def _operations(share: Share) -> list[tuple[ShareOperation, str]]:
    """Return what is asked with the processes' names, by time; the first hundred."""
    names = process_names()
    by_time = sorted(share.operations, key=lambda operation: (operation.start_at, operation.lot))
    return [(one, str(names.get(one.process, one.process))) for one in by_time[:MOST_OPERATIONS]]


def _requirements(share: Share) -> list[tuple[str, list[tuple[str, object]]]]:
    names = process_names()
    return [
        (str(names.get(code, code)), sorted(held.items()))
        for code, held in share.requirements.items()
    ]
