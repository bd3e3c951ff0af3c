"""The drill: a factory stops, the best re-plan is shown, and nothing of the order changes."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from evidence.models import PendingEntry
from marketplace.models import Commitment, OrderState, PlanPurpose, PlanRequest
from marketplace.selectors.drills import drill_rows
from marketplace.services.choosing import PlanNotOpen
from marketplace.services.drills import NoSuchFactory, NothingToDrill, ask_drill, widen_drill
from tenants.acting import PLATFORM_ID, acting_as
from tests.factories import NOW, make_member
from tests.marketplace.test_share_limits import Town, install, slow, stuck
from tests.markets import actor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


def agreed(**asked: object) -> Town:
    """Return a town whose order is accepted by the cutter and by a slow press."""
    town = stuck(other=slow, **asked)
    town.choose(town.way("later"))
    town.deliver()
    town.answer(town.other, accepts=True)
    assert town.order().state == OrderState.CONFIRMED
    return town


def ask(town: Town, firm) -> PlanRequest:
    order_uid = town.order().uid
    with acting_as(town.buyer.pk):
        return ask_drill(
            organisation=town.buyer,
            by=actor(town.buyer),
            now=NOW,
            order_uid=order_uid,
            supplier_uid=firm.uid,
        )


def row_of(town: Town, firm):
    order_uid = town.order().uid
    with acting_as(town.buyer.pk):
        rows = drill_rows(buyer_id=town.buyer.pk, order_uid=order_uid)
    return next(row for row in rows if row.supplier == firm)


def state_of(town: Town) -> tuple[object, ...]:
    with acting_as(PLATFORM_ID):
        held = list(Commitment.objects.order_by("id").values_list("id", "state", "during"))
    with acting_as(town.buyer.pk):
        evidence = PendingEntry.objects.of(town.buyer.pk).exclude(kind__startswith="planrequest")
        kinds = list(evidence.order_by("id").values_list("kind", flat=True))
    order = town.order()
    offers = [(one.uid, one.state, one.snapshot) for one in town.offers()]
    return held, kinds, offers, order.state, order.chosen_plan_uid, order.promised_at


def test_a_drill_moves_the_work_on_paper_and_changes_nothing() -> None:
    town = agreed()
    install(town.press, ("blanking", 700), x_km=10.0)
    before = state_of(town)
    first = ask(town, town.cutter)
    assert ask(town, town.cutter).pk == first.pk, "one that is being planned answers both"
    town.deliver()
    assert state_of(town) == before
    row = row_of(town, town.cutter)
    assert row.outcome is None, "the press gave its share back before and is not asked"
    assert row.message["code"] == "no_fit"


def drills_of(town: Town) -> list[PlanRequest]:
    with acting_as(town.buyer.pk):
        return list(PlanRequest.objects.filter(purpose=PlanPurpose.DRILL).order_by("id"))


def test_where_others_can_keep_their_hours_nothing_else_moves() -> None:
    town = agreed()
    install(make_member(name="Next door").tenant, ("blanking", 6_000), x_km=1.0)
    ask(town, town.cutter)
    town.deliver()
    row = row_of(town, town.cutter)
    assert row.outcome is not None
    assert row.outcome.shifted == 0
    assert row.outcome.is_kept
    assert [one.frozen["is_widened"] for one in drills_of(town)] == [False]


def test_where_others_cannot_keep_their_hours_later_steps_and_the_date_move_too() -> None:
    town = agreed()
    install(make_member(name="Far").tenant, ("blanking", 700), x_km=100.0)
    ask(town, town.cutter)
    town.deliver()
    narrow, wide = drills_of(town)
    assert not narrow.frozen["is_widened"]
    assert wide.frozen["is_widened"]
    assert len(wide.frozen["returned"]) > len(narrow.frozen["returned"])
    widen_drill(buyer_id=town.buyer.pk, request_uid=narrow.uid, now=NOW)
    widen_drill(buyer_id=town.buyer.pk, request_uid=wide.uid, now=NOW)
    assert len(drills_of(town)) == 2, "it is widened once"
    row = row_of(town, town.cutter)
    assert row.request == wide
    assert row.outcome is not None
    assert row.outcome.left_out == 0
    assert row.outcome.shifted > 0
    assert row.outcome.after_at > row.outcome.before_at == town.order().promised_at


def test_a_drill_says_dates_cost_and_recovery_and_cannot_be_chosen() -> None:
    town = agreed()
    helper = make_member(name="Third").tenant
    install(helper, ("blanking", 700), x_km=10.0, price=9_000)
    before = state_of(town)
    ask(town, town.cutter)
    town.deliver()
    assert state_of(town) == before
    row = row_of(town, town.cutter)
    assert row.outcome is not None
    assert row.plan is not None
    assert row.outcome.lots > 0
    assert row.outcome.minutes > 0
    assert row.outcome.recovery.total_seconds() > 0
    assert row.outcome.before_at == town.order().promised_at
    assert row.outcome.after_at == row.plan.completes_at
    assert row.outcome.cost_difference_minor == row.plan.cost_minor - town.order().cost_minor
    assert row.outcome.earliest_at <= row.outcome.after_at
    with pytest.raises(PlanNotOpen):
        town.choose(row.plan)
    assert state_of(town) == before


def test_where_nobody_else_can_do_it_the_drill_says_which_step() -> None:
    town = agreed()
    ask(town, town.cutter)
    town.deliver()
    row = row_of(town, town.cutter)
    assert row.outcome is None
    assert row.message["values"]["step"] == 1


def test_a_factory_without_a_share_and_an_unanswered_order_are_refused() -> None:
    town = stuck(other=slow)
    with pytest.raises(NothingToDrill):
        ask(town, town.cutter)
    order_uid = town.order().uid
    with acting_as(town.buyer.pk), pytest.raises(NoSuchFactory):
        ask_drill(
            organisation=town.buyer,
            by=actor(town.buyer),
            now=NOW,
            order_uid=order_uid,
            supplier_uid=uuid4(),
        )


def test_a_buyer_tries_it_on_the_orders_page() -> None:
    member = make_member(kinds=["buyer"], name="City")
    town = agreed(buyer=member.tenant)
    client, order = Client(), town.order()
    client.force_login(member.person)
    assert b"drills/" in client.get(f"/buyer/orders/{order.uid}/").content
    asked = client.post(f"/buyer/orders/{order.uid}/drill/", {"supplier": str(town.cutter.uid)})
    assert asked.status_code == 302
    assert client.post(f"/buyer/orders/{order.uid}/drill/", {"supplier": "x"}).status_code == 404
    there = {"supplier": str(town.cutter.uid)}
    again = client.post(f"/buyer/orders/{order.uid}/drill/", there, headers={"HX-Request": "true"})
    assert again.status_code == 200
    assert 'id="order-drills"' in again.content.decode(), "the reader stays in place"
    town.deliver()
    page = client.get(f"/buyer/orders/{order.uid}/drills/").content.decode()
    assert "No place" in page
    assert "Not tried yet" in page
    with acting_as(town.buyer.pk):
        assert PlanRequest.objects.filter(purpose=PlanPurpose.DRILL).count() == 1
