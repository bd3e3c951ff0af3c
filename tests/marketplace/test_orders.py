"""An order is written, posted and cancelled; what is wrong with it is said in sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketplace.core.asked import AskedStep
from marketplace.core.band import Band
from marketplace.models import Order, OrderState, OrderStep, PlanRequest, PlanRequestState
from marketplace.selectors.operator_desk import queues
from marketplace.services.matching import answer_request
from marketplace.services.orders import (
    InvalidOrder,
    OrderFixed,
    OrderGone,
    cancel_order,
    post_order,
    save_draft,
)
from marketplace.services.planning import ask_market
from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import AuditEntry
from tests.factories import NOW, make_organisation
from tests.markets import (
    actor,
    asked,
    deliver,
    list_machine,
    make_market,
    post,
    requests_of,
)

pytestmark = pytest.mark.django_db
FIRST = {"plan.requested"}


@pytest.fixture
def buyer():
    return make_organisation(kinds=["buyer"], name="City Traffic Office")


def test_a_posted_order_gets_its_number_its_steps_and_a_request(buyer) -> None:
    order = post(buyer)
    assert (order.number, order.state) == ("PO-00001", OrderState.POSTED)
    with acting_as(buyer.pk):
        steps = OrderStep.objects.of(buyer.pk).order_by("position")
        assert [(s.position, s.process.code) for s in steps] == [(1, "blanking"), (2, "embossing")]
        assert list(
            AuditEntry.objects.of(buyer.pk).order_by("id").values_list("action", flat=True)
        ) == ["order.draft", "order.draft>posted"]
    assert [r.state for r in requests_of(buyer)] == [PlanRequestState.REQUESTED]
    assert post(buyer).number == "PO-00002"


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"quantity": 0}, "quantity", "0 pieces cannot be made: ask for at least 1."),
        ({"quantity": -5}, "quantity", "-5 pieces cannot be made: ask for at least 1."),
        (
            {"quantity": 10**9 + 1},
            "quantity",
            "1,000,000,001 pieces are more than one order may hold: ask for at most "
            "1,000,000,000, or post several orders.",
        ),
        (
            {"due_at": NOW - timedelta(hours=1), "earliest_start_at": NOW - timedelta(days=2)},
            "due_at",
            "is past: give a later one.",
        ),
        (
            {"due_at": NOW, "earliest_start_at": NOW + timedelta(days=1)},
            "due_at",
            "The due date is not after the earliest start: move one of them.",
        ),
        ({"steps": ()}, "steps", "The order has no step: add at least one process"),
        (
            {"steps": (AskedStep(process="alchemy"),)},
            "steps",
            "Step 1: “alchemy” is not in the catalogue: choose a process from the list.",
        ),
        (
            {"steps": (AskedStep(process="blanking", requirements={"colour": "red"}),)},
            "steps",
            "Step 1: Blanking has no attribute “colour”: take it away.",
        ),
        (
            {"steps": (AskedStep(process="blanking", requirements={"max_width_mm": "wide"}),)},
            "steps",
            "Step 1: give “Greatest width” as a number.",
        ),
        ({"price_ceiling_minor": 0}, "price_ceiling", "A price ceiling must be more than zero"),
        ({"price_ceiling_minor": -1}, "price_ceiling", "A price ceiling must be more than zero"),
        ({"lot_size": 0}, "lot_size", "Give a lot size from 1 to 1,000,000,000"),
        ({"currency": "yuan"}, "currency", "“yuan” is not a currency"),
        ({"title": "  "}, "title", "Give the order a title"),
        ({"title": "\u200b\u202e "}, "title", "Give the order a title"),
        ({"due_at": datetime.max.replace(tzinfo=UTC)}, "due_at", "more than ten years away"),
        (
            {"earliest_start_at": datetime.min.replace(tzinfo=UTC)},
            "earliest_start_at",
            "more than ten years away",
        ),
    ],
)
def test_a_wrong_order_is_refused_with_a_sentence_and_leaves_nothing(
    buyer, changes, field, sentence
) -> None:
    with pytest.raises(InvalidOrder) as refusal:
        post(buyer, **changes)
    assert sentence in " ".join(refusal.value.errors[field])
    with acting_as(buyer.pk):
        assert Order.objects.of(buyer.pk).count() == 0
        assert PlanRequest.objects.count() == 0
        assert AuditEntry.objects.of(buyer.pk).count() == 0


def test_a_draft_may_lack_steps_and_is_posted_later(buyer) -> None:
    with acting_as(buyer.pk):
        draft = save_draft(
            organisation=buyer, by=actor(buyer), now=NOW, asked=asked(steps=(), quantity=7)
        )
        order = post_order(
            organisation=buyer, by=actor(buyer), now=NOW, asked=asked(quantity=8), uid=draft.uid
        )
        assert (order.pk, order.quantity, order.state) == (draft.pk, 8, OrderState.POSTED)
        assert Order.objects.of(buyer.pk).count() == 1


def test_another_buyers_order_does_not_exist(buyer) -> None:
    order = post(buyer)
    other = make_organisation(kinds=["buyer"])
    with acting_as(other.pk):
        with pytest.raises(OrderGone):
            cancel_order(organisation=other, by=actor(other), now=NOW, uid=order.uid)
        with pytest.raises(OrderGone):
            post_order(organisation=other, by=actor(other), now=NOW, asked=asked(), uid=order.uid)


def test_a_cancelled_order_cannot_be_posted_again(buyer) -> None:
    order = post(buyer)
    with acting_as(buyer.pk):
        ended = cancel_order(organisation=buyer, by=actor(buyer), now=NOW, uid=order.uid)
        assert (ended.state, ended.cancelled_quantity) == (OrderState.CANCELLED, 20_000)
        with pytest.raises(OrderFixed):
            post_order(organisation=buyer, by=actor(buyer), now=NOW, asked=asked(), uid=order.uid)


def test_the_band_comes_from_live_capacity(buyer) -> None:
    make_market(3)
    post(buyer)
    deliver(buyer, topics=FIRST)
    request = requests_of(buyer)[0]
    assert request.state == PlanRequestState.SOLVING, request.message
    band = Band.from_json(request.band)
    assert (band.machines, band.suppliers) == (6, 3)
    assert [(s.process, s.machines, s.suppliers) for s in band.steps] == [
        ("blanking", 3, 3),
        ("embossing", 3, 3),
    ]
    assert NOW < band.earliest_at <= band.likely_at < NOW + timedelta(days=10)
    assert 0 < band.cost_low_minor <= band.cost_high_minor
    soonest, *cheaper = band.offers
    assert band.earliest_at <= soonest.completes_at
    assert band.cost_low_minor <= soonest.cost_minor
    assert all(one.cost_minor < soonest.cost_minor for one in cheaper)


def test_without_a_capable_machine_the_nearest_miss_is_named(buyer) -> None:
    works = make_organisation(name="Small Press Co")
    list_machine(works, 5, ("blanking", 100), attributes={"max_width_mm": 300})
    list_machine(works, 6, ("blanking", 100), attributes={"max_width_mm": 480})
    post(buyer, steps=(AskedStep(process="blanking", requirements={"max_width_mm": 520}),))
    deliver(buyer, topics=FIRST)
    request = requests_of(buyer)[0]
    assert request.state == PlanRequestState.FAILED
    assert request.message["code"] == "no_fit"
    values = request.message["values"]
    assert (values["machine"], values["supplier"]) == ("M-6", "Small Press Co")
    assert values["miss"]["code"] == "miss_number"
    assert (values["miss"]["values"]["held"], values["miss"]["values"]["asked"]) == (480, 520)


def test_a_process_that_nobody_offers_is_named(buyer) -> None:
    make_market(1)
    post(buyer, steps=(AskedStep(process="cnc-milling"),))
    deliver(buyer, topics=FIRST)
    assert requests_of(buyer)[0].message == {
        "code": "no_listing",
        "values": {"step": 1, "process": "cnc-milling"},
    }


def test_too_low_a_ceiling_says_what_the_order_costs_at_least(buyer) -> None:
    make_market(2)
    post(buyer, price_ceiling_minor=1_000)
    deliver(buyer, topics=FIRST)
    message = requests_of(buyer)[0].message
    assert message["code"] == "ceiling_too_low"
    assert message["values"]["least"] > message["values"]["ceiling"] == 1_000


def test_an_inquiry_is_asked_anew_in_one_row_and_answers_the_last_question(buyer) -> None:
    make_market(2)
    with acting_as(buyer.pk):
        first = ask_market(organisation=buyer, now=NOW, asked=asked(quantity=10))
        second = ask_market(
            organisation=buyer, now=NOW, asked=asked(quantity=30_000), uid=first.uid
        )
    assert first.pk == second.pk
    deliver(buyer, topics=FIRST)
    (request,) = requests_of(buyer)
    assert request.state == PlanRequestState.REQUESTED
    assert Band.from_json(request.band).machines == 4
    with acting_as(PLATFORM_ID):
        waiting = {queue.url: queue.waiting for queue in queues()}
    assert waiting["/operator/matching/"] == 0, "an answered inquiry is no order being planned"


def test_a_request_answered_twice_is_answered_once(buyer) -> None:
    make_market(1)
    post(buyer)
    deliver(buyer, topics=FIRST)
    before = requests_of(buyer)[0]
    answer_request(buyer_id=buyer.pk, request_uid=str(before.uid), now=NOW + timedelta(hours=3))
    after = requests_of(buyer)[0]
    assert (after.state, after.band) == (before.state, before.band)
