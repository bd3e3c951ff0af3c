"""A machine that is down, and the proposals that follow: for its factory and for the buyer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from devices import selectors as devices
from devices.core.outages import DOWN_AFTER
from devices.models import Machine
from marketplace.forms.proposals import DismissForm, DowntimeForm, MaterialForm
from marketplace.models import Proposal, ProposalState
from marketplace.selectors.proposals import (
    downtime_of,
    downtimes_now,
    proposals_of_order,
    proposals_to,
)
from marketplace.selectors.reported import reported_of
from marketplace.selectors.work import work_orders_of
from marketplace.services.downtimes import DowntimeRefused, NotDown, say_down, say_running
from marketplace.services.late_material import MaterialRefused, WorkOrderGone, say_material
from marketplace.services.later_dates import (
    accept_later,
    find_put,
    keep_waiting,
)
from marketplace.services.moving import ProposalDecided, ProposalStale
from marketplace.services.orders import find_order
from marketplace.services.proposals import (
    NoReason,
    accept_proposal,
    dismiss_proposal,
)
from marketplace.services.proposing import NothingToPropose, ask_again
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act, may


@member(Act.READ, seat="supplier")
@require_GET
def machine_down(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Return what was said of a machine that is down, as a part of its page."""
    return _down(request, devices.machine(request.acting.tenant_id, uid), DowntimeForm())


@member(Act.PRODUCE, seat="supplier")
@require_POST
def machine_down_say(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take until when a machine is down, in the time of its site."""
    machine = devices.machine(request.acting.tenant_id, uid)
    with timezone.override(machine.site.time_zone):
        form = DowntimeForm(request.POST)
        is_valid = form.is_valid()
    if not is_valid:
        messages.error(request, _("Say until when the machine is down, as a date and a time."))
        return redirect("machine", uid=uid)
    try:
        say_down(
            organisation=request.acting.tenant,
            by=request.actor,
            now=site_now(),
            machine=machine,
            **form.cleaned_data,
        )
    except DowntimeRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Noted. Orders that it holds up are being re-planned."))
    return redirect("machine", uid=uid)


@member(Act.PRODUCE, seat="supplier")
@require_POST
def machine_down_end(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take that a machine runs again."""
    machine = devices.machine(request.acting.tenant_id, uid)
    try:
        say_running(
            organisation=request.acting.tenant, by=request.actor, now=site_now(), machine=machine
        )
    except NotDown as refusal:
        messages.error(request, str(refusal))
    return redirect("machine", uid=uid)


def _down(request: HttpRequest, machine: Machine, form: DowntimeForm) -> HttpResponse:
    now = site_now()
    context = {
        "machine": machine,
        "downtime": downtime_of(machine, now=now),
        "reported": reported_of(machine, now=now),
        "down_after_minutes": DOWN_AFTER / timedelta(minutes=1),
        "form": form,
        "may_change": may(request.acting.role, Act.PRODUCE),
    }
    return render(request, "supplier/_machine_down.html", context)


@member(Act.PRODUCE, seat="supplier")
@require_POST
def work_order_material(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take when the material of a work order comes, or that it is here."""
    form, is_here = MaterialForm(request.POST), "here" in request.POST
    if not work_orders_of(request.acting.tenant_id).filter(uid=uid).exists():
        raise WorkOrderGone(_("There is no such work order."))
    if not is_here and not form.is_valid():
        messages.error(request, _("Say when the material comes, as a date and a time."))
        return redirect("work_order", uid=uid)
    comes_at = None if is_here else form.cleaned_data["comes_at"]
    try:
        say_material(work_order_uid=uid, comes_at=comes_at, by=request.actor, now=site_now())
    except MaterialRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Noted. Lots that wait for it are being re-planned."))
    return redirect("work_order", uid=uid)


@member(Act.READ, seat="supplier")
@require_GET
def proposals(request: HttpRequest) -> HttpResponse:
    """Return the region of the work page with the factory's proposals."""
    now = site_now()
    context = {
        "downtimes": downtimes_now(request.acting.tenant_id, now=now),
        "rows": proposals_to(request.acting.tenant_id, now=now),
        "now": now,
        "form": DismissForm(),
        "may_decide": may(request.acting.role, Act.PRODUCE),
    }
    return render(request, "supplier/_proposals.html", context)


@member(Act.PRODUCE, seat="supplier")
@require_POST
def proposal_accept(request: HttpRequest, uid: UUID) -> HttpResponse:
    try:
        proposal = accept_proposal(proposal_uid=uid, by=request.actor, now=site_now())
    except (ProposalDecided, ProposalStale) as refusal:
        messages.error(request, str(refusal))
    else:
        said = _("Accepted. The lots are in their new places.")
        if proposal.state == ProposalState.AGREED:
            said = _("Accepted. The new hours are held, and the lots move when all have agreed.")
        if proposal.leaving:
            said = _("Given up. The lots go when the other factories have accepted.")
        messages.success(request, said)
    return redirect("work")


@member(Act.PRODUCE, seat="supplier")
@require_POST
def proposal_dismiss(request: HttpRequest, uid: UUID) -> HttpResponse:
    try:
        reason = request.POST.get("reason", "")
        dismiss_proposal(proposal_uid=uid, reason=reason, by=request.actor, now=site_now())
    except (ProposalDecided, NoReason) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Dismissed. The plan stays as it was."))
    return redirect("work")


@member(Act.PRODUCE, seat="supplier")
@require_POST
def proposal_again(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Ask for a new proposal where the last one has ended."""
    try:
        ask_again(proposal_uid=uid, by=request.actor, now=site_now())
    except NothingToPropose as refusal:
        messages.error(request, str(refusal))
    return redirect("work")


@member(Act.READ, seat="buyer")
@require_GET
def order_proposals(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Return the region of an order's page that says what came in between."""
    order = find_order(organisation=request.acting.tenant, uid=uid)
    context = {
        "order": order,
        "rows": proposals_of_order(order.tenant_id, order.uid),
        "may_decide": may(request.acting.role, Act.TRADE),
    }
    return render(request, "buyer/_proposals.html", context)


@member(Act.TRADE, seat="buyer")
@require_POST
def later_accept(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take the buyer's agreement to a later date, or other factories; these are asked then."""
    return _answer(
        request, uid, accept_later, _("Agreed. The factories concerned are being asked.")
    )


@member(Act.TRADE, seat="buyer")
@require_POST
def later_refuse(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take that the buyer keeps to the promised date."""
    return _answer(request, uid, keep_waiting, _("Noted. The plan and the promise stay."))


def _answer(
    request: HttpRequest, uid: UUID, act: Callable[..., Proposal], said: str
) -> HttpResponse:
    order_uid = find_put(buyer_id=request.acting.tenant_id, proposal_uid=uid).order_uid
    try:
        act(proposal_uid=uid, by=request.actor, now=site_now())
    except (ProposalDecided, ProposalStale) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
    return redirect("order", uid=order_uid)
