"""Pages of machines: the list, entering and changing one, several from a CSV file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from devices import selectors as devices
from devices.models import Machine
from devices.services.machines import set_machine_active
from marketplace.forms.machines import (
    AbilityForm,
    AbilityFormSet,
    MachineForm,
    abilities,
    ability_rows,
    catalogue_by_code,
)
from marketplace.selectors.capacity import machine_rows
from marketplace.selectors.catalogue import capabilities, process_names
from marketplace.selectors.learned import learned_rows
from marketplace.services.learning import use_learned
from marketplace.services.machines import (
    NewMachine,
    archive_machine,
    change_machine_and_abilities,
    enter_machines,
)
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act, may
from tenants.errors import DomainError

PAGE_ROWS = 50


@member(Act.READ, seat="supplier")
def machines(request: HttpRequest) -> HttpResponse:
    """List the machines with state, processes and what they have on sale."""
    tenant_id = request.acting.tenant_id
    archived = request.GET.get("show") == "archived"
    found = devices.machines(tenant_id, active_only=False).filter(is_active=not archived)
    search, site = request.GET.get("q", "").strip(), request.GET.get("site", "")
    if search:
        found = found.filter(code__icontains=search) | found.filter(machine_type__icontains=search)
    sites = list(devices.sites(tenant_id))
    chosen = next((one for one in sites if str(one.uid) == site), None)
    if chosen is not None:
        found = found.filter(site=chosen)
    page = Paginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": machine_rows(tenant_id, list(page), now=site_now()),
        "search": search,
        "sites": [(str(one.uid), one.name, one.machine_count) for one in sites],
        "shows": [("archived", _("Archived"), None)],
        "is_narrowed": bool(search or chosen or archived),
    }
    return render(request, "supplier/machines.html", context)


@member(Act.PRODUCE, seat="supplier")
def machine_new(request: HttpRequest) -> HttpResponse:
    if not devices.sites(request.acting.tenant_id).exists():
        messages.info(request, _("A machine stands at a site. Add the site first."))
        return redirect("site_new")
    return _edit(request, Machine(), rows=[])


@member(Act.PRODUCE, seat="supplier")
def machine_edit(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Change a machine and what it can do."""
    machine = devices.machine(request.acting.tenant_id, uid)
    known = capabilities(request.acting.tenant_id, [machine])
    return _edit(request, machine, rows=ability_rows(known[machine.pk]))


def _edit(request: HttpRequest, machine: Machine, *, rows: list[dict[str, Any]]) -> HttpResponse:
    form = MachineForm(request.POST or None, instance=machine, tenant_id=request.acting.tenant_id)
    formset = AbilityFormSet(
        request.POST or None,
        initial=rows,
        prefix="abilities",
        form_kwargs={"catalogue": catalogue_by_code()},
    )
    is_new = machine.pk is None
    if request.method == "POST" and form.is_valid() and formset.is_valid():
        try:
            _store(request, form.save(commit=False), abilities(formset), is_new=is_new)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("%(machine)s is saved.") % {"machine": machine.code})
            return redirect("machine_new" if "another" in request.POST else "machines")
    status = 422 if form.is_bound and (form.errors or not formset.is_valid()) else 200
    context = {"form": form, "formset": formset, "machine": machine, "is_new": is_new}
    return render(request, "supplier/machine_edit.html", context, status=status)


def _store(request: HttpRequest, machine: Machine, said: list[Any], *, is_new: bool) -> None:
    acting = {"organisation": request.acting.tenant, "by": request.actor, "now": site_now()}
    if is_new:
        enter_machines(**acting, new=[NewMachine(machine=machine, abilities=said)])
    else:
        change_machine_and_abilities(**acting, machine=machine, abilities=said)


@member(Act.PRODUCE, seat="supplier")
@require_GET
def ability_fields(request: HttpRequest) -> HttpResponse:
    """Return one row of the form for the process just chosen, with its attributes."""
    prefix = request.GET.get("prefix", "")
    form = AbilityForm(
        request.GET if prefix else None, prefix=prefix, catalogue=catalogue_by_code()
    )
    form.is_bound = False
    form.initial = {
        name: request.GET.get(f"{prefix}-{name}", "")
        for name in ("process", "pieces_per_hour", "set_up_minutes")
    }
    return render(request, "supplier/_ability.html", {"row": form})


@member(Act.READ, seat="supplier")
@require_GET
def machine_learned(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Return what a machine has shown, as a part of its page."""
    machine = devices.machine(request.acting.tenant_id, uid)
    context = {
        "machine": machine,
        "rows": learned_rows(machine),
        "may_change": may(request.acting.role, Act.PRODUCE),
    }
    return render(request, "supplier/_learned.html", context)


@member(Act.PRODUCE, seat="supplier")
@require_POST
def machine_learned_use(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Decide whether plans reckon with what a machine has shown or with what is stated."""
    machine = devices.machine(request.acting.tenant_id, uid)
    is_used = request.POST.get("use") != "stated"
    process = request.POST.get("process", "")
    if process not in process_names():
        raise Http404
    use_learned(
        organisation=request.acting.tenant,
        by=request.actor,
        now=site_now(),
        machine=machine,
        process_code=process,
        is_used=is_used,
    )
    messages.success(
        request,
        _("The next plans reckon with what it has shown.")
        if is_used
        else _("The next plans reckon with what you state."),
    )
    return redirect("machine", uid=machine.uid)


@member(Act.PRODUCE, seat="supplier")
@require_POST
def machine_archive(request: HttpRequest, uid: UUID) -> HttpResponse:
    machine = devices.machine(request.acting.tenant_id, uid)
    archive_machine(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), machine=machine
    )
    messages.success(
        request,
        _("%(machine)s is archived and off the market.") % {"machine": machine.code},
    )
    return redirect("machines")


@member(Act.PRODUCE, seat="supplier")
@require_POST
def machine_restore(request: HttpRequest, uid: UUID) -> HttpResponse:
    machine = devices.machine(request.acting.tenant_id, uid)
    set_machine_active(
        organisation=request.acting.tenant,
        by=request.actor,
        now=site_now(),
        machine=machine,
        is_active=True,
    )
    messages.success(request, _("%(machine)s is back in use.") % {"machine": machine.code})
    return redirect("machines")
