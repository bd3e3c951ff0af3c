"""CSV files as offices write them: with a BOM, with semicolons, in GBK, with stray columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.errors import DomainError

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 10_000
FORMULA_STARTS = ("=", "+", "-", "@")
REASON = "reason"
_PLAIN_NUMBER = re.compile(r"[+-]?\d[\d ,.]*")

Sentence = str | Promise


class SheetRefused(DomainError):
    """The file as a whole cannot be read; nothing of it was taken."""

    code = "file_refused"


class CellFault(Exception):
    """What is wrong with one row, in a sentence."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that a file may have, under its own name or another."""

    name: str
    is_required: bool = True
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row with its line in the file; cells by column name, "" where the file has none."""

    line: int
    cells: Mapping[str, str]
    raw: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class FailedRow:
    """A row that cannot be taken, with the reason."""

    row: Row
    reason: Sentence


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A file that was read: its header as written, its rows, and rows that are no rows."""

    header: Sequence[str]
    rows: Sequence[Row]
    failed: Sequence[FailedRow] = field(default_factory=tuple)
    has_decimal_comma: bool = False


def read_sheet(content: bytes, columns: Sequence[Column]) -> Sheet:
    """Read a CSV file whose first row names its columns.

    Raises:
        SheetRefused: too large, no text, no rows, too many rows, or the wrong columns, by name.
    """
    if len(content) > MOST_BYTES:
        raise SheetRefused(_("The file is larger than 5 MB. Split it and import the parts."))
    text = _text(content)
    first_line = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    rows, failed = [], []
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        header = next((cells for cells in reader if any(cells)), [])
        names = _names(header, columns)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            row, reason = _row(reader.line_num, cells, names, columns)
            if reason is None:
                rows.append(row)
            else:
                failed.append(FailedRow(row=row, reason=reason))
            if len(rows) + len(failed) > MOST_ROWS:
                raise SheetRefused(
                    _("The file has more than 10,000 rows. Split it and import the parts.")
                )
    except csv.Error as error:
        raise SheetRefused(
            _("Line %(line)s cannot be read as CSV. Look for a quotation mark without its pair.")
            % {"line": reader.line_num}
        ) from error
    if not rows and not failed:
        raise SheetRefused(_("The file has no rows under its header."))
    return Sheet(header=header, rows=rows, failed=failed, has_decimal_comma=delimiter == ";")


def _text(content: bytes) -> str:
    """Decode UTF-8 and UTF-16 by their marks, else UTF-8, else what Chinese offices use."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise SheetRefused(_("The file is not text. Save the table as CSV (UTF-8) and try again."))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def _names(header: Sequence[str], columns: Sequence[Column]) -> list[str | None]:
    """Return the column name of each place; None where the reasons of a failed import stand.

    Raises:
        SheetRefused: columns that are missing, unknown or there twice.
    """
    known = {_plain(n): c.name for c in columns for n in (c.name, *c.other_names)}
    known |= {_plain(REASON): REASON}
    names = [known.get(_plain(cell)) for cell in header]
    places = [cell.strip() for cell, name in zip(header, names, strict=True) if name is None]
    unknown = [cell for cell in places if cell]
    missing = [c.name for c in columns if c.is_required and c.name not in names]
    all_names = ", ".join(column.name for column in columns)
    if missing:
        raise SheetRefused(
            _("The file lacks the columns %(missing)s. It may have: %(names)s.")
            % {"missing": ", ".join(missing), "names": all_names}
        )
    if unknown:
        raise SheetRefused(
            _("The columns %(unknown)s are not known. Rename or remove them. Known are: %(names)s.")
            % {"unknown": ", ".join(unknown), "names": all_names}
        )
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise SheetRefused(
            _("The column %(name)s is there twice. Keep one of them.") % {"name": twice}
        )
    return [None if name == REASON else name for name in names]


def _row(
    line: int, cells: Sequence[str], names: Sequence[str | None], columns: Sequence[Column]
) -> tuple[Row, Sentence | None]:
    found = {
        name: cell.strip() for name, cell in zip(names, cells, strict=False) if name is not None
    }
    row = Row(line=line, cells={c.name: found.get(c.name, "") for c in columns}, raw=cells)
    if any(cell.strip() for cell in cells[len(names) :]):
        return row, _("The row has more cells than the header has columns.")
    for name, cell in found.items():
        if is_formula(cell):
            return row, _(
                "The cell “%(cell)s” in %(column)s starts like a formula. Write its value instead."
            ) % {"cell": cell[:40], "column": name}
    empty = [c.name for c in columns if c.is_required and not row.cells[c.name]]
    if empty:
        return row, _("Empty: %(columns)s. Fill them in.") % {"columns": ", ".join(empty)}
    return row, None


def is_formula(cell: str) -> bool:
    """Say whether a spreadsheet would run a cell; a plain number with a sign is none."""
    return cell.startswith(FORMULA_STARTS) and not _PLAIN_NUMBER.fullmatch(cell)


def write_sheet(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV that spreadsheets open as they are: with a BOM, without live formulas."""
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue()


def _harmless(value: object) -> str:
    cell = "" if value is None else str(value)
    return f"'{cell}" if is_formula(cell) or cell.startswith(("\t", "\r")) else cell


def write_failed(header: Sequence[str], failed: Iterable[FailedRow]) -> str:
    """Return failed rows as they came, the reason in a column at the end."""
    kept = [place for place, name in enumerate(header) if _plain(name) != REASON]
    return write_sheet(
        [*(header[place] for place in kept), REASON],
        (
            [
                *(f.row.raw[place] if place < len(f.row.raw) else "" for place in kept),
                f.reason,
            ]
            for f in failed
        ),
    )
