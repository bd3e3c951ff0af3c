"""Choosing plans at the same moment, on real connections."""

from __future__ import annotations

from functools import partial

import pytest

from marketplace.core.plan_json import PlanDocument
from marketplace.models import Commitment, Offer, Plan, PlanState
from marketplace.services.choosing import _claim, choose_plan
from tenants.acting import PLATFORM_ID, acting_as
from tests.factories import NOW, make_organisation
from tests.marketplace.races import race
from tests.markets import actor, deliver, make_market, plans_of, post

pytestmark = pytest.mark.django_db(transaction=True)
CITIES = 8


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


def choice(buyer, plan: Plan):
    return (
        buyer.pk,
        partial(choose_plan, organisation=buyer, by=actor(buyer), now=NOW, uid=plan.uid),
    )


def test_of_many_choices_for_one_order_one_wins() -> None:
    buyer = make_organisation(kinds=["buyer"])
    make_market(2)
    post(buyer)
    deliver(buyer)
    plans = plans_of(buyer)
    outcomes = race([choice(buyer, plan) for plan in plans * 3])
    assert outcomes == {"won": 1, "PlanNotOpen": len(plans) * 3 - 1}
    assert [p.state for p in plans_of(buyer)].count(PlanState.CHOSEN) == 1


def test_of_many_orders_for_the_same_hours_one_claims_them() -> None:
    suppliers = make_market(1)
    buyers = [make_organisation(kinds=["buyer"]) for _ in range(CITIES)]
    chosen = []
    for buyer in buyers:
        post(buyer)
        deliver(buyer)
    for buyer in buyers:
        plan = min(plans_of(buyer), key=lambda one: one.completes_at)
        with acting_as(buyer.pk):
            choose_plan(organisation=buyer, by=actor(buyer), now=NOW, uid=plan.uid)
        chosen.append(plan)

    def claim(plan: Plan) -> None:
        if not _claim(Plan.objects.select_related("request").get(pk=plan.pk), NOW):
            raise LookupError

    outcomes = race([(PLATFORM_ID, partial(claim, plan)) for plan in chosen])
    assert outcomes == {"won": 1, "LookupError": CITIES - 1}
    deliver(*buyers, *suppliers)
    with acting_as(PLATFORM_ID):
        held = Commitment.objects.of(PLATFORM_ID).filter(state="offered")
        assert len({one.order_uid for one in held}) == 1
    asked = 0
    for buyer, plan in zip(buyers, chosen, strict=True):
        with acting_as(buyer.pk):
            offers = Offer.objects.of_buyer(buyer.pk).count()
            asked += offers > 0
            assert offers in (0, len(PlanDocument.from_json(plan.schedule).suppliers))
    assert asked == 1
