"""From published windows to the platform's listing."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from devices.services.machines import set_machine_active
from marketplace.core.listed import ListedCapability, ListedMachine
from marketplace.core.spans import Span
from marketplace.models import CapacityWindow, Listing
from marketplace.selectors.capacity import Terms, own_listings
from marketplace.services import listings
from marketplace.services.capacity import add_windows, publish_windows, withdraw_windows
from marketplace.services.listings import refresh_listings
from marketplace.services.window_checks import NewWindow
from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import OutboxMessage
from tenants.services import outbox
from tests.factories import NOW, CapacityWindowFactory, make_organisation
from tests.marketplace.conftest import Works, make_works

HOUR = timedelta(hours=1)


def _publish(works: Works, *starts: int, machine: int = 0) -> list[CapacityWindow]:
    """Publish windows of eight hours that start so many hours from now."""
    with acting_as(works.organisation.pk):
        windows = add_windows(
            organisation=works.organisation,
            by=works.by,
            now=NOW,
            new=[
                NewWindow(
                    machine=works.machines[machine],
                    span=Span(NOW + start * HOUR, NOW + (start + 8) * HOUR),
                    terms=Terms(price_minor_per_hour=8_000, minimum_lot=500),
                )
                for start in starts
            ],
        )
        publish_windows(organisation=works.organisation, by=works.by, now=NOW)
    return windows


def _handle_messages(works: Works) -> None:
    with acting_as(works.organisation.pk):
        ids = list(OutboxMessage.objects.filter(handled_at=None).values_list("id", flat=True))
    for message_id in ids:
        outbox.handle(message_id=message_id, tenant_id=works.organisation.pk)


def _listings() -> list[Listing]:
    with acting_as(PLATFORM_ID):
        return list(Listing.objects.of(PLATFORM_ID).order_by("machine_id"))


def _refresh(works: Works) -> None:
    refresh_listings(
        supplier_id=works.organisation.pk,
        machine_ids=[machine.pk for machine in works.machines],
        now=NOW,
    )


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketplace.tasks.capacity.site_now", lambda: NOW)


def test_publishing_makes_a_listing_with_merged_windows(works: Works) -> None:
    _publish(works, 30, 11, 19)
    _handle_messages(works)
    [listing] = _listings()
    assert listing.windows == [
        [(NOW + 11 * HOUR).isoformat(), (NOW + 27 * HOUR).isoformat()],
        [(NOW + 30 * HOUR).isoformat(), (NOW + 38 * HOUR).isoformat()],
    ]
    assert (listing.price_minor_per_hour, listing.currency, listing.minimum_lot) == (
        8_000,
        "EUR",
        500,
    )
    assert (listing.state, listing.listed_until) == ("listed", NOW + 38 * HOUR)
    assert (listing.machine_uid, listing.processes) == (works.machines[0].uid, ["blanking"])
    assert ListedMachine.from_json(listing.snapshot) == ListedMachine(
        supplier_name=works.organisation.name,
        site_uid=str(works.site.uid),
        site_name="North hall",
        time_zone="Europe/Berlin",
        machine_code="M-01",
        machine_type="Press",
        capabilities=(ListedCapability(process="blanking", pieces_per_hour=750),),
    )


def test_a_message_that_comes_twice_changes_nothing(works: Works) -> None:
    _publish(works, 11)
    _handle_messages(works)
    before = _listings()
    _refresh(works)
    after = _listings()
    assert [(a.pk, a.windows, a.state) for a in after] == [
        (b.pk, b.windows, b.state) for b in before
    ]


def test_withdrawing_ends_the_listing_and_publishing_revives_it(works: Works) -> None:
    [window] = _publish(works, 11)
    _handle_messages(works)
    with acting_as(works.organisation.pk):
        withdraw_windows(organisation=works.organisation, by=works.by, now=NOW, uids=[window.uid])
    _handle_messages(works)
    [gone] = _listings()
    assert (gone.state, gone.windows) == ("withdrawn", [])
    _publish(works, 40)
    _handle_messages(works)
    [back] = _listings()
    assert (back.pk, back.state, len(back.windows)) == (gone.pk, "listed", 1)


def test_an_archived_machine_is_not_listed(works: Works) -> None:
    _publish(works, 11)
    _handle_messages(works)
    with acting_as(works.organisation.pk):
        set_machine_active(
            organisation=works.organisation,
            by=works.by,
            now=NOW,
            machine=works.machines[0],
            is_active=False,
        )
    _handle_messages(works)
    assert [listing.state for listing in _listings()] == ["withdrawn"]


def test_a_supplier_sees_its_own_listings_and_nobody_elses(works: Works) -> None:
    _publish(works, 11)
    _handle_messages(works)
    other = make_organisation()
    with acting_as(works.organisation.pk):
        assert own_listings(works.organisation.pk).count() == 1
        assert own_listings(works.organisation.pk).update(minimum_lot=1) == 0
    with acting_as(other.pk):
        assert Listing.objects.count() == 0


def test_a_refresh_that_was_overtaken_reads_again(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading and writing, another refresh writes newer windows."""
    _publish(works, 11)
    _handle_messages(works)
    read, overtaken = listings._read, []

    def read_and_be_overtaken(*args: Any) -> Any:
        found = read(*args)
        if not overtaken:
            overtaken.append(True)
            _publish(works, 30)
            _refresh(works)
        return found

    monkeypatch.setattr(listings, "_read", read_and_be_overtaken)
    _refresh(works)
    assert [len(listing.windows) for listing in _listings()] == [2]


@pytest.mark.django_db
def test_many_machines_are_refreshed_with_few_queries(
    django_assert_max_num_queries: Any,
) -> None:
    works = make_works(machines=20)
    with acting_as(works.organisation.pk):
        for machine in works.machines:
            for night in range(3):
                CapacityWindowFactory.create(
                    machine=machine,
                    during=(NOW + (24 * night + 9) * HOUR, NOW + (24 * night + 20) * HOUR),
                    state="listed",
                )
    # Three transactions (savepoints here), four reads, one birth of all, one look at the births.
    with django_assert_max_num_queries(22):
        _refresh(works)
    assert len(_listings()) == 20


@pytest.mark.django_db(transaction=True)
def test_of_two_publishes_at_once_one_lists_the_windows() -> None:
    works = make_works()
    with acting_as(works.organisation.pk):
        CapacityWindowFactory.create(machine=works.machines[0])
        CapacityWindowFactory.create(machine=works.machines[1])
    barrier, counts = threading.Barrier(2), []

    def publish() -> None:
        try:
            with acting_as(works.organisation.pk):
                barrier.wait(timeout=10)
                counts.append(
                    publish_windows(organisation=works.organisation, by=works.by, now=NOW)
                )
        finally:
            connection.close()

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(counts) == [0, 2]
    with acting_as(works.organisation.pk):
        assert OutboxMessage.objects.filter(topic="capacity.published").count() == 1
