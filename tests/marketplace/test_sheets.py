"""CSV files in and out."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from devices.models import Machine, Site
from marketplace.core.spans import Span
from marketplace.models import Capability, CapacityWindow
from marketplace.selectors.capacity import span_of, windows
from marketplace.services.sheets import reading
from marketplace.services.sheets.capacity import (
    CapacitySheet,
    capacity_template,
    check_capacity_sheet,
    import_capacity,
    write_windows,
)
from marketplace.services.sheets.machines import (
    check_machine_sheet,
    import_machines,
    machine_template,
)
from marketplace.services.sheets.reading import (
    Column,
    SheetRefused,
    is_formula,
    read_sheet,
    write_failed,
    write_sheet,
)
from tenants.acting import acting_as
from tenants.actors import Actor
from tests.factories import NOW, CapacityWindowFactory, make_organisation
from tests.marketplace.conftest import Works

HEADER = "machine,date,start,end,price_per_hour,minimum_lot\n"
TWO = (Column(name="machine"), Column(name="price", is_required=False, other_names=("价格",)))


def _check(works: Works, text: str | bytes) -> CapacitySheet:
    content = text.encode() if isinstance(text, str) else text
    with acting_as(works.organisation.pk):
        return check_capacity_sheet(organisation=works.organisation, now=NOW, content=content)


def _reasons(sheet: Any) -> dict[int, str]:
    return {one.row.line: str(one.reason) for one in sheet.failed}


@pytest.mark.parametrize(
    "content",
    [
        b"machine,price\nM-1,80\n",
        "\ufeffmachine;price\r\nM-1;80\r\n".encode(),
        "machine\tprice\nM-1\t80\n".encode("utf-16"),
        "machine,价格\nM-1,80\n".encode("gb18030"),
        b"\n  Machine , PRICE ,reason\nM-1, 80 ,bad\n\n,,\n",
    ],
)
def test_files_are_read_however_an_office_wrote_them(content: bytes) -> None:
    [row] = read_sheet(content, TWO).rows
    assert row.cells == {"machine": "M-1", "price": "80"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "lacks the columns machine. It may have: machine, price"),
        (b"machine,price\n", "no rows under its header"),
        (b"price\n80\n", "lacks the columns machine"),
        (b"machine,colour,weight\nM-1,red,2\n", "The columns colour, weight are not known"),
        (b"machine,machine\nM-1,M-2\n", "The column machine is there twice"),
        (b"\x00\x01\x02", "not text"),
        (b"machine\n" + b"M-1\n" * 10_001, "more than 10,000 rows"),
        (b"machine\n" + b"M" * 5 * 1024 * 1024, "larger than 5 MB"),
        (b"machine\n" + b"M" * 200_000, "Line 2 cannot be read as CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(
    content: bytes, sentence: str
) -> None:
    with pytest.raises(SheetRefused, match=sentence):
        read_sheet(content, TWO)


def test_rows_with_formulas_gaps_or_too_many_cells_fail_alone() -> None:
    sheet = read_sheet(b"machine,price\nM-1,80\n=1+1,80\nM-2,@x\n,80\nM-3,80,9\nM-4,-5\n", TWO)
    assert [row.cells["machine"] for row in sheet.rows] == ["M-1", "M-4"]
    assert _reasons(sheet) == {
        3: "The cell “=1+1” in machine starts like a formula. Write its value instead.",
        4: "The cell “@x” in price starts like a formula. Write its value instead.",
        5: "Empty: machine. Fill them in.",
        6: "The row has more cells than the header has columns.",
    }


@given(st.lists(st.text(max_size=12), min_size=2, max_size=2))
def test_no_written_cell_is_a_formula(cells: list[str]) -> None:
    text = write_sheet(["a", "b"], [cells]).removeprefix("\ufeff")
    for cell in list(csv.reader(io.StringIO(text, newline="")))[-1]:
        assert not is_formula(cell)


def test_failed_rows_come_back_as_they_were_with_the_reason() -> None:
    sheet = read_sheet(b"machine,reason,price\n=x,old,80\n", TWO)
    assert write_failed(sheet.header, sheet.failed).splitlines() == [
        "\ufeffmachine,price,reason",
        "'=x,80,The cell “=x” in machine starts like a formula. Write its value instead.",
    ]


def test_a_capacity_file_is_checked_row_by_row(works: Works) -> None:
    with acting_as(works.organisation.pk):
        CapacityWindowFactory.create(machine=works.machines[1])
    sheet = _check(
        works,
        HEADER
        + "M-01,2026-03-03,20:00,06:00,80.00,100\n"
        + "m-01,2026/3/5,20:00,24:00,80,100\n"
        + "M-01,2026-03-04,05:00,07:00,80,100\n"
        + "M-09,2026-03-03,20:00,06:00,80,100\n"
        + "M-01,2026-02-28,20:00,06:00,80,100\n"
        + "M-01,2026-02-30,20:00,06:00,80,100\n"
        + "M-01,2026-03-10,20:00,25:00,80,100\n"
        + "M-01,2026-03-10,20:00,22:00,0,100\n"
        + "M-01,2026-03-10,20:00,22:00,-5,100\n"
        + "M-01,2026-03-10,20:00,22:00,8.005,100\n"
        + "M-01,2026-03-10,20:00,22:00,80,0\n"
        + "M-01,2026-03-10,20:00,22:00,90,100\n"
        + "M-01,2026-03-29,02:30,06:00,80,100\n"
        + "M-02,2026-03-02,22:00,23:00,80,100\n"
        + "M-01,2206-03-10,20:00,22:00,80,100\n"
        + "M-01,2036-03-10,20:00,22:00,80,100\n",
    )
    assert [one.span for one in sheet.valid] == [
        Span(datetime(2026, 3, 3, 19, tzinfo=UTC), datetime(2026, 3, 4, 5, tzinfo=UTC)),
        Span(datetime(2026, 3, 5, 19, tzinfo=UTC), datetime(2026, 3, 5, 23, tzinfo=UTC)),
    ]
    assert sheet.valid[0].terms.price_minor_per_hour == 8_000
    expected = {
        4: "and 2026-03-04 05:00 – 07:00 overlap",
        5: "no machine with the code M-09",
        6: "lies in the past",
        7: "“2026-02-30” in date is not a day",
        8: "“25:00” in end is not a time",
        9: "The price in price_per_hour is 0",
        10: "The price in price_per_hour is -5",
        11: "more decimals than EUR has",
        12: "“0” in minimum_lot is not a whole number",
        13: "M-01 has another price or minimum lot further up",
        14: "Sunday 2026-03-29 the clocks in Europe/Berlin go forward and 02:30 does not exist",
        15: "2026-03-02 22:00 – 23:00 overlap",
        16: "“2206-03-10” in date is not a day",
        17: "more than two years ahead",
    }
    reasons = _reasons(sheet)
    assert list(reasons) == list(expected)
    for line, part in expected.items():
        assert part in reasons[line]


def test_prices_may_have_a_decimal_comma_where_semicolons_cut(works: Works) -> None:
    sheet = _check(works, HEADER.replace(",", ";") + "M-01;2026-03-03;20:00;06:00;1 280,50;100\n")
    assert sheet.valid[0].terms.price_minor_per_hour == 128_050


def _import(works: Works, text: str, *, only_valid: bool, publish: bool = False) -> CapacitySheet:
    with acting_as(works.organisation.pk):
        return import_capacity(
            organisation=works.organisation,
            by=works.by,
            now=NOW,
            content=text.encode(),
            only_valid=only_valid,
            publish=publish,
        )


def test_a_faulty_file_is_taken_not_at_all_or_without_its_faulty_rows(works: Works) -> None:
    text = HEADER + "M-01,2026-03-03,20:00,06:00,80,1\nM-09,2026-03-03,20:00,06:00,80,1\n"
    with pytest.raises(SheetRefused, match="1 rows are faulty, so none was taken"):
        _import(works, text, only_valid=False)
    with acting_as(works.organisation.pk):
        assert not CapacityWindow.objects.exists()
    _import(works, text, only_valid=True, publish=True)
    with acting_as(works.organisation.pk):
        assert [w.state for w in CapacityWindow.objects.all()] == ["listed"]
    with pytest.raises(SheetRefused, match="No row of the file can be taken"):
        _import(works, text, only_valid=True)


def test_exported_windows_can_be_imported_again(works: Works) -> None:
    with acting_as(works.organisation.pk):
        CapacityWindowFactory.create(
            machine=works.machines[0],
            during=(datetime(2026, 3, 6, 17, tzinfo=UTC), datetime(2026, 3, 9, 7, tzinfo=UTC)),
        )
        found = windows(works.organisation.pk)
        text, span = write_windows(found), span_of(found[0])
        CapacityWindow.objects.all().delete()
    assert [one.span for one in _check(works, text).valid] == [span]


def test_the_templates_can_be_imported_as_they_are(works: Works) -> None:
    with acting_as(works.organisation.pk):
        text = capacity_template(organisation=works.organisation, now=NOW)
        sheet = check_machine_sheet(
            organisation=works.organisation, content=machine_template().encode()
        )
    assert (len(_check(works, text).valid), len(sheet.valid), sheet.failed) == (2, 3, [])


def test_ten_thousand_rows_are_checked_in_seconds(works: Works) -> None:
    """The day of month and the hour make each row's time unique; a third of them is past."""
    rows = "".join(
        f"M-{m:02},2026-{month:02}-{day:02},{hour:02}:00,{hour:02}:30,80,1\n"
        for m in (1, 2)
        for month in range(3, 13)
        for day in range(1, 29)
        for hour in range(4, 21)
    )
    sheet = _check(works, HEADER + rows)
    assert len(sheet.valid) + len(sheet.failed) == 9_520
    assert not [r for r in _reasons(sheet).values() if "past" not in r and "exist" not in r]


@pytest.mark.django_db
def test_three_machines_come_from_a_file_in_one_step() -> None:
    organisation = make_organisation(time_zone="Asia/Shanghai")
    with acting_as(organisation.pk):
        import_machines(
            organisation=organisation,
            by=Actor(tenant_id=organisation.pk, name="Ada"),
            now=NOW,
            content=machine_template().encode(),
            only_valid=False,
        )
        assert [(s.name, s.time_zone) for s in Site.objects.all()] == [
            ("North hall", "Asia/Shanghai")
        ]
        assert list(Machine.objects.order_by("code").values_list("code", flat=True)) == [
            "B-01",
            "E-01",
            "H-01",
        ]
        blanking = Capability.objects.get(machine__code="B-01")
        assert (blanking.pieces_per_hour, blanking.set_up_minutes) == (750, 30)
        assert blanking.attributes == {
            "material": ["aluminium", "mild-steel"],
            "max_length_mm": 520,
            "max_width_mm": 160,
        }


def test_a_machine_is_taken_with_all_its_rows_or_not_at_all(works: Works) -> None:
    text = (
        "machine,type,site,process,pieces_per_hour,material,max_length_mm\n"
        "A-1,Press,North hall,落料,750,铝、低碳钢,500\n"
        "A-1,Press,North hall,Embossing,0,,\n"
        "A-2,Press,North hall,weaving,10,,\n"
        "A-3,Press,North hall,embossing,10,cheese,\n"
        "A-4,Press,North hall,sewing,10,cotton,100\n"
        "A-5,Press,North hall,blanking,10,,\n"
        "A-5,Laser,North hall,embossing,10,,\n"
        "A-6,Press,North hall,blanking,10,,\n"
        "A-6,Press,North hall,Blanking,10,,\n"
        "M-01,Press,North hall,blanking,10,,\n"
        "A-7,Press,West hall,落料,10,铝,\n"
    )
    with acting_as(works.organisation.pk), translation.override("en"):
        sheet = check_machine_sheet(organisation=works.organisation, content=text.encode())
    assert (list(sheet.valid), sheet.new_sites) == (["A-7"], ["West hall"])
    expected = {
        2: "Line 3 of the same machine is faulty",
        3: "“0” in pieces_per_hour is not a whole number",
        4: "There is no process “weaving”",
        5: "“cheese” is not a word for Material",
        6: "Sewing has no attribute “max_length_mm”",
        7: "The rows of A-5 differ in type",
        8: "The rows of A-5 differ in type",
        9: "Blanking is there twice",
        10: "Blanking is there twice",
        11: "with the code M-01 already",
    }
    reasons = _reasons(sheet)
    assert list(reasons) == list(expected)
    for line, part in expected.items():
        assert part in reasons[line]


def test_the_limits_are_as_told() -> None:
    assert (reading.MOST_BYTES, reading.MOST_ROWS) == (5 * 1024 * 1024, 10_000)


def test_the_documented_example_brings_three_machines(works: Works) -> None:
    content = (Path(settings.BASE_DIR) / "docs" / "examples" / "machines.csv").read_bytes()
    with acting_as(works.organisation.pk):
        sheet = check_machine_sheet(organisation=works.organisation, content=content)
    assert (sorted(sheet.valid), sheet.failed) == (["B-01", "E-01", "F-01"], [])
