"""Pages of idle time: the week grid, the list, drawing, publishing and withdrawing."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from devices import selectors as devices
from devices.models import Machine
from marketplace.forms.capacity import WeekForm, monday_of
from marketplace.models import WindowState
from marketplace.selectors import capacity as reads
from marketplace.selectors.capacity_week import hours_ahead, week_of
from marketplace.services.capacity import list_idle_nights, withdraw_windows
from marketplace.services.capacity_drawing import Saved, draw_windows
from marketplace.services.sheets.capacity import write_windows
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.errors import DomainError
from tenants.templatetags.formats import number

PAGE_ROWS = 50
MOST_EXPORTED = 100_000


@member(Act.READ, seat="supplier")
def capacity(request: HttpRequest) -> HttpResponse:
    """Draw a week of idle time and say what an hour costs."""
    machines = _machines(request)
    return _week_page(request, machines, _form(request, machines))


def _machines(request: HttpRequest) -> list[Machine]:
    return list(devices.machines(request.acting.tenant_id))


def _form(request: HttpRequest, machines: list[Machine]) -> WeekForm:
    return WeekForm(
        request.POST if request.method == "POST" else None,
        machines=machines,
        terms=reads.latest_terms(request.acting.tenant_id, machines),
        currency=request.acting.tenant.currency,
    )


def _monday(request: HttpRequest) -> date:
    zone = ZoneInfo(request.acting.tenant.time_zone)
    return monday_of(request.GET.get("week", ""), site_now().astimezone(zone).date())


def _week_page(request: HttpRequest, machines: list[Machine], form: WeekForm) -> HttpResponse:
    tenant, now = request.acting.tenant, site_now()
    chosen = request.GET.get("machine", "")
    week = week_of(tenant.pk, machines, monday=_monday(request), now=now, chosen=chosen)
    unsold = reads.unsold(organisation=tenant, now=now, machines=machines)
    ahead = hours_ahead(tenant.pk, machines, now=now)
    drawn = form["windows"].value() if form.is_bound else json.dumps(week.drawn)
    context = {
        "form": form,
        "machines": machines,
        "week": week,
        "drawn": drawn,
        "address": f"week={week.monday.isoformat()}",
        "unsold": unsold,
        "unsold_note": _("%(hours)s h on %(machines)s machines")
        % {"hours": number(unsold.hours), "machines": number(unsold.machines)},
        "hours": {
            name: _("%(hours)s h") % {"hours": number(hours)}
            for name, hours in {"unsold": unsold.hours, **asdict(ahead)}.items()
        },
        "tabs": _tabs("week"),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "supplier/capacity.html", context, status=status)


def _tabs(current: str) -> list[dict[str, Any]]:
    return [
        {"label": _("Week"), "url": reverse("capacity"), "current": current == "week"},
        {"label": _("List"), "url": reverse("capacity_list"), "current": current == "list"},
    ]


@member(Act.TRADE, seat="supplier")
@require_POST
def capacity_draw(request: HttpRequest) -> HttpResponse:
    """Save the drawn week as drafts, or publish it."""
    machines = _machines(request)
    form = _form(request, machines)
    monday = _monday(request)
    if form.is_valid():
        try:
            saved = draw_windows(
                organisation=request.acting.tenant,
                by=request.actor,
                now=site_now(),
                monday=monday,
                weeks=form.weeks,
                publish="publish" in request.POST,
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _saved_sentence(saved, publish="publish" in request.POST))
            return redirect(f"{reverse('capacity')}?week={monday.isoformat()}")
    return _week_page(request, machines, form)


def _saved_sentence(saved: Saved, *, publish: bool) -> str:
    parts = []
    if saved.drawn and not publish:
        parts.append(
            ngettext("%(n)s window drafted.", "%(n)s windows drafted.", saved.drawn)
            % {"n": saved.drawn}
        )
    if saved.published:
        parts.append(
            ngettext("%(n)s window is for sale.", "%(n)s windows are for sale.", saved.published)
            % {"n": saved.published}
        )
    if saved.erased_hours:
        parts.append(_("%(n)s h taken out.") % {"n": f"{saved.erased_hours:g}"})
    return " ".join(parts) or _("Saved. Nothing has changed on the market.")


@member(Act.TRADE, seat="supplier")
@require_POST
def capacity_idle_nights(request: HttpRequest) -> HttpResponse:
    """Draw the idle time of the next four weeks on all machines that have a price."""
    machines = _machines(request)
    form = _form(request, machines)
    if form.is_valid():
        try:
            drawn = list_idle_nights(
                organisation=request.acting.tenant,
                by=request.actor,
                now=site_now(),
                machines=machines,
                terms=form.terms,
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            sentence = ngettext(
                "%(n)s idle window of the next four weeks is drafted. Publish it to sell it.",
                "%(n)s idle windows of the next four weeks are drafted. Publish them to sell them.",
                len(drawn),
            )
            messages.success(request, sentence % {"n": len(drawn)})
            return redirect(f"{reverse('capacity')}?week={_monday(request).isoformat()}")
    return _week_page(request, machines, form)


@member(Act.READ, seat="supplier")
def capacity_list(request: HttpRequest) -> HttpResponse:
    """List windows with filters, as a page or as CSV: the twin of the grid."""
    tenant_id, now = request.acting.tenant_id, site_now()
    found = reads.windows(tenant_id)
    state, machine = request.GET.get("state", ""), request.GET.get("machine", "")
    if state in WindowState.values:
        found = found.filter(state=state)
    machines = _machines(request)
    chosen = next((one for one in machines if str(one.uid) == machine), None)
    if chosen is not None:
        found = found.filter(machine=chosen)
    if "past" not in request.GET:
        found = found.filter(during__endswith__gt=now)
    if request.GET.get("format") == "csv":
        return _csv(write_windows(found[:MOST_EXPORTED]), "capacity.csv")
    context = {
        "page": Paginator(found, PAGE_ROWS).get_page(request.GET.get("page")),
        "states": [(one.value, one.label, None) for one in WindowState],
        "pasts": [("1", _("Past too"), None)],
        "machines": machines,
        "chosen": chosen,
        "tabs": _tabs("list"),
        "is_narrowed": bool(state or chosen),
    }
    return render(request, "supplier/capacity_list.html", context)


def _csv(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@member(Act.TRADE, seat="supplier")
@require_POST
def capacity_withdraw(request: HttpRequest) -> HttpResponse:
    """Take the ticked windows off sale."""
    uids = request.POST.getlist("window")
    if not uids:
        messages.info(request, _("Tick the windows to withdraw first."))
        return redirect("capacity_list")
    count = withdraw_windows(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), uids=uids
    )
    sentence = ngettext("%(n)s window withdrawn.", "%(n)s windows withdrawn.", count)
    messages.success(request, sentence % {"n": count})
    return redirect("capacity_list")
