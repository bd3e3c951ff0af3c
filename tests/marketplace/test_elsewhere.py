"""Lots that their factory cannot make in time go to others: the buyer agrees, then their takers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, transaction

from devices.models import Machine, PlannedRun
from evidence.models import PendingEntry
from finance.ledger.selectors import order_money
from marketplace.core.plan_json import PlanDocument, instant
from marketplace.models import (
    Commitment,
    Funding,
    Listing,
    Offer,
    Operation,
    Plan,
    Proposal,
    Release,
    WorkOrder,
)
from marketplace.selectors.orders import orders_by_risk
from marketplace.services import applying, leaving
from marketplace.services.closing import count_lots
from marketplace.services.credit_features import material_of
from marketplace.services.expiry import hand_on_expired_offers, hand_on_expired_proposals
from marketplace.services.inspection import inspect_shipment
from marketplace.services.later_dates import accept_later, keep_waiting
from marketplace.services.leaving import conclude_leaving
from marketplace.services.moving import ProposalDecided, ProposalGone, ProposalStale
from marketplace.services.offers import OfferUnknown, accept_offer, decline_offer
from marketplace.services.orders import cancel_order
from marketplace.services.production import (
    Report,
    ReportNotTaken,
    report_operation,
    start_operation,
)
from marketplace.services.proposals import accept_proposal, dismiss_proposal
from marketplace.services.settlement import confirm_proof, send_proof
from marketplace.services.shipping import receive_shipments, ship_operations
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.models import Organisation
from tests.factories import NOW, make_organisation
from tests.marketplace.races import race
from tests.marketplace.test_proposals import HOUR, Yard, equip, yard
from tests.markets import actor, deliver

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sweep"])
DOWN = 100
LOTS = 6
LARGE: dict[str, Any] = {"quantity": 500 * LOTS, "lot_size": 500, "minimum_lot": 500}


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Ward:
    """A paid order whose cutter is about to stand still, and other cutters in the market."""

    town: Yard
    others: tuple[Organisation, ...]

    @property
    def buyer(self) -> Organisation:
        return self.town.buyer

    @property
    def cutter(self) -> Organisation:
        return self.town.cutter

    def deliver(self, now: Any = NOW) -> None:
        firms = (self.buyer, self.cutter, self.town.press, *self.others)
        deliver(*firms, rounds=24, now=now)

    def goes_down(self, hours: int = DOWN) -> Proposal:
        self.town.goes_down(hours)
        self.deliver()
        return self.root()

    def root(self) -> Proposal:
        return self.town.proposals()[-1]

    def agrees(self, proposal: Proposal) -> None:
        with acting_as(self.buyer.pk):
            accept_later(proposal_uid=proposal.uid, by=actor(self.buyer), now=NOW)
        self.deliver()

    def offers(self) -> list[Offer]:
        """Return what the other factories were asked, the newest last."""
        with acting_as(self.buyer.pk):
            mine = Offer.objects.of_buyer(self.buyer.pk).filter(proposal_uid__isnull=False)
            return list(mine.order_by("id"))

    def take(self, offer: Offer) -> None:
        with acting_as(offer.supplier_id):
            by = Actor(tenant_id=offer.supplier_id, name="Li Wei")
            accept_offer(offer_uid=offer.uid, by=by, now=NOW)

    def refuse(self, offer: Offer) -> None:
        with acting_as(offer.supplier_id):
            by = Actor(tenant_id=offer.supplier_id, name="Li Wei")
            decline_offer(offer_uid=offer.uid, reason="Full", by=by, now=NOW)

    def operations(self) -> list[Operation]:
        """Return what is made of the order now, by step and lot."""
        with acting_as(self.buyer.pk):
            mine = Operation.objects.of_buyer(self.buyer.pk).exclude(state="cancelled")
            return list(mine.order_by("step", "lot"))

    def work_orders(self, firm: Organisation) -> list[str]:
        with acting_as(firm.pk):
            mine = WorkOrder.objects.of_supplier(firm.pk).order_by("pk")
            return list(mine.values_list("state", flat=True))

    def standing(self) -> tuple[object, ...]:
        """Return all that lots which leave may change, for everybody."""
        order = self.town.order()
        with acting_as(PLATFORM_ID):
            live = Commitment.objects.of(PLATFORM_ID).exclude(state="released").order_by("pk")
            held = list(live.values_list("operation_uid", "machine_id", "during", "state"))
        return (
            held,
            [self.town.reserved(one) for one in (self.cutter, self.town.press, *self.others)],
            (order.chosen_plan_uid, order.promised_at, order.cost_minor, order.state),
            [
                (one.uid, one.supplier_id, one.state, one.planned_start_at, one.next_supplier_id)
                for one in self.operations()
            ],
        )


def ward(
    *, others: int = 1, rate: int = 900, firms: tuple[Organisation, ...] = (), **made: Any
) -> Ward:
    town = yard(**LARGE, **made)
    firms = firms or tuple(make_organisation(name=f"Other {one}") for one in range(others))
    for firm in firms:
        hours = (NOW + 2 * HOUR, NOW + 480 * HOUR)
        equip(firm, "blanking", rate, during=hours, price_minor_per_hour=6_500 * rate // 600)
    place = Ward(town=town, others=firms)
    pay(place)
    assert town.order().state == "in_production"
    return place


def pay(place: Ward) -> None:
    with acting_as(place.buyer.pk):
        funding = Funding.objects.get()
        send_proof(funding=funding, proof="T-1", by=actor(place.buyer), now=NOW)
    with acting_as(PLATFORM_ID):
        funding = Funding.objects.get(pk=funding.pk)
        confirm_proof(funding=funding, by=Actor.system(PLATFORM_ID), now=NOW)
    place.deliver()


def make(place: Ward, operation: Operation, *, scrap: int = 0) -> None:
    """Let whoever has a lot finish it and send it on, and the next one sign for it."""
    firm = operation.supplier_id
    by = Actor(tenant_id=firm, name="Li Wei")
    with acting_as(firm):
        row = Operation.objects.get(uid=operation.uid)
        good = (row.received or 0) - scrap
        report = Report(operation_uid=row.uid, good=good, scrap=scrap)
        report_operation(report=report, by=by, now=NOW)
        (sent,) = ship_operations(operation_uids=[row.uid], by=by, now=NOW)
    receiver = Actor(tenant_id=sent.receiver_id, name="Li Wei")
    with acting_as(sent.receiver_id):
        receive_shipments(shipment_uids=[sent.uid], by=receiver, now=NOW)
    if sent.is_final:
        with acting_as(place.buyer.pk):
            inspect_shipment(shipment_uid=sent.uid, by=actor(place.buyer), now=NOW)


def test_the_buyer_is_asked_for_what_keeps_date_and_money_and_nothing_changes() -> None:
    place = ward()
    before, order = place.standing(), place.town.order()
    proposal = place.goes_down()
    assert (proposal.state, proposal.promise, proposal.parties) == ("put", "kept", 2)
    assert proposal.completes_at is not None
    assert proposal.completes_at <= proposal.promised_at == order.promised_at
    waiting = {str(one.uid) for one in place.operations() if one.step == 1}
    assert {one["uid"] for one in proposal.leaving} == waiting
    assert proposal.moves == []
    assert {one["before"]["machine_id"] for one in proposal.leaving} == {place.town.machine.pk}
    with acting_as(place.buyer.pk):
        plan = Plan.objects.get(uid=proposal.plan_uid)
        assert plan.cost_minor <= order.cost_minor == Funding.objects.get().amount_minor
        assert plan.reasons["cost_bound"] <= plan.cost_minor
        (risk,) = orders_by_risk(place.buyer.pk, now=NOW)
    assert (risk.level, risk.cause, risk.action) == ("bad", "lots_elsewhere", "decide_date")
    assert place.standing() == before
    assert place.offers() == []
    for firm in (place.town.press, *place.others):
        with acting_as(firm.pk):
            assert not Proposal.objects.exists()


def test_lots_that_leave_are_made_sent_and_paid_where_they_went() -> None:
    place = ward()
    (other,) = place.others
    before = place.town.order()
    proposal = place.goes_down()
    place.agrees(proposal)
    (offer,) = place.offers()
    assert (offer.supplier_id, offer.state) == (other.pk, "offered")
    assert offer.expires_at < offer.starts_at
    uids = {one["uid"] for one in offer.snapshot["operations"]}
    assert uids == {one["uid"] for one in proposal.leaving}
    place.take(offer)
    with acting_as(other.pk):
        assert not WorkOrder.objects.exists(), "the lots are still the cutter's own"
    place.deliver()
    assert place.root().state == "applied"
    check_changed_hands(place, offer)
    order = place.town.order()
    assert order.chosen_plan_uid == proposal.plan_uid
    assert order.promised_at == before.promised_at
    assert order.cost_minor < before.cost_minor
    done = place.standing()
    leaving.hand_over(proposal=place.root(), now=NOW)
    conclude_leaving(buyer_id=place.buyer.pk, proposal_uid=proposal.uid, now=NOW)
    place.deliver()
    assert place.standing() == done, "messages may come twice"
    for operation in place.operations():
        make(place, operation)
    place.deliver()
    check_paid(place, funded=before.cost_minor)


def check_changed_hands(place: Ward, offer: Offer) -> None:
    """Check that plan, hours, runs, commitments, work and ways all say the same."""
    (other,), order = place.others, place.town.order()
    with acting_as(place.buyer.pk):
        plan = Plan.objects.get(uid=order.chosen_plan_uid)
    document = PlanDocument.from_json(plan.schedule)
    planned = {
        document.operation_uid(one.lot, one.step): (
            document.machines[one.machine].id,
            instant(plan.origin_at, one.start),
            instant(plan.origin_at, one.end),
        )
        for one in document.operations
    }
    rows = place.operations()
    assert {
        one.uid: (one.machine_id, one.planned_start_at, one.planned_end_at) for one in rows
    } == planned
    first, second = ([one for one in rows if one.step == step] for step in (1, 2))
    assert {one.supplier_id for one in first} == {other.pk}
    assert {one.previous_supplier_id for one in second} == {other.pk}
    assert {one.next_supplier_id for one in first} == {place.town.press.pk}
    assert sum(one.price_minor for one in first) == offer.price_minor
    assert place.town.reserved(place.cutter) == {}
    assert {**place.town.reserved(other), **place.town.reserved(place.town.press)} == planned
    with acting_as(PLATFORM_ID):
        live = Commitment.objects.of(PLATFORM_ID).exclude(state="released")
        taken = {
            one.operation_uid: (one.machine_id, one.during.lower, one.during.upper) for one in live
        }
        assert {one.state for one in live} == {"booked"}
    assert taken == planned
    assert place.work_orders(place.cutter) == ["cancelled"]
    assert place.work_orders(other) == ["released"]
    with acting_as(place.cutter.pk):
        assert not PlannedRun.objects.of(place.cutter.pk).exists()
    with acting_as(place.buyer.pk):
        for kind in ("offer.reduced", "order.price_moved"):
            assert PendingEntry.objects.filter(kind=kind).count() == 1


def check_paid(place: Ward, *, funded: int) -> None:
    """Check that pieces and money add up, and that who made the lots is paid."""
    order = place.town.order()
    assert order.state == "accepted"
    assert order.quantity == order.accepted_quantity
    with acting_as(PLATFORM_ID):
        money = order_money(platform_id=PLATFORM_ID, order_uid=order.uid)
        shares = [one for row in Release.objects.all() for one in row.shares]
    assert money is not None
    assert (money.funded_minor, money.held_minor) == (funded, 0)
    assert money.refunded_minor == funded - order.cost_minor
    spent = money.released_minor + money.refunded_minor + money.fees_minor
    assert spent == funded
    paid = {one["supplier_id"] for one in shares if one["amount_minor"]}
    assert paid == {place.town.press.pk, *(one.pk for one in place.others)}
    with acting_as(place.cutter.pk):
        report = material_of(supplier=place.cutter, now=NOW + HOUR)
    assert report.orders["deliveries"] == report.orders["on_time"] == 0, "nothing of it is late"


def test_what_has_begun_stays_and_its_work_order_is_done_with_that() -> None:
    place = ward()
    begun, *rest = (one for one in place.operations() if one.step == 1)
    with acting_as(place.cutter.pk):
        start_operation(operation_uid=begun.uid, by=actor(place.cutter), now=NOW)
    proposal = place.goes_down()
    assert len(proposal.leaving) == len(rest)
    make(place, begun, scrap=100)
    place.agrees(proposal)
    (offer,) = place.offers()
    place.take(offer)
    place.deliver()
    assert place.root().state == "applied"
    assert place.work_orders(place.cutter) == ["completed"]
    for operation in place.operations():
        if operation.uid != begun.uid:
            make(place, operation)
    place.deliver()
    order = place.town.order()
    assert (order.state, order.accepted_quantity) == ("accepted", 500 * LOTS - 100)
    with acting_as(PLATFORM_ID):
        money = order_money(platform_id=PLATFORM_ID, order_uid=order.uid)
        shares = [one for row in Release.objects.all() for one in row.shares]
    assert money is not None
    assert money.held_minor == 0
    assert place.cutter.pk in {one["supplier_id"] for one in shares}


@pytest.mark.parametrize("how", ["declines", "is silent"])
def test_where_one_does_not_take_its_lots_all_stay_and_the_rest_is_asked_anew(how: str) -> None:
    place = ward(others=2, rate=300)
    before = place.standing()
    proposal = place.goes_down()
    assert proposal.parties == 3, "neither is fast enough alone"
    place.agrees(proposal)
    first, second = place.offers()
    place.take(first)
    place.deliver()
    assert place.root().state == "open"
    assert place.standing()[2:] == before[2:]
    now = NOW
    if how == "declines":
        place.refuse(second)
    else:
        now = second.expires_at
        assert hand_on_expired_offers(now=now) == 1
    place.deliver(now)
    ended = "declined" if how == "declines" else "lapsed"
    assert [one.state for one in place.offers()] == ["withdrawn", ended]
    assert place.standing() == before
    root = place.root()
    assert (root.pk, root.state) == (proposal.pk, "put")
    assert root.promise != "kept", "without it only a later date is left"
    assert root.leaving == []


def test_its_factory_may_keep_the_lots_until_they_have_gone() -> None:
    place = ward()
    before = place.standing()
    proposal = place.goes_down()
    place.agrees(proposal)
    (offer,) = place.offers()
    with acting_as(place.cutter.pk):
        by = actor(place.cutter)
        dismiss_proposal(proposal_uid=proposal.uid, reason="We rent one", by=by, now=NOW)
    place.take(offer)
    place.deliver()
    assert place.root().state == "dismissed"
    assert [one.state for one in place.offers()] == ["withdrawn"]
    assert place.standing() == before


def test_lots_that_their_factory_gives_up_do_not_begin_there() -> None:
    place = ward()
    proposal = place.goes_down()
    place.agrees(proposal)
    with acting_as(place.cutter.pk):
        accept_proposal(proposal_uid=proposal.uid, by=actor(place.cutter), now=NOW)
    place.deliver()
    assert place.root().state == "agreed"
    uid = UUID(proposal.leaving[0]["uid"])
    with acting_as(place.cutter.pk), pytest.raises(ReportNotTaken, match="moves to other hours"):
        start_operation(operation_uid=uid, by=actor(place.cutter), now=NOW)
    with acting_as(place.cutter.pk):
        row = Operation.objects.filter(uid=uid)
        with pytest.raises(DatabaseError, match="agreed that this lot moves"), transaction.atomic():
            row.update(state="started")
    (offer,) = place.offers()
    place.take(offer)
    place.deliver()
    assert place.root().state == "applied"


def test_a_lot_that_begins_first_ends_the_move_and_the_others_are_planned_anew() -> None:
    place = ward()
    proposal = place.goes_down()
    place.agrees(proposal)
    (offer,) = place.offers()
    uid = UUID(proposal.leaving[0]["uid"])
    with acting_as(place.cutter.pk):
        start_operation(operation_uid=uid, by=actor(place.cutter), now=NOW)
    place.take(offer)
    place.deliver()
    root = place.root()
    assert (root.pk, root.state) == (proposal.pk, "put")
    assert len(root.leaving) == len(proposal.leaving) - 1
    assert [one.state for one in place.offers()] == ["withdrawn"]
    assert {one.supplier_id for one in place.operations() if one.step == 1} == {place.cutter.pk}
    place.agrees(root)
    _, again = place.offers()
    place.take(again)
    place.deliver()
    assert place.root().state == "applied"


def test_a_lot_begins_or_leaves_and_never_both() -> None:
    place = ward()
    proposal = place.goes_down()
    place.agrees(proposal)
    (offer,) = place.offers()
    place.take(offer)
    uid = UUID(proposal.leaving[0]["uid"])

    def starts() -> None:
        start_operation(operation_uid=uid, by=actor(place.cutter), now=NOW)

    def goes() -> None:
        with transaction.atomic():
            leaving.decide_leaving(
                proposal_uid=proposal.uid, by=Actor.system(place.buyer.pk), now=NOW
            )

    race([(place.cutter.pk, starts), (place.buyer.pk, goes)])
    with acting_as(place.cutter.pk):
        begun = Operation.objects.filter(uid=uid, state="started").count()
    left = place.root().state == "accepted"
    assert bool(begun) != left
    place.deliver()
    ended = [one for one in place.operations() if one.step == 1]
    assert len(ended) == LOTS, "each lot is at one factory"


def test_hours_that_are_gone_when_the_buyer_agrees_are_planned_anew() -> None:
    place = ward()
    before = place.standing()
    proposal = place.goes_down()
    with acting_as(PLATFORM_ID):
        listing = Listing.objects.get(supplier=place.others[0])
        Commitment.objects.create(
            tenant_id=PLATFORM_ID,
            machine_id=listing.machine_id,
            during=(NOW, NOW + 480 * HOUR),
            order_uid=proposal.uid,
            operation_uid=proposal.uid,
            state="booked",
        )
    place.agrees(proposal)
    root = place.root()
    assert (root.state, root.promise != "kept", root.leaving) == ("put", True, [])
    assert place.offers() == []
    assert place.standing()[1:] == before[1:]


def test_lots_that_other_factories_would_make_dearer_stay() -> None:
    town = yard(**LARGE)
    dear = make_organisation(name="Dear")
    equip(dear, "blanking", 900, price_minor_per_hour=80_000)
    town.goes_down(DOWN)
    (proposal,) = town.proposals()
    assert (proposal.state, proposal.leaving) == ("put", [])
    assert proposal.promise == "unavoidable", "the later date is the next question"


class Killed(BaseException):
    """A process that ends in the middle."""


def killed(*_args: object, **_fields: object) -> None:
    raise Killed


@pytest.mark.parametrize("step", ["_open", "_give_up", "_rename_commitments", "price_anew"])
def test_what_is_cut_off_half_way_goes_on_where_it_stood(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ward()
    proposal = place.goes_down()
    place.agrees(proposal)
    (offer,) = place.offers()
    place.take(offer)
    with monkeypatch.context() as cut:
        cut.setattr(applying if step == "price_anew" else leaving, step, killed)
        with pytest.raises(Killed):
            place.deliver()
    assert place.root().state == "accepted"
    assert are_changing_hands(place), "meanwhile the order has no end"
    place.deliver()
    assert place.root().state == "applied"
    assert not are_changing_hands(place)
    check_changed_hands(place, offer)


def are_changing_hands(place: Ward) -> bool:
    order = place.town.order()
    with acting_as(place.buyer.pk):
        return count_lots(order_uid=order.uid, by=actor(place.buyer)).are_changing_hands


def test_a_lot_that_comes_before_its_work_is_open_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, _ = press_down()
    (offer,) = place.offers()
    place.take(offer)
    with monkeypatch.context() as cut:
        cut.setattr(leaving, "_open", killed)
        with pytest.raises(Killed):
            place.deliver()
    sent = [one for one in place.operations() if one.step == 1][:2]
    for operation in sent:
        make(place, operation)
    place.deliver()
    assert place.root().state == "applied"
    states = {one.lot: (one.supplier_id, one.state) for one in place.operations() if one.step == 2}
    other = place.others[0].pk
    for operation in sent:
        assert states[operation.lot] == (other, "ready")
    for operation in [*place.operations()]:
        if operation.step == 1 and operation.lot not in {one.lot for one in sent}:
            make(place, operation)
    for operation in place.operations():
        if operation.step == 2:
            make(place, operation)
    place.deliver()
    assert place.town.order().state == "accepted"


def press_down() -> tuple[Ward, Proposal]:
    """Return a ward whose press stands still, when its buyer has agreed that lots go elsewhere."""
    town = yard(**LARGE, press_from=24)
    other = make_organisation(name="Other")
    equip(other, "embossing", 900)
    place = Ward(town=town, others=(other,))
    pay(place)
    with acting_as(town.press.pk):
        machine = Machine.objects.of(town.press.pk).get()
    halted = Yard(buyer=town.buyer, cutter=town.press, press=town.cutter, machine=machine)
    halted.goes_down(DOWN)
    place.deliver()
    proposal = place.root()
    assert (proposal.state, len(proposal.leaving)) == ("put", LOTS)
    place.agrees(proposal)
    return place, proposal


def test_a_lot_goes_where_it_is_sent_first_and_never_to_two_factories() -> None:
    place, proposal = press_down()
    (offer,) = place.offers()
    sent = next(one for one in place.operations() if one.step == 1)
    make(place, sent)
    place.take(offer)
    place.deliver()
    root = place.root()
    assert root.pk == proposal.pk
    assert root.leaving == [], "what is at the press stays in its hands, and holds up the others"
    assert [one.state for one in place.offers()] == ["withdrawn"]
    here = next(one for one in place.operations() if (one.step, one.lot) == (2, sent.lot))
    assert (here.supplier_id, here.state) == (place.town.press.pk, "ready")


def test_nobody_else_decides_and_the_database_holds_what_is_agreed() -> None:
    place = ward(others=2, rate=300)
    proposal = place.goes_down()
    stranger = make_organisation(kinds=["buyer"], name="Stranger")
    for firm in (stranger, place.cutter, *place.others):
        for act in (accept_later, keep_waiting):
            with acting_as(firm.pk), pytest.raises(ProposalGone):
                act(proposal_uid=proposal.uid, by=actor(firm), now=NOW)
    place.agrees(proposal)
    with acting_as(place.buyer.pk), pytest.raises(ProposalDecided):
        accept_later(proposal_uid=proposal.uid, by=actor(place.buyer), now=NOW)
    first, second = place.offers()
    with acting_as(second.supplier_id), pytest.raises(OfferUnknown):
        accept_offer(offer_uid=first.uid, by=Actor.system(second.supplier_id), now=NOW)
    place.take(first)
    lot = UUID(proposal.leaving[0]["uid"])
    with acting_as(place.buyer.pk):
        root = Proposal.objects.filter(pk=proposal.pk)
        operation = Operation.objects.filter(uid=lot)
        work_order = WorkOrder.objects.filter(operations__uid=lot)
        for rows, fields, words in (
            (root, {"state": "accepted"}, "not all who are concerned have agreed"),
            (root, {"leaving": []}, "does not change"),
            (operation, {"state": "cancelled"}, "leaves by an accepted proposal only"),
            (operation, {"supplier_id": first.supplier_id}, "not yours to change"),
            (WorkOrder.objects.filter(pk=work_order.get().pk), {"state": "cancelled"}, "has lots"),
        ):
            with pytest.raises(DatabaseError, match=words), transaction.atomic():
                rows.update(**fields)
    with acting_as(place.cutter.pk):
        root = Proposal.objects.filter(pk=proposal.pk)
        with pytest.raises(DatabaseError, match="not yours"), transaction.atomic():
            root.update(leaving=[])


def test_the_buyers_word_is_asked_for_before_a_lot_begins_and_not_after() -> None:
    place = ward()
    proposal = place.goes_down()
    with acting_as(place.cutter.pk):
        uid = UUID(proposal.leaving[0]["uid"])
        start_operation(operation_uid=uid, by=actor(place.cutter), now=NOW)
    with pytest.raises(ProposalStale):
        place.agrees(proposal)
    over = proposal.expires_at
    assert over is not None
    assert hand_on_expired_proposals(now=over) == 1
    place.deliver(over)
    assert place.root().state == "expired"


def test_an_order_that_is_not_paid_yet_moves_too_and_starts_when_it_is() -> None:
    town = yard(**LARGE)
    other = make_organisation(name="Other")
    equip(other, "blanking", 900)
    place = Ward(town=town, others=(other,))
    proposal = place.goes_down()
    place.agrees(proposal)
    (offer,) = place.offers()
    place.take(offer)
    place.deliver()
    assert place.root().state == "applied"
    assert place.work_orders(other) == ["confirmed"]
    pay(place)
    assert place.town.order().state == "in_production"
    assert place.work_orders(other) == ["released"]


def test_an_order_that_is_cancelled_after_its_lots_went_frees_their_hours() -> None:
    town = yard(**LARGE)
    other = make_organisation(name="Other")
    equip(other, "blanking", 900)
    place = Ward(town=town, others=(other,))
    place.agrees(place.goes_down())
    (offer,) = place.offers()
    place.take(offer)
    place.deliver()
    assert place.town.reserved(other)
    uid = place.town.order().uid
    with acting_as(place.buyer.pk):
        cancel_order(organisation=place.buyer, by=actor(place.buyer), now=NOW, uid=uid)
    place.deliver()
    assert place.town.reserved(other) == {}
