"""What an inspection would release is told to the minor unit, and telling it changes nothing."""

from __future__ import annotations

import pytest

from evidence.models import PendingEntry
from marketplace.models import Release, Shipment, ShipmentLine
from marketplace.services.acceptance_preview import preview_acceptance
from marketplace.services.inspection import (
    InspectionImpossible,
    Verdict,
    inspect_shipment,
    inspect_shipments,
)
from marketplace.services.shipping import ShipmentUnknown
from tenants.acting import acting_as
from tenants.models import OutboxMessage
from tests.factories import NOW, make_organisation
from tests.marketplace.deals import Deal, make_deal

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal() -> Deal:
    """Two lots of 1,000 over two factories, each step of a lot at 10.01: the last one sweeps."""
    made = make_deal(("press", "pack"), lots=2, lot_price=1_001)
    made.accept()
    made.fund()
    return made


def test_what_is_shown_is_what_is_paid(deal: Deal) -> None:
    first, second = deal.make(1, scrap=(1, 0)), deal.make(2, scrap=(0, 1))
    verdicts = {first.uid: None, second.uid: None}
    with acting_as(deal.buyer.pk):
        before = (OutboxMessage.objects.count(), PendingEntry.objects.count())
        shown = preview_acceptance(verdicts=verdicts, by=deal.by("buyer"), now=NOW)
        assert (OutboxMessage.objects.count(), PendingEntry.objects.count()) == before
        assert not Release.objects.exists()
        assert {row.state for row in Shipment.objects.filter(receiver=deal.buyer)} == {"delivered"}
        assert (shown.lots, shown.accepted, shown.rejected) == (2, 1_998, 0)
        inspect_shipments(verdicts=verdicts, by=deal.by("buyer"), now=NOW)
        releases = list(Release.objects.all())
    assert shown.amounts == (("CNY", sum(release.amount_minor for release in releases)),)
    assert shown.amounts == (("CNY", 3_999),), "4 x 10.01 x 999/1000, rounded down once"
    paid = {payee.supplier.pk: payee.amount_minor for payee in shown.payees}
    shares = [share for release in releases for share in release.shares]
    assert paid == {
        firm.pk: sum(s["amount_minor"] for s in shares if s["supplier_id"] == firm.pk)
        for firm in deal.suppliers.values()
    }


def test_what_was_inspected_before_counts_for_nothing(deal: Deal) -> None:
    shipment = deal.make(1)
    with acting_as(deal.buyer.pk):
        inspect_shipment(shipment_uid=shipment.uid, by=deal.by("buyer"), now=NOW)
        shown = preview_acceptance(verdicts={shipment.uid: None}, by=deal.by("buyer"), now=NOW)
    assert (shown.shipments, shown.amounts, shown.payees) == ((), (), ())


def test_rejected_pieces_are_named_and_not_paid(deal: Deal) -> None:
    shipment = deal.make(1)
    with acting_as(deal.buyer.pk):
        (line,) = ShipmentLine.objects.filter(shipment=shipment)
        verdict = Verdict(operation_uid=line.operation_uid, accepted=0, reason="Bent")
        shown = preview_acceptance(verdicts={shipment.uid: [verdict]}, by=deal.by("buyer"), now=NOW)
    assert (shown.accepted, shown.rejected, shown.amounts) == (0, 1_000, ())


def test_of_several_shipments_all_are_accepted_or_none(deal: Deal) -> None:
    first, second = deal.make(1), deal.make(2)
    wrong = [Verdict(operation_uid=deal.uid(1, 1), accepted=1)]
    with acting_as(deal.buyer.pk):
        for verdicts in (
            {first.uid: None, second.uid: wrong},
            {first.uid: wrong, second.uid: None},
        ):
            with pytest.raises(InspectionImpossible):
                inspect_shipments(verdicts=verdicts, by=deal.by("buyer"), now=NOW)
    assert deal.reload().accepted_quantity == 0


def test_a_stranger_is_shown_nothing(deal: Deal) -> None:
    shipment, stranger = deal.make(1), make_organisation(kinds=["buyer"])
    by = deal.by("buyer")
    with acting_as(stranger.pk), pytest.raises(ShipmentUnknown):
        preview_acceptance(
            verdicts={shipment.uid: None}, by=type(by)(tenant_id=stranger.pk, name="x"), now=NOW
        )
