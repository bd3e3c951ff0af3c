"""Cells read as what they mean: days, times, amounts, numbers."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext_lazy as _

from marketplace.core.spans import DAY_MINUTES
from marketplace.services.sheets.reading import CellFault
from tenants.core.money import NotAnAmount, to_minor

_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_TIME = re.compile(r"(\d{1,2})[:：](\d{2})(?::00)?")


def read_day(cell: str, column: str) -> date:
    """Read `2026-03-02`, `2026/3/2` or `2026年3月2日`."""
    match = _DAY.fullmatch(cell)
    try:
        if match and 2000 <= int(match[1]) < 2200:
            return date(*(int(part) for part in match.groups()))
    except ValueError:
        pass  # a day that the calendar does not have is refused like any other text
    raise CellFault(
        _("“%(cell)s” in %(column)s is not a day. Write it like 2026-03-02.")
        % {"cell": cell, "column": column}
    )


def read_minute(cell: str, column: str) -> int:
    """Read `22:00` as minutes from midnight; `24:00` is the end of the day."""
    match = _TIME.fullmatch(cell)
    if match:
        minute = int(match[1]) * 60 + int(match[2])
        if int(match[2]) < 60 and minute <= DAY_MINUTES:
            return minute
    raise CellFault(
        _("“%(cell)s” in %(column)s is not a time. Write it like 22:00, up to 24:00.")
        % {"cell": cell, "column": column}
    )


def read_decimal(cell: str, column: str, *, decimal_comma: bool) -> Decimal:
    """Read a number; a comma is a decimal one in files that are cut by semicolons."""
    text = cell.replace(" ", "").replace("\u00a0", "")
    if decimal_comma and "." not in text:
        text = text.replace(",", ".", 1)
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise CellFault(
            _("“%(cell)s” in %(column)s is not a number.") % {"cell": cell, "column": column}
        )
    return number


def read_price(cell: str, column: str, currency: str, *, decimal_comma: bool) -> int:
    """Read an amount above zero into minor units."""
    amount = read_decimal(cell, column, decimal_comma=decimal_comma)
    if amount <= 0:
        raise CellFault(
            _("The price in %(column)s is %(cell)s. Write an amount above zero.")
            % {"cell": cell, "column": column}
        )
    try:
        return to_minor(amount, currency)
    except NotAnAmount as error:
        raise CellFault(
            _("“%(cell)s” in %(column)s has more decimals than %(currency)s has.")
            % {"cell": cell, "column": column, "currency": currency}
        ) from error


def read_count(cell: str, column: str, *, least: int, decimal_comma: bool) -> int:
    """Read a whole number that is at least `least`."""
    number = read_decimal(cell, column, decimal_comma=decimal_comma)
    if number != number.to_integral_value() or number < least:
        raise CellFault(
            _("“%(cell)s” in %(column)s is not a whole number from %(least)s on.")
            % {"cell": cell, "column": column, "least": least}
        )
    return int(number)
