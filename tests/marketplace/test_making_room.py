"""An order in a hurry where the hours are booked: lots of others make room, or all stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from django.db import DatabaseError, transaction

from devices.models import Machine, PlannedRun
from evidence.models import PendingEntry
from marketplace.core.asked import AskedStep
from marketplace.core.disruption import Move
from marketplace.core.plan_json import PlanDocument, instant
from marketplace.models import (
    Commitment,
    Displacement,
    Offer,
    OfferState,
    Operation,
    Order,
    OrderState,
    Plan,
    PlanPurpose,
    PlanRequest,
    PlanRequestState,
    PlanState,
    Proposal,
)
from marketplace.services import choosing
from marketplace.services.answers import answer_of, settle_commitments
from marketplace.services.applying import apply_accepted
from marketplace.services.choosing import choose_plan, claim_and_offer
from marketplace.services.downtimes import say_down
from marketplace.services.expiry import hand_on_expired_offers
from marketplace.services.making_room import RoomBusy, RoomGone
from marketplace.services.offers import (
    OfferAnswered,
    OfferExpired,
    OfferUnknown,
    accept_offer,
    decline_offer,
)
from marketplace.services.orders import cancel_order
from marketplace.services.proposals import accept_proposal
from scheduling.models import Reservation, ReservationState
from scheduling.services.reservations import Span, book_spans
from tenants.acting import PLATFORM_ID, acting_as
from tenants.ids import uuid7
from tenants.models import Organisation
from tests.factories import NOW, make_organisation
from tests.marketplace.races import race
from tests.marketplace.test_proposals import HOUR, equip
from tests.markets import actor, deliver, plans_of, post, requests_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sweep"])
PRESSING = (AskedStep(process="embossing"),)
OPEN_HOURS = (NOW + 5 * HOUR, NOW + 43 * HOUR)
Booked = dict[object, tuple[int, datetime, datetime]]


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Hall:
    """A press whose hours are booked by a patient order, and the buyer of one in a hurry."""

    press: Organisation
    machine: Machine
    spare: Machine
    patient: Organisation
    hurried: Organisation

    def deliver(self, now: datetime = NOW) -> None:
        deliver(self.patient, self.hurried, self.press, rounds=20, now=now)

    def ask(self, buyer: Organisation | None = None, **asked: object) -> PlanRequest:
        buyer = buyer or self.hurried
        order = {"steps": PRESSING, "quantity": 150, "due_at": NOW + 14 * HOUR, **asked}
        post(buyer, **order)
        deliver(buyer, self.press, rounds=20)
        return requests_of(buyer)[-1]

    def way(self, buyer: Organisation | None = None) -> Plan:
        (found,) = (one for one in plans_of(buyer or self.hurried) if one.kind == "room")
        return found

    def choose(self, buyer: Organisation | None = None, *, is_delivered: bool = True) -> None:
        buyer = buyer or self.hurried
        uid = self.way(buyer).uid
        with acting_as(buyer.pk):
            choose_plan(organisation=buyer, by=actor(buyer), now=NOW, uid=uid)
        if is_delivered:
            deliver(buyer, self.press, rounds=20)

    def offer(self, buyer: Organisation | None = None) -> Offer:
        buyer = buyer or self.hurried
        with acting_as(buyer.pk):
            return Offer.objects.of_buyer(buyer.pk).latest("id")

    def accept(self, now: datetime = NOW, *, firm: Organisation | None = None) -> None:
        firm, uid = firm or self.press, self.offer().uid
        with acting_as(firm.pk):
            accept_offer(offer_uid=uid, by=actor(firm), now=now)

    def decline(self) -> None:
        uid = self.offer().uid
        with acting_as(self.press.pk):
            decline_offer(offer_uid=uid, reason="Too much", by=actor(self.press), now=NOW)

    def moves(self) -> dict[object, Move]:
        uid = self.offer().uid
        with acting_as(self.press.pk):
            (one,) = Displacement.objects.filter(offer_uid=uid)
        return {move.operation_uid: move for move in map(Move.from_json, one.moves)}

    def displacement(self) -> str:
        uid = self.way().uid
        with acting_as(PLATFORM_ID):
            return Displacement.objects.get(plan_uid=uid).state

    def reserved(self) -> Booked:
        with acting_as(self.press.pk):
            rows = Reservation.objects.of(self.press.pk).filter(state=ReservationState.BOOKED)
            return {
                one.subject_uid: (one.machine_id, one.during.lower, one.during.upper)
                for one in rows
            }

    def operations(self, buyer: Organisation) -> Booked:
        with acting_as(self.press.pk):
            rows = Operation.objects.of_supplier(self.press.pk).filter(buyer=buyer)
            return {
                one.uid: (one.machine_id, one.planned_start_at, one.planned_end_at)
                for one in rows.exclude(state="cancelled")
            }


def committed(**wanted: object) -> Booked:
    with acting_as(PLATFORM_ID):
        live = Commitment.objects.of(PLATFORM_ID).exclude(state="released").filter(**wanted)
        return {
            one.operation_uid: (one.machine_id, one.during.lower, one.during.upper) for one in live
        }


def order_of(buyer: Organisation) -> Order:
    with acting_as(buyer.pk):
        return Order.objects.of(buyer.pk).latest("id")


def book(buyer: Organisation, firm: Organisation, **asked: object) -> None:
    """Let a buyer's order be planned, offered and accepted."""
    post(buyer, **{"steps": PRESSING, **asked})
    deliver(buyer, firm, rounds=16)
    (plan,) = (one for one in plans_of(buyer) if one.kind == "fastest")
    with acting_as(buyer.pk):
        choose_plan(organisation=buyer, by=actor(buyer), now=NOW, uid=plan.uid)
    deliver(buyer, firm, rounds=16)
    with acting_as(firm.pk):
        for offer in Offer.objects.of_supplier(firm.pk).filter(state=OfferState.OFFERED):
            accept_offer(offer_uid=offer.uid, by=actor(firm), now=NOW)
    deliver(buyer, firm, rounds=16)
    assert order_of(buyer).state == OrderState.CONFIRMED


def hall(
    *,
    has_spare: bool = True,
    firm: Organisation | None = None,
    patient: Organisation | None = None,
    hurried: Organisation | None = None,
    set_up: int = 0,
) -> Hall:
    """Return a press full of a patient order, and a spare one beside it, for large lots only."""
    firm = firm or make_organisation(name="Press")
    patient = patient or make_organisation(kinds=["buyer"])
    machine = equip(firm, "embossing", 100, set_up_minutes=set_up, during=OPEN_HOURS)
    book(patient, firm, quantity=1_000, lot_size=500)
    with acting_as(firm.pk):
        site = machine.site
    large = {"set_up_minutes": set_up, "minimum_lot": 200, "during": OPEN_HOURS}
    return Hall(
        press=firm,
        machine=machine,
        spare=equip(firm, "embossing", 100, site=site, **large) if has_spare else machine,
        patient=patient,
        hurried=hurried or make_organisation(kinds=["buyer"], name="Hurried"),
    )


def asked_hall() -> Hall:
    """Return a hall whose factory has the offer of the order in a hurry."""
    made = hall()
    made.ask()
    made.choose()
    assert made.offer().state == OfferState.OFFERED
    return made


def test_an_order_that_nobody_has_hours_for_is_possible_if_others_make_room() -> None:
    shop = hall()
    before, promised = shop.reserved(), order_of(shop.patient).promised_at
    request = shop.ask()
    assert request.message["code"] == "order_without_room"
    way = shop.way()
    assert way.completes_at <= NOW + 14 * HOUR, "in time"
    assert way.terms.keys() == {"room_factories", "room_until"}, "and nothing about whose or what"
    assert way.terms["room_factories"] == 1
    assert datetime.fromisoformat(way.terms["room_until"]) >= NOW + 2 * HOUR, "people decide first"
    told = {one["code"] for one in way.reasons["left_out"]}
    assert not {code for code in told if code.startswith("out_")}, (
        "whose hours are free is not told"
    )
    assert shop.reserved() == before
    assert order_of(shop.patient).promised_at == promised
    with acting_as(PLATFORM_ID):
        taken = Commitment.objects.of(PLATFORM_ID).filter(order_uid=way.order_uid)
        assert set(taken.values_list("state", flat=True)) <= {"held"}
    for stranger in (shop.hurried, shop.patient):
        with acting_as(stranger.pk):
            assert not Displacement.objects.exists()


def test_lots_that_lose_the_set_up_before_them_get_their_own() -> None:
    shop = hall(set_up=20)
    promised = order_of(shop.patient).promised_at
    shop.ask()
    shop.choose()
    shop.accept()
    shop.deliver()
    with acting_as(shop.press.pk):
        rows = list(Operation.objects.of_supplier(shop.press.pk).order_by("planned_start_at"))
    for machine in (shop.machine.pk, shop.spare.pk):
        before = None
        for row in (one for one in rows if one.machine_id == machine):
            if row.order_uid != before:
                assert row.set_up_minutes == 20
            before = row.order_uid
    assert shop.reserved() == committed(state="booked") == committed()
    assert (order_of(shop.hurried).state, order_of(shop.patient).promised_at) == (
        OrderState.CONFIRMED,
        promised,
    )


def test_where_time_is_free_nobody_is_asked_to_move() -> None:
    shop = hall()
    shop.ask(due_at=NOW + 40 * HOUR)
    assert [one.kind for one in plans_of(shop.hurried) if one.terms] == []


def test_where_a_promise_would_break_there_is_no_such_way() -> None:
    shop = hall(has_spare=False)
    shop.ask()
    assert "room" not in {one.kind for one in plans_of(shop.hurried)}


def test_a_press_without_a_free_hour_is_no_reason_to_refuse_at_once() -> None:
    firm, patient = make_organisation(name="Press"), make_organisation(kinds=["buyer"])
    full = (NOW + 5 * HOUR, NOW + 15 * HOUR)
    machine = equip(firm, "embossing", 100, during=full)
    book(patient, firm, quantity=1_000, lot_size=500)
    with acting_as(firm.pk):
        site = machine.site
    spare = equip(firm, "embossing", 100, site=site, minimum_lot=200, during=OPEN_HOURS)
    shop = Hall(
        press=firm,
        machine=machine,
        spare=spare,
        patient=patient,
        hurried=make_organisation(kinds=["buyer"]),
    )
    request = shop.ask()
    assert (request.state, request.message["code"]) == (PlanRequestState.FAILED, "no_fit")
    assert shop.way().terms["room_factories"] == 1
    shop.choose()
    shop.accept()
    shop.deliver()
    assert order_of(shop.hurried).state == OrderState.CONFIRMED


def test_until_the_factory_accepts_every_hour_stays_whose_it_is() -> None:
    shop = hall()
    shop.ask()
    before, booked = shop.reserved(), committed(state="booked")
    shop.choose()
    assert shop.reserved() == before
    assert committed(state="booked") == booked
    moves = shop.moves()
    assert committed(yields_to=shop.offer().uid).keys() == moves.keys()
    offered = committed(offer_uid=shop.offer().uid, state="offered").values()
    for move in moves.values():
        after = move.after
        assert (after.machine_id, after.start_at, after.end_at) in offered, "nobody takes it"
    assert shop.offer().expires_at < min(
        min(move.before.start_at, move.after.start_at) for move in moves.values()
    )
    claim_and_offer(buyer_id=shop.hurried.pk, plan_uid=str(shop.way().uid), now=NOW)
    assert order_of(shop.hurried).state == OrderState.OFFERED, "a message may come twice"


def test_accepting_moves_the_lots_and_books_the_share_at_once() -> None:
    shop = asked_hall()
    before, promised = shop.reserved(), order_of(shop.patient).promised_at
    moves = shop.moves()
    shop.accept()
    wanted = {
        uid: (move.after.machine_id, move.after.start_at, move.after.end_at)
        for uid, move in moves.items()
    }
    held = shop.reserved()
    assert {uid: held[uid] for uid in wanted} == wanted
    assert {uid: held[uid] for uid in before if uid not in wanted} == {
        uid: place for uid, place in before.items() if uid not in wanted
    }
    share = shop.operations(shop.hurried)
    assert share
    assert held == {**shop.operations(shop.patient), **share}
    with acting_as(shop.press.pk):
        runs = PlannedRun.objects.of(shop.press.pk)
        places = {one.subject_uid: (one.machine_id, *_ends(one.during)) for one in runs}
        assert places == held
        assert PendingEntry.objects.filter(kind="operation.moved").count() == len(moves)
        assert PendingEntry.objects.filter(kind="proposal.accepted").count() == 1
    shop.deliver()
    assert committed(state="booked") == held
    assert committed() == held, "nothing is left over"
    assert (order_of(shop.hurried).state, shop.displacement()) == (OrderState.CONFIRMED, "applied")
    patient = order_of(shop.patient)
    assert (patient.state, patient.promised_at) == (OrderState.CONFIRMED, promised)
    with acting_as(shop.patient.pk):
        (proposal,) = Proposal.objects.of_buyer(shop.patient.pk)
        plan = Plan.objects.get(buyer=shop.patient, state=PlanState.CHOSEN)
    assert (proposal.state, proposal.promise, proposal.halts) == ("applied", "kept", [])
    assert patient.chosen_plan_uid == plan.uid == proposal.plan_uid
    assert plan.completes_at <= promised
    document = PlanDocument.from_json(plan.schedule)
    assert {
        document.operation_uid(one.lot, one.step): (
            document.machines[one.machine].id,
            instant(plan.origin_at, one.start),
            instant(plan.origin_at, one.end),
        )
        for one in document.operations
    } == shop.operations(shop.patient)
    apply_accepted(buyer_id=shop.patient.pk, proposal_uid=proposal.uid, now=NOW)
    uid = shop.offer().uid
    with acting_as(shop.hurried.pk):
        answer = answer_of(buyer_id=shop.hurried.pk, offer_uid=uid)
    with acting_as(PLATFORM_ID):
        settle_commitments(answer=answer, by=actor(shop.hurried), now=NOW)
    assert committed(state="booked") == held, "messages may come twice"


def _ends(during) -> tuple[datetime, datetime]:
    return during.lower, during.upper


def test_lots_that_made_room_are_re_planned_like_others_after_an_event() -> None:
    shop = asked_hall()
    shop.accept()
    shop.deliver()
    (moved,) = shop.moves().values()
    with acting_as(shop.press.pk):
        say_down(
            organisation=shop.press,
            by=actor(shop.press),
            now=NOW,
            machine=Machine.objects.get(pk=moved.after.machine_id),
            until_at=moved.after.start_at + HOUR,
            reason="Belt",
        )
    shop.deliver()
    with acting_as(shop.patient.pk):
        newest = Proposal.objects.of_buyer(shop.patient.pk).latest("id")
    assert newest.halts
    assert newest.state in ("open", "put")
    assert str(moved.operation_uid) in {one["uid"] for one in newest.moves}


@pytest.mark.parametrize("how", ["declined", "lapsed", "withdrawn"])
def test_an_offer_that_is_not_accepted_leaves_every_lot_where_it_is(how: str) -> None:
    shop = asked_hall()
    before, booked = shop.reserved(), committed(state="booked")
    now = NOW
    if how == "declined":
        shop.decline()
    elif how == "lapsed":
        now = shop.offer().expires_at
        with pytest.raises(OfferExpired):
            shop.accept(now)
        hand_on_expired_offers(now=now)
    else:
        uid = order_of(shop.hurried).uid
        with acting_as(shop.hurried.pk):
            cancel_order(organisation=shop.hurried, by=actor(shop.hurried), now=NOW, uid=uid)
    shop.deliver(now)
    assert shop.offer().state == how
    assert shop.displacement() == "ended"
    assert (shop.reserved(), committed(state="booked")) == (before, booked)
    assert committed(yields_to__isnull=False) == committed(state="offered") == {}
    newest = requests_of(shop.hurried)[-1]
    assert (newest.purpose == PlanPurpose.SHARE) == (how != "withdrawn"), "it is planned anew"


def test_a_lot_that_has_begun_refuses_the_offer_and_nothing_is_half_done() -> None:
    shop = asked_hall()
    before = shop.reserved()
    (uid,) = shop.moves()
    with acting_as(shop.press.pk):
        Operation.objects.filter(uid=uid).update(state="started", started_at=NOW)
    with pytest.raises(RoomGone, match="have begun or moved since"):
        shop.accept()
    assert shop.reserved() == before
    assert (shop.offer().state, shop.displacement()) == (OfferState.OFFERED, "asked")
    assert shop.operations(shop.hurried) == {}
    with acting_as(shop.press.pk):
        assert not Proposal.objects.exists()
    shop.decline()
    shop.deliver()
    assert shop.displacement() == "ended"


def test_hours_that_are_booked_meanwhile_refuse_the_offer() -> None:
    shop = asked_hall()
    (move,) = shop.moves().values()
    span = Span(
        machine_id=move.after.machine_id,
        start_at=move.after.start_at,
        end_at=move.after.start_at + timedelta(minutes=5),
        subject_uid=uuid7(),
    )
    with acting_as(shop.press.pk):
        book_spans(spans=[span], by=actor(shop.press), now=NOW)
    before = shop.reserved()
    with pytest.raises(RoomGone):
        shop.accept()
    assert shop.reserved() == before
    assert shop.offer().state == OfferState.OFFERED


def test_an_order_that_is_planned_otherwise_by_now_makes_no_room() -> None:
    shop = asked_hall()
    with acting_as(shop.press.pk):
        say_down(
            organisation=shop.press,
            by=actor(shop.press),
            now=NOW,
            machine=shop.machine,
            until_at=OPEN_HOURS[0] + HOUR,
            reason="Belt",
        )
    shop.deliver()
    with acting_as(shop.press.pk):
        (proposal,) = Proposal.objects.of_supplier(shop.press.pk)
        assert proposal.state == "open"
        accept_proposal(proposal_uid=proposal.uid, by=actor(shop.press), now=NOW)
    with pytest.raises((RoomBusy, RoomGone)):
        shop.accept()
    shop.deliver()
    assert shop.displacement() == "ended"
    assert committed(yields_to__isnull=False) == {}
    with pytest.raises(RoomGone):
        shop.accept()


def test_pressed_many_times_the_offer_is_accepted_once() -> None:
    shop = asked_hall()
    uid = shop.offer().uid

    def act() -> None:
        accept_offer(offer_uid=uid, by=actor(shop.press), now=NOW)

    assert race([(shop.press.pk, act)] * 6) == {"won": 1, "OfferAnswered": 5}
    with pytest.raises(OfferAnswered):
        shop.accept()
    shop.deliver()
    assert shop.reserved() == committed(state="booked")


def test_an_acceptance_and_a_begin_at_once_never_move_a_lot_that_runs() -> None:
    shop = asked_hall()
    uid = shop.offer().uid
    (lot,) = shop.moves()
    before = shop.reserved()

    def accept() -> None:
        accept_offer(offer_uid=uid, by=actor(shop.press), now=NOW)

    def begin() -> None:
        mine = Operation.objects.of_supplier(shop.press.pk).filter(uid=lot)
        begun = mine.filter(planned_start_at=before[lot][1], state="ready")
        if not begun.update(state="started", started_at=NOW):
            raise LookupError

    outcomes = race([(shop.press.pk, accept), (shop.press.pk, begin)])
    assert outcomes["won"] == 1, outcomes
    has_moved = shop.reserved()[lot] != before[lot]
    assert has_moved == (shop.offer().state == OfferState.ACCEPTED)


def test_of_two_orders_in_a_hurry_one_gets_the_lots_to_move() -> None:
    shop = hall()
    other = make_organisation(kinds=["buyer"], name="Also hurried")
    for buyer in (shop.hurried, other):
        shop.ask(buyer)
        shop.way(buyer)
    uids = [shop.way(buyer).uid for buyer in (shop.hurried, other)]

    def claim(uid: UUID) -> None:
        if not choosing._claim(Plan.objects.get(uid=uid), NOW):
            raise LookupError

    for buyer in (shop.hurried, other):
        shop.choose(buyer, is_delivered=False)

    raced = race([(PLATFORM_ID, partial(claim, uid)) for uid in uids])
    assert raced == {"won": 1, "LookupError": 1}
    deliver(shop.hurried, other, shop.press, rounds=20)
    states = sorted(order_of(buyer).state for buyer in (shop.hurried, other))
    assert states == [OrderState.OFFERED, OrderState.PLANNED]
    (loser,) = (b for b in (shop.hurried, other) if order_of(b).state == OrderState.PLANNED)
    refused = requests_of(loser)[-1]
    assert (refused.state, refused.message["code"]) == (PlanRequestState.FAILED, "time_taken")


def test_lots_that_yield_to_one_order_are_not_planned_to_yield_to_another() -> None:
    shop = asked_hall()
    other = make_organisation(kinds=["buyer"], name="Also hurried")
    shop.ask(other)
    taken, uid = set(map(str, shop.moves())), order_of(other).uid
    with acting_as(PLATFORM_ID):
        theirs = Displacement.objects.filter(order_uid=uid)
        moved = {move["uid"] for one in theirs for move in one.moves}
    assert moved
    assert not taken & moved


def test_another_firm_knows_nothing_of_it_and_accepts_nothing() -> None:
    shop = asked_hall()
    stranger = make_organisation(name="Other press")
    for firm in (stranger, shop.patient, shop.hurried):
        with acting_as(firm.pk):
            assert not Displacement.objects.exists()
        with pytest.raises(OfferUnknown):
            shop.accept(firm=firm)
    snapshot = str(shop.offer().snapshot)
    for uid in shop.moves():
        assert str(uid) not in snapshot


def test_the_database_lets_nobody_write_what_was_not_agreed() -> None:
    shop = asked_hall()
    (move,) = shop.moves().values()
    offer, patient, plan = shop.offer(), order_of(shop.patient), shop.way()
    with acting_as(shop.press.pk):
        mine = Displacement.objects.filter(offer_uid=offer.uid)
        with pytest.raises(DatabaseError, match="not yours"), transaction.atomic():
            mine.update(moves=[])
        with pytest.raises(DatabaseError, match="step is not yours"), transaction.atomic():
            mine.update(state="ended")
        forged = Proposal(
            buyer=shop.patient,
            supplier=shop.press,
            order_uid=patient.uid,
            order_number=patient.number,
            offer_uid=offer.uid,
            state="accepted",
            plan_uid=uuid7(),
            moves=[move.to_json()],
            expires_at=NOW + HOUR,
            created_at=NOW,
        )
        with pytest.raises(DatabaseError, match="not accepted before"), transaction.atomic():
            forged.save()
    with acting_as(PLATFORM_ID):
        theirs = Displacement.objects.filter(plan_uid=plan.uid)
        with pytest.raises(DatabaseError, match="step is not yours"), transaction.atomic():
            theirs.update(state="agreed")
