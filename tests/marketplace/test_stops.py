"""The operator's drill: a stop is tried on every order that it touches, by its buyer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from marketplace.models import PlanPurpose, PlanRequest
from marketplace.selectors.stops import affected_orders, booked_suppliers, stop_rows
from marketplace.services.stops import ask_stop, drill_wanted
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tests.factories import NOW, make_member, make_operator
from tests.marketplace.test_drills import agreed, state_of
from tests.marketplace.test_share_limits import install
from tests.markets import site_time

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


def test_a_stop_is_tried_on_the_orders_it_touches_and_changes_nothing() -> None:
    town = agreed()
    install(make_member(name="Third").tenant, ("blanking", 700), x_km=10.0, price=9_000)
    order, before = town.order(), state_of(town)
    with acting_as(PLATFORM_ID):
        assert set(booked_suppliers(NOW)) == {town.cutter, town.other}
        assert affected_orders(town.cutter.pk, NOW) == {order.uid: town.buyer.pk}
        assert affected_orders(town.press.pk, NOW) == {}, "it gave its share back"
        assert affected_orders(town.cutter.pk, NOW + timedelta(days=30)) == {}
        assert ask_stop(supplier=town.cutter, by=Actor.system(PLATFORM_ID), now=NOW) == 1
    town.deliver()
    assert state_of(town) == before
    with acting_as(PLATFORM_ID):
        (row,) = stop_rows(town.cutter, NOW)
        (untried,) = stop_rows(town.other, NOW)
    assert row.buyer == town.buyer
    assert row.drill.outcome is not None
    assert row.drill.outcome.before_at == order.promised_at
    assert untried.drill.request is None


def test_an_order_that_has_moved_on_is_passed_over() -> None:
    town = agreed()
    drill_wanted(
        buyer_id=town.buyer.pk,
        order_uid=town.order().uid,
        supplier_uid=make_member(name="Far").tenant.uid,
        now=NOW,
    )
    with acting_as(town.buyer.pk):
        assert not PlanRequest.objects.filter(purpose=PlanPurpose.DRILL).exists()


def test_only_the_operator_sees_and_tries_a_stop() -> None:
    town = agreed()
    asked = {"supplier": str(town.cutter.uid)}
    client, stranger = Client(), Client()
    client.force_login(make_operator().person)
    stranger.force_login(make_member(kinds=["buyer"], name="Other city").person)
    assert stranger.get("/operator/stops/", asked).status_code == 404
    assert stranger.post("/operator/stops/try/", asked).status_code == 404
    with site_time(NOW):
        assert b"Choose a factory" in client.get("/operator/stops/").content
        assert b"Not tried yet" in client.get("/operator/stops/", asked).content
        assert client.get("/operator/stops/", {"supplier": "x"}).status_code == 404
        nobody = {"supplier": str(town.press.uid)}
        assert b"No order has time booked there" in client.get("/operator/stops/", nobody).content
        assert client.post("/operator/stops/try/", asked).status_code == 302
    town.deliver()
    with acting_as(town.buyer.pk):
        assert PlanRequest.objects.filter(purpose=PlanPurpose.DRILL).count() == 1
