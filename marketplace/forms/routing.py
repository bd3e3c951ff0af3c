"""The routing of an order as rows of a form: added, moved and taken away by buttons."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from marketplace.core.asked import MOST_STEPS, AskedStep, Required
from marketplace.models import Process
from marketplace.wording import SENTENCES

TEMPLATES: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    (
        "plates",
        _("Licence plates"),
        ("blanking", "reflective-film", "embossing", "hot-stamp-pack"),
    ),
    ("stamped", _("Stamped part"), ("blanking", "embossing")),
)
"""Common routes: (key, name, process codes)."""
HEADS = frozenset({"process", "step", "operation", "工艺", "工序"})
"""What the first cell of a table's head says."""


@dataclass(kw_only=True)
class Row:
    """One step as it was typed."""

    process: str = ""
    values: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Routing:
    """All rows of the form, in order."""

    rows: list[Row]

    @classmethod
    def from_post(cls, post: QueryDict) -> Routing:
        """Read the fields `step-N-process` and `step-N-ATTRIBUTE`, N from 0 without gaps."""
        rows: list[Row] = []
        while (name := f"step-{len(rows)}-process") in post and len(rows) <= MOST_STEPS:
            prefix = f"step-{len(rows)}-"
            values = {
                key.removeprefix(prefix): str(post[key]).strip()
                for key in post
                if key.startswith(prefix) and key != name
            }
            rows.append(Row(process=post[name], values=values))
        return cls(rows=rows)

    @classmethod
    def from_steps(cls, steps: Sequence[AskedStep]) -> Routing:
        """Show steps that are stored already."""
        return cls(
            rows=[
                Row(process=s.process, values={k: str(v) for k, v in s.requirements.items()})
                for s in steps
            ]
        )

    @classmethod
    def of_template(cls, key: str) -> Routing:
        """Return the rows of a common route; unknown keys give one empty row."""
        codes = next((codes for name, _label, codes in TEMPLATES if name == key), ("",))
        return cls(rows=[Row(process=code) for code in codes])

    def changed(
        self, action: str, *, pasted: str = "", processes: Sequence[Process] = ()
    ) -> list[str]:
        """Carry out what a button says: `add`, `up:N`, `down:N`, `remove:N`, `paste`, …

        Returns a sentence for each thing in a pasted table that could not be taken over.
        """
        verb, _sep, argument = action.partition(":")
        number = int(argument) if argument.isdecimal() else -1
        if verb == "add" and len(self.rows) < MOST_STEPS:
            self.rows.append(Row())
        elif verb == "template":
            self.rows = Routing.of_template(argument).rows
        elif verb == "paste":
            rows, faults = rows_of_table(pasted, processes)
            self.rows = rows or self.rows
            return faults
        elif verb == "remove" and 0 <= number < len(self.rows):
            del self.rows[number]
        elif verb in ("up", "down"):
            other = number + (-1 if verb == "up" else 1)
            if 0 <= number < len(self.rows) and 0 <= other < len(self.rows):
                self.rows[number], self.rows[other] = self.rows[other], self.rows[number]
        return []

    def steps(self, processes: Mapping[str, Process]) -> tuple[AskedStep, ...]:
        """Return the steps; rows without a process are left out, numbers are read as numbers."""
        return tuple(
            AskedStep(process=row.process, requirements=_requirements(row, processes))
            for row in self.rows
            if row.process
        )


def _requirements(row: Row, processes: Mapping[str, Process]) -> dict[str, Required]:
    process = processes.get(row.process)
    if process is None:
        return {}
    found: dict[str, Required] = {}
    for attribute in process.attributes.all():
        text = row.values.get(attribute.code, "")
        if text:
            found[attribute.code] = text if attribute.is_choice else _number(text)
    return found


def _number(text: str) -> Required:
    """Return the number that was typed, or the text itself for the order's own sentence."""
    plain = text.replace(",", "").replace(" ", "")
    try:
        return int(plain) if plain.lstrip("-").isdecimal() else float(plain)
    except ValueError:
        return text


def rows_of_table(text: str, processes: Sequence[Process]) -> tuple[list[Row], list[str]]:
    """Read a pasted table: a process a line, by code or by either name, then attribute=value.

    Cells may be parted by tabs, semicolons or commas; a head line is left out. A process that is
    not known is kept as it was written. The sentences say what could not be taken over.
    """
    by_name = {
        name.casefold(): process
        for process in processes
        for name in (process.code, process.name, process.name_zh)
    }
    delimiter = next((mark for mark in "\t;" if mark in text), ",")
    rows: list[Row] = []
    faults: list[str] = []
    for cells in csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter):
        words = [cell.strip() for cell in cells if cell.strip()]
        is_head = not rows and bool(words) and words[0].casefold() in HEADS
        if words and not is_head and len(rows) < MOST_STEPS:
            row, unread = _row_of_line(words, by_name, step=len(rows) + 1)
            rows.append(row)
            faults += unread
    return rows, faults


def _row_of_line(
    words: list[str], by_name: Mapping[str, Process], *, step: int
) -> tuple[Row, list[str]]:
    process = by_name.get(words[0].casefold())
    if process is None:
        fault = SENTENCES["unknown_process"] % {"step": step, "process": words[0]}
        return Row(process=words[0]), [fault]
    row, faults = Row(process=process.code), []
    known = {attribute.code for attribute in process.attributes.all()}
    for word in words[1:]:
        name, mark, value = (part.strip() for part in word.partition("="))
        if mark and name in known:
            row.values[name] = value
        elif mark:
            faults.append(
                SENTENCES["unknown_attribute"]
                % {"step": step, "process": process, "attribute": name}
            )
        else:
            faults.append(
                _(
                    "Step %(step)s: “%(cell)s” was not taken over. Write an attribute and its "
                    "value, such as max_width_mm=440."
                )
                % {"step": step, "cell": word}
            )
    return row, faults
