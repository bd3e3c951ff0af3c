"""Reports from the shop floor: quantity is conserved whatever comes, in whatever order."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import PlannedRun
from evidence.models import PendingEntry
from marketplace.core.lots import Outcome, Refusal
from marketplace.models import Operation, WorkOrder, WorkOrderState
from marketplace.services.machine_counts import copy_counts
from marketplace.services.production import (
    Report,
    ReportNotTaken,
    report_operation,
    report_operations,
    start_operation,
)
from marketplace.tasks.production import begin_funded_production, follow_lost_lot
from scheduling.models import Reservation, ReservationState
from tenants.acting import acting_as
from tenants.models import OutboxMessage
from tests.factories import NOW, make_organisation
from tests.marketplace.deals import Deal, make_deal
from tests.marketplace.races import race

pytestmark = pytest.mark.django_db


def _running(*steps: str, lots: int = 2) -> Deal:
    deal = make_deal(steps or ("press", "pack"), lots=lots)
    deal.accept()
    deal.fund()
    return deal


def _work_orders(deal: Deal, name: str) -> list[WorkOrder]:
    firm = deal.suppliers[name].pk
    with acting_as(firm):
        return list(WorkOrder.objects.of_supplier(firm).order_by("step"))


def _state(deal: Deal, lot: int, step: int) -> tuple[str, int | None, int, int]:
    row = deal.operation(lot, step)
    return row.state, row.received, row.good, row.scrap


def _lost_messages(deal: Deal, name: str) -> list[dict[str, object]]:
    firm = deal.suppliers[name].pk
    with acting_as(firm):
        rows = OutboxMessage.objects.of(firm).filter(topic="lot.lost").order_by("id")
        return list(rows.values_list("payload", flat=True))


def test_nothing_starts_before_the_money_is_in() -> None:
    deal = make_deal()
    deal.accept()
    assert deal.report(1, 1, 10).refusal == Refusal.NOT_RELEASED
    assert _state(deal, 1, 1) == ("ready", 1000, 0, 0)


def test_the_confirmed_funding_releases_every_factory() -> None:
    deal = make_deal()
    deal.accept()
    for _time in (1, 2):
        begin_funded_production(buyer_id=deal.buyer.pk, order_uid=str(deal.order.uid))
    assert deal.reload().state == "in_production"
    for name in deal.suppliers:
        assert [row.state for row in _work_orders(deal, name)] == [WorkOrderState.RELEASED]


def test_a_start_moves_lot_and_work_order() -> None:
    deal = _running()
    with acting_as(deal.suppliers["press"].pk):
        start_operation(operation_uid=deal.uid(1, 1), by=deal.by("press"), now=NOW)
    assert _state(deal, 1, 1) == ("started", 1000, 0, 0)
    assert _work_orders(deal, "press")[0].state == WorkOrderState.IN_PROCESS


def test_pieces_are_good_scrap_or_in_process() -> None:
    deal = _running()
    assert deal.report(1, 1, 600, 20).outcome == Outcome.RECORDED
    row = deal.operation(1, 1)
    assert (row.received, row.good, row.scrap) == (1000, 600, 20)
    assert [(w.claimed_good, w.claimed_scrap) for w in _work_orders(deal, "press")] == [(600, 20)]


def test_the_last_piece_finishes_lot_reservation_and_work_order() -> None:
    deal = _running()
    for lot in (1, 2):
        deal.report(lot, 1, 990, 10)
    assert _state(deal, 1, 1) == ("finished", 1000, 990, 10)
    assert _work_orders(deal, "press")[0].state == WorkOrderState.COMPLETED
    firm = deal.suppliers["press"].pk
    with acting_as(firm):
        states = Reservation.objects.of(firm).values_list("state", flat=True)
        assert set(states) == {ReservationState.DONE}


def test_a_finished_lot_goes_on_inside_one_factory_with_what_is_left() -> None:
    deal = _running("press", "press", "pack")
    deal.report(1, 1, 940, 60)
    assert _state(deal, 1, 1) == ("shipped", 1000, 940, 60)
    assert _state(deal, 1, 2) == ("ready", 940, 0, 0)


def test_one_call_may_carry_a_lot_through_the_steps_of_a_factory() -> None:
    deal = _running("press", "press", "pack")
    reports = [
        Report(operation_uid=deal.uid(1, 2), good=900, scrap=0),
        Report(operation_uid=deal.uid(1, 1), good=900, scrap=100),
    ]
    with acting_as(deal.suppliers["press"].pk):
        results = report_operations(reports=reports, by=deal.by("press"), now=NOW)
    assert [result.outcome for result in results] == [Outcome.RECORDED] * 2
    assert _state(deal, 1, 2) == ("finished", 900, 900, 0)


def test_each_report_of_a_call_stands_for_itself() -> None:
    deal = _running()
    reports = [
        Report(operation_uid=deal.uid(1, 1), good=1, scrap=0),
        Report(operation_uid=deal.uid(2, 1), good=1001, scrap=0),
        Report(operation_uid=deal.uid(1, 2), good=1, scrap=0),
    ]
    with acting_as(deal.suppliers["press"].pk):
        results = report_operations(reports=reports, by=deal.by("press"), now=NOW)
    assert [(r.outcome, r.refusal) for r in results] == [
        (Outcome.RECORDED, None),
        (None, Refusal.TOO_MANY),
        (None, Refusal.UNKNOWN),
    ]
    assert _state(deal, 2, 1) == ("ready", 1000, 0, 0)


def test_reports_end_the_same_in_every_order() -> None:
    ends = set()
    for order in permutations([(0, 0, 0), (500, 5, 10), (990, 10, 20)]):
        deal = _running(lots=1)
        with acting_as(deal.suppliers["press"].pk):
            for good, scrap, minute in [*order, *order]:
                report_operations(
                    reports=[
                        Report(
                            operation_uid=deal.uid(1, 1),
                            good=good,
                            scrap=scrap,
                            at=NOW + timedelta(minutes=minute),
                        )
                    ],
                    by=deal.by("press"),
                    now=NOW + timedelta(hours=1),
                )
        row = deal.operation(1, 1)
        ends.add((row.state, row.good, row.scrap, row.started_at, row.finished_at))
    assert ends == {("finished", 990, 10, NOW, NOW + timedelta(minutes=20))}


def test_a_report_of_another_factorys_lot_is_unknown() -> None:
    deal, stranger = _running(), make_organisation()
    for tenant_id in (stranger.pk, deal.suppliers["pack"].pk, deal.buyer.pk):
        by = deal.by("press")
        with acting_as(tenant_id), pytest.raises(ReportNotTaken, match="no such operation"):
            report_operation(
                report=Report(operation_uid=deal.uid(1, 1), good=1, scrap=0),
                by=type(by)(tenant_id=tenant_id, name="stranger"),
                now=NOW,
            )
    assert _state(deal, 1, 1) == ("ready", 1000, 0, 0)


def test_a_lot_that_is_lost_ends_all_its_operations_and_the_order() -> None:
    deal = _running("press", "pack", "ship", lots=1)
    deal.report(1, 1, 0, 1000)
    for name in ("press", "pack", "ship"):
        (payload,) = _lost_messages(deal, name)
        follow_lost_lot(**payload)
        follow_lost_lot(**payload)
    assert [_state(deal, 1, step) for step in (1, 2, 3)] == [
        ("finished", 1000, 0, 1000),
        ("finished", 0, 0, 0),
        ("finished", 0, 0, 0),
    ]
    order = deal.reload()
    assert (order.state, order.accepted_quantity, order.cancelled_quantity) == ("accepted", 0, 1000)
    for name in ("pack", "ship"):
        assert _work_orders(deal, name)[0].state == WorkOrderState.COMPLETED
        firm = deal.suppliers[name].pk
        with acting_as(firm):
            (span,) = Reservation.objects.of(firm)
            assert span.state == ReservationState.RELEASED


def test_every_change_leaves_evidence() -> None:
    deal = _running(lots=1)
    deal.report(1, 1, 10, now=NOW + timedelta(minutes=1))
    deal.report(1, 1, 20, now=NOW + timedelta(minutes=2))
    deal.report(1, 1, 990, 10, now=NOW + timedelta(minutes=3))
    firm = deal.suppliers["press"].pk
    with acting_as(firm):
        entries = PendingEntry.objects.of(firm).filter(subject_uid=deal.uid(1, 1)).order_by("id")
        assert list(entries.values_list("kind", "payload")) == [
            ("operation.ready>started", {"good": 10, "scrap": 0}),
            ("operation.reported", {"good": 20, "scrap": 0}),
            ("operation.reported", {"good": 990, "scrap": 10}),
            ("operation.started>finished", {"good": 990, "scrap": 10}),
        ]


def test_the_machines_count_stands_beside_the_claim() -> None:
    deal = _running()
    firm = deal.suppliers["press"].pk
    with acting_as(firm):
        PlannedRun.objects.of(firm).filter(subject_uid=deal.uid(1, 1)).update(counted=700)
        PlannedRun.objects.of(firm).filter(subject_uid=deal.uid(2, 1)).update(counted=50)
        assert copy_counts(supplier_id=firm, now=NOW) == 2
        assert copy_counts(supplier_id=firm, now=NOW) == 0
    assert (deal.operation(1, 1).counted, deal.operation(2, 1).counted) == (700, 50)
    assert [(row.counted, row.claimed_good) for row in _work_orders(deal, "press")] == [(750, 0)]


def test_counting_costs_the_same_for_one_lot_and_for_twenty() -> None:
    costs = []
    for lots in (1, 20):
        deal = _running(lots=lots)
        firm = deal.suppliers["press"].pk
        with acting_as(firm):
            PlannedRun.objects.of(firm).update(counted=5)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert copy_counts(supplier_id=firm, now=NOW) == lots
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 10


def test_reporting_costs_the_same_statements_for_one_lot_and_for_twenty() -> None:
    costs = []
    for lots in (1, 20):
        deal = _running("press", "press", lots=lots)
        reports = [
            Report(operation_uid=deal.uid(lot, step), good=1000, scrap=0)
            for lot in range(1, lots + 1)
            for step in (1, 2)
        ]
        with (
            acting_as(deal.suppliers["press"].pk),
            CaptureQueriesContext(connection) as queries,
        ):
            results = report_operations(reports=reports, by=deal.by("press"), now=NOW)
        assert {result.outcome for result in results} == {Outcome.RECORDED}
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 70


@pytest.mark.django_db(transaction=True)
def test_twenty_shops_hands_reporting_one_work_order_lose_no_piece() -> None:
    deal = _running(lots=20)
    by, firm = deal.by("press"), deal.suppliers["press"].pk

    def attempt(lot: int) -> tuple[int, object]:
        report = Report(operation_uid=deal.uid(lot, 1), good=1000 - lot, scrap=lot)
        return firm, lambda: report_operation(report=report, by=by, now=NOW)

    assert race([attempt(lot) for lot in range(1, 21)]) == {"won": 20}
    (row,) = _work_orders(deal, "press")
    assert (row.claimed_good, row.claimed_scrap) == (20_000 - 210, 210)
    assert row.state == WorkOrderState.COMPLETED


@pytest.mark.django_db(transaction=True)
def test_the_same_report_from_many_hands_counts_once() -> None:
    deal = _running(lots=1)
    by, firm = deal.by("press"), deal.suppliers["press"].pk
    report = Report(operation_uid=deal.uid(1, 1), good=990, scrap=10)
    attempt = (firm, lambda: report_operation(report=report, by=by, now=NOW))
    assert race([attempt] * 12) == {"won": 12}
    with acting_as(firm):
        finished = PendingEntry.objects.of(firm).filter(kind="operation.started>finished")
        assert finished.count() == 1
        assert Operation.objects.of_supplier(firm).get().good == 990
