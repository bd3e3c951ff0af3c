"""The factory's first screen, its work orders and the reports of its operations."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from devices import selectors as devices
from marketplace.forms.production import CorrectionForm, ReportForm
from marketplace.forms.proposals import MaterialForm
from marketplace.models import Operation, OperationState, WorkOrder, WorkOrderState
from marketplace.selectors.capacity_week import hours_ahead
from marketplace.selectors.catalogue import process_names
from marketplace.selectors.supplier_day import day_of, first_steps, tasks_of
from marketplace.selectors.supplier_plan import height_of, machine_plan
from marketplace.selectors.work import lots_of_work_order, operations_of, work_orders_of
from marketplace.selectors.work_progress import progress_of, with_progress
from marketplace.services.corrections import correct_report, why_not_correctable
from marketplace.services.production import Report, report_operation, start_operation
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act, may
from tenants.errors import NotFound

PAGE_ROWS = 50
OPEN_STATES = (WorkOrderState.IN_PROCESS, WorkOrderState.RELEASED, WorkOrderState.CONFIRMED)


@member(Act.READ, seat="supplier")
def supplier_home(request: HttpRequest) -> HttpResponse:
    """Answer: what must I do today, and what will I be paid?"""
    tenant, now = request.acting.tenant, site_now()
    machines = list(devices.machines(tenant.pk))
    context = {
        "steps": first_steps(tenant.pk),
        "day": day_of(tenant.pk, currency=tenant.currency, now=now),
        "tasks": tasks_of(tenant.pk, now=now),
        "hours": hours_ahead(tenant.pk, machines, now=now),
        "machines": machines,
        "plan": (plan := machine_plan(tenant=tenant, now=now)),
        "plan_height": height_of(plan),
    }
    return render(request, "supplier/home.html", context)


@member(Act.READ, seat="supplier")
def supplier_schedule(request: HttpRequest) -> JsonResponse:
    """Return the machines' plan for the Gantt, which asks again when work changes."""
    return JsonResponse(machine_plan(tenant=request.acting.tenant, now=site_now()))


@member(Act.READ, seat="supplier")
def work(request: HttpRequest) -> HttpResponse:
    """List work orders by state, the ones that run first."""
    supplier_id, now = request.acting.tenant_id, site_now()
    state = request.GET.get("state", "open")
    found = work_orders_of(supplier_id)
    if state == "open":
        found = found.filter(state__in=OPEN_STATES)
    elif state != "all":
        found = found.filter(state=state)
    page = Paginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    names = process_names()
    context = {
        "page": page,
        "rows": [
            (row, names.get(row.work_order.process_code, row.work_order.process_code))
            for row in with_progress(page.object_list, now=now)
        ],
        "state": state,
        "tabs": [
            {"label": label, "url": f"?state={code}", "current": code == state}
            for code, label in (
                ("open", _("Open")),
                ("in_process", _("In process")),
                ("released", _("Ready to start")),
                ("confirmed", _("Waiting for money")),
                ("completed", _("Completed")),
                ("all", _("All")),
            )
        ],
    }
    return render(request, "supplier/work.html", context)


@member(Act.READ, seat="supplier")
def work_order(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show one work order with its lots, the claim beside the machines' count."""
    return _show(request, _find(request, uid))


@member(Act.PRODUCE, seat="supplier")
@require_POST
def operation_start(request: HttpRequest, uid: UUID) -> HttpResponse:
    operation = _operation(request, uid)
    start_operation(operation_uid=uid, by=request.actor, now=site_now())
    messages.success(request, _("Lot %(lot)s has started.") % {"lot": operation.lot})
    return redirect("work_order", uid=operation.work_order.uid)


@member(Act.PRODUCE, seat="supplier")
@require_POST
def operation_report(request: HttpRequest, uid: UUID) -> HttpResponse:
    operation = _operation(request, uid)
    form = ReportForm(request.POST, operation=operation)
    if not form.is_valid():
        return _show(request, operation.work_order, bound=form, status=422)
    report_operation(
        report=Report(
            operation_uid=uid, good=form.cleaned_data["good"], scrap=form.cleaned_data["scrap"]
        ),
        by=request.actor,
        now=site_now(),
    )
    messages.success(request, _("Lot %(lot)s: reported.") % {"lot": operation.lot})
    return redirect("work_order", uid=operation.work_order.uid)


@member(Act.PRODUCE, seat="supplier")
def operation_correct(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Ask for the right numbers of a finished lot, and take them."""
    operation = _operation(request, uid)
    form = CorrectionForm(request.POST or None, operation=operation)
    if request.method != "POST" or not form.is_valid():
        context = {
            "operation": operation,
            "form": form,
            "too_late": why_not_correctable(operation),
            "corrections": operation.corrections.order_by("-pk"),
        }
        status = 422 if request.method == "POST" else 200
        return render(request, "supplier/correction.html", context, status=status)
    correct_report(operation_uid=uid, by=request.actor, now=site_now(), **form.cleaned_data)
    messages.success(request, _("Lot %(lot)s: corrected.") % {"lot": operation.lot})
    return redirect("work_order", uid=operation.work_order.uid)


def _find(request: HttpRequest, uid: UUID) -> WorkOrder:
    found = work_orders_of(request.acting.tenant_id).filter(uid=uid).first()
    if found is None:
        raise NotFound(gettext_lazy("There is no such work order."))
    return found


def _operation(request: HttpRequest, uid: UUID) -> Operation:
    found = operations_of(request.acting.tenant_id).filter(uid=uid).first()
    if found is None:
        raise NotFound(gettext_lazy("There is no such operation in your shop."))
    return found


def _show(
    request: HttpRequest, found: WorkOrder, *, bound: ReportForm | None = None, status: int = 200
) -> HttpResponse:
    page = Paginator(lots_of_work_order(found), PAGE_ROWS).get_page(request.GET.get("page"))
    rows = [(row, _form(row, bound)) for row in page.object_list]
    context = {
        "work_order": found,
        "process": process_names().get(found.process_code),
        "progress": progress_of(found, now=site_now()),
        "rows": rows,
        "page": page,
        "form": bound,
        "material_form": _material_form(request, found),
        "may_start": found.state in (WorkOrderState.RELEASED, WorkOrderState.IN_PROCESS),
        "to_ship": [
            row for row in page.object_list if row.state == OperationState.FINISHED and row.good
        ],
    }
    return render(request, "supplier/work_order.html", context, status=status)


def _material_form(request: HttpRequest, found: WorkOrder) -> MaterialForm | None:
    waits = found.step == 1 and found.state in OPEN_STATES
    return MaterialForm() if waits and may(request.acting.role, Act.PRODUCE) else None


def _form(operation: Operation, bound: ReportForm | None) -> ReportForm | None:
    if bound is not None and bound.operation.pk == operation.pk:
        return bound
    if operation.state == OperationState.STARTED:
        return ReportForm(operation=operation)
    return None
