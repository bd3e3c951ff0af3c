"""The steering panel on a plan's page, the split under way, its answer, undo and redo."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from marketplace.models import Plan, PlanRequestState
from marketplace.selectors.steering import places_of_plan
from tenants.acting import acting_as
from tests.factories import NOW, make_member, make_organisation
from tests.marketplace.test_order_pages import signed_in, text_of
from tests.markets import deliver, list_machine, make_market, plans_of, post, requests_of, site_time

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site_time(settings):
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


@pytest.fixture
def member():
    return make_member(kinds=["buyer"], name="City Traffic Office", currency="CNY")


@pytest.fixture
def client(member) -> Client:
    return signed_in(member)


@pytest.fixture
def plan(member) -> Plan:
    make_market(3)
    post(member.tenant)
    deliver(member.tenant)
    return next(one for one in plans_of(member.tenant) if one.kind == "fastest")


def test_a_split_is_typed_planned_compared_undone_and_redone(client, member, plan) -> None:
    page = text_of(client.get(f"/buyer/plans/{plan.uid}/"))
    first, second, _ = places_of_plan(plan)
    field = f'name="p.2.{first.uid}" min="0" max="20000" value="{first.pieces(2)}"'
    assert field in page
    body = {
        f"p.2.{first.uid}": str(first.pieces(2) + 3_000),
        f"p.2.{second.uid}": str(second.pieces(2)),
    }
    answer = client.post(f"/buyer/plans/{plan.uid}/steer/", body)
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"/buyer/plans/{plan.uid}/#steering",
    )
    page = text_of(client.get(f"/buyer/plans/{plan.uid}/"))
    assert "Planning your split" in page
    assert "Plan this split" not in page
    assert client.post(f"/buyer/plans/{plan.uid}/steer/", body).status_code == 409
    deliver(member.tenant)
    answer = client.get(f"/buyer/plans/{plan.uid}/steering/")
    steered = plans_of(member.tenant)[-1]
    assert answer.headers["HX-Redirect"] == f"/buyer/plans/{steered.uid}/"
    page = text_of(client.get(f"/buyer/plans/{steered.uid}/"))
    for words in ("Steered 1", "Before and after your split", "Undo: back to Fastest"):
        assert words in page
    assert f"{first.pieces(2) + 3_000:,}" in page
    change = places_of_plan(steered)[0].pieces(2) - first.pieces(2)
    assert f"+{change:,}" in page
    assert "Redo: on to Steered 1" in text_of(client.get(f"/buyer/plans/{plan.uid}/"))
    page = text_of(client.get(f"/buyer/orders/{plan.order_uid}/plans/"))
    assert "Steered 1" in page
    assert client.post(f"/buyer/plans/{steered.uid}/choose/").status_code == 302


def test_pieces_are_moved_by_naming_two_factories(client, member, plan) -> None:
    first, second, _ = places_of_plan(plan)
    url = f"/buyer/plans/{plan.uid}/steer/"
    body = {
        "move_pieces": "2000",
        "move_from": f"1.{first.uid}",
        "move_to": f"1.{second.uid}",
        "keep": [],
    }
    wrong = client.post(url, {**body, "move_to": f"2.{second.uid}"})
    assert wrong.status_code == 422
    assert "Pieces move within one step" in text_of(wrong)
    assert client.post(url, body).status_code == 302
    (asked,) = [one for one in requests_of(member.tenant) if one.base_plan_uid]
    assert asked.steering["pieces"] == [
        {"step": 1, "place": first.uid, "pieces": first.pieces(1) - 2_000},
        {"step": 1, "place": second.uid, "pieces": second.pieces(1) + 2_000},
    ]


def test_a_refused_split_comes_back_as_typed_and_nothing_is_asked(client, member, plan) -> None:
    first, second, _ = places_of_plan(plan)
    body = {
        f"p.1.{first.uid}": "15000",
        f"p.1.{second.uid}": "15000",
        "drop": [second.uid],
        "goal": "cost",
    }
    answer = client.post(f"/buyer/plans/{plan.uid}/steer/", body)
    page = text_of(answer)
    assert answer.status_code == 422
    assert "the pieces you fix add up to 30,000, and the order has 20,000" in page
    assert re.search(rf'name="p.1.{first.uid}"[^>]*value="15000"', page)
    assert re.search(rf'name="drop" value="{second.uid}" checked', page)
    assert '<option value="cost" selected>' in page
    answer = client.post(f"/buyer/plans/{plan.uid}/steer/", {f"p.1.{first.uid}": "1.5"})
    assert "whole numbers" in text_of(answer)
    assert not [one for one in requests_of(member.tenant) if one.base_plan_uid]


def test_a_split_that_no_plan_keeps_is_named_on_the_page_with_what_was_asked(
    client, member
) -> None:
    small = make_organisation(name="Works small")
    list_machine(small, 700, ("embossing", 400), days=1)
    make_market(2)
    post(member.tenant)
    deliver(member.tenant)
    plan = next(one for one in plans_of(member.tenant) if one.kind == "fastest")
    place = next(one for one in places_of_plan(plan) if one.supplier == "Works small")
    client.post(f"/buyer/plans/{plan.uid}/steer/", {f"p.2.{place.uid}": "12000"})
    deliver(member.tenant)
    page = text_of(client.get(f"/buyer/plans/{plan.uid}/steering/"))
    assert "Works small does not have the idle time for the 12,000 pieces" in page
    assert re.search(rf'name="p.2.{place.uid}"[^>]*value="12000"', page)


def test_the_panel_costs_the_same_queries_whatever_the_number_of_factories(
    client, member, plan
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert client.get(f"/buyer/plans/{plan.uid}/").status_code == 200
        return len(made)

    before = queries()
    with acting_as(member.tenant_id):
        places = plan.reasons["places"]
    assert before == queries() <= 24
    assert len(places) == 3


def test_stopping_a_split_leads_back_to_its_plan(client, member, plan) -> None:
    first = places_of_plan(plan)[0]
    client.post(f"/buyer/plans/{plan.uid}/steer/", {"keep": [first.uid]})
    asked = requests_of(member.tenant)[-1]
    assert asked.state == PlanRequestState.REQUESTED
    answer = client.post(f"/buyer/plan-requests/{asked.uid}/stop/")
    assert answer.headers["Location"] == f"/buyer/plans/{plan.uid}/"
    assert "the best plan so far is being made ready" in text_of(
        client.get(f"/buyer/plans/{plan.uid}/")
    )
