"""Pages of sites and their shifts."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from devices import selectors
from devices.forms import ShiftFormSet, SiteForm, shift_rows, shift_times
from devices.models import Site
from devices.services.sites import save_site_with_shifts
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.errors import DomainError

USUAL_SHIFT = [{"days": [0, 1, 2, 3, 4], "starts_at": "08:00", "ends_at": "18:00"}]


@member(Act.READ, seat="supplier")
def sites(request: HttpRequest) -> HttpResponse:
    """List the sites with their machines and shifts."""
    found = list(selectors.sites(request.acting.tenant_id))
    rows = [{"site": site, "shifts": shift_rows(site)} for site in found]
    return render(request, "supplier/sites.html", {"rows": rows})


@member(Act.PRODUCE, seat="supplier")
def site_new(request: HttpRequest) -> HttpResponse:
    tenant = request.acting.tenant
    start = {"time_zone": tenant.time_zone, "city": tenant.city}
    return _edit(request, Site(), initial=start, rows=USUAL_SHIFT)


@member(Act.PRODUCE, seat="supplier")
def site(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Change a site and its weekly shifts."""
    found = selectors.site(request.acting.tenant_id, uid)
    return _edit(request, found, initial={}, rows=shift_rows(found))


def _edit(
    request: HttpRequest, site: Site, *, initial: dict[str, str], rows: list[dict[str, object]]
) -> HttpResponse:
    form = SiteForm(request.POST or None, instance=site, initial=initial)
    shifts = ShiftFormSet(request.POST or None, initial=rows, prefix="shifts")
    if request.method == "POST" and form.is_valid() and shifts.is_valid():
        try:
            save_site_with_shifts(
                organisation=request.acting.tenant,
                by=request.actor,
                now=site_now(),
                site=form.save(commit=False),
                shifts=shift_times(shifts),
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("%(site)s is saved.") % {"site": site.name})
            has_machines = selectors.machines(request.acting.tenant_id).exists()
            return redirect("sites" if has_machines else "machine_new")
    status = 422 if form.is_bound and (form.errors or not shifts.is_valid()) else 200
    context = {"form": form, "shifts": shifts, "is_new": site.pk is None}
    return render(request, "supplier/site.html", context, status=status)
