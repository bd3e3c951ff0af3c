"""A returned share without a place: why, which limit may give way, and what each choice does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from evidence.models import PendingEntry
from finance.ledger.selectors import order_money
from marketplace.core.plan_json import PlanDocument
from marketplace.core.share import Share
from marketplace.models import (
    Commitment,
    Funding,
    Listing,
    Offer,
    OfferState,
    Operation,
    OperationState,
    Order,
    OrderState,
    Plan,
    PlanRequest,
    PlanRequestState,
    WorkOrder,
    WorkOrderState,
)
from marketplace.services.choosing import PlanNotOpen, choose_plan
from marketplace.services.inspection import inspect_shipment
from marketplace.services.offers import accept_offer, decline_offer
from marketplace.services.orders import plan_again
from marketplace.services.planning import RequestGone
from marketplace.services.settlement import confirm_proof, send_proof
from marketplace.services.waiting import (
    NothingToWaitFor,
    retry_share,
    wait_for_room,
    wake_waiting_shares,
)
from scheduling.models import Reservation, ReservationState
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.models import Organisation
from tests.factories import NOW, MachineFactory, SiteFactory, make_organisation
from tests.marketplace.deals import Deal
from tests.markets import actor, deliver, list_machine, plans_of, post, requests_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Town:
    """A buyer's order whose pressing came back; the cutting is accepted."""

    buyer: Organisation
    cutter: Organisation
    press: Organisation
    other: Organisation

    @property
    def everybody(self) -> tuple[Organisation, ...]:
        return self.buyer, self.cutter, self.press, self.other

    def order(self) -> Order:
        with acting_as(self.buyer.pk):
            return Order.objects.of(self.buyer.pk).get()

    def request(self) -> PlanRequest:
        return requests_of(self.buyer)[-1]

    def way(self, kind: str) -> Plan:
        (plan,) = (p for p in plans_of(self.buyer) if p.kind == kind and p.state == "proposed")
        return plan

    def ways(self) -> set[str]:
        newest = self.request()
        return {p.kind for p in plans_of(self.buyer) if p.request_id == newest.pk}

    def offers(self, *states: str) -> list[Offer]:
        with acting_as(self.buyer.pk):
            found = Offer.objects.of_buyer(self.buyer.pk).order_by("id")
            return list(found.filter(state__in=states) if states else found)

    def answer(self, firm: Organisation, *, accepts: bool, now: datetime = NOW) -> None:
        (offer,) = (o for o in self.offers("offered") if o.supplier_id == firm.pk)
        with acting_as(firm.pk):
            if accepts:
                accept_offer(offer_uid=offer.uid, by=actor(firm), now=now)
            else:
                decline_offer(offer_uid=offer.uid, reason="Down", by=actor(firm), now=now)
        self.deliver()

    def choose(self, plan: Plan) -> None:
        with acting_as(self.buyer.pk):
            choose_plan(organisation=self.buyer, by=actor(self.buyer), now=NOW, uid=plan.uid)

    def deliver(self) -> None:
        deliver(*self.everybody, rounds=12)

    def reserved(self, firm: Organisation) -> set[tuple[object, object]]:
        with acting_as(firm.pk):
            rows = Reservation.objects.of(firm.pk).filter(state=ReservationState.BOOKED)
            return {(row.subject_uid, row.during) for row in rows}

    def evidence(self) -> list[str]:
        with acting_as(self.buyer.pk):
            return list(PendingEntry.objects.of(self.buyer.pk).values_list("kind", flat=True))


def install(supplier: Organisation, *capabilities: tuple[str, int], **terms: object) -> None:
    with acting_as(supplier.pk):
        machine = MachineFactory.create(site=SiteFactory.create(tenant=supplier))
    list_machine(supplier, machine.pk, *capabilities, **terms)  # type: ignore[arg-type]


def stuck(
    *,
    other: Callable[[Organisation], None],
    answers: bool = True,
    buyer: Organisation | None = None,
    **asked: object,
) -> Town:
    """Return a town in which the press declined and `other` is all that is left for pressing."""
    firms = {name: make_organisation(name=name.title()) for name in ("cutter", "press", "other")}
    town = Town(buyer=buyer or make_organisation(kinds=["buyer"], name="City"), **firms)
    install(town.cutter, ("blanking", 600))
    install(town.press, ("embossing", 500))
    post(town.buyer, **{"due_at": NOW + timedelta(days=4), **asked})  # type: ignore[arg-type]
    town.deliver()
    town.choose(town.way("fastest"))
    town.deliver()
    if answers:
        town.answer(town.cutter, accepts=True)
    other(town.other)
    town.answer(town.press, accepts=False)
    return town


def slow(firm: Organisation) -> None:
    install(firm, ("embossing", 200), x_km=20.0)


def dear(firm: Organisation) -> None:
    install(firm, ("embossing", 500), price=60_000)


def nobody(firm: Organisation) -> None:
    install(firm, ("packing", 500))


def test_the_buyer_reads_why_and_gets_ways_that_were_checked() -> None:
    town = stuck(other=slow)
    request = town.request()
    assert request.state == PlanRequestState.FAILED
    assert request.message["code"] == "share_without_room"
    assert "minutes" not in request.message["values"], "one factory's time is nobody's business"
    assert request.message["values"]["step"] == 2
    assert town.ways() == {"later", "smaller"}
    later, smaller = town.way("later"), town.way("smaller")
    order = town.order()
    assert later.terms == {"due_at": later.completes_at.isoformat()}
    assert later.completes_at > order.due_at
    assert smaller.completes_at <= order.due_at
    assert 0 < smaller.terms["quantity"] < order.quantity
    kept = {(o.lot, o.step) for o in PlanDocument.from_json(smaller.schedule).operations}
    assert {lot for lot, step in kept if step == 1} == {lot for lot, step in kept if step == 2}


def test_a_later_date_is_the_only_way_taken_and_touches_no_accepted_share() -> None:
    town = stuck(other=slow)
    before, later = town.reserved(town.cutter), town.way("later")
    request, smaller = town.request(), town.way("smaller")
    town.choose(later)
    assert town.order().due_at == NOW + timedelta(days=4), "only when the time is claimed"
    with pytest.raises(PlanNotOpen):
        town.choose(smaller)
    with acting_as(town.buyer.pk), pytest.raises(NothingToWaitFor):
        wait_for_room(organisation=town.buyer, by=actor(town.buyer), now=NOW, uid=request.uid)
    town.deliver()
    order = town.order()
    assert (order.due_at, order.promised_at) == (later.completes_at, later.completes_at)
    assert order.cancelled_quantity == 0
    assert town.reserved(town.cutter) == before
    (fresh,) = town.offers("offered")
    assert (fresh.supplier_id, fresh.quantity) == (town.other.pk, 20_000)
    assert Share.from_json(fresh.snapshot).due_at == later.completes_at
    assert "order.amended" in town.evidence()
    town.answer(town.other, accepts=True)
    assert town.order().state == OrderState.CONFIRMED


def test_a_higher_ceiling_is_offered_where_it_binds_and_moves_when_chosen() -> None:
    town = stuck(other=dear, price_ceiling_minor=1_000_000)
    assert town.request().message == {
        "code": "share_too_dear",
        "values": {"ceiling": 1_000_000},
    }
    assert "dearer" in town.ways()
    assert "later" not in town.ways()
    dearer = town.way("dearer")
    town.choose(dearer)
    town.deliver()
    order = town.order()
    assert order.price_ceiling_minor == order.cost_minor == dearer.cost_minor > 1_000_000
    assert [o.supplier_id for o in town.offers("offered")] == [town.other.pk]


def test_fewer_pieces_cancel_whole_lots_and_quantity_and_money_add_up() -> None:
    town = stuck(other=slow)
    before, smaller = town.reserved(town.cutter), town.way("smaller")
    document = PlanDocument.from_json(smaller.schedule)
    lots = {one.lot for one in document.operations}
    town.choose(smaller)
    town.deliver()
    order = town.order()
    assert order.quantity == smaller.terms["quantity"] + order.cancelled_quantity
    with acting_as(town.buyer.pk):
        mine = Operation.objects.of_buyer(town.buyer.pk)
        live = mine.exclude(state=OperationState.CANCELLED)
        assert {one.lot for one in live} == lots
        assert {one.lot for one in mine.filter(state=OperationState.CANCELLED)}.isdisjoint(lots)
        live_uids = {one.uid for one in live}
    after = town.reserved(town.cutter)
    assert after < before
    assert {span for span in before if span[0] in live_uids} <= after
    (accepted,) = town.offers("accepted")
    assert accepted.supplier_id == town.cutter.pk
    town.answer(town.other, accepts=True)
    order = town.order()
    assert order.state == OrderState.CONFIRMED
    with acting_as(town.buyer.pk):
        prices = Operation.objects.of_buyer(town.buyer.pk).exclude(state=OperationState.CANCELLED)
        assert sum(one.price_minor for one in prices) == order.cost_minor == smaller.cost_minor
        assert Funding.objects.get(order_uid=order.uid).amount_minor == smaller.cost_minor
    with acting_as(PLATFORM_ID):
        rows = Commitment.objects.of(PLATFORM_ID).exclude(state="released")
        held = {row.operation_uid for row in rows}
    assert {document.operation_uid(one.lot, one.step) for one in document.operations} <= held


def test_with_nobody_left_and_no_lot_complete_no_limit_helps() -> None:
    town = stuck(other=nobody)
    assert town.request().message["code"] == "no_fit"
    assert town.ways() == set()


def shared_pressing() -> Town:
    """Return a town where `press` gave its lots back, and `other` keeps its own and has no more."""
    firms = {name: make_organisation(name=name.title()) for name in ("cutter", "press", "other")}
    town = Town(buyer=make_organisation(kinds=["buyer"], name="City"), **firms)
    install(town.cutter, ("blanking", 600))
    install(town.press, ("embossing", 250))
    install(town.other, ("embossing", 250))
    post(town.buyer, due_at=NOW + timedelta(days=3), lot_size=2_000)
    town.deliver()
    town.choose(town.way("fastest"))
    town.deliver()
    for firm in (town.cutter, town.other):
        town.answer(firm, accepts=True)
    with acting_as(PLATFORM_ID):
        Listing.objects.of(PLATFORM_ID).filter(supplier=town.other).update(state="withdrawn")
    town.answer(town.press, accepts=False)
    return town


def test_lots_that_are_accepted_throughout_can_be_kept_alone_down_to_the_last_cent() -> None:
    town = shared_pressing()
    assert town.ways() == {"smaller"}
    theirs, smaller = town.reserved(town.other), town.way("smaller")
    document = PlanDocument.from_json(smaller.schedule)
    town.choose(smaller)
    town.deliver()
    assert town.reserved(town.other) == theirs
    assert town.offers("offered") == []
    order = town.order()
    assert order.state == OrderState.CONFIRMED, "nobody is left to be asked"
    made = smaller.terms["quantity"]
    assert order.quantity == made + order.cancelled_quantity

    pay(town)
    deal = Deal(
        buyer=town.buyer,
        order=order,
        steps=("cutter", "other"),
        suppliers={"cutter": town.cutter, "other": town.other},
        machines={},
        uids={
            (one.lot, one.step): document.operation_uid(one.lot, one.step)
            for one in document.operations
        },
    )
    for lot in sorted({one.lot for one in document.operations}):
        shipment = deal.make(lot, scrap=[1, 0])
        with acting_as(town.buyer.pk):
            inspect_shipment(shipment_uid=shipment.uid, by=actor(town.buyer), now=NOW)
    town.deliver()
    order = town.order()
    assert order.state == OrderState.ACCEPTED
    assert order.quantity == order.accepted_quantity + order.cancelled_quantity
    lots = len({one.lot for one in document.operations})
    assert order.accepted_quantity == made - lots
    with acting_as(town.buyer.pk):
        rows = WorkOrder.objects.of_buyer(town.buyer.pk)
        assert {row.state for row in rows} == {WorkOrderState.COMPLETED}
    with acting_as(PLATFORM_ID):
        money = order_money(platform_id=PLATFORM_ID, order_uid=order.uid)
    assert money is not None
    assert money.funded_minor == smaller.cost_minor
    assert money.held_minor == 0
    assert money.refunded_minor > 0
    spent = money.released_minor + money.refunded_minor + money.fees_minor
    assert money.funded_minor == spent


def pay(town: Town) -> None:
    uid = town.order().uid
    with acting_as(town.buyer.pk):
        funding = Funding.objects.get(order_uid=uid)
        send_proof(funding=funding, proof="T-1", by=actor(town.buyer), now=NOW)
    with acting_as(PLATFORM_ID):
        funding = Funding.objects.get(order_uid=uid)
        confirm_proof(funding=funding, by=Actor.system(PLATFORM_ID), now=NOW)
    town.deliver()


def test_an_open_offer_that_loses_a_lot_is_asked_anew_for_its_others() -> None:
    town = stuck(other=slow, answers=False)
    assert town.ways() == {"later", "smaller"}
    smaller = town.way("smaller")
    town.choose(smaller)
    town.deliver()
    cutters = [o for o in town.offers() if o.supplier_id == town.cutter.pk]
    assert [o.state for o in cutters] == [OfferState.WITHDRAWN, OfferState.OFFERED]
    old, new = (
        {one.uid: (one.machine_id, one.start_at, one.price_minor) for one in share.operations}
        for share in (Share.from_json(o.snapshot) for o in cutters)
    )
    assert new.items() < old.items()
    assert cutters[1].quantity == smaller.terms["quantity"]
    for firm in (town.cutter, town.other):
        town.answer(firm, accepts=True)
    assert town.order().state == OrderState.CONFIRMED


def test_an_offer_accepted_after_the_ways_were_made_is_asked_anew_and_accepted_again() -> None:
    town = stuck(other=slow, answers=False)
    town.answer(town.cutter, accepts=True)
    smaller = town.way("smaller")
    town.choose(smaller)
    town.deliver()
    for firm in (town.cutter, town.other):
        town.answer(firm, accepts=True)
    assert town.order().state == OrderState.CONFIRMED
    document = PlanDocument.from_json(smaller.schedule)
    names = {document.operation_uid(one.lot, one.step) for one in document.operations}
    with acting_as(town.buyer.pk):
        mine = Operation.objects.of_buyer(town.buyer.pk)
        assert set(mine.exclude(state="cancelled").values_list("uid", flat=True)) == names


def test_an_amended_order_goes_on_when_the_next_factory_declines_too() -> None:
    town = stuck(other=slow)
    town.choose(town.way("smaller"))
    town.deliver()
    made = town.order().quantity - town.order().cancelled_quantity
    third = make_organisation(name="Third")
    install(third, ("embossing", 900))
    town.answer(town.other, accepts=False)
    deliver(*town.everybody, third, rounds=12)
    (fresh,) = town.offers("offered")
    assert (fresh.supplier_id, fresh.quantity) == (third.pk, made)
    order = town.order()
    with acting_as(town.buyer.pk):
        plan_again(organisation=town.buyer, by=actor(town.buyer), now=NOW, uid=order.uid)
    assert town.request().snapshot["quantity"] == made


def test_time_that_is_gone_before_it_is_claimed_amends_nothing(settings) -> None:
    settings.HOLDS_AT_ONCE = 0
    town = stuck(other=slow)
    later = town.way("later")
    document = PlanDocument.from_json(later.schedule)
    taken = next(one for one in document.operations if not one.frozen)
    commit(
        document.machines[taken.machine].id,
        later.origin_at + timedelta(minutes=taken.start),
        later.origin_at + timedelta(minutes=taken.end),
    )
    town.choose(later)
    town.deliver()
    order = town.order()
    assert order.due_at == NOW + timedelta(days=4)
    assert order.state == OrderState.OFFERED
    assert town.request().pk > later.request_id
    assert town.ways() == {"later", "smaller"}


def commit(machine_id: int, start: datetime, end: datetime) -> Commitment:
    """Sell a machine's time to some other order."""
    with acting_as(PLATFORM_ID):
        return Commitment.objects.create(
            tenant_id=PLATFORM_ID,
            machine_id=machine_id,
            during=(start, end),
            order_uid=uuid4(),
            operation_uid=uuid4(),
            state="offered",
        )


def wait(town: Town) -> None:
    uid = town.request().uid
    with acting_as(town.buyer.pk):
        wait_for_room(organisation=town.buyer, by=actor(town.buyer), now=NOW, uid=uid)


def test_a_waiting_share_is_taken_when_somebody_lists_enough_time() -> None:
    town = stuck(other=slow)
    stranger, uid = make_organisation(kinds=["buyer"]), town.request().uid
    with acting_as(stranger.pk), pytest.raises(RequestGone):
        wait_for_room(organisation=stranger, by=actor(stranger), now=NOW, uid=uid)
    wait(town)
    wait(town)
    assert town.evidence().count("order.waiting") == 1
    assert wake_waiting_shares() == 0, "nothing has changed yet"
    third = make_organisation(name="Third")
    install(third, ("embossing", 900))
    assert wake_waiting_shares() == 1
    assert wake_waiting_shares() == 0, "its message is on the way"
    deliver(*town.everybody, third, rounds=12)
    (fresh,) = town.offers("offered")
    assert fresh.supplier_id == third.pk
    assert wake_waiting_shares() == 0


def test_a_share_that_still_finds_no_place_goes_on_waiting() -> None:
    town = stuck(other=slow)
    wait(town)
    first = town.request()
    third = make_organisation(name="Third")
    install(third, ("embossing", 10))
    assert wake_waiting_shares() == 1
    deliver(*town.everybody, third, rounds=12)
    newest = town.request()
    assert newest.pk > first.pk
    assert (newest.state, newest.waiting_since) == (PlanRequestState.FAILED, NOW)
    retry_share(buyer_id=town.buyer.pk, request_uid=first.uid, now=NOW)
    assert town.request().pk == newest.pk, "an older request is answered already"
    assert wake_waiting_shares() == 0


def test_time_that_another_order_gives_back_wakes_a_waiting_share() -> None:
    town = stuck(other=slow)
    with acting_as(PLATFORM_ID):
        presses = Listing.objects.of(PLATFORM_ID).filter(supplier=town.other)
        machine_id = presses.get().machine_id
    held = commit(machine_id, NOW + timedelta(days=15), NOW + timedelta(days=16))
    wait(town)
    assert wake_waiting_shares() == 0, "taken time helps nobody"
    with acting_as(PLATFORM_ID):
        theirs = Commitment.objects.of(PLATFORM_ID).filter(pk=held.pk)
        theirs.update(state="released")
    assert wake_waiting_shares() == 1
