"""A report is made of what machines, deliveries and payments say, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError

from devices.machine_use import seen_share_of_sold_time, use_by_day
from devices.models import Machine, PlannedRun, StateInterval
from finance.models import CreditReport
from marketplace.services.credit_features import material_of, refresh_report
from marketplace.services.settlement import book_released
from tenants.acting import PLATFORM_ID, acting_as
from tenants.clock import site_now
from tests.factories import MachineFactory, SiteFactory
from tests.finance.conftest import Deal, funded
from tests.finance.test_settlement import make_release
from tests.finance.work import deliver, make_work

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ingest"])
"""The ingest role writes the state intervals, over its own connection."""
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def run_machine(deal: Deal, days: int, *, hours: float = 10, heard: float = 20) -> None:
    """Have one machine run `hours` and idle until `heard` on each of the last days; sell 10 h."""
    with acting_as(deal.supplier.tenant_id):
        site = SiteFactory(tenant=deal.supplier.tenant)
        machine = MachineFactory(site=site)
    rows, runs = [], []
    for number in range(1, days + 1):
        start = NOW.replace(hour=0) - timedelta(days=number)
        running = (start, start + timedelta(hours=hours))
        idle = (running[1], start + timedelta(hours=heard))
        rows += [interval(machine, "running", running), interval(machine, "idle", idle)]
        runs.append(
            PlannedRun(
                tenant=deal.supplier.tenant,
                machine=machine,
                during=(start, start + timedelta(hours=10)),
                label="run",
                quantity=100,
                subject_uid=uuid4(),
            )
        )
    ingest(rows)
    with acting_as(deal.supplier.tenant_id):
        PlannedRun.objects.bulk_create(runs)


def interval(machine: Machine, state: str, during: tuple[datetime, datetime]) -> StateInterval:
    return StateInterval(tenant_id=machine.tenant_id, machine=machine, state=state, during=during)


def ingest(rows: list[StateInterval]) -> None:
    with acting_as(0, using="ingest"):
        StateInterval.objects.using("ingest").bulk_create(rows)


def ship(deal: Deal, count: int, *, late: int = 0) -> None:
    for number in range(count):
        due = NOW - timedelta(days=number + 1)
        deliver(
            make_work(deal, "supplier", number=f"W-{number}", price=10),
            sent_at=due - timedelta(days=1),
            due_at=due,
            at=due + (timedelta(hours=1) if number < late else timedelta(0)),
        )


def features(deal: Deal):
    with acting_as(deal.supplier.tenant_id):
        return material_of(supplier=deal.supplier.tenant, now=NOW).features


def test_use_is_summed_by_day_across_midnight(deal: Deal) -> None:
    with acting_as(deal.supplier.tenant_id):
        machine = MachineFactory(site=SiteFactory(tenant=deal.supplier.tenant))
    start = datetime(2026, 3, 10, 22, tzinfo=UTC)
    ingest(
        [
            interval(machine, state, (start + timedelta(hours=begin), start + timedelta(hours=end)))
            for state, begin, end in (("running", 0, 5), ("idle", 5, 6), ("offline", 6, 9))
        ]
    )
    with acting_as(deal.supplier.tenant_id):
        found = use_by_day(
            tenant_id=deal.supplier.tenant_id, since=start - timedelta(days=9), until=NOW
        )
    assert [(one.day.day, one.known_hours, one.worked_hours) for one in found] == [
        (10, 2.0, 2.0),
        (11, 4.0, 3.0),
    ]
    assert [one.machines for one in found] == [1, 1]


def test_the_window_cuts_what_it_reaches_into(deal: Deal) -> None:
    run_machine(deal, 3)
    with acting_as(deal.supplier.tenant_id):
        since = NOW.replace(hour=0) - timedelta(days=2) + timedelta(hours=4)
        found = use_by_day(tenant_id=deal.supplier.tenant_id, since=since, until=NOW)
    assert [(one.known_hours, one.worked_hours) for one in found] == [(16.0, 6.0), (20.0, 10.0)]


@pytest.mark.parametrize(("hours", "heard", "share"), [(10, 20, 1.0), (2, 4, 0.4)])
def test_coverage_is_what_was_seen_of_the_sold_time(
    deal: Deal, hours: float, heard: float, share: float
) -> None:
    run_machine(deal, 5, hours=hours, heard=heard)
    with acting_as(deal.supplier.tenant_id):
        found = seen_share_of_sold_time(
            tenant_id=deal.supplier.tenant_id, since=NOW - timedelta(days=90), until=NOW
        )
    assert found == pytest.approx(share)


def test_the_features_of_a_known_firm(deal: Deal) -> None:
    run_machine(deal, 20)
    ship(deal, 10, late=1)
    found = features(deal)
    assert (found.days_observed, found.coverage, found.utilisation) == (20, 1.0, 0.5)
    assert (found.deliveries, found.on_time_share, found.orders_delivered) == (10, 0.9, 1)
    assert found.active_day_share == 1.0
    assert (found.scrap_share, found.claim_deviation) == (None, None)


def test_a_report_holds_one_part_for_each_scope_and_names_no_buyer(deal: Deal) -> None:
    funded(deal)
    run_machine(deal, 20)
    ship(deal, 10)
    release = make_release(deal, {"supplier/1": 100_000})
    with acting_as(PLATFORM_ID):
        book_released(release_uid=release.uid, now=NOW - timedelta(days=1))
    with acting_as(deal.supplier.tenant_id):
        made = refresh_report(supplier=deal.supplier.tenant, by=deal.actor("supplier"), now=NOW)
    assert set(made.document) == {"about", "behaviour", "machines", "orders"}
    (payment,) = made.document["orders"]["payments"]
    assert (payment["gross_minor"], payment["net_minor"]) == (100_000, 97_000)
    kinds = [source["kind"] for source in made.document["orders"]["sources"]]
    assert kinds == ["deliveries", "production_reports", "payouts"]
    assert sum(week["worked_hours"] for week in made.document["machines"]["weeks"]) == 200.0
    text = str(made.document)
    assert deal.buyer.tenant.name not in text
    assert deal.order.number not in text
    assert made.points == made.document["behaviour"]["points"]


def test_a_new_firm_gets_a_report_without_a_grade(deal: Deal) -> None:
    with acting_as(deal.supplier.tenant_id):
        made = refresh_report(supplier=deal.supplier.tenant, by=deal.actor("supplier"), now=NOW)
    assert made.grade == ""
    lacks = [lack["code"] for lack in made.document["behaviour"]["lacks"]]
    assert lacks == ["days_observed", "coverage", "deliveries"]


def test_a_report_is_never_changed(deal: Deal) -> None:
    with acting_as(deal.supplier.tenant_id):
        made = refresh_report(
            supplier=deal.supplier.tenant, by=deal.actor("supplier"), now=site_now()
        )
    with pytest.raises(DatabaseError), acting_as(deal.supplier.tenant_id):
        CreditReport.objects.filter(pk=made.pk).update(grade="A")


def test_a_report_takes_as_many_queries_for_one_day_as_for_sixty(
    deal: Deal, django_assert_num_queries
) -> None:
    run_machine(deal, 60)
    ship(deal, 20)
    with acting_as(deal.supplier.tenant_id), django_assert_num_queries(5):
        material_of(supplier=deal.supplier.tenant, now=NOW)
