"""A finished lot's report is corrected by a new entry, while the lot is still in the shop."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, transaction

from evidence.models import PendingEntry
from marketplace.models import Correction, Operation, ShipmentLine
from marketplace.services.corrections import (
    CorrectionRefused,
    CorrectionTooLate,
    correct_report,
)
from marketplace.services.inspection import inspect_shipment
from marketplace.services.shipping import OperationUnknown, ship_operations
from tenants.acting import acting_as
from tenants.models import AuditEntry, OutboxMessage
from tests.factories import NOW, make_organisation
from tests.marketplace.deals import Deal, make_deal
from tests.marketplace.races import race


@pytest.fixture
def deal() -> Deal:
    """Lot 1 of 1,000 pieces is finished at the press with 990 good, and waits to leave."""
    made = make_deal()
    made.accept()
    made.fund()
    made.report(1, 1, 990, 10)
    return made


def correct(
    deal: Deal, good: int, scrap: int, *, lot: int = 1, reason: str = "Misread", who: str = "press"
) -> Correction | None:
    with acting_as(deal.suppliers[who].pk):
        return correct_report(
            operation_uid=deal.uid(lot, 1),
            good=good,
            scrap=scrap,
            reason=reason,
            by=deal.by(who),
            now=NOW,
        )


@pytest.mark.django_db
def test_a_correction_is_a_new_entry_and_the_first_report_stays_on_record(deal: Deal) -> None:
    assert correct(deal, 940, 60) is not None
    correct(deal, 950, 50, reason="Counted again")
    lot = deal.operation(1, 1)
    assert (lot.good, lot.scrap, lot.received, lot.state) == (950, 50, 1_000, "finished")
    assert (lot.work_order.claimed_good, lot.work_order.claimed_scrap) == (950, 50)
    with acting_as(deal.suppliers["press"].pk):
        entries = Correction.objects.order_by("pk")
        assert [(c.good_before, c.good, c.reason, c.corrected_by) for c in entries] == [
            (990, 940, "Misread", "press hand"),
            (940, 950, "Counted again", "press hand"),
        ]
        finished = PendingEntry.objects.get(kind="operation.started>finished")
        assert finished.payload == {"good": 990, "scrap": 10}
        corrected = PendingEntry.objects.filter(kind="operation.corrected").order_by("pk")
        assert corrected[0].payload == {
            "before": {"good": 990, "scrap": 10},
            "good": 940,
            "scrap": 60,
            "reason": "Misread",
        }
        assert AuditEntry.objects.filter(action="operation.corrected").count() == 2
    with acting_as(deal.buyer.pk):
        assert Correction.objects.count() == 2, "the buyer reads them too"


@pytest.mark.django_db
def test_what_leaves_and_is_paid_is_what_was_corrected() -> None:
    deal = make_deal(("press",), lots=1)
    deal.accept()
    deal.fund()
    deal.report(1, 1, 1_000)
    correct(deal, 900, 100)
    shipment = deal.ship(1, 1)
    assert shipment.quantity == 900
    with acting_as(deal.buyer.pk):
        inspect_shipment(shipment_uid=shipment.uid, by=deal.by("buyer"), now=NOW)
    order = deal.reload()
    assert (order.accepted_quantity, order.cancelled_quantity, order.state) == (
        900,
        100,
        "accepted",
    )
    with pytest.raises(CorrectionTooLate, match="The buyer has inspected lot 1"):
        correct(deal, 950, 50)


@pytest.mark.django_db
def test_the_same_numbers_again_change_nothing(deal: Deal) -> None:
    assert correct(deal, 990, 10) is None
    correct(deal, 980, 20)
    assert correct(deal, 980, 20) is None
    with acting_as(deal.suppliers["press"].pk):
        assert Correction.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("good", "scrap", "reason", "sentence"),
    [
        (980, 10, "x", "came with 1000 pieces and is finished"),
        (1_001, 0, "x", "must be all of them"),
        (1_010, -10, "x", "below zero"),
        (980, 20, " ", "Say what was wrong"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    deal: Deal, good: int, scrap: int, reason: str, sentence: str
) -> None:
    with pytest.raises(CorrectionRefused, match=sentence):
        correct(deal, good, scrap, reason=reason)
    assert deal.operation(1, 1).good == 990


@pytest.mark.django_db
def test_what_has_left_or_is_not_finished_is_refused_by_name(deal: Deal) -> None:
    deal.report(2, 1, 100)
    with pytest.raises(CorrectionTooLate, match="Lot 2 is not finished"):
        correct(deal, 90, 910, lot=2)
    number = deal.ship(1, 1).number
    with pytest.raises(CorrectionTooLate, match=f"Lot 1 has left with shipment {number}"):
        correct(deal, 980, 20)
    with pytest.raises(OperationUnknown):
        correct(deal, 980, 20, who="pack")


@pytest.mark.django_db
def test_a_lot_that_went_on_in_the_same_shop_is_refused() -> None:
    deal = make_deal(("press", "press"))
    deal.accept()
    deal.fund()
    deal.report(1, 1, 1_000)
    with pytest.raises(CorrectionTooLate, match="has gone on to your next step"):
        correct(deal, 900, 100)


@pytest.mark.django_db
def test_a_lot_corrected_to_nothing_is_lost_and_stays_so(deal: Deal) -> None:
    correct(deal, 0, 1_000)
    with acting_as(deal.suppliers["press"].pk):
        told = OutboxMessage.objects.filter(topic="lot.lost").values_list("payload", flat=True)
        assert [UUID(one["operation_uid"]) for one in told] == [deal.uid(1, 2)]
    with pytest.raises(CorrectionTooLate, match="reported as lost"):
        correct(deal, 10, 990)


@pytest.mark.django_db
def test_a_stranger_corrects_nothing(deal: Deal) -> None:
    stranger = make_organisation()
    by = type(deal.by("press"))(tenant_id=stranger.pk, name="x")
    with acting_as(stranger.pk), pytest.raises(OperationUnknown):
        correct_report(operation_uid=deal.uid(1, 1), good=1, scrap=999, reason="x", by=by, now=NOW)


@pytest.mark.django_db
def test_the_database_lets_a_finished_lot_change_by_its_newest_correction_alone(
    deal: Deal,
) -> None:
    press = deal.suppliers["press"].pk

    def force(good: int) -> None:
        with transaction.atomic():
            Operation.objects.filter(uid=deal.uid(1, 1)).update(good=good, scrap=1_000 - good)

    with acting_as(press), pytest.raises(DatabaseError, match="by a correction only"):
        force(1_000)
    correct(deal, 980, 20)
    correct(deal, 990, 10)
    for good in (980, 991):
        with acting_as(press), pytest.raises(DatabaseError, match="by a correction only"):
            force(good)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"good": 1_000, "scrap": 10}, "correction_conserves"),
        ({"good": 990, "scrap": 10}, "correction_corrects"),
        ({"reason": ""}, "correction_has_reason"),
        ({"good_before": 1_000, "scrap_before": 0}, "what a finished lot holds"),
        ({"buyer_id": 1}, "what a finished lot holds"),
        ({"who": "pack"}, "row-level security|what a finished lot holds"),
        ({"lot": 2}, "what a finished lot holds"),
    ],
)
def test_a_forged_correction_is_refused(deal: Deal, changes: dict[str, Any], message: str) -> None:
    deal.report(2, 1, 100)
    lot = deal.operation(changes.pop("lot", 1), 1)
    row = {
        "uid": uuid4(),
        "buyer_id": lot.buyer_id,
        "supplier_id": lot.supplier_id,
        "order_uid": lot.order_uid,
        "order_number": lot.order_number,
        "operation_id": lot.pk,
        "good_before": 990,
        "scrap_before": 10,
        "good": 980,
        "scrap": 20,
        "reason": "Misread",
        "corrected_by": "x",
        "created_at": NOW,
    }
    who = deal.suppliers[changes.pop("who", "press")].pk
    with acting_as(who), pytest.raises(DatabaseError, match=message), transaction.atomic():
        Correction.objects.create(**(row | changes))


@pytest.mark.django_db
def test_a_correction_is_neither_changed_nor_removed(deal: Deal) -> None:
    correct(deal, 980, 20)
    with acting_as(deal.suppliers["press"].pk):
        for act in (
            lambda: Correction.objects.update(good=1),
            lambda: Correction.objects.all().delete(),
        ):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                act()


@pytest.mark.django_db(transaction=True)
def test_a_lot_that_leaves_while_it_is_corrected_leaves_with_one_number(deal: Deal) -> None:
    press, by = deal.suppliers["press"].pk, deal.by("press")
    uid = deal.uid(1, 1)
    outcomes = race(
        [
            (press, lambda: ship_operations(operation_uids=[uid], by=by, now=NOW)),
            (
                press,
                lambda: correct_report(
                    operation_uid=uid, good=900, scrap=100, reason="x", by=by, now=NOW
                ),
            ),
        ]
    )
    with acting_as(press):
        line, lot = ShipmentLine.objects.get(), Operation.objects.get(uid=uid)
        corrected = Correction.objects.count()
    assert line.quantity == lot.good == (900 if corrected else 990)
    assert outcomes in ({"won": 2}, {"won": 1, "CorrectionTooLate": 1})
