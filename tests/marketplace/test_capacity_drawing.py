"""Saving a week as it was drawn."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from marketplace.core.spans import Span
from marketplace.models import CapacityWindow, WindowState
from marketplace.selectors.capacity import Terms
from marketplace.services.capacity import publish_windows
from marketplace.services.capacity_drawing import DrawnWeek, Saved, draw_windows
from marketplace.services.window_faults import (
    ClockChange,
    PriceMissing,
    TimeCommitted,
    WindowPast,
    WindowsOverlap,
)
from scheduling.models import Reservation
from tenants.acting import acting_as
from tenants.ids import uuid7
from tests.factories import NOW
from tests.marketplace.conftest import Works

MONDAY = date(2026, 3, 2)
TERMS = Terms(price_minor_per_hour=8_000)


def local(start: str, end: str) -> Span:
    """Return a local span of March 2026: `local("3 20:00", "4 06:00")`."""
    return Span(*(datetime.strptime(f"2026-03-{text}", "%Y-%m-%d %H:%M") for text in (start, end)))


def _draw(
    works: Works, *spans: Span, monday: date = MONDAY, terms: Terms | None = TERMS, machine: int = 0
) -> Saved:
    return draw_windows(
        organisation=works.organisation,
        by=works.by,
        now=NOW,
        monday=monday,
        weeks=[DrawnWeek(machine=works.machines[machine], spans=spans, terms=terms)],
    )


def _rows(*states: str) -> list[tuple[str, Span]]:
    rows = CapacityWindow.objects.order_by("during").exclude(state="withdrawn")
    return [(row.state, Span(row.during.lower, row.during.upper)) for row in rows]


def utc(day: int, start: int, to_day: int, end: int) -> Span:
    return Span(
        datetime(2026, 3, day, start, tzinfo=UTC), datetime(2026, 3, to_day, end, tzinfo=UTC)
    )


def test_pieces_that_meet_at_midnight_become_one_window(works: Works) -> None:
    with acting_as(works.organisation.pk):
        saved = _draw(works, local("3 20:00", "4 00:00"), local("4 00:00", "4 06:00"))
        assert saved == Saved(drawn=1, erased_hours=0)
        assert _rows() == [("draft", utc(3, 19, 4, 5))]


def test_saving_again_changes_nothing(works: Works) -> None:
    with acting_as(works.organisation.pk):
        _draw(works, local("3 20:00", "4 06:00"))
        before = list(CapacityWindow.objects.values_list("pk", flat=True))
        assert _draw(works, local("3 20:00", "4 06:00")) == Saved(drawn=0, erased_hours=0)
        assert list(CapacityWindow.objects.values_list("pk", flat=True)) == before


def test_what_is_left_of_listed_time_stays_listed(works: Works) -> None:
    with acting_as(works.organisation.pk):
        _draw(works, local("3 20:00", "4 06:00"))
        publish_windows(organisation=works.organisation, by=works.by, now=NOW)
        saved = _draw(works, local("3 18:00", "4 02:00"))
        assert saved == Saved(drawn=1, erased_hours=4)
        assert _rows() == [("draft", utc(3, 17, 3, 19)), ("listed", utc(3, 19, 4, 1))]
        assert CapacityWindow.objects.filter(state=WindowState.WITHDRAWN).count() == 1


def test_sold_time_is_not_erased(works: Works) -> None:
    with acting_as(works.organisation.pk):
        _draw(works, local("3 20:00", "4 06:00"))
        publish_windows(organisation=works.organisation, by=works.by, now=NOW)
        Reservation.objects.create(
            tenant=works.organisation,
            machine=works.machines[0],
            during=tuple(utc(3, 22, 4, 0)),
            state="booked",
            subject_uid=uuid7(),
        )
        with pytest.raises(TimeCommitted, match="sold to an order"):
            _draw(works)
        assert _draw(works, local("3 23:00", "4 01:00")).erased_hours == 8


def test_what_reaches_out_of_the_week_keeps_its_outer_part(works: Works) -> None:
    with acting_as(works.organisation.pk):
        _draw(works, local("8 22:00", "9 06:00"))
        _draw(works, monday=date(2026, 3, 9))
        assert _rows() == [("draft", utc(8, 21, 8, 23))]


def test_the_other_machines_and_weeks_stay_as_they_are(works: Works) -> None:
    with acting_as(works.organisation.pk):
        _draw(works, local("3 20:00", "4 06:00"), machine=1)
        _draw(works, local("10 20:00", "11 06:00"), monday=date(2026, 3, 9))
        _draw(works)
        assert len(_rows()) == 2


def test_new_time_in_the_past_is_refused_and_old_time_left(works: Works) -> None:
    with acting_as(works.organisation.pk):
        with pytest.raises(WindowPast, match="2026-03-02 00:00 – 06:00 lies in the past"):
            _draw(works, local("2 00:00", "2 06:00"))
        CapacityWindow.objects.create(
            tenant=works.organisation,
            machine=works.machines[0],
            during=tuple(utc(1, 23, 2, 5)),
            price_minor_per_hour=8_000,
            currency="EUR",
            created_at=NOW,
        )
        _draw(works, local("2 00:00", "2 06:00"))
        _draw(works)
        assert len(_rows()) == 1


def test_drawn_windows_that_overlap_are_refused_with_both_times(works: Works) -> None:
    with (
        acting_as(works.organisation.pk),
        pytest.raises(
            WindowsOverlap, match="2026-03-03 20:00 – 23:00 and 2026-03-03 22:00 – 23:30"
        ),
    ):
        _draw(works, local("3 20:00", "3 23:00"), local("3 22:00", "3 23:30"))


def test_a_border_in_the_hour_that_does_not_exist_is_refused_by_day(works: Works) -> None:
    with acting_as(works.organisation.pk):
        with pytest.raises(ClockChange) as refused:
            _draw(
                works,
                local("28 22:00", "29 00:00"),
                local("29 00:00", "29 02:30"),
                monday=date(2026, 3, 23),
            )
        assert not CapacityWindow.objects.exists()
    assert str(refused.value) == (
        "On Sunday 2026-03-29 the clocks in Europe/Berlin go forward and 02:30 does not exist. "
        "Use 01:30 or 03:00 instead."
    )


def test_a_border_in_the_hour_that_comes_twice_is_refused_unless_it_was_there(works: Works) -> None:
    night = Span(datetime(2026, 10, 24, 22), datetime(2026, 10, 25, 2, 30))
    with acting_as(works.organisation.pk):
        with pytest.raises(ClockChange, match=r"Sunday 2026-10-25.*02:30 comes twice"):
            _draw(works, night, monday=date(2026, 10, 19))
        CapacityWindow.objects.create(
            tenant=works.organisation,
            machine=works.machines[0],
            during=(
                datetime(2026, 10, 24, 20, tzinfo=UTC),
                datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            ),
            price_minor_per_hour=8_000,
            currency="EUR",
            created_at=NOW,
        )
        assert _draw(works, night, monday=date(2026, 10, 19)) == Saved(drawn=0, erased_hours=0)


def test_windows_need_a_price(works: Works) -> None:
    with acting_as(works.organisation.pk):
        with pytest.raises(PriceMissing):
            _draw(works, local("3 20:00", "4 06:00"), terms=None)
        _draw(works, local("3 20:00", "4 06:00"))
        _draw(works, local("4 20:00", "5 06:00"), terms=None)
        assert set(CapacityWindow.objects.values_list("price_minor_per_hour", flat=True)) == {8_000}
