"""From a posted order to plans, a choice, offers, and a returned share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError

from marketplace.core.plan_json import PlanDocument
from marketplace.core.share import Share
from marketplace.models import (
    Commitment,
    Offer,
    OfferState,
    Order,
    OrderState,
    Plan,
    PlanPurpose,
    PlanRequestState,
    PlanState,
)
from marketplace.services import plan_making
from marketplace.services.choosing import (
    PlanGone,
    PlanNotOpen,
    choose_plan,
    claim_and_offer,
)
from marketplace.services.offers import decline_offer
from marketplace.services.orders import cancel_order, plan_again
from marketplace.services.plan_making import make_plans
from marketplace.services.planning import stop_and_use
from marketplace.services.replanning import replan_share
from marketplace.services.vouching import FaultyPlan
from scheduling.models import SolveRun, SolveState
from scheduling.services import processes
from scheduling.services.runs import Asked, claim_run
from tenants.acting import PLATFORM_ID, acting_as
from tenants.services.outbox import NotYet
from tests.factories import NOW, make_organisation
from tests.markets import (
    actor,
    deliver,
    list_machine,
    make_market,
    plans_of,
    post,
    requests_of,
    site_time,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer():
    return make_organisation(kinds=["buyer"], name="City Traffic Office")


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


def choose(buyer, kind: str = "fastest") -> Plan:
    plan = next(p for p in plans_of(buyer) if p.kind == kind and p.state == PlanState.PROPOSED)
    with acting_as(buyer.pk):
        return choose_plan(organisation=buyer, by=actor(buyer), now=NOW, uid=plan.uid)


def offers_of(buyer) -> list[Offer]:
    with acting_as(buyer.pk):
        return list(Offer.objects.of_buyer(buyer.pk).order_by("id"))


def order_of(buyer) -> Order:
    with acting_as(buyer.pk):
        return Order.objects.of(buyer.pk).get()


def commitments(state: str) -> int:
    with acting_as(PLATFORM_ID):
        return Commitment.objects.of(PLATFORM_ID).filter(state=state).count()


def test_an_order_gets_plans_with_bound_gap_and_reasons(buyer) -> None:
    make_market(3)
    post(buyer)
    deliver(buyer)
    plans = plans_of(buyer)
    assert {"fastest", "cheapest"} <= {plan.kind for plan in plans}
    assert order_of(buyer).state == OrderState.PLANNED
    request = requests_of(buyer)[0]
    assert request.state == PlanRequestState.READY
    fastest = next(plan for plan in plans if plan.kind == "fastest")
    assert 0 <= fastest.gap < 0.5
    assert fastest.bound_minutes <= fastest.makespan_minutes
    assert all(fastest.completes_at <= plan.completes_at for plan in plans)
    cheapest = next(plan for plan in plans if plan.kind == "cheapest")
    assert all(cheapest.cost_minor <= plan.cost_minor for plan in plans)
    document = PlanDocument.from_json(fastest.schedule)
    assert {s.step: 0 for s in document.shares}.keys() == {1, 2}
    for step in (1, 2):
        assert sum(s.quantity for s in document.shares if s.step == step) == 20_000
    assert document.cost_minor == fastest.cost_minor
    ranks = [one["reasons"]["price_rank"] for one in fastest.reasons["chosen"]]
    assert {rank["candidates"] for rank in ranks} == {3}
    assert fastest.reasons["cost_bound"] <= cheapest.cost_minor
    with acting_as(PLATFORM_ID):
        run = SolveRun.objects.of(PLATFORM_ID).get()
        assert run.state == SolveState.DONE
        assert run.cpu_seconds > 0
        assert run.peak_memory_mb > 1


def test_a_chosen_plan_claims_its_time_and_asks_each_supplier_once(buyer) -> None:
    suppliers = make_market(3)
    post(buyer)
    deliver(buyer)
    plan = choose(buyer)
    deliver(buyer, *suppliers)
    document = PlanDocument.from_json(plan.schedule)
    offers = offers_of(buyer)
    assert {offer.supplier_id for offer in offers} == {s.id for s in document.suppliers}
    assert sum(offer.price_minor for offer in offers) == plan.cost_minor
    assert commitments("offered") == len(document.operations)
    order = order_of(buyer)
    assert (order.state, order.chosen_plan_uid) == (OrderState.OFFERED, plan.uid)
    assert (order.promised_at, order.cost_minor) == (plan.completes_at, plan.cost_minor)
    states = {p.kind: p.state for p in plans_of(buyer)}
    assert states.pop("fastest") == PlanState.CHOSEN
    assert set(states.values()) == {PlanState.SUPERSEDED}
    for offer in offers:
        assert NOW < offer.expires_at <= NOW + timedelta(hours=48)
        assert offer.expires_at <= max(offer.starts_at, NOW + timedelta(minutes=2))
        share = Share.from_json(offer.snapshot)
        assert share.price_minor == offer.price_minor
        assert offer.commission_minor == offer.price_minor * 3 // 100


def test_a_choice_may_come_before_the_message_that_plans_are_there(buyer) -> None:
    suppliers = make_market(3)
    post(buyer)
    deliver(buyer, topics={"plan.requested", "plan.solve"})
    assert order_of(buyer).state == OrderState.POSTED
    plan = choose(buyer)
    assert (order_of(buyer).state, order_of(buyer).chosen_plan_uid) == (
        OrderState.PLANNED,
        plan.uid,
    )
    deliver(buyer, *suppliers)
    assert order_of(buyer).state == OrderState.OFFERED


def test_lots_are_handed_from_supplier_to_supplier_without_a_gap(buyer) -> None:
    suppliers = make_market(2)
    post(buyer)
    deliver(buyer)
    choose(buyer)
    deliver(buyer, *suppliers)
    operations = {
        operation.uid: (offer.supplier_id, operation)
        for offer in offers_of(buyer)
        for operation in Share.from_json(offer.snapshot).operations
    }
    for supplier, operation in operations.values():
        if operation.next_operation_uid is None:
            assert operation.step == 2
            continue
        next_supplier, following = operations[operation.next_operation_uid]
        assert (following.lot, following.step) == (operation.lot, operation.step + 1)
        assert following.previous_supplier_id == supplier
        assert operation.next_supplier_id == next_supplier
        lag = timedelta(minutes=operation.transport_minutes)
        assert operation.end_at + lag <= following.start_at


def test_a_message_of_a_choice_may_come_twice(buyer) -> None:
    suppliers = make_market(2)
    post(buyer)
    deliver(buyer)
    plan = choose(buyer)
    for _ in range(2):
        claim_and_offer(buyer_id=buyer.pk, plan_uid=str(plan.uid), now=NOW)
    document = PlanDocument.from_json(plan.schedule)
    assert len(offers_of(buyer)) == len(document.suppliers) <= len(suppliers)
    assert commitments("offered") == len(document.operations)


def test_of_two_choices_one_wins(buyer) -> None:
    make_market(2)
    post(buyer)
    deliver(buyer)
    choose(buyer)
    with pytest.raises(PlanNotOpen):
        choose(buyer, "cheapest")
    assert [p.kind for p in plans_of(buyer) if p.state == PlanState.CHOSEN] == ["fastest"]


def test_time_that_another_order_took_first_is_said_in_a_sentence(buyer) -> None:
    suppliers = make_market(1)
    other = make_organisation(kinds=["buyer"], name="Other City")
    for one in (buyer, other):
        post(one)
        deliver(one)
    choose(buyer)
    deliver(buyer, *suppliers)
    choose(other)
    deliver(other, *suppliers)
    order = order_of(other)
    assert (order.state, order.chosen_plan_uid) == (OrderState.PLANNED, None)
    request = requests_of(other)[0]
    assert (request.state, request.message["code"]) == (PlanRequestState.FAILED, "time_taken")
    assert offers_of(other) == []
    chosen = PlanDocument.from_json(
        next(p for p in plans_of(buyer) if p.state == PlanState.CHOSEN).schedule
    )
    assert commitments("offered") == len(chosen.operations)


def test_a_plan_is_no_other_buyers_business(buyer) -> None:
    make_market(1)
    post(buyer)
    deliver(buyer)
    plan = plans_of(buyer)[0]
    other = make_organisation(kinds=["buyer"])
    with acting_as(other.pk), pytest.raises(PlanGone):
        choose_plan(organisation=other, by=actor(other), now=NOW, uid=plan.uid)


def test_a_cancelled_order_frees_what_was_held_for_it(buyer) -> None:
    suppliers = make_market(2)
    post(buyer)
    deliver(buyer)
    choose(buyer)
    deliver(buyer, *suppliers)
    assert commitments("offered") > 0
    uid = order_of(buyer).uid
    with acting_as(buyer.pk):
        cancel_order(organisation=buyer, by=actor(buyer), now=NOW, uid=uid)
    deliver(buyer, *suppliers)
    assert commitments("offered") == 0
    assert {offer.state for offer in offers_of(buyer)} == {OfferState.WITHDRAWN}


def test_a_stopped_request_uses_the_best_plan_so_far(buyer, settings) -> None:
    settings.SOLVE_TIME_SECONDS = 30.0
    make_market(3)
    post(buyer)
    deliver(buyer, topics={"plan.requested"})
    request = requests_of(buyer)[0]
    with acting_as(buyer.pk):
        stop_and_use(organisation=buyer, by=actor(buyer), now=NOW, uid=request.uid)
    deliver(buyer)
    assert {plan.kind for plan in plans_of(buyer)} >= {"fastest"}
    with acting_as(PLATFORM_ID):
        assert SolveRun.objects.of(PLATFORM_ID).get().result["runtime_seconds"] < 20


def figures_of(plan: PlanDocument, supplier: int) -> dict[tuple[int, int], tuple[int, ...]]:
    return {
        (one.lot, one.step): (one.start, one.end, one.quantity, one.price)
        for one in plan.operations
        if plan.suppliers[plan.machines[one.machine].supplier].id == supplier
    }


def decline(buyer, supplier) -> Offer:
    offer = next(
        o
        for o in offers_of(buyer)
        if o.supplier_id == supplier.pk and o.state == OfferState.OFFERED
    )
    with acting_as(supplier.pk):
        decline_offer(offer_uid=offer.uid, reason="Press is down", by=actor(supplier), now=NOW)
    return offer


def test_a_declined_share_returns_to_the_planner_with_the_rest_frozen(buyer) -> None:
    cutter, first, second = (make_organisation(name=n) for n in ("Cut", "Press 1", "Press 2"))
    list_machine(cutter, 1, ("blanking", 600))
    list_machine(first, 2, ("embossing", 500))
    list_machine(second, 3, ("embossing", 300), price=9_000, x_km=40.0)
    everybody = (buyer, cutter, first, second)
    post(buyer)
    deliver(*everybody)
    plan = choose(buyer, "cheapest")
    deliver(*everybody)
    before = PlanDocument.from_json(plan.schedule)
    assert {s.id for s in before.suppliers} == {cutter.pk, first.pk}
    declined = decline(buyer, first)
    deliver(*everybody)

    request = requests_of(buyer)[-1]
    assert (request.purpose, request.excluded) == (PlanPurpose.SHARE, [first.pk])
    chosen = next(p for p in plans_of(buyer) if p.state == PlanState.CHOSEN)
    assert chosen.request_id == request.pk
    after = PlanDocument.from_json(chosen.schedule)
    assert figures_of(after, cutter.pk) == figures_of(before, cutter.pk)
    assert set(after.by_supplier()) == {second.pk}
    fresh = [o for o in offers_of(buyer) if o.plan_uid == chosen.uid]
    assert [o.supplier_id for o in fresh] == [second.pk]
    kept = next(o for o in offers_of(buyer) if o.supplier_id == cutter.pk)
    assert kept.state == OfferState.OFFERED
    operations = Share.from_json(kept.snapshot).operations
    assert {one.next_supplier_id for one in operations} == {second.pk}
    assert order_of(buyer).chosen_plan_uid == chosen.uid

    # The same answer may be told again; nothing is planned, freed or asked twice.
    held = commitments("offered")
    replan_share(buyer_id=buyer.pk, order_uid=declined.order_uid, offer_uid=declined.uid, now=NOW)
    deliver(*everybody)
    assert commitments("offered") == held == len(after.operations)
    assert len(requests_of(buyer)) == 2


def test_where_nothing_fits_between_open_offers_make_room_and_accepted_ones_stay(buyer) -> None:
    first, second, press = (make_organisation(name=n) for n in ("Cut 1", "Cut 2", "Press"))
    list_machine(first, 1, ("blanking", 600))
    list_machine(second, 2, ("blanking", 300), price=9_000, x_km=40.0)
    list_machine(press, 3, ("embossing", 500))
    everybody = (buyer, first, second, press)
    post(buyer)
    deliver(*everybody)
    choose(buyer, "cheapest")
    deliver(*everybody)
    decline(buyer, first)
    deliver(*everybody)
    purposes = [r.purpose for r in requests_of(buyer)]
    assert purposes == [PlanPurpose.ORDER, PlanPurpose.SHARE, PlanPurpose.SHARE]
    states = [(o.supplier_id, o.state) for o in offers_of(buyer)]
    assert (press.pk, OfferState.WITHDRAWN) in states
    assert (press.pk, OfferState.OFFERED) in states
    assert (second.pk, OfferState.OFFERED) in states
    chosen = next(p for p in plans_of(buyer) if p.state == PlanState.CHOSEN)
    after = PlanDocument.from_json(chosen.schedule)
    assert commitments("offered") == len(after.operations)
    assert {s.id for s in after.suppliers} == {second.pk, press.pk}


def test_a_share_that_nobody_can_take_says_so_and_the_order_can_be_planned_anew(buyer) -> None:
    cutter, press = (make_organisation(name=n) for n in ("Cut", "Press"))
    list_machine(cutter, 1, ("blanking", 600))
    list_machine(press, 3, ("embossing", 500))
    everybody = (buyer, cutter, press)
    post(buyer)
    deliver(*everybody)
    choose(buyer)
    deliver(*everybody)
    decline(buyer, press)
    deliver(*everybody)
    request = requests_of(buyer)[-1]
    assert request.state == PlanRequestState.FAILED
    assert request.message["code"] == "no_fit"
    assert request.message["values"]["miss"]["code"] == "miss_excluded"
    third = make_organisation(name="Press 2")
    list_machine(third, 4, ("embossing", 400))
    uid = order_of(buyer).uid
    with acting_as(buyer.pk):
        plan_again(organisation=buyer, by=actor(buyer), now=NOW, uid=uid)
    deliver(*everybody, third)
    assert order_of(buyer).state == OrderState.PLANNED
    assert commitments("offered") == 0
    newest = PlanDocument.from_json(plans_of(buyer)[-1].schedule)
    assert {s.id for s in newest.suppliers} == {cutter.pk, third.pk}


def test_a_killed_child_fails_the_request_with_a_sentence_and_planning_again_works(
    buyer, monkeypatch
) -> None:
    make_market(1)
    post(buyer)
    deliver(buyer, topics={"plan.requested"})
    with monkeypatch.context() as patched:
        patched.setattr(processes, "_lines", _kill_first)
        deliver(buyer, topics={"plan.solve", "plans.answered"})
    request = requests_of(buyer)[0]
    assert (request.state, request.message["code"]) == (PlanRequestState.FAILED, "solver_killed")
    assert plans_of(buyer) == []
    uid = order_of(buyer).uid
    with acting_as(buyer.pk):
        plan_again(organisation=buyer, by=actor(buyer), now=NOW, uid=uid)
    deliver(buyer)
    assert order_of(buyer).state == OrderState.PLANNED


def _kill_first(child, *, until):
    child.kill()
    child.wait()
    return iter(())


def test_a_run_goes_on_while_the_database_is_away(buyer, monkeypatch) -> None:
    make_market(1)
    post(buyer)
    deliver(buyer, topics={"plan.requested"})
    asked: list[object] = []

    def away(_watcher, progress):
        asked.append(progress)
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(plan_making._Watcher, "__call__", away)
    monkeypatch.setattr(processes, "TICK_S", 0.05)
    deliver(buyer)
    assert asked
    assert order_of(buyer).state == OrderState.PLANNED


def test_a_child_that_overruns_its_memory_is_said_in_a_sentence(buyer, settings) -> None:
    settings.SOLVE_MEMORY_MB = 60
    make_market(1)
    post(buyer)
    deliver(buyer)
    request = requests_of(buyer)[0]
    assert (request.state, request.message["code"]) == (PlanRequestState.FAILED, "solver_overran")
    with acting_as(PLATFORM_ID):
        assert SolveRun.objects.of(PLATFORM_ID).get().state == SolveState.FAILED


def test_a_run_whose_heart_beats_is_left_to_its_worker(buyer) -> None:
    make_market(1)
    post(buyer)
    deliver(buyer, topics={"plan.requested"})
    request = requests_of(buyer)[0]
    asked_run = Asked(subject_uid=request.uid, origin_at=NOW, problem={})
    with acting_as(PLATFORM_ID):
        claim_run(tenant_id=PLATFORM_ID, asked=asked_run, now=NOW)
    with site_time(NOW), pytest.raises(NotYet):
        make_plans(buyer_id=buyer.pk, request_uid=str(request.uid), clock=lambda: NOW)
    with acting_as(PLATFORM_ID):
        SolveRun.objects.update(heartbeat_at=datetime.now(UTC) - timedelta(minutes=1))
    make_plans(buyer_id=buyer.pk, request_uid=str(request.uid), clock=lambda: NOW)
    assert plans_of(buyer)


def test_a_plan_that_the_checker_faults_is_not_stored(buyer, monkeypatch) -> None:
    make_market(1)
    post(buyer)
    deliver(buyer, topics={"plan.requested"})
    honest = plan_making.carry_out

    def dishonest(**arguments):
        answer = honest(**arguments)
        columns = answer["alternatives"][0]["assignments"]
        columns["end"] = [end - 30 for end in columns["end"]]
        return answer

    monkeypatch.setattr(plan_making, "carry_out", dishonest)
    with pytest.raises(FaultyPlan):
        deliver(buyer, topics={"plan.solve"})
    assert plans_of(buyer) == []
