"""Capacity windows from a CSV file: checked row by row, taken whole or without the faulty rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from devices.models import Machine
from devices.selectors import machines
from marketplace.core.spans import Span, UnclearLocalTime, local_moment, to_instant, to_local
from marketplace.models import CapacityWindow
from marketplace.selectors.capacity import Terms, span_of
from marketplace.services.capacity import add_windows
from marketplace.services.sheets.cells import read_count, read_day, read_minute, read_price
from marketplace.services.sheets.reading import (
    CellFault,
    Column,
    FailedRow,
    Row,
    Sheet,
    SheetRefused,
    read_sheet,
    write_sheet,
)
from marketplace.services.window_checks import NewWindow, faults_of
from marketplace.services.window_faults import clock_change_sentence
from tenants.actors import Actor
from tenants.core.money import to_decimal
from tenants.models import Organisation

COLUMNS = (
    Column(name="machine", other_names=("机器", "设备")),
    Column(name="date", other_names=("日期",)),
    Column(name="start", other_names=("开始", "from")),
    Column(name="end_date", is_required=False, other_names=("结束日期",)),
    Column(name="end", other_names=("结束", "to")),
    Column(name="price_per_hour", other_names=("每小时价格", "单价")),
    Column(name="currency", is_required=False, other_names=("币种",)),
    Column(name="minimum_lot", is_required=False, other_names=("最小批量",)),
    Column(name="state", is_required=False, other_names=("状态",)),
)
TEMPLATE_COLUMNS = ("machine", "date", "start", "end", "price_per_hour", "minimum_lot")


@dataclass(frozen=True, kw_only=True)
class CapacitySheet:
    """A capacity file after checking: what can be taken, what cannot and why."""

    header: Sequence[str]
    valid: Sequence[NewWindow]
    failed: Sequence[FailedRow]

    @property
    def hours(self) -> float:
        return sum(one.span.hours for one in self.valid)


def check_capacity_sheet(
    *, organisation: Organisation, now: datetime, content: bytes
) -> CapacitySheet:
    """Read a capacity file and say of each row whether it can be taken.

    Raises:
        SheetRefused: the file as a whole cannot be read.
    """
    sheet = read_sheet(content, COLUMNS)
    own = list(machines(organisation.pk))
    by_code = {m.code.casefold(): m for m in own} | {m.code: m for m in own}
    read: list[tuple[Row, NewWindow]] = []
    failed = list(sheet.failed)
    for row in sheet.rows:
        try:
            read.append((row, _new_window(row, by_code, organisation, sheet)))
        except CellFault as fault:
            failed.append(FailedRow(row=row, reason=fault.sentence))
    faults = {
        fault.index: fault.sentence
        for fault in faults_of(organisation=organisation, now=now, new=[new for _r, new in read])
    }
    failed += [FailedRow(row=read[index][0], reason=reason) for index, reason in faults.items()]
    return CapacitySheet(
        header=sheet.header,
        valid=[new for index, (_row, new) in enumerate(read) if index not in faults],
        failed=sorted(failed, key=lambda one: one.row.line),
    )


def _new_window(
    row: Row, by_code: dict[str, Machine], organisation: Organisation, sheet: Sheet
) -> NewWindow:
    cells, comma = row.cells, sheet.has_decimal_comma
    machine = by_code.get(cells["machine"]) or by_code.get(cells["machine"].casefold())
    if machine is None:
        raise CellFault(
            _("There is no machine with the code %(code)s. Enter it first or correct the code.")
            % {"code": cells["machine"]}
        )
    if cells["currency"] not in ("", organisation.currency):
        raise CellFault(
            _("The currency is %(written)s, but your organisation sells in %(own)s.")
            % {"written": cells["currency"], "own": organisation.currency}
        )
    return NewWindow(
        machine=machine,
        span=_span(row, ZoneInfo(machine.site.time_zone)),
        terms=Terms(
            price_minor_per_hour=read_price(
                cells["price_per_hour"],
                "price_per_hour",
                organisation.currency,
                decimal_comma=comma,
            ),
            minimum_lot=read_count(
                cells["minimum_lot"] or "1", "minimum_lot", least=1, decimal_comma=comma
            ),
        ),
    )


def _span(row: Row, zone: ZoneInfo) -> Span:
    """Return a row's time; without an end date, an end at or before the start is the next day."""
    day = read_day(row.cells["date"], "date")
    start = read_minute(row.cells["start"], "start")
    end = read_minute(row.cells["end"], "end")
    if row.cells["end_date"]:
        ends_on = read_day(row.cells["end_date"], "end_date")
    else:
        ends_on = day + timedelta(days=end <= start)
    try:
        return Span(
            to_instant(local_moment(day, start), zone), to_instant(local_moment(ends_on, end), zone)
        )
    except UnclearLocalTime as unclear:
        raise CellFault(clock_change_sentence(unclear)) from unclear


@transaction.atomic
def import_capacity(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    content: bytes,
    only_valid: bool,
    publish: bool,
) -> CapacitySheet:
    """Enter the windows of a file: all of them or none, or all but the faulty rows.

    Raises:
        SheetRefused: the file cannot be read, a row is faulty and `only_valid` is not asked for,
            or no row is left.
    """
    sheet = check_capacity_sheet(organisation=organisation, now=now, content=content)
    refuse_if_faulty(len(sheet.valid), len(sheet.failed), only_valid=only_valid)
    add_windows(organisation=organisation, by=by, now=now, new=sheet.valid, publish=publish)
    return sheet


def refuse_if_faulty(valid: int, failed: int, *, only_valid: bool) -> None:
    """Refuse a file that cannot be taken in the way that was asked for.

    Raises:
        SheetRefused: faulty rows where all were wanted, or nothing to take.
    """
    if failed and not only_valid:
        raise SheetRefused(
            _("%(count)s rows are faulty, so none was taken. Mend them or take the valid rows.")
            % {"count": failed}
        )
    if not valid:
        raise SheetRefused(_("No row of the file can be taken. Mend the rows and try again."))


def capacity_template(*, organisation: Organisation, now: datetime) -> str:
    """Return an example file with the organisation's own machines, for tomorrow night."""
    codes = list(machines(organisation.pk).values_list("code", flat=True)[:3]) or ["M-01"]
    day = (now + timedelta(days=1)).astimezone(ZoneInfo(organisation.time_zone)).date()
    return write_sheet(
        TEMPLATE_COLUMNS,
        [[code, f"{day:%Y-%m-%d}", "20:00", "06:00", "80.00", 100] for code in codes],
    )


def write_windows(windows: Sequence[CapacityWindow]) -> str:
    """Return windows as a file that could be imported again, with their state at the end."""
    return write_sheet(
        [column.name for column in COLUMNS],
        (_window_cells(window) for window in windows),
    )


def _window_cells(window: CapacityWindow) -> list[object]:
    start, end = to_local(span_of(window), ZoneInfo(window.machine.site.time_zone))
    return [
        window.machine.code,
        f"{start:%Y-%m-%d}",
        f"{start:%H:%M}",
        f"{end:%Y-%m-%d}",
        f"{end:%H:%M}",
        to_decimal(window.price_minor_per_hour, window.currency),
        window.currency,
        window.minimum_lot,
        window.state,
    ]
