"""An order that nobody can plan as it stands: why, what would be possible, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from marketplace.core.asked import AskedStep
from marketplace.core.steering import Wishes
from marketplace.models import (
    Commitment,
    Offer,
    OfferState,
    Order,
    OrderState,
    Plan,
    PlanRequest,
    PlanRequestState,
    PlanState,
)
from marketplace.services.choosing import PlanNotOpen, choose_plan
from marketplace.services.holds import GRACE, end_holds, hold_ways
from marketplace.services.orders import cancel_order, plan_again
from marketplace.services.steering import steer_plan
from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import Organisation
from tests.factories import NOW, make_organisation
from tests.marketplace.races import race
from tests.markets import actor, deliver, list_machine, make_market, plans_of, post, requests_of

pytestmark = pytest.mark.django_db
WITHIN = NOW + timedelta(minutes=5)
NIGHT = [(NOW + timedelta(hours=1), NOW + timedelta(hours=11))]


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 2.0


@pytest.fixture
def buyer() -> Organisation:
    return make_organisation(kinds=["buyer"], name="City")


def ask(buyer: Organisation, **asked: object) -> PlanRequest:
    """Post an order and return its answer."""
    post(buyer, **asked)  # type: ignore[arg-type]
    deliver(buyer)
    return requests_of(buyer)[-1]


def ways(buyer: Organisation) -> dict[str, Plan]:
    newest = requests_of(buyer)[-1]
    mine = [plan for plan in plans_of(buyer) if plan.request_id == newest.pk and plan.terms]
    return {plan.kind: plan for plan in mine if plan.state == PlanState.PROPOSED}


def choose(buyer: Organisation, plan: Plan, *, now: datetime = WITHIN) -> None:
    with acting_as(buyer.pk):
        choose_plan(organisation=buyer, by=actor(buyer), now=now, uid=plan.uid)


def order_of(buyer: Organisation) -> Order:
    with acting_as(buyer.pk):
        return Order.objects.of(buyer.pk).latest("id")


def held(*orders: Order) -> list[Commitment]:
    with acting_as(PLATFORM_ID):
        found = Commitment.objects.of(PLATFORM_ID).filter(state="held")
        uids = [order.uid for order in orders]
        return list(found.filter(order_uid__in=uids) if orders else found)


def asked_suppliers(buyer: Organisation) -> set[int]:
    with acting_as(buyer.pk):
        open_ones = Offer.objects.of_buyer(buyer.pk).filter(state=OfferState.OFFERED)
        return {offer.supplier_id for offer in open_ones}


def presses(count: int, *, hours: int = 10, minimum_lot: int = 1) -> list[Organisation]:
    """Return suppliers with one press each, of 100 pieces an hour, open on the first day only."""
    made = []
    windows = [(NOW + timedelta(hours=1), NOW + timedelta(hours=1 + hours))]
    for number in range(count):
        supplier = make_organisation(name=f"Press {number}")
        list_machine(
            supplier, number + 1, ("embossing", 100), windows=windows, minimum_lot=minimum_lot
        )
        made.append(supplier)
    return made


def pressing(**asked: object) -> dict[str, object]:
    return {"steps": (AskedStep(process="embossing"),), **asked}


def test_a_ceiling_that_is_too_low_gets_a_price_and_a_quantity_that_are_held(buyer) -> None:
    suppliers = make_market(2)
    request = ask(buyer, price_ceiling_minor=300_000)
    assert (request.state, request.message["code"]) == (PlanRequestState.FAILED, "ceiling_too_low")
    assert set(ways(buyer)) == {"dearer", "smaller"}
    held_for = request.held_until - NOW
    assert timedelta(minutes=20) <= held_for < timedelta(minutes=21), "the clock runs on"
    assert held()
    assert {row.held_until for row in held()} == {request.held_until + GRACE}
    dearer = ways(buyer)["dearer"]
    choose(buyer, dearer)
    deliver(buyer, *suppliers)
    order = order_of(buyer)
    assert order.state == OrderState.OFFERED
    assert order.price_ceiling_minor == order.cost_minor == dearer.cost_minor > 300_000
    assert held() == []
    assert asked_suppliers(buyer)


def test_pieces_for_which_there_is_no_time_are_cancelled_when_the_rest_is_chosen(buyer) -> None:
    suppliers = presses(2)
    request = ask(buyer, **pressing(quantity=4_000))
    assert request.state == PlanRequestState.FAILED
    assert request.message["code"] == "order_without_room"
    assert "minutes" not in request.message["values"], "two suppliers' time is nobody's business"
    smaller = ways(buyer)["smaller"]
    made = smaller.terms["quantity"]
    assert 1_500 <= made < 2_000
    choose(buyer, smaller)
    deliver(buyer, *suppliers)
    order = order_of(buyer)
    assert (order.state, order.quantity) == (OrderState.OFFERED, 4_000)
    assert order.cancelled_quantity == 4_000 - made


def test_where_five_suppliers_are_short_together_the_buyer_reads_by_how_much(buyer) -> None:
    presses(5)
    request = ask(buyer, **pressing(quantity=20_000, due_at=NOW + timedelta(days=2)))
    # 200 hours are needed, and 5 presses have 10 each.
    assert request.message["code"] == "order_short"
    values = request.message["values"]
    assert (values["step"], values["process"], values["minutes"]) == (1, "embossing", 150 * 60)
    assert values["until_at"] == (NOW + timedelta(days=2)).isoformat()


def test_sites_of_few_suppliers_count_as_few(buyer) -> None:
    # Five presses, of four suppliers.
    first, *_ = presses(4)
    list_machine(first, 9, ("embossing", 100), windows=NIGHT)
    request = ask(buyer, **pressing(quantity=20_000))
    assert request.message["code"] == "order_without_room"
    assert "minutes" not in request.message["values"]


def test_fewer_pieces_than_any_lot_are_raised_to_one_that_is_taken(buyer) -> None:
    suppliers = presses(1, minimum_lot=500)
    request = ask(buyer, **pressing(quantity=300))
    assert request.message["code"] == "no_fit"
    assert {kind: way.terms for kind, way in ways(buyer).items()} == {"larger": {"quantity": 500}}
    choose(buyer, ways(buyer)["larger"])
    deliver(buyer, *suppliers)
    order = order_of(buyer)
    assert (order.state, order.quantity, order.cancelled_quantity) == (OrderState.OFFERED, 500, 0)


def test_a_date_that_no_plan_keeps_gets_ways_beside_the_late_plans(buyer) -> None:
    suppliers = presses(5)
    list_machine(
        suppliers[0],
        99,
        ("embossing", 100),
        windows=[(NOW + timedelta(days=3), NOW + timedelta(days=9))],
    )
    request = ask(buyer, **pressing(quantity=8_000, due_at=NOW + timedelta(days=2)))
    assert (request.state, request.message["code"]) == (PlanRequestState.READY, "order_short")
    assert request.message["values"]["minutes"] == 30 * 60
    found = ways(buyer)
    assert set(found) == {"later", "smaller"}
    assert found["smaller"].completes_at <= NOW + timedelta(days=2)
    plans = [plan for plan in plans_of(buyer) if not plan.terms]
    assert all(plan.completes_at > NOW + timedelta(days=2) for plan in plans)
    choose(buyer, found["later"])
    deliver(buyer, *suppliers)
    order = order_of(buyer)
    assert (order.state, order.due_at) == (OrderState.OFFERED, found["later"].completes_at)
    assert held() == []


def test_where_there_are_hours_enough_the_step_with_the_least_room_is_named(buyer) -> None:
    presses(1)
    for number in range(3):
        slow = make_organisation(name=f"Slow {number}")
        list_machine(slow, 50 + number, ("embossing", 1))
    request = ask(buyer, **pressing(quantity=1_500, due_at=NOW + timedelta(days=2)))
    assert (request.state, request.message["code"]) == (PlanRequestState.READY, "order_tight")
    assert "minutes" not in request.message["values"]
    assert "smaller" in ways(buyer)


def test_a_process_that_nobody_offers_has_no_way_out(buyer) -> None:
    request = ask(buyer)
    assert (request.state, request.message["code"]) == (PlanRequestState.FAILED, "no_listing")
    assert (request.held_until, ways(buyer)) == (None, {})


def test_nobody_else_gets_held_time_until_it_runs_out(buyer) -> None:
    presses(2)
    ask(buyer, **pressing(quantity=4_000))
    request = requests_of(buyer)[-1]
    other = make_organisation(kinds=["buyer"], name="Other City")
    assert ask(other, **pressing(quantity=1_500)).state == PlanRequestState.FAILED
    for row in held():
        with acting_as(PLATFORM_ID), pytest.raises(IntegrityError), transaction.atomic():
            Commitment.objects.create(
                tenant_id=PLATFORM_ID,
                machine_id=row.machine_id,
                during=row.during,
                order_uid=other.uid,
                operation_uid=other.uid,
                state="offered",
            )
    assert end_holds(now=request.held_until) == 0, "there is a grace for the last second"
    assert end_holds(now=request.held_until + GRACE) >= 1
    assert held(order_of(buyer)) == []
    uid = order_of(other).uid
    with acting_as(other.pk):
        plan_again(organisation=other, by=actor(other), now=NOW, uid=uid)
    deliver(other)
    assert requests_of(other)[-1].state == PlanRequestState.READY


def test_a_choice_in_the_last_second_gets_its_time_however_late_it_is_claimed(buyer) -> None:
    suppliers = presses(2)
    request = ask(buyer, **pressing(quantity=4_000))
    choose(buyer, ways(buyer)["smaller"], now=request.held_until - timedelta(seconds=1))
    later = request.held_until + timedelta(hours=1)
    assert end_holds(now=later) == 0, "a choice waits to be claimed"
    other = make_organisation(kinds=["buyer"], name="Other City")
    assert ask(other, **pressing(quantity=1_500)).state == PlanRequestState.FAILED
    deliver(buyer, *suppliers)
    assert order_of(buyer).state == OrderState.OFFERED
    assert held(order_of(buyer)) == []


def test_time_that_ran_out_is_no_promise_but_may_still_be_chosen(buyer) -> None:
    suppliers = presses(2)
    request = ask(buyer, **pressing(quantity=4_000))
    after = request.held_until + GRACE
    assert end_holds(now=after) == 1
    choose(buyer, ways(buyer)["smaller"], now=after)
    deliver(buyer, *suppliers)
    assert order_of(buyer).state == OrderState.OFFERED


def test_an_order_is_held_once_in_its_life(buyer) -> None:
    presses(2)
    first = ask(buyer, **pressing(quantity=4_000))
    way = ways(buyer)["smaller"]
    uid = order_of(buyer).uid
    with acting_as(buyer.pk):
        plan_again(organisation=buyer, by=actor(buyer), now=NOW, uid=uid)
    deliver(buyer)
    again = requests_of(buyer)[-1]
    assert again.pk > first.pk
    assert (again.held_until, held()) == (None, [])
    assert "smaller" in ways(buyer), "shown, and not held"
    with pytest.raises(PlanNotOpen):
        choose(buyer, way)


def test_a_buyer_has_few_holds_at_once_and_few_a_day(buyer, settings) -> None:
    settings.HOLDS_AT_ONCE, settings.HOLDS_A_DAY = 1, 2
    for number in range(4):
        supplier = make_organisation(name=f"Press {number}")
        list_machine(supplier, number + 1, ("embossing", 100), price=100 + number, windows=NIGHT)
    low = {"quantity": 900, "price_ceiling_minor": 500}
    got = []
    for now in (NOW, NOW, NOW + timedelta(hours=2), NOW + timedelta(hours=4)):
        post(buyer, now=now, **pressing(**low))
        deliver(buyer, now=now)
        got.append(requests_of(buyer)[-1].held_until is not None)
        end_holds(now=now + timedelta(hours=1))
    assert got == [True, False, True, False]


def test_a_cancelled_order_frees_what_is_held_for_it(buyer) -> None:
    presses(2)
    ask(buyer, **pressing(quantity=4_000))
    uid = order_of(buyer).uid
    with acting_as(buyer.pk):
        cancel_order(organisation=buyer, by=actor(buyer), now=NOW, uid=uid)
    deliver(buyer)
    assert held() == []


def test_a_way_out_cannot_be_steered(buyer) -> None:
    presses(2)
    ask(buyer, **pressing(quantity=4_000))
    way = ways(buyer)["smaller"]
    with acting_as(buyer.pk), pytest.raises(PlanNotOpen):
        steer_plan(
            organisation=buyer, by=actor(buyer), now=NOW, uid=way.uid, wishes=Wishes(goal="cost")
        )


def test_a_buyer_cannot_hold_longer_by_itself(buyer) -> None:
    presses(2)
    request = ask(buyer, **pressing(quantity=4_000))
    longer = request.held_until + timedelta(days=1)
    with acting_as(buyer.pk), pytest.raises(Exception, match="not yours to change"):
        PlanRequest.objects.filter(pk=request.pk).update(held_until=longer)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_buyers_racing_for_the_same_hours_the_one_who_holds_them_gets_them(
    settings,
) -> None:
    suppliers = presses(1)
    buyers = [make_organisation(kinds=["buyer"], name=f"City {n}") for n in range(20)]
    settings.HOLDS_AT_ONCE = 0  # all are offered the same hours, which nobody holds yet
    for buyer in buyers:
        ask(buyer, **pressing(quantity=1_500))
    settings.HOLDS_AT_ONCE = 3
    offered = {buyer.pk: ways(buyer)["smaller"] for buyer in buyers}

    def hold(plan: Plan) -> None:
        request = PlanRequest.objects.get(pk=plan.request_id)
        if not hold_ways(request, [plan], now=WITHIN):
            raise LookupError

    raced = race([(PLATFORM_ID, partial(hold, plan)) for plan in offered.values()])
    assert raced == {"won": 1, "LookupError": 19}
    (holder,) = (one for one in buyers if requests_of(one)[-1].held_until is not None)
    last_second = WITHIN + timedelta(minutes=20) - timedelta(seconds=1)
    choices = [
        (one.pk, partial(choose_as, one.pk, offered[one.pk].uid, last_second)) for one in buyers
    ]
    assert race(choices) == {"won": 20}, "everybody may choose"
    assert end_holds(now=last_second + timedelta(hours=1)) == 0
    others = [one for one in buyers if one != holder]
    deliver(*others, *suppliers)
    deliver(holder, *suppliers)
    assert [one for one in buyers if order_of(one).state == OrderState.OFFERED] == [holder]
    assert asked_suppliers(holder) == {suppliers[0].pk}


def choose_as(buyer_id: int, uid: UUID, now: datetime) -> None:
    buyer = Organisation.objects.get(pk=buyer_id)
    choose_plan(organisation=buyer, by=actor(buyer), now=now, uid=uid)
