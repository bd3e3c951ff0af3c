"""No re-plan keeps the promised date: the buyer is asked for a later one, then the factories."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from evidence.models import PendingEntry
from marketplace.core.asked import AskedStep
from marketplace.core.plan_json import PlanDocument, instant
from marketplace.models import Commitment, Operation, Order, Plan, Proposal, WorkOrder
from marketplace.selectors.orders import orders_by_risk
from marketplace.services.agreeing import conclude_if_agreed, end_with
from marketplace.services.applying import apply_accepted
from marketplace.services.expiry import hand_on_expired_proposals
from marketplace.services.later_dates import (
    accept_later,
    keep_waiting,
)
from marketplace.services.moving import ProposalDecided, ProposalGone, ProposalStale
from marketplace.services.production import ReportNotTaken, start_operation
from marketplace.services.proposals import accept_proposal, dismiss_proposal
from marketplace.services.proposing import ask_again, propose_moves
from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import Organisation
from tests.factories import NOW, make_member, make_organisation
from tests.marketplace.races import race
from tests.marketplace.test_proposals import HOUR, Yard, yard
from tests.markets import actor, site_time

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sweep"])
DOWN = 100


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


def late(**made: object) -> tuple[Yard, Proposal]:
    """Return a yard whose cutter is down for days, and what its buyer is asked."""
    town = yard(**made)  # type: ignore[arg-type]
    town.goes_down(hours=DOWN)
    (proposal,) = town.proposals()
    assert proposal.state == "put"
    return town, proposal


def agree(town: Yard, proposal: Proposal, *, now: datetime = NOW) -> None:
    with acting_as(town.buyer.pk):
        accept_later(proposal_uid=proposal.uid, by=actor(town.buyer), now=now)


def accept(firm: Organisation, *, now: datetime = NOW) -> None:
    """Let a factory agree to what it is asked."""
    with acting_as(firm.pk):
        one = Proposal.objects.of_supplier(firm.pk).filter(state="open").get()
        accept_proposal(proposal_uid=one.uid, by=actor(firm), now=now)


def states(town: Yard) -> list[tuple[str, str]]:
    names = {town.cutter.pk: "cutter", town.press.pk: "press"}
    return [(names[one.supplier_id], one.state) for one in town.proposals()]


def standing(town: Yard) -> tuple[object, ...]:
    """Return all that a re-plan may change, of both factories, the platform and the buyer."""
    order = town.order()
    with acting_as(PLATFORM_ID):
        live = Commitment.objects.of(PLATFORM_ID).exclude(state="released").order_by("pk")
        held = list(live.values_list("operation_uid", "machine_id", "during", "state"))
    return (
        town.reserved(town.cutter),
        town.reserved(town.press),
        held,
        (order.chosen_plan_uid, order.promised_at, order.cost_minor),
        [
            (one.uid, one.state, one.planned_start_at)
            for one in town.operations(town.press).values()
        ],
    )


def test_the_buyer_is_asked_with_both_dates_and_what_is_proven_and_nothing_changes() -> None:
    town = yard()
    before, order = standing(town), town.order()
    town.goes_down(hours=DOWN)
    (proposal,) = town.proposals()
    assert proposal.state == "put"
    assert proposal.promised_at == order.promised_at
    assert proposal.completes_at is not None
    assert proposal.earliest_at is not None
    assert order.promised_at < proposal.earliest_at <= proposal.completes_at
    assert proposal.promise == "unavoidable", "the only cutter stands still for longer than that"
    assert proposal.parties == 2
    mine = {str(one.uid) for one in town.operations(town.cutter).values()}
    assert {one["uid"] for one in proposal.moves} <= mine, "a factory reads of its own lots alone"
    assert standing(town) == before
    with acting_as(town.press.pk):
        assert not Proposal.objects.exists()
    with acting_as(town.buyer.pk):
        (risk,) = orders_by_risk(town.buyer.pk, now=NOW)
    assert (risk.level, risk.cause, risk.action) == ("bad", "later_date", "decide_date")


def test_when_buyer_and_all_factories_agree_lots_hours_plan_and_promise_follow() -> None:
    town, proposal = late()
    before, order = standing(town), town.order()
    prices = {one.uid: one.price_minor for one in town.operations(town.press).values()}
    agree(town, proposal)
    town.deliver()
    assert states(town) == [("cutter", "open"), ("press", "open")]
    assert standing(town) == before
    accept(town.press)
    town.deliver()
    assert states(town) == [("cutter", "open"), ("press", "agreed")]
    assert standing(town)[2:] == before[2:]
    held = town.reserved(town.press)
    assert held.items() >= before[1].items(), "the old hours stay beside the new ones"
    accept(town.cutter)
    town.deliver()
    assert states(town) == [("cutter", "applied"), ("press", "applied")]
    after = town.order()
    assert (after.chosen_plan_uid, after.promised_at) == (proposal.plan_uid, proposal.completes_at)
    assert (after.due_at, after.cost_minor, after.quantity) == (
        order.due_at,
        order.cost_minor,
        order.quantity,
    )
    with acting_as(town.buyer.pk):
        document = PlanDocument.from_json(Plan.objects.get(uid=after.chosen_plan_uid).schedule)
        origin_at = Plan.objects.get(uid=after.chosen_plan_uid).origin_at
        assert PendingEntry.objects.filter(kind="order.promise_moved").count() == 1
    planned = {
        document.operation_uid(one.lot, one.step): (
            document.machines[one.machine].id,
            instant(origin_at, one.start),
            instant(origin_at, one.end),
        )
        for one in document.operations
    }
    assert {**town.reserved(town.cutter), **town.reserved(town.press)} == planned
    with acting_as(PLATFORM_ID):
        live = Commitment.objects.of(PLATFORM_ID).exclude(state="released")
        taken = {one.operation_uid: (one.machine_id, *_ends(one.during)) for one in live}
    assert taken == planned
    for firm in (town.cutter, town.press):
        for one in town.operations(firm).values():
            place = (one.machine_id, one.planned_start_at, one.planned_end_at)
            assert place == planned[one.uid]
    assert {one.uid: one.price_minor for one in town.operations(town.press).values()} == prices
    with acting_as(town.press.pk):
        work_order = WorkOrder.objects.of_supplier(town.press.pk).get()
    starts = [one.planned_start_at for one in town.operations(town.press).values()]
    assert work_order.starts_at == min(starts)
    done = standing(town)
    conclude_if_agreed(buyer_id=town.buyer.pk, proposal_uid=proposal.uid, now=NOW)
    apply_accepted(buyer_id=town.buyer.pk, proposal_uid=proposal.uid, now=NOW)
    town.deliver()
    assert standing(town) == done, "messages may come twice"


def _ends(during) -> tuple[datetime, datetime]:
    return during.lower, during.upper


def test_a_factory_alone_moves_as_soon_as_it_accepts() -> None:
    town, proposal = late(steps=(AskedStep(process="blanking"),))
    assert proposal.parties == 1
    agree(town, proposal)
    accept(town.cutter)
    assert min(one.planned_start_at for one in town.operations(town.cutter).values()) >= (
        NOW + DOWN * HOUR
    )
    town.deliver()
    assert states(town) == [("cutter", "applied")]
    assert town.order().promised_at == proposal.completes_at


def test_a_buyer_that_waits_keeps_promise_and_plan_and_is_not_asked_again() -> None:
    town, proposal = late()
    before = standing(town)
    with acting_as(town.buyer.pk):
        keep_waiting(proposal_uid=proposal.uid, by=actor(town.buyer), now=NOW)
        for act in (accept_later, keep_waiting):
            with pytest.raises(ProposalDecided):
                act(proposal_uid=proposal.uid, by=actor(town.buyer), now=NOW)
    propose_moves(supplier_id=town.cutter.pk, now=NOW)
    town.deliver()
    assert states(town) == [("cutter", "waiting")]
    assert standing(town) == before
    with acting_as(town.cutter.pk):
        ask_again(proposal_uid=proposal.uid, by=actor(town.cutter), now=NOW)
    town.deliver()
    assert states(town) == [("cutter", "waiting"), ("cutter", "put")]


@pytest.mark.parametrize("how", ["declines", "is silent", "says something newer"])
def test_where_one_does_not_agree_all_stays_as_it_was(how: str) -> None:
    town, proposal = late()
    before = standing(town)
    agree(town, proposal)
    accept(town.press)
    town.deliver()
    (root, part) = town.proposals()
    if how == "declines":
        with acting_as(town.cutter.pk):
            dismiss_proposal(
                proposal_uid=root.uid, reason="We rent one", by=actor(town.cutter), now=NOW
            )
        ended, now = "dismissed", NOW
    elif how == "is silent":
        assert root.expires_at is not None
        ended, now = "expired", root.expires_at
        assert hand_on_expired_proposals(now=now) == 1, "what is agreed does not run out"
    else:
        town.goes_down(hours=DOWN + 1)
        ended, now = "superseded", NOW
    town.deliver(now)
    other = "superseded" if ended == "superseded" else "undone"
    assert states(town)[:2] == [("cutter", ended), ("press", other)]
    assert standing(town) == before
    with acting_as(town.press.pk), pytest.raises(ProposalDecided):
        accept_proposal(proposal_uid=part.uid, by=actor(town.press), now=NOW)
    end_with(buyer_id=town.buyer.pk, proposal_uid=root.uid, now=now)
    town.deliver(now)
    assert standing(town) == before


def test_the_buyers_time_to_decide_ends_too() -> None:
    town, proposal = late()
    over = proposal.expires_at
    assert over is not None
    assert over >= NOW + HOUR, "half the time until the first lot would begin"
    with pytest.raises(ProposalDecided, match="time to decide is over"):
        agree(town, proposal, now=over)
    assert hand_on_expired_proposals(now=over) == 1
    town.deliver(over)
    assert states(town) == [("cutter", "expired")]


def test_of_many_answers_of_the_buyer_one_counts() -> None:
    town, proposal = late()

    def yes() -> None:
        accept_later(proposal_uid=proposal.uid, by=actor(town.buyer), now=NOW)

    def no() -> None:
        keep_waiting(proposal_uid=proposal.uid, by=actor(town.buyer), now=NOW)

    outcomes = race([(town.buyer.pk, act) for act in (yes, no) * 4])
    assert outcomes == {"won": 1, "ProposalDecided": 7}
    root, *parts = town.proposals()
    assert (root.state, len(parts)) in (("open", 1), ("waiting", 0))


def begin(town: Yard, lot: int) -> None:
    uid = town.operations(town.cutter)[lot].uid
    with acting_as(town.cutter.pk):
        WorkOrder.objects.of_supplier(town.cutter.pk).update(state="released")
        start_operation(operation_uid=uid, by=actor(town.cutter), now=NOW)


def test_a_lot_that_begins_before_the_buyer_or_a_factory_agrees_refuses_it() -> None:
    town, proposal = late()
    lot = proposal.moves[0]["lot"]
    begin(town, lot)
    with pytest.raises(ProposalStale):
        agree(town, proposal)
    assert states(town) == [("cutter", "put")]


def test_a_lot_that_is_agreed_to_move_does_not_begin_where_it_was() -> None:
    town, proposal = late()
    agree(town, proposal)
    accept(town.cutter)
    lot = proposal.moves[0]["lot"]
    with pytest.raises(ReportNotTaken, match="moves to other hours"):
        begin(town, lot)
    uid = town.operations(town.cutter)[lot].uid
    with acting_as(town.cutter.pk):
        row = Operation.objects.filter(uid=uid)
        with pytest.raises(DatabaseError, match="agreed that this lot moves"), transaction.atomic():
            row.update(state="started")
    accept(town.press)
    town.deliver()
    begin(town, lot)
    assert town.operations(town.cutter)[lot].state == "started", "there it may"


def test_a_lot_begins_or_its_factory_agrees_and_never_both() -> None:
    town, proposal = late()
    agree(town, proposal)
    with acting_as(town.cutter.pk):
        WorkOrder.objects.of_supplier(town.cutter.pk).update(state="released")
    uid = town.operations(town.cutter)[proposal.moves[0]["lot"]].uid

    def starts() -> None:
        start_operation(operation_uid=uid, by=actor(town.cutter), now=NOW)

    def agrees() -> None:
        accept_proposal(proposal_uid=proposal.uid, by=actor(town.cutter), now=NOW)

    outcomes = race([(town.cutter.pk, starts), (town.cutter.pk, agrees)])
    assert outcomes["won"] == 1
    assert set(outcomes) - {"won"} < {ReportNotTaken.__name__, ProposalStale.__name__}


def test_nobody_else_decides_and_the_database_holds_what_is_asked() -> None:
    town, proposal = late()
    stranger = make_organisation(kinds=["buyer"], name="Stranger")
    for firm in (stranger, town.cutter, town.press):
        for act in (accept_later, keep_waiting):
            with acting_as(firm.pk), pytest.raises(ProposalGone):
                act(proposal_uid=proposal.uid, by=actor(firm), now=NOW)
    with acting_as(town.cutter.pk), pytest.raises(ProposalDecided):
        accept_proposal(proposal_uid=proposal.uid, by=actor(town.cutter), now=NOW)
    agree(town, proposal)
    root, part = town.proposals()
    for firm, other in ((town.cutter, part), (town.press, root)):
        with acting_as(firm.pk):
            assert not Proposal.objects.filter(pk=other.pk).exists()
            with pytest.raises(ProposalGone):
                accept_proposal(proposal_uid=other.uid, by=actor(firm), now=NOW)
    with acting_as(town.press.pk), pytest.raises(ProposalGone):
        ask_again(proposal_uid=part.uid, by=actor(town.press), now=NOW)
    with acting_as(town.buyer.pk):
        mine = Proposal.objects.filter(pk=part.pk)
        for fields, words in (
            ({"moves": []}, "does not change"),
            ({"state": "agreed"}, "not yours"),
            ({"state": "accepted"}, "not yours"),
        ):
            with pytest.raises(DatabaseError, match=words), transaction.atomic():
                mine.update(**fields)
        forged = Proposal(
            buyer=town.buyer,
            supplier=stranger,
            order_uid=root.order_uid,
            order_number=root.order_number,
            state="open",
            plan_uid=root.plan_uid,
            expires_at=root.expires_at,
            created_at=NOW,
        )
        with pytest.raises(DatabaseError, match="asked for by its factory"), transaction.atomic():
            forged.save()
        forged.root_uid, forged.parties = root.uid, 9
        with pytest.raises(DatabaseError, match="not open"), transaction.atomic():
            forged.save()


def test_a_buyer_reads_and_accepts_on_the_orders_page_and_its_factories_at_work() -> None:
    owner = make_member(name="City", kinds=["buyer"])
    worker = make_member(name="Cutter", kinds=["supplier"])
    town, proposal = late(buyer=owner.tenant, cutter=worker.tenant)
    buyer, factory = Client(), Client()
    buyer.force_login(owner.person)
    factory.force_login(worker.person)
    address = f"/buyer/orders/{town.order().uid}/proposals/"
    with site_time(NOW):
        seen = buyer.get(address).content.decode()
        assert "a later one is proposed" in seen
        assert "Proven: in the listed hours" in seen
        assert "Accept the later date" in seen
        assert town.press.name in seen
        there = factory.get("/supplier/proposals/").content.decode()
        assert "The buyer is asked first" in there
        assert "Accept the proposal" not in there
        assert town.press.name not in there, "a factory reads of its own lots alone"
        assert "A later date is proposed" in buyer.get("/buyer/").content.decode()
        assert buyer.post(f"/buyer/proposals/{proposal.uid}/accept/").status_code == 302
        assert buyer.post(f"/buyer/proposals/{proposal.uid}/wait/").status_code == 302
        assert states(town) == [("cutter", "open"), ("press", "open")]
        seen = buyer.get(address).content.decode()
        assert "Nothing changes before all of them have agreed" in seen
        assert "The buyer has agreed to the later date" in (
            factory.get("/supplier/proposals/").content.decode()
        )
    accept(town.cutter)
    accept(town.press)
    town.deliver()
    with site_time(NOW):
        assert "In the plan" in buyer.get(address).content.decode()
        page = buyer.get(f"/buyer/orders/{town.order().uid}/").content.decode()
        assert "A later date was agreed" in page


def test_an_order_that_is_cancelled_meanwhile_moves_nothing() -> None:
    town, proposal = late()
    agree(town, proposal)
    accept(town.press)
    with acting_as(town.buyer.pk):
        Order.objects.of(town.buyer.pk).update(state="cancelled")
    accept(town.cutter, now=NOW + timedelta(minutes=1))
    town.deliver()
    assert states(town) == [("cutter", "superseded"), ("press", "superseded")]
