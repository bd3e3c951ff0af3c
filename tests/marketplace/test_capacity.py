"""Entering, publishing and withdrawing capacity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from evidence.models import PendingEntry
from evidence.services.transitions import StateConflict
from marketplace.core.spans import Span
from marketplace.models import Capability, CapacityWindow, WindowState
from marketplace.selectors.capacity import Terms, span_of, unsold
from marketplace.services.capacity import (
    add_windows,
    list_idle_nights,
    publish_windows,
    withdraw_windows,
)
from marketplace.services.window_checks import NewWindow
from marketplace.services.window_faults import (
    CapabilityMissing,
    PriceMissing,
    ShiftsMissing,
    TimeCommitted,
    WindowsRefused,
)
from scheduling.models import Reservation
from tenants.acting import acting_as
from tenants.errors import NotFound
from tenants.ids import uuid7
from tenants.models import OutboxMessage
from tests.factories import NOW, CapacityWindowFactory, MachineFactory, SiteFactory
from tests.marketplace.conftest import Works

TERMS = Terms(price_minor_per_hour=8_000, minimum_lot=100)


def _span(day: int, start: int, hours: int) -> Span:
    begin = datetime(2026, 3, day, start, tzinfo=UTC)
    return Span(begin, begin + timedelta(hours=hours))


def _new(works: Works, *spans: Span, machine: int = 0, terms: Terms = TERMS) -> list[NewWindow]:
    return [NewWindow(machine=works.machines[machine], span=span, terms=terms) for span in spans]


def _add(works: Works, new: list[NewWindow]) -> list[CapacityWindow]:
    return add_windows(organisation=works.organisation, by=works.by, now=NOW, new=new)


def test_windows_are_entered_as_drafts_with_price_and_evidence(works: Works) -> None:
    with acting_as(works.organisation.pk):
        [window] = _add(works, _new(works, _span(3, 20, 8)))
        window.refresh_from_db()
        assert (window.state, window.price_minor_per_hour, window.minimum_lot) == (
            WindowState.DRAFT,
            8_000,
            100,
        )
        assert window.currency == "EUR"
        entry = PendingEntry.objects.get(kind="machine.windows_drawn")
    assert entry.payload["windows"] == [["2026-03-03T20:00:00+00:00", "2026-03-04T04:00:00+00:00"]]


def test_faulty_windows_are_refused_together_each_with_its_reason(works: Works) -> None:
    new = [
        *_new(works, _span(3, 20, 8)),
        *_new(works, _span(4, 2, 4)),
        *_new(works, _span(1, 2, 4)),
        *_new(works, _span(5, 2, 0)),
        *_new(works, _span(6, 2, 4), terms=Terms(price_minor_per_hour=0)),
        *_new(works, _span(6, 2, 4), terms=Terms(price_minor_per_hour=9_000)),
        *_new(works, _span(3, 20, 8), machine=1),
    ]
    with acting_as(works.organisation.pk):
        with pytest.raises(WindowsRefused) as refused:
            _add(works, new)
        assert not CapacityWindow.objects.exists()
    errors = refused.value.context["errors"]
    assert [(e["index"], e["code"]) for e in errors] == [
        (1, "windows_overlap"),
        (2, "window_past"),
        (3, "window_empty"),
        (4, "price_missing"),
        (5, "two_prices"),
    ]
    assert errors[0]["detail"] == (
        "On M-01 the times 2026-03-03 21:00 – 2026-03-04 05:00 and 2026-03-04 03:00 – 07:00 "
        "overlap. Shorten or remove one of them."
    )


def test_a_window_may_not_overlap_what_is_there(works: Works) -> None:
    with acting_as(works.organisation.pk):
        _add(works, _new(works, _span(3, 20, 8)))
        with pytest.raises(WindowsRefused, match="overlap"):
            _add(works, _new(works, _span(3, 18, 4)))
        _add(works, _new(works, _span(3, 18, 2)))


def test_a_machine_has_one_price_at_a_time(works: Works) -> None:
    with acting_as(works.organisation.pk):
        _add(works, _new(works, _span(3, 20, 8)))
        _add(works, _new(works, _span(4, 20, 8), terms=Terms(price_minor_per_hour=9_000)))
        prices = CapacityWindow.objects.values_list("price_minor_per_hour", "minimum_lot")
        assert set(prices) == {(9_000, 1)}


def test_the_database_refuses_overlap_and_a_price_of_zero(works: Works) -> None:
    with acting_as(works.organisation.pk):
        CapacityWindowFactory.create(machine=works.machines[0])
        for wrong in ({}, {"machine": works.machines[1], "price_minor_per_hour": 0}):
            with pytest.raises(IntegrityError), transaction.atomic():
                CapacityWindowFactory.create(**{"machine": works.machines[0], **wrong})


def test_idle_nights_are_what_the_shifts_leave(works: Works) -> None:
    with acting_as(works.organisation.pk):
        drawn = list_idle_nights(
            organisation=works.organisation,
            by=works.by,
            now=NOW,
            machines=works.machines,
            terms={machine.pk: TERMS for machine in works.machines},
            days=7,
        )
    first = [w for w in drawn if w.machine_id == works.machines[0].pk]
    assert len(drawn) == 2 * len(first)
    assert span_of(first[0]) == _span(2, 17, 14)
    assert [span_of(w).hours for w in first] == [14, 14, 14, 14, 62]


def test_idle_nights_leave_out_what_is_drawn_or_sold(works: Works) -> None:
    machine = works.machines[0]
    with acting_as(works.organisation.pk):
        _add(works, _new(works, _span(2, 17, 4)))
        Reservation.objects.create(
            tenant=works.organisation,
            machine=machine,
            during=tuple(_span(3, 2, 3)),
            state="booked",
            subject_uid=uuid7(),
        )
        drawn = list_idle_nights(
            organisation=works.organisation,
            by=works.by,
            now=NOW,
            machines=[machine],
            terms={},
            days=1,
        )
    assert [span_of(w) for w in drawn] == [_span(2, 21, 5), _span(3, 5, 2)]
    assert drawn[0].price_minor_per_hour == 8_000


def test_idle_nights_need_a_price_and_shifts(works: Works) -> None:
    with acting_as(works.organisation.pk):
        elsewhere = MachineFactory.create(
            site=SiteFactory.create(tenant=works.organisation, name="South"), code="S-1"
        )

        def draw(machine: object, terms: dict[int, Terms]) -> None:
            list_idle_nights(
                organisation=works.organisation,
                by=works.by,
                now=NOW,
                machines=[machine],  # type: ignore[list-item]
                terms=terms,
            )

        with pytest.raises(PriceMissing, match="M-01 has no price per hour"):
            draw(works.machines[0], {})
        with pytest.raises(ShiftsMissing, match="South has no shifts yet"):
            draw(elsewhere, {elsewhere.pk: TERMS})


def _publish(works: Works) -> int:
    return publish_windows(organisation=works.organisation, by=works.by, now=NOW)


def test_publishing_lists_the_drafts_ahead_in_one_message(works: Works) -> None:
    with acting_as(works.organisation.pk):
        _add(works, _new(works, _span(3, 20, 8)))
        _add(works, _new(works, _span(3, 20, 8), machine=1))
        CapacityWindowFactory.create(
            machine=works.machines[0], during=tuple(_span(1, 2, 4)), minimum_lot=100
        )
        assert _publish(works) == 2
        assert _publish(works) == 0
        assert CapacityWindow.objects.filter(state="listed").count() == 2
        [message] = OutboxMessage.objects.filter(topic="capacity.published")
        assert message.payload == {
            "supplier_id": works.organisation.pk,
            "machine_ids": [machine.pk for machine in works.machines],
        }
        assert PendingEntry.objects.filter(kind="machine.windows_listed").count() == 2


def test_a_machine_without_a_process_is_not_published(works: Works) -> None:
    with acting_as(works.organisation.pk):
        _add(works, _new(works, _span(3, 20, 8)))
        Capability.objects.filter(machine=works.machines[0]).delete()
        with pytest.raises(CapabilityMissing, match="M-01 has no process yet"):
            _publish(works)
        assert not CapacityWindow.objects.filter(state="listed").exists()


def test_sold_time_is_not_withdrawn(works: Works) -> None:
    with acting_as(works.organisation.pk):
        sold, free = _add(works, _new(works, _span(3, 20, 8), _span(4, 20, 8)))
        _publish(works)
        Reservation.objects.create(
            tenant=works.organisation,
            machine=works.machines[0],
            during=tuple(_span(3, 22, 2)),
            state="booked",
            subject_uid=uuid7(),
        )
        with pytest.raises(TimeCommitted, match="2026-03-03 23:00 – 2026-03-04 01:00 is sold"):
            withdraw_windows(
                organisation=works.organisation, by=works.by, now=NOW, uids=[free.uid, sold.uid]
            )
        assert CapacityWindow.objects.filter(state="listed").count() == 2


def test_windows_are_withdrawn_once_and_only_ones_own(works: Works) -> None:
    def withdraw(*uids: object) -> int:
        return withdraw_windows(
            organisation=works.organisation,
            by=works.by,
            now=NOW,
            uids=uids,  # type: ignore[arg-type]
        )

    with acting_as(works.organisation.pk):
        [window] = _add(works, _new(works, _span(3, 20, 8)))
        _publish(works)
        with pytest.raises(NotFound):
            withdraw(window.uid, uuid7())
        assert withdraw(window.uid) == 1
        with pytest.raises(StateConflict):
            withdraw(window.uid)


def test_the_hint_counts_idle_hours_that_nobody_can_buy(works: Works) -> None:
    with acting_as(works.organisation.pk):
        before = unsold(organisation=works.organisation, now=NOW, machines=works.machines)
        _add(works, _new(works, _span(3, 17, 14)))
        after = unsold(organisation=works.organisation, now=NOW, machines=works.machines)
    # Fourteen days hold ten shifts of ten hours; `now` is two hours into the first one.
    assert (before.hours, before.value_minor, before.machines) == (2 * (14 * 24 - 100), None, 2)
    assert after.hours == before.hours - 14
    assert after.value_minor == round(after.hours * 8_000)
