"""CSV files in: choose, look at what can be taken and what cannot, take it, or mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from marketplace.forms.capacity import ImportForm
from marketplace.services.sheets import capacity as capacity_sheets
from marketplace.services.sheets import machines as machine_sheets
from marketplace.services.sheets.keeping import drop_file, keep_file, kept_file
from marketplace.services.sheets.reading import MOST_BYTES, FailedRow, SheetRefused, write_failed
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.errors import DomainError

SHOWN_ROWS = 200


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a file would bring; both kinds of file end in this."""

    header: Sequence[str]
    valid: int
    failed: Sequence[FailedRow]
    facts: Sequence[str]


def _preview_capacity(request: HttpRequest, content: bytes) -> Preview:
    sheet = capacity_sheets.check_capacity_sheet(
        organisation=request.acting.tenant, now=site_now(), content=content
    )
    machines = len({one.machine.pk for one in sheet.valid})
    facts = [
        _("%(hours)s h of idle time on %(machines)s machines.")
        % {"hours": f"{sheet.hours:g}", "machines": machines}
    ]
    return Preview(header=sheet.header, valid=len(sheet.valid), failed=sheet.failed, facts=facts)


def _preview_machines(request: HttpRequest, content: bytes) -> Preview:
    sheet = machine_sheets.check_machine_sheet(organisation=request.acting.tenant, content=content)
    n = len(sheet.valid)
    facts = [ngettext("%(n)s machine.", "%(n)s machines.", n) % {"n": n}]
    if sheet.new_sites:
        facts.append(_("New sites: %(names)s.") % {"names": ", ".join(sheet.new_sites)})
    return Preview(header=sheet.header, valid=sheet.row_count, failed=sheet.failed, facts=facts)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What was entered, in a sentence, and the rows that were left out."""

    sentence: str
    header: Sequence[str]
    failed: Sequence[FailedRow]


def _take_capacity(request: HttpRequest, content: bytes, *, only_valid: bool) -> Taken:
    sheet = capacity_sheets.import_capacity(
        organisation=request.acting.tenant,
        by=request.actor,
        now=site_now(),
        content=content,
        only_valid=only_valid,
        publish="publish" in request.POST,
    )
    sentence = _("%(n)s windows are drafted. Publish them to sell them.")
    if "publish" in request.POST:
        sentence = _("%(n)s windows are for sale.")
    return Taken(
        sentence=sentence % {"n": len(sheet.valid)}, header=sheet.header, failed=sheet.failed
    )


def _take_machines(request: HttpRequest, content: bytes, *, only_valid: bool) -> Taken:
    sheet = machine_sheets.import_machines(
        organisation=request.acting.tenant,
        by=request.actor,
        now=site_now(),
        content=content,
        only_valid=only_valid,
    )
    n = len(sheet.valid)
    sentence = ngettext("%(n)s machine is entered.", "%(n)s machines are entered.", n) % {"n": n}
    return Taken(sentence=sentence, header=sheet.header, failed=sheet.failed)


KINDS: dict[str, dict[str, Any]] = {
    "capacity": {
        "preview": _preview_capacity,
        "take": _take_capacity,
        "url": "capacity_import",
        "done_url": "capacity_list",
        "columns": capacity_sheets.COLUMNS,
    },
    "machines": {
        "preview": _preview_machines,
        "take": _take_machines,
        "url": "machine_import",
        "done_url": "machines",
        "columns": machine_sheets.COLUMNS,
    },
}


@member(Act.TRADE, seat="supplier")
def choose(request: HttpRequest, kind: str) -> HttpResponse:
    """Take a file to look at; it is kept half an hour, and nothing is entered yet."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            content = upload.read(MOST_BYTES + 1)
            KINDS[kind]["preview"](request, content)
        except SheetRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            token = keep_file(tenant_id=request.acting.tenant_id, content=content)
            return redirect(f"{KINDS[kind]['url']}_preview", token=token)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "supplier/import.html", _context(kind, form=form), status=status)


def _context(kind: str, **more: Any) -> dict[str, Any]:
    names = KINDS[kind]
    return {
        "kind": kind,
        "columns": names["columns"],
        "back": reverse(names["done_url"] if kind == "machines" else "capacity"),
        "url": reverse(names["url"]),
        "template_url": reverse(f"{names['url']}_template"),
        **more,
    }


@member(Act.TRADE, seat="supplier")
def preview(request: HttpRequest, kind: str, token: str) -> HttpResponse:
    """Show what of a kept file can be taken and what cannot, row by row."""
    content = kept_file(tenant_id=request.acting.tenant_id, token=token)
    found = KINDS[kind]["preview"](request, content)
    return _preview_page(request, kind, token, found)


def _preview_page(
    request: HttpRequest, kind: str, token: str, found: Preview, refusal: str = ""
) -> HttpResponse:
    url = KINDS[kind]["url"]
    context = _context(
        kind,
        found=found,
        failed=found.failed[:SHOWN_ROWS],
        hidden=max(0, len(found.failed) - SHOWN_ROWS),
        refusal=refusal,
        take_url=reverse(f"{url}_take", args=[token]),
        failed_url=reverse(f"{url}_failed", args=[token]),
    )
    return render(request, "supplier/import_preview.html", context, status=422 if refusal else 200)


@member(Act.TRADE, seat="supplier")
@require_POST
def take(request: HttpRequest, kind: str, token: str) -> HttpResponse:
    """Enter a kept file: all of it, or its valid rows."""
    tenant_id = request.acting.tenant_id
    content = kept_file(tenant_id=tenant_id, token=token)
    only_valid = request.POST.get("rows") == "valid"
    try:
        taken = KINDS[kind]["take"](request, content, only_valid=only_valid)
    except DomainError as refusal:
        found = KINDS[kind]["preview"](request, content)
        return _preview_page(request, kind, token, found, str(refusal))
    drop_file(tenant_id=tenant_id, token=token)
    messages.success(request, taken.sentence)
    if not taken.failed:
        return redirect(KINDS[kind]["done_url"])
    rest = keep_file(tenant_id=tenant_id, content=write_failed(taken.header, taken.failed).encode())
    return redirect(f"{KINDS[kind]['url']}_left", token=rest)


@member(Act.TRADE, seat="supplier")
def left(request: HttpRequest, kind: str, token: str) -> HttpResponse:
    """Offer the rows that an import left out, as a file to mend and send again."""
    content = kept_file(tenant_id=request.acting.tenant_id, token=token)
    if request.GET.get("format") == "csv":
        return _csv(content.decode(), f"{kind}-failed.csv")
    context = _context(kind, done_url=reverse(KINDS[kind]["done_url"]))
    return render(request, "supplier/import_left.html", context)


@member(Act.TRADE, seat="supplier")
def failed(request: HttpRequest, kind: str, token: str) -> HttpResponse:
    """Give the failed rows back as a file, with their reasons, to be mended and sent again."""
    content = kept_file(tenant_id=request.acting.tenant_id, token=token)
    found = KINDS[kind]["preview"](request, content)
    return _csv(write_failed(found.header, found.failed), f"{kind}-failed.csv")


@member(Act.READ, seat="supplier")
def template(request: HttpRequest, kind: str) -> HttpResponse:
    """Give an example file that can be imported as it is."""
    if kind == "machines":
        return _csv(machine_sheets.machine_template(), "machines.csv")
    text = capacity_sheets.capacity_template(organisation=request.acting.tenant, now=site_now())
    return _csv(text, "capacity.csv")


def _csv(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
