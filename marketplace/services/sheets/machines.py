"""Machines with their processes from a CSV file, one row a process; new sites come with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from devices.models import Machine, Site
from devices.selectors import machines, sites
from devices.services.sites import save_site
from marketplace.models import CapabilityAttribute, Process
from marketplace.selectors.catalogue import processes
from marketplace.services.machines import (
    Ability,
    CapabilityRefused,
    Held,
    NewMachine,
    check_abilities,
    enter_machines,
)
from marketplace.services.sheets.capacity import refuse_if_faulty
from marketplace.services.sheets.cells import read_count, read_decimal
from marketplace.services.sheets.reading import (
    CellFault,
    Column,
    FailedRow,
    Row,
    Sentence,
    read_sheet,
    write_sheet,
)
from tenants.actors import Actor
from tenants.models import Organisation

COLUMNS = (
    Column(name="machine", other_names=("机器", "设备", "code")),
    Column(name="name", is_required=False, other_names=("名称",)),
    Column(name="type", other_names=("类型", "machine_type")),
    Column(name="site", other_names=("厂区", "工厂")),
    Column(name="process", other_names=("工艺",)),
    Column(name="pieces_per_hour", other_names=("每小时件数",)),
    Column(name="set_up_minutes", is_required=False, other_names=("换线分钟",)),
)
LONGEST = {"machine": 40, "name": 120, "type": 60, "site": 120}


@dataclass(frozen=True, kw_only=True)
class ReadRow:
    """A row that was understood, before its machine is looked at as a whole."""

    row: Row
    ability: Ability


@dataclass(frozen=True, kw_only=True)
class MachineSheet:
    """A machine file after checking. `new_sites` are names that no site bears yet."""

    header: Sequence[str]
    valid: Mapping[str, Sequence[ReadRow]]
    failed: Sequence[FailedRow]
    new_sites: Sequence[str]

    @property
    def row_count(self) -> int:
        return sum(len(rows) for rows in self.valid.values())


def check_machine_sheet(*, organisation: Organisation, content: bytes) -> MachineSheet:
    """Read a machine file and say of each row whether it can be taken.

    A machine is taken with all its rows or not at all.

    Raises:
        SheetRefused: the file as a whole cannot be read.
    """
    catalogue = list(processes())
    attributes = sorted({a.code for process in catalogue for a in process.attributes.all()})
    columns = (*COLUMNS, *(Column(name=code, is_required=False) for code in attributes))
    sheet = read_sheet(content, columns)
    by_name = {
        name.casefold(): process
        for process in catalogue
        for name in (process.code, process.name, process.name_zh)
    }
    failed = list(sheet.failed)
    read: dict[str, list[ReadRow]] = {}
    broken = {one.row.cells["machine"]: one.row.line for one in sheet.failed}
    for row in sheet.rows:
        code = row.cells["machine"]
        try:
            ability = _ability(row, by_name, attributes, decimal_comma=sheet.has_decimal_comma)
            read.setdefault(code, []).append(ReadRow(row=row, ability=ability))
        except CellFault as fault:
            failed.append(FailedRow(row=row, reason=fault.sentence))
            broken.setdefault(code, row.line)
    valid, refused = _whole_machines(organisation, read, broken)
    known_sites = {name.casefold() for s in sites(organisation.pk) for name in (s.name, s.name_zh)}
    wanted = {rows[0].row.cells["site"] for rows in valid.values()}
    return MachineSheet(
        header=sheet.header,
        valid=valid,
        failed=sorted(failed + refused, key=lambda one: one.row.line),
        new_sites=sorted(name for name in wanted if name.casefold() not in known_sites),
    )


def _ability(
    row: Row, by_name: Mapping[str, Process], codes: Sequence[str], *, decimal_comma: bool
) -> Ability:
    """Return what a row says of one process."""
    cells = row.cells
    for column, longest in LONGEST.items():
        if len(cells[column]) > longest:
            raise CellFault(
                _("The cell in %(column)s is longer than %(longest)s characters. Shorten it.")
                % {"column": column, "longest": longest}
            )
    process = by_name.get(cells["process"].casefold())
    if process is None:
        raise CellFault(
            _("There is no process “%(name)s”. Use a name of the catalogue, such as %(some)s.")
            % {"name": cells["process"], "some": ", ".join(list(by_name)[:6:3])}
        )
    known = {attribute.code: attribute for attribute in process.attributes.all()}
    ability = Ability(
        process=process,
        pieces_per_hour=read_count(
            cells["pieces_per_hour"], "pieces_per_hour", least=1, decimal_comma=decimal_comma
        ),
        set_up_minutes=read_count(
            cells["set_up_minutes"] or "0", "set_up_minutes", least=0, decimal_comma=decimal_comma
        ),
        attributes={
            code: _held(known.get(code), code, cells[code], decimal_comma=decimal_comma)
            for code in codes
            if cells[code]
        },
    )
    try:
        check_abilities([ability])
    except CapabilityRefused as refused:
        raise CellFault(str(refused)) from refused
    return ability


def _held(
    attribute: CapabilityAttribute | None, code: str, cell: str, *, decimal_comma: bool
) -> Held:
    """Return an attribute's cell as a number, or as the codes of its words."""
    if attribute is None:
        return cell  # type: ignore[return-value]  # refused by name in `check_abilities`
    if not attribute.is_choice:
        number = read_decimal(cell, code, decimal_comma=decimal_comma)
        return int(number) if number == number.to_integral_value() else float(number)
    words = {
        name.casefold(): choice["code"]
        for choice in attribute.choices
        for name in (choice["code"], choice["name"], choice["name_zh"])
    }
    written = [word.strip() for word in re.split(r"[/|、;,]", cell) if word.strip()]
    return [words.get(word.casefold(), word) for word in written]


def _whole_machines(
    organisation: Organisation, read: Mapping[str, Sequence[ReadRow]], broken: Mapping[str, int]
) -> tuple[dict[str, Sequence[ReadRow]], list[FailedRow]]:
    """Keep the machines whose rows are all sound and agree with each other."""
    taken = set(machines(organisation.pk, active_only=False).values_list("code", flat=True))
    valid: dict[str, Sequence[ReadRow]] = {}
    refused: list[FailedRow] = []
    for code, rows in read.items():
        reason = _machine_fault(code, rows, taken, broken)
        if reason is None:
            valid[code] = rows
        else:
            refused += [FailedRow(row=one.row, reason=reason) for one in rows]
    return valid, refused


def _machine_fault(
    code: str, rows: Sequence[ReadRow], taken: set[str], broken: Mapping[str, int]
) -> Sentence | None:
    if code in taken:
        return _(
            "You have a machine with the code %(code)s already. Change it on its own page."
        ) % {"code": code}
    if code in broken:
        return _("Line %(line)s of the same machine is faulty. Mend that one first.") % {
            "line": broken[code]
        }
    for column in ("name", "type", "site"):
        if len({one.row.cells[column] for one in rows}) > 1:
            return _(
                "The rows of %(code)s differ in %(column)s. Write the same in all of them."
            ) % {
                "code": code,
                "column": column,
            }
    try:
        check_abilities([one.ability for one in rows])
    except CapabilityRefused as refused:
        return str(refused)
    return None


@transaction.atomic
def import_machines(
    *, organisation: Organisation, by: Actor, now: datetime, content: bytes, only_valid: bool
) -> MachineSheet:
    """Enter the machines of a file, and the sites that it names for the first time.

    Raises:
        SheetRefused: the file cannot be read, a row is faulty and `only_valid` is not asked for,
            or no row is left.
    """
    sheet = check_machine_sheet(organisation=organisation, content=content)
    refuse_if_faulty(len(sheet.valid), len(sheet.failed), only_valid=only_valid)
    by_name = {
        name.casefold(): site
        for site in sites(organisation.pk)
        for name in (site.name_zh, site.name)
        if name
    }
    for name in sheet.new_sites:
        by_name[name.casefold()] = save_site(
            organisation=organisation,
            by=by,
            now=now,
            site=Site(name=name, city=organisation.city, time_zone=organisation.time_zone),
        )
    enter_machines(
        organisation=organisation,
        by=by,
        now=now,
        new=[_new_machine(code, rows, by_name) for code, rows in sheet.valid.items()],
    )
    return sheet


def _new_machine(code: str, rows: Sequence[ReadRow], by_name: Mapping[str, Site]) -> NewMachine:
    cells = rows[0].row.cells
    return NewMachine(
        machine=Machine(
            site=by_name[cells["site"].casefold()],
            code=code,
            name=cells["name"],
            machine_type=cells["type"],
        ),
        abilities=[one.ability for one in rows],
    )


def machine_template() -> str:
    """Return an example file with three machines."""
    header = [*(column.name for column in COLUMNS), "material", "max_length_mm", "max_width_mm"]
    plate = ["aluminium/mild-steel", 520, 160]
    return write_sheet(
        header,
        [
            ["B-01", "", "Press 25 t", "North hall", "blanking", 750, 30, *plate],
            ["E-01", "", "Press 63 t", "North hall", "embossing", 390, 45, *plate],
            ["H-01", "", "Hot stamp", "North hall", "hot-stamp-pack", 720, 20, "", 520, 160],
        ],
    )
