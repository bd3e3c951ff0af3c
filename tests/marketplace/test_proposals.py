"""A machine goes down: its orders are re-planned, a person accepts, and hours and plan follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from devices.models import Machine, PlannedRun, Site
from evidence.models import PendingEntry
from marketplace.core.asked import AskedStep
from marketplace.core.plan_json import PlanDocument, instant
from marketplace.models import (
    Commitment,
    Listing,
    Offer,
    Operation,
    OperationState,
    Order,
    OrderState,
    Plan,
    PlanState,
    Process,
    Proposal,
    WorkOrder,
)
from marketplace.services.applying import apply_accepted
from marketplace.services.choosing import PlanNotOpen, choose_plan
from marketplace.services.downtimes import DowntimeRefused, NotDown, say_down, say_running
from marketplace.services.expiry import hand_on_expired_proposals
from marketplace.services.late_material import MaterialRefused, WorkOrderGone, say_material
from marketplace.services.listings import refresh_listings
from marketplace.services.moving import ProposalDecided, ProposalGone, ProposalStale
from marketplace.services.offers import accept_offer
from marketplace.services.proposals import (
    NoReason,
    accept_proposal,
    dismiss_proposal,
)
from marketplace.services.proposing import (
    NothingToPropose,
    ask_again,
    plan_proposal,
    propose_moves,
)
from scheduling.models import Reservation, ReservationState
from scheduling.services.reservations import Span, book_spans
from tenants.acting import PLATFORM_ID, acting_as
from tenants.ids import uuid7
from tenants.models import Organisation
from tests.factories import (
    NOW,
    CapabilityFactory,
    CapacityWindowFactory,
    MachineFactory,
    SiteFactory,
    make_member,
    make_organisation,
)
from tests.marketplace.races import race
from tests.markets import actor, deliver, plans_of, post, site_time

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sweep"])
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


def equip(
    firm: Organisation,
    process: str,
    rate: int,
    *,
    site: Site | None = None,
    set_up_minutes: int = 0,
    **window: Any,
) -> Machine:
    """Give a firm a machine with its listed time, and bring it to the market."""
    with acting_as(firm.pk):
        machine = MachineFactory.create(site=site or SiteFactory.create(tenant=firm))
        CapabilityFactory.create(
            machine=machine,
            process=Process.objects.get(code=process),
            pieces_per_hour=rate,
            set_up_minutes=set_up_minutes,
        )
        CapacityWindowFactory.create(
            machine=machine,
            state="listed",
            currency="CNY",
            **{"during": (NOW + 3 * HOUR, NOW + 480 * HOUR), **window},
        )
    refresh_listings(supplier_id=firm.pk, machine_ids=[machine.pk], now=NOW)
    return machine


@dataclass(frozen=True, kw_only=True)
class Yard:
    """A confirmed order: a cutter with one machine, then a press."""

    buyer: Organisation
    cutter: Organisation
    press: Organisation
    machine: Machine

    def deliver(self, now: datetime = NOW) -> None:
        deliver(self.buyer, self.cutter, self.press, rounds=16, now=now)

    def order(self) -> Order:
        with acting_as(self.buyer.pk):
            return Order.objects.of(self.buyer.pk).get()

    def proposals(self) -> list[Proposal]:
        with acting_as(self.buyer.pk):
            return list(Proposal.objects.of_buyer(self.buyer.pk).order_by("id"))

    def operations(self, firm: Organisation) -> dict[int, Operation]:
        with acting_as(firm.pk):
            return {one.lot: one for one in Operation.objects.of_supplier(firm.pk).order_by("lot")}

    def reserved(self, firm: Organisation) -> dict[object, tuple[int, datetime, datetime]]:
        with acting_as(firm.pk):
            rows = Reservation.objects.of(firm.pk).filter(state=ReservationState.BOOKED)
            return {
                one.subject_uid: (one.machine_id, one.during.lower, one.during.upper)
                for one in rows
            }

    def goes_down(self, hours: int = 5, *, now: datetime = NOW) -> None:
        with acting_as(self.cutter.pk):
            say_down(
                organisation=self.cutter,
                by=actor(self.cutter),
                now=now,
                machine=self.machine,
                until_at=now + hours * HOUR,
                reason="Spindle",
            )
        self.deliver(now)

    def accept(self, proposal: Proposal, *, now: datetime = NOW) -> None:
        with acting_as(self.cutter.pk):
            accept_proposal(proposal_uid=proposal.uid, by=actor(self.cutter), now=now)


def yard(
    *,
    buyer: Organisation | None = None,
    cutter: Organisation | None = None,
    quantity: int = 6_000,
    press_from: int = 3,
    minimum_lot: int = 1,
    steps: tuple[AskedStep, ...] | None = None,
    **asked: Any,
) -> Yard:
    cutter = cutter or make_organisation(name="Cutter")
    press = make_organisation(name="Press")
    machine = equip(cutter, "blanking", 600, minimum_lot=minimum_lot)
    hours = (NOW + press_from * HOUR, NOW + 480 * HOUR)
    equip(press, "embossing", 500, during=hours, minimum_lot=minimum_lot)
    made = Yard(
        buyer=buyer or make_organisation(kinds=["buyer"], name="City"),
        cutter=cutter,
        press=press,
        machine=machine,
    )
    post(made.buyer, quantity=quantity, **({} if steps is None else {"steps": steps}), **asked)
    made.deliver()
    (plan,) = (one for one in plans_of(made.buyer) if one.kind == "fastest")
    with acting_as(made.buyer.pk):
        choose_plan(organisation=made.buyer, by=actor(made.buyer), now=NOW, uid=plan.uid)
    made.deliver()
    for firm in (cutter, press):
        with acting_as(firm.pk):
            offer = Offer.objects.of_supplier(firm.pk).first()
            if offer is None:
                continue
            accept_offer(offer_uid=offer.uid, by=actor(firm), now=NOW)
    made.deliver()
    assert made.order().state == OrderState.CONFIRMED
    return made


def with_spare() -> tuple[Yard, Machine]:
    """Return a yard whose cutter has set up a second machine since."""
    made = yard()
    return made, equip(made.cutter, "blanking", 600)


def test_a_machine_that_is_down_leads_to_a_proposal_and_changes_nothing() -> None:
    town, spare = with_spare()
    before, order = town.reserved(town.cutter), town.order()
    town.goes_down()
    (proposal,) = town.proposals()
    assert (proposal.state, proposal.promise) == ("open", "kept")
    halt = {"machine_id": town.machine.pk, "machine": town.machine.code, "step": None}
    assert proposal.halts == [{**halt, "until": (NOW + 5 * HOUR).isoformat()}]
    assert proposal.expires_at is not None
    assert HOUR <= proposal.expires_at - NOW < HOUR + timedelta(minutes=5)
    assert proposal.completes_at is not None
    assert proposal.completes_at <= proposal.promised_at == order.promised_at
    hit = {
        str(one.uid)
        for one in town.operations(town.cutter).values()
        if one.planned_start_at < NOW + 5 * HOUR
    }
    assert {one["uid"] for one in proposal.moves} >= hit
    assert hit
    for one in proposal.moves:
        start = datetime.fromisoformat(one["after"]["start"])
        assert one["after"]["machine_id"] == spare.pk or start >= NOW + 5 * HOUR
        assert start >= NOW + HOUR, "people have the time to decide"
    assert town.reserved(town.cutter) == before
    assert town.order().chosen_plan_uid == order.chosen_plan_uid


def test_accepting_moves_hours_runs_commitments_and_the_orders_plan() -> None:
    town, _spare = with_spare()
    press, promised = town.reserved(town.press), town.order().promised_at
    prices = {uid: one.price_minor for uid, one in town.operations(town.cutter).items()}
    town.goes_down()
    (proposal,) = town.proposals()
    town.accept(proposal)
    wanted = {
        one["uid"]: (
            one["after"]["machine_id"],
            datetime.fromisoformat(one["after"]["start"]),
            datetime.fromisoformat(one["after"]["end"]),
        )
        for one in proposal.moves
    }
    held = {str(uid): place for uid, place in town.reserved(town.cutter).items()}
    assert {uid: held[uid] for uid in wanted} == wanted
    operations = town.operations(town.cutter)
    assert {uid: one.price_minor for uid, one in operations.items()} == prices
    for one in operations.values():
        assert held[str(one.uid)] == (one.machine_id, one.planned_start_at, one.planned_end_at)
    with acting_as(town.cutter.pk):
        for run in PlannedRun.objects.of(town.cutter.pk):
            place = (run.machine_id, run.during.lower, run.during.upper)
            assert held[str(run.subject_uid)] == place
        work_order = WorkOrder.objects.of_supplier(town.cutter.pk).get()
        assert work_order.starts_at == min(one.planned_start_at for one in operations.values())
        assert PendingEntry.objects.filter(kind="operation.moved").count() == len(wanted)
    town.deliver()
    with acting_as(PLATFORM_ID):
        live = Commitment.objects.of(PLATFORM_ID).exclude(state="released")
        taken = {
            str(one.operation_uid): (one.machine_id, one.during.lower, one.during.upper)
            for one in live
        }
        assert {one.state for one in live} == {"booked"}
    assert {uid: taken[uid] for uid in held} == held
    order = town.order()
    assert (order.chosen_plan_uid, order.promised_at) == (proposal.plan_uid, promised)
    assert town.reserved(town.press) == press
    assert [one.state for one in town.proposals()] == ["applied"]
    with acting_as(town.buyer.pk):
        assert Plan.objects.get(uid=proposal.plan_uid).state == PlanState.CHOSEN
        assert Plan.objects.filter(buyer=town.buyer, state=PlanState.CHOSEN).count() == 1
        plan = Plan.objects.get(uid=order.chosen_plan_uid)
    document = PlanDocument.from_json(plan.schedule)
    for one in document.operations:
        uid = str(document.operation_uid(one.lot, one.step))
        if uid in held:
            assert held[uid][1] == instant(plan.origin_at, one.start)
    apply_accepted(buyer_id=town.buyer.pk, proposal_uid=proposal.uid, now=NOW)
    assert town.order().chosen_plan_uid == proposal.plan_uid, "a message may come twice"


def test_lots_that_were_cancelled_and_asked_for_again_move_like_others() -> None:
    town, _spare = with_spare()
    rows = list(town.operations(town.cutter).values())
    with acting_as(town.buyer.pk):
        mine = Operation.objects.of_buyer(town.buyer.pk).filter(pk__in=[one.pk for one in rows])
        mine.update(state=OperationState.CANCELLED)
        for one in mine:
            mine.filter(pk=one.pk).update(uid=uuid7())
    with acting_as(town.cutter.pk):
        for one in rows:
            one.pk = None
            one.save(force_insert=True)
    town.goes_down()
    (proposal,) = town.proposals()
    assert proposal.state == "open"
    assert proposal.moves


def test_without_any_room_nothing_is_proposed() -> None:
    town = yard()
    town.goes_down(hours=24 * 80)
    (proposal,) = town.proposals()
    assert (proposal.state, proposal.promise) == ("failed", "not_found")
    assert proposal.moves == []
    with acting_as(town.cutter.pk), pytest.raises(ProposalDecided):
        accept_proposal(proposal_uid=proposal.uid, by=actor(town.cutter), now=NOW)


def test_a_machine_that_is_down_is_off_the_market_until_then() -> None:
    town, _spare = with_spare()
    town.goes_down(hours=5)
    with acting_as(PLATFORM_ID):
        listing = Listing.objects.of(PLATFORM_ID).get(machine_id=town.machine.pk)
    assert datetime.fromisoformat(listing.windows[0][0]) == NOW + 5 * HOUR
    with acting_as(town.cutter.pk):
        say_running(organisation=town.cutter, by=actor(town.cutter), now=NOW, machine=town.machine)
        with pytest.raises(NotDown):
            say_running(
                organisation=town.cutter, by=actor(town.cutter), now=NOW, machine=town.machine
            )
    town.deliver()
    with acting_as(PLATFORM_ID):
        listing.refresh_from_db()
    assert datetime.fromisoformat(listing.windows[0][0]) == NOW + 3 * HOUR
    assert [one.state for one in town.proposals()] == ["superseded"], "it runs again"


def test_the_same_word_changes_nothing_and_a_newer_one_takes_its_place() -> None:
    town, _spare = with_spare()
    town.goes_down(hours=4)
    propose_moves(supplier_id=town.cutter.pk, now=NOW)
    plan_proposal(buyer_id=town.buyer.pk, proposal_uid=town.proposals()[0].uid, now=NOW)
    assert [one.state for one in town.proposals()] == ["open"]
    town.goes_down(hours=5)
    assert [one.state for one in town.proposals()] == ["superseded", "open"]
    with pytest.raises(ProposalDecided):
        town.accept(town.proposals()[0])


@pytest.mark.parametrize("hours", [0, -1, 24 * 91])
def test_a_time_past_or_too_far_is_refused(hours: int) -> None:
    town, _spare = with_spare()
    with pytest.raises(DowntimeRefused):
        town.goes_down(hours=hours)
    assert town.proposals() == []


def test_of_many_acceptances_one_wins() -> None:
    town, _spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()

    def act() -> None:
        accept_proposal(proposal_uid=proposal.uid, by=actor(town.cutter), now=NOW)

    outcomes = race([(town.cutter.pk, act)] * 8)
    assert outcomes == {"won": 1, "ProposalDecided": 7}


def test_hours_that_are_booked_meanwhile_refuse_the_proposal_and_nothing_moves() -> None:
    town, _spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()
    after = proposal.moves[0]["after"]
    before = town.reserved(town.cutter)
    span = Span(
        machine_id=after["machine_id"],
        start_at=datetime.fromisoformat(after["start"]),
        end_at=datetime.fromisoformat(after["start"]) + timedelta(minutes=5),
        subject_uid=uuid7(),
    )
    with acting_as(town.cutter.pk):
        book_spans(spans=[span], by=actor(town.cutter), now=NOW)
    with pytest.raises(ProposalStale, match="is booked from"):
        town.accept(proposal)
    assert {**before, span.subject_uid: (span.machine_id, span.start_at, span.end_at)} == (
        town.reserved(town.cutter)
    )
    assert town.proposals()[0].state == "open"


def test_a_new_reservation_and_an_acceptance_at_once_never_share_an_hour() -> None:
    town, _spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()
    after = proposal.moves[0]["after"]
    span = Span(
        machine_id=after["machine_id"],
        start_at=datetime.fromisoformat(after["start"]),
        end_at=datetime.fromisoformat(after["end"]),
        subject_uid=uuid7(),
    )

    def accept() -> None:
        accept_proposal(proposal_uid=proposal.uid, by=actor(town.cutter), now=NOW)

    def book() -> None:
        book_spans(spans=[span], by=actor(town.cutter), now=NOW)

    outcomes = race([(town.cutter.pk, accept), (town.cutter.pk, book)])
    assert outcomes["won"] == 1
    is_moved = span.subject_uid not in town.reserved(town.cutter)
    assert town.proposals()[0].state == ("accepted" if is_moved else "open")


def test_a_lot_that_has_begun_since_refuses_the_proposal() -> None:
    town, _spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()
    with acting_as(town.cutter.pk):
        row = Operation.objects.of_supplier(town.cutter.pk).get(uid=proposal.moves[0]["uid"])
        Operation.objects.filter(pk=row.pk).update(state="started", started_at=NOW)
    with pytest.raises(ProposalStale, match="has begun or moved"):
        town.accept(proposal)
    assert town.proposals()[0].state == "open"


def test_a_proposal_ends_undecided_and_can_be_asked_for_again() -> None:
    town, _spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()
    later = proposal.expires_at
    assert later is not None
    assert hand_on_expired_proposals(now=later - timedelta(seconds=1)) == 0
    with pytest.raises(ProposalDecided, match="time to decide is over"):
        town.accept(proposal, now=later)
    assert hand_on_expired_proposals(now=later) == 1
    assert hand_on_expired_proposals(now=later) == 0
    town.deliver(now=later)
    assert [one.state for one in town.proposals()] == ["expired"]
    with acting_as(town.cutter.pk):
        ask_again(proposal_uid=proposal.uid, by=actor(town.cutter), now=later)
    town.deliver(now=later)
    first, second = town.proposals()
    assert first.state == "expired"
    assert second.state in ("open", "failed"), "by then less time is left"


def test_dismissing_needs_a_reason_and_keeps_the_plan() -> None:
    town, _spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()
    before = town.reserved(town.cutter)
    with acting_as(town.cutter.pk), pytest.raises(NoReason):
        dismiss_proposal(proposal_uid=proposal.uid, reason=" ", by=actor(town.cutter), now=NOW)
    with acting_as(town.cutter.pk):
        dismiss_proposal(
            proposal_uid=proposal.uid, reason="We rent one", by=actor(town.cutter), now=NOW
        )
    (after,) = town.proposals()
    assert (after.state, after.reason) == ("dismissed", "We rent one")
    propose_moves(supplier_id=town.cutter.pk, now=NOW)
    assert len(town.proposals()) == 1, "the same event is not brought up again"
    assert town.reserved(town.cutter) == before
    with pytest.raises(ProposalDecided):
        town.accept(proposal)


def test_another_factory_knows_nothing_of_it_and_a_buyer_cannot_accept() -> None:
    town, _spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()
    with acting_as(town.press.pk):
        assert not Proposal.objects.all().exists()
        with pytest.raises(ProposalGone):
            ask_again(proposal_uid=proposal.uid, by=actor(town.press), now=NOW)
    for firm in (town.press, town.buyer):
        with acting_as(firm.pk), pytest.raises(ProposalGone):
            accept_proposal(proposal_uid=proposal.uid, by=actor(firm), now=NOW)


def test_the_database_moves_a_lot_by_an_accepted_proposal_only() -> None:
    town, _spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()
    with acting_as(town.cutter.pk):
        mine = Operation.objects.of_supplier(town.cutter.pk)
        with pytest.raises(DatabaseError, match="by an accepted proposal"), transaction.atomic():
            mine.update(planned_start_at=NOW + 2 * HOUR, planned_end_at=NOW + 3 * HOUR)
        theirs = Proposal.objects.filter(pk=proposal.pk)
        with pytest.raises(DatabaseError, match="not yours"), transaction.atomic():
            theirs.update(moves=[])
    with acting_as(town.buyer.pk):
        theirs = Proposal.objects.filter(pk=proposal.pk)
        with pytest.raises(DatabaseError, match="not yours"), transaction.atomic():
            theirs.update(state="accepted")


def test_a_re_plan_cannot_be_chosen_by_the_buyer() -> None:
    town, _spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()
    with acting_as(town.buyer.pk), pytest.raises(PlanNotOpen):
        choose_plan(organisation=town.buyer, by=actor(town.buyer), now=NOW, uid=proposal.plan_uid)


def test_nothing_is_proposed_where_nothing_waits() -> None:
    town, spare = with_spare()
    town.goes_down()
    (proposal,) = town.proposals()
    with acting_as(town.cutter.pk):
        say_running(organisation=town.cutter, by=actor(town.cutter), now=NOW, machine=town.machine)
        say_down(
            organisation=town.cutter,
            by=actor(town.cutter),
            now=NOW,
            machine=spare,
            until_at=NOW + HOUR,
        )
    town.deliver()
    assert [one.state for one in town.proposals()] == ["superseded"]
    with acting_as(town.cutter.pk), pytest.raises(NothingToPropose):
        ask_again(proposal_uid=proposal.uid, by=actor(town.cutter), now=NOW)


def says_material(town: Yard, comes_at: datetime | None) -> WorkOrder:
    with acting_as(town.cutter.pk):
        uid = WorkOrder.objects.of_supplier(town.cutter.pk).values_list("uid", flat=True).get()
        found = say_material(work_order_uid=uid, comes_at=comes_at, by=actor(town.cutter), now=NOW)
    town.deliver()
    return found


def test_late_material_moves_what_waits_for_it_and_nothing_begins_before_it_comes() -> None:
    town = yard(quantity=1_200, press_from=8)
    comes_at = NOW + 4 * HOUR
    waiting = {
        str(one.uid)
        for one in town.operations(town.cutter).values()
        if one.planned_start_at < comes_at
    }
    assert waiting
    says_material(town, comes_at)
    (proposal,) = town.proposals()
    halt = {"machine_id": None, "machine": "", "step": 1}
    assert proposal.halts == [{**halt, "until": comes_at.isoformat()}]
    assert (proposal.state, proposal.promise) == ("open", "kept")
    assert {one["uid"] for one in proposal.moves} >= waiting
    town.accept(proposal)
    town.deliver()
    assert [one.state for one in town.proposals()] == ["applied"]
    starts = [one.planned_start_at for one in town.operations(town.cutter).values()]
    assert min(starts) >= comes_at
    propose_moves(supplier_id=town.cutter.pk, now=NOW)
    assert len(town.proposals()) == 1, "nothing waits for it any more"


def test_material_that_is_here_after_all_ends_the_proposal() -> None:
    town = yard(quantity=1_200, press_from=8)
    says_material(town, NOW + 4 * HOUR)
    says_material(town, None)
    assert [one.state for one in town.proposals()] == ["superseded"]


def test_material_in_the_past_or_of_others_is_refused() -> None:
    town = yard()
    for comes_at in (NOW, NOW + timedelta(days=91)):
        with pytest.raises(MaterialRefused, match="at most 90 days"):
            says_material(town, comes_at)
    with acting_as(town.press.pk):
        uid = WorkOrder.objects.of_supplier(town.press.pk).values_list("uid", flat=True).get()
        with pytest.raises(MaterialRefused, match="does not wait"):
            say_material(work_order_uid=uid, comes_at=NOW + HOUR, by=actor(town.press), now=NOW)
    with acting_as(town.buyer.pk), pytest.raises(WorkOrderGone):
        say_material(work_order_uid=uid, comes_at=NOW + HOUR, by=actor(town.buyer), now=NOW)
    assert town.proposals() == []


def test_a_firm_says_it_on_the_machines_page_and_accepts_under_work() -> None:
    member = make_member(name="Cutter", kinds=["supplier"])
    owner = make_member(name="City", kinds=["buyer"])
    town = yard(cutter=member.tenant, buyer=owner.tenant)
    equip(town.cutter, "blanking", 600)
    client, buyer = Client(), Client()
    client.force_login(member.person)
    buyer.force_login(owner.person)
    zone = ZoneInfo(town.machine.site.time_zone)
    address = f"/supplier/machines/{town.machine.uid}/down"
    until = (NOW + 5 * HOUR).astimezone(zone)
    with site_time(NOW):
        assert "It is down" in client.get(f"{address}/").content.decode()
        assert client.post(f"{address}/say/", {"until_at": "soon"}).status_code == 302
        assert town.proposals() == []
        client.post(f"{address}/say/", {"until_at": f"{until:%Y-%m-%dT%H:%M}", "reason": "Spindle"})
        page = client.get(f"{address}/").content.decode()
        assert "Said to be down" in page
        assert "Spindle" in page
    town.deliver()
    (proposal,) = town.proposals()
    assert proposal.halts[0]["until"] == (NOW + 5 * HOUR).isoformat()
    order_uid = town.order().uid
    with site_time(NOW):
        work = client.get("/supplier/proposals/").content.decode()
        assert f'data-proposal="{proposal.uid}"' in work
        assert "Accept the proposal" in work
        seen = buyer.get(f"/buyer/orders/{order_uid}/proposals/").content.decode()
        assert "Something came in between" in seen
        assert "Promised date kept" in seen
        assert client.post(f"/supplier/proposals/{proposal.uid}/accept/").status_code == 302
    town.deliver()
    assert [one.state for one in town.proposals()] == ["applied"]
    with site_time(NOW):
        assert "Accept the proposal" not in client.get("/supplier/proposals/").content.decode()
        client.post(f"{address}/end/")
        assert "Said to be down" not in client.get(f"{address}/").content.decode()


def test_a_firm_says_on_the_work_order_that_its_material_is_late() -> None:
    member = make_member(name="Cutter", kinds=["supplier"])
    town = yard(cutter=member.tenant, quantity=1_200, press_from=8)
    client = Client()
    client.force_login(member.person)
    with acting_as(town.cutter.pk):
        uid = WorkOrder.objects.of_supplier(town.cutter.pk).values_list("uid", flat=True).get()
    address = f"/supplier/work/{uid}/"
    with site_time(NOW):
        assert "Material comes late" in client.get(address).content.decode()
        client.post(f"{address}material/", {"comes_at": "soon"})
        client.post(f"{address}material/", {"comes_at": f"{NOW - HOUR:%Y-%m-%dT%H:%M}"})
        assert "Material is late" not in client.get(address).content.decode()
        client.post(f"{address}material/", {"comes_at": f"{NOW + 24 * HOUR:%Y-%m-%dT%H:%M}"})
        assert "Material is late" in client.get(address).content.decode()
    town.deliver()
    assert len(town.proposals()) == 1
    with site_time(NOW):
        assert "Its material comes" in client.get("/supplier/proposals/").content.decode()
        client.post(f"{address}material/", {"here": "1"})
        assert "Material is late" not in client.get(address).content.decode()
