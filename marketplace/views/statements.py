"""The supplier's statements: what each piece of work has paid, and when it comes."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from finance.billing.selectors import statement_line, statement_lines, statement_totals
from marketplace.services.sheets.reading import write_sheet
from tenants.access import member
from tenants.core.roles import Act

SHEET_ROWS = 50_000


@member(Act.READ, seat="supplier")
def statements(request: HttpRequest) -> HttpResponse:
    """Show lines and sums, or give the lines as CSV."""
    supplier_id = request.acting.tenant_id
    state = request.GET.get("state", "")
    lines = statement_lines(supplier_id=supplier_id, state=state)
    if request.GET.get("format") == "csv":
        return _sheet(lines)
    context = {
        "page": Paginator(lines, 50).get_page(request.GET.get("page")),
        "totals": statement_totals(supplier_id=supplier_id),
    }
    return render(request, "supplier/statements.html", context)


@member(Act.READ, seat="supplier")
def statement(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show how one line came about."""
    line = statement_line(supplier_id=request.acting.tenant_id, uid=uid)
    return render(request, "supplier/statement.html", {"line": line})


def _sheet(lines: object) -> HttpResponse:
    columns = (
        "booked_at",
        "label",
        "currency",
        "gross_minor",
        "commission_minor",
        "repayment_minor",
        "net_minor",
        "paid_at",
        "paid_reference",
    )
    text = write_sheet(columns, lines.values_list(*columns)[:SHEET_ROWS])  # type: ignore[attr-defined]
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="statement.csv"'},
    )
