"""A buyer's pages: what they show, whom they refuse, and what they cost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from marketplace.models import Funding, FundingState, Order, OrderState, PlanRequest
from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import Membership, OutboxMessage
from tests.factories import NOW, OrderFactory, make_member, make_operator
from tests.markets import deliver, make_market, plans_of, post, requests_of, site_time

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site_time(settings):
    settings.SOLVE_TIME_SECONDS = 1.0
    with site_time(NOW):
        yield


@pytest.fixture
def member() -> Membership:
    return make_member(kinds=["buyer"], name="City Traffic Office", currency="CNY")


@pytest.fixture
def client(member) -> Client:
    return signed_in(member)


def signed_in(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.person)
    return client


def fields(**changes: str) -> dict[str, str]:
    values = {
        "title": "Licence plates",
        "quantity": "20,000",
        "unit": "pcs",
        "currency": "CNY",
        "earliest_start_at": f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "due_at": f"{NOW + timedelta(days=10):%Y-%m-%dT%H:%M}",
        "price_ceiling": "",
        "step-0-process": "blanking",
        "step-1-process": "embossing",
    }
    return {**values, **changes}


def text_of(answer) -> str:
    return answer.content.decode()


def test_an_order_is_posted_from_the_page_and_shows_its_band(client, member) -> None:
    make_market(3)
    assert client.get("/buyer/orders/new/").status_code == 200
    answer = client.post("/buyer/orders/new/", fields())
    assert answer.status_code == 302
    deliver(member.tenant, topics={"plan.requested"})
    page = text_of(client.get(answer.url))
    assert "Band of date and price" in page
    assert "6 machines of 3 suppliers" in page
    assert "Found at once" in page
    assert "Every machine runs at the rate that its owner states." in page
    assert "Planning" in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"quantity": "-3"}, "-3 pieces cannot be made: ask for at least 1."),
        ({"quantity": "lots"}, "Enter a whole number."),
        ({"due_at": "2020-01-01T00:00"}, "The due date is not after the earliest start"),
        ({"step-0-process": "alchemy"}, "“alchemy” is not in the catalogue"),
        ({"step-0-process": "", "step-1-process": ""}, "The order has no step"),
        ({"step-0-max_width_mm": "wide"}, "give “Greatest width” as a number"),
        ({"price_ceiling": "0"}, "A price ceiling must be more than zero"),
    ],
)
def test_a_wrong_form_comes_back_with_its_sentence_and_stores_nothing(
    client, member, changes, sentence
) -> None:
    answer = client.post("/buyer/orders/new/", fields(**changes))
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert "Licence plates" in text_of(answer)
    with acting_as(member.tenant_id):
        assert Order.objects.count() == PlanRequest.objects.count() == 0


def test_rows_of_the_routing_are_added_moved_and_taken_away_by_buttons(client) -> None:
    def codes(row: str, **changes: str) -> list[str]:
        page = text_of(
            client.post(
                "/buyer/orders/new/", fields(row=row, **changes), headers={"HX-Request": "true"}
            )
        )
        return [
            part.split('"')[0]
            for part in page.split('<option value="')
            if " selected" in part.split(">")[0]
        ]

    assert codes("up:1") == ["embossing", "blanking"]
    assert codes("down:0") == ["embossing", "blanking"]
    assert codes("remove:0") == ["embossing"]
    assert codes("template:plates") == [
        "blanking",
        "reflective-film",
        "embossing",
        "hot-stamp-pack",
    ]
    assert codes("paste", pasted="Embossing; max_width_mm=440\nblanking") == [
        "embossing",
        "blanking",
    ]
    page = text_of(client.post("/buyer/orders/new/", fields(row="add")))
    assert page.count('name="step-2-process"') == 1


def test_a_pasted_table_says_what_it_could_not_take_over_and_loses_nothing(client) -> None:
    pasted = "Process,Needs\nflying,aluminium\nblanking,unobtainium,colour=red,max_width_mm=440"
    page = text_of(
        client.post(
            "/buyer/orders/new/",
            fields(row="paste", pasted=pasted),
            headers={"HX-Request": "true"},
        )
    )
    assert "Step 1: “flying” is not in the catalogue" in page
    assert "Step 2: “unobtainium” was not taken over" in page
    assert "Step 2: Blanking has no attribute “colour”" in page
    assert '<option value="flying" selected>' in page
    assert 'value="440"' in page
    assert f">{pasted}</textarea>" in page
    answer = client.post("/buyer/orders/new/", fields(**{"step-0-process": "flying"}))
    assert answer.status_code == 422
    assert "Step 1: “flying” is not in the catalogue" in text_of(answer)
    assert '<option value="flying" selected>' in text_of(answer)


def test_the_form_asks_the_market_and_shows_who_can(client, member) -> None:
    make_market(2)
    page = text_of(client.post("/buyer/orders/market/", fields()))
    (request,) = requests_of(member.tenant)
    assert str(request.uid) in page
    assert "4 machines" not in page
    deliver(member.tenant)
    page = text_of(client.get(f"/buyer/orders/market/{request.uid}/?tries=1"))
    assert "4 machines of 2 suppliers can do this" in page
    client.post("/buyer/orders/market/", fields(quantity="5", inquiry=str(request.uid)))
    assert len(requests_of(member.tenant)) == 1
    page = text_of(client.post("/buyer/orders/market/", fields(quantity="")))
    assert "Fill in quantity" in page
    assert client.post("/buyer/orders/market/", fields(inquiry="x")).status_code == 200


def test_plans_are_compared_looked_at_and_one_is_chosen(client, member) -> None:
    suppliers = make_market(3)
    order = post(member.tenant)
    deliver(member.tenant)
    page = text_of(client.get(f"/buyer/orders/{order.uid}/plans/"))
    for word in ("Cheapest", "Fastest", "Safest", "Balanced", "proven bound"):
        assert word in page
    plan = next(p for p in plans_of(member.tenant) if p.kind == "fastest")
    page = text_of(client.get(f"/buyer/plans/{plan.uid}/"))
    assert "Choose this plan" in page
    assert "Price number" in page or "Saves transport" in page
    bars = client.get(f"/buyer/plans/{plan.uid}/gantt/")
    assert len(bars.json()["groups"]) == plan.supplier_count
    again = client.get(
        f"/buyer/plans/{plan.uid}/gantt/", headers={"If-None-Match": bars.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert client.post(f"/buyer/plans/{plan.uid}/choose/").status_code == 302
    deliver(member.tenant, *suppliers)
    page = text_of(client.get(f"/buyer/orders/{order.uid}/"))
    assert "Works 0" in page
    assert "Waiting" in page or "Offered" in page
    assert client.post(f"/buyer/plans/{plan.uid}/choose/").status_code == 409


def test_a_failed_request_says_why_on_the_page(client, member) -> None:
    make_market(1)
    order = post(member.tenant, price_ceiling_minor=500)
    deliver(member.tenant)
    page = text_of(client.get(f"/buyer/orders/{order.uid}/"))
    assert "The order costs at least" in page
    assert "more than its price ceiling of CN¥5.00" in page
    assert "Change the order" in page


def test_the_first_screen_sorts_orders_by_risk(client, member) -> None:
    assert "Post your first order" in text_of(client.get("/buyer/"))
    with acting_as(member.tenant_id):
        common = {"tenant": member.tenant, "earliest_start_at": NOW - timedelta(days=1)}
        on_time = OrderFactory.create(
            **common,
            state=OrderState.IN_PRODUCTION,
            due_at=NOW + timedelta(days=10),
            promised_at=NOW + timedelta(days=5),
        )
        late = OrderFactory.create(
            **common,
            state=OrderState.IN_PRODUCTION,
            due_at=NOW + timedelta(days=10),
            promised_at=NOW + timedelta(days=12),
        )
        confirmed = OrderFactory.create(**common, state=OrderState.CONFIRMED)
    page = text_of(client.get("/buyer/"))
    places = [page.index(one.number) for one in (late, confirmed, on_time)]
    assert places == sorted(places)
    assert "Expected after the due date" in page
    assert "your payment starts production" in page


def test_a_confirmed_order_leads_to_its_payment_until_the_transfer_is_told(client, member) -> None:
    with acting_as(member.tenant_id):
        order = OrderFactory.create(
            tenant=member.tenant, state=OrderState.CONFIRMED, cost_minor=1_234_500, currency="CNY"
        )
        funding = Funding.objects.create(
            buyer=member.tenant,
            platform_id=PLATFORM_ID,
            order_uid=order.uid,
            order_number=order.number,
            amount_minor=1_234_500,
            currency="CNY",
            payment_reference="OF-1",
            created_at=NOW,
        )
    page = text_of(client.get(f"/buyer/orders/{order.uid}/"))
    assert "CN¥12,345.00 are held for the order" in page
    assert f'href="/buyer/payments/{funding.uid}/"' in page
    with acting_as(member.tenant_id):
        Funding.objects.filter(pk=funding.pk).update(state=FundingState.PROVED, proof="B-1")
    for address in (f"/buyer/orders/{order.uid}/", "/buyer/"):
        page = text_of(client.get(address))
        assert "Your transfer is being looked for at the bank" in page
        assert "payment starts production" not in page


def test_the_list_is_searched_filtered_and_given_as_csv(client, member) -> None:
    assert "No orders yet" in text_of(client.get("/buyer/orders/"))
    with acting_as(member.tenant_id):
        OrderFactory.create(tenant=member.tenant, number="PO-1", title="=SUM(A1)")
        OrderFactory.create(tenant=member.tenant, number="PO-2", state=OrderState.CANCELLED)
    page = text_of(client.get("/buyer/orders/?state=cancelled"))
    assert "PO-2" in page
    assert "PO-1" not in page
    assert "PO-1" in text_of(client.get("/buyer/orders/?q=sum"))
    assert "No order matches" in text_of(client.get("/buyer/orders/?q=nothing"))
    sheet = client.get("/buyer/orders/?format=csv").content.decode()
    assert "'=SUM(A1)" in sheet


@pytest.mark.parametrize("path", ["/buyer/", "/buyer/orders/"])
def test_lists_cost_the_same_queries_at_1_row_and_at_20(client, member, path) -> None:
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    with acting_as(member.tenant_id):
        OrderFactory.create(tenant=member.tenant, state=OrderState.IN_PRODUCTION)
    one = cost()
    with acting_as(member.tenant_id):
        for _ in range(19):
            OrderFactory.create(tenant=member.tenant, state=OrderState.IN_PRODUCTION)
    assert cost() == one <= 14


def test_another_organisation_finds_nothing_by_any_door(client, member) -> None:
    make_market(1)
    order = post(member.tenant)
    deliver(member.tenant)
    plan, request = plans_of(member.tenant)[0], requests_of(member.tenant)[0]
    stranger = signed_in(make_member(kinds=["buyer"]))
    supplier = signed_in(make_member(kinds=["supplier"]))
    doors = [
        ("get", f"/buyer/orders/{order.uid}/"),
        ("get", f"/buyer/orders/{order.uid}/state/"),
        ("get", f"/buyer/orders/{order.uid}/edit/"),
        ("get", f"/buyer/orders/{order.uid}/plans/"),
        ("post", f"/buyer/orders/{order.uid}/cancel/"),
        ("get", f"/buyer/plans/{plan.uid}/"),
        ("get", f"/buyer/plans/{plan.uid}/gantt/"),
        ("post", f"/buyer/plans/{plan.uid}/choose/"),
        ("post", f"/buyer/plan-requests/{request.uid}/stop/"),
        ("get", f"/buyer/orders/market/{request.uid}/"),
        ("get", "/operator/matching/"),
    ]
    for who in (stranger, supplier):
        for method, path in doors:
            assert getattr(who, method)(path).status_code == 404, path
    assert stranger.post(f"/buyer/orders/{order.uid}/again/").status_code in (302, 404)
    with acting_as(member.tenant_id):
        assert Order.objects.get(pk=order.pk).state == OrderState.PLANNED


def test_a_viewer_may_look_and_not_trade(member) -> None:
    order = post(member.tenant)
    viewer = signed_in(make_member(member.tenant, role="viewer"))
    assert viewer.get(f"/buyer/orders/{order.uid}/").status_code == 200
    assert viewer.get("/buyer/orders/new/").status_code == 403
    assert viewer.post(f"/buyer/orders/{order.uid}/cancel/").status_code == 403


def test_the_operator_sees_what_was_asked_and_what_it_cost(member) -> None:
    make_market(2)
    post(member.tenant)
    deliver(member.tenant)
    operator = signed_in(make_operator())
    page = text_of(operator.get("/operator/matching/"))
    assert "Done" in page
    assert member.tenant.name in page
    assert "Licence plates" in page
    uid = requests_of(member.tenant)[0].solve_run_uid
    page = text_of(operator.get(f"/operator/matching/{uid}/"))
    assert "City Traffic Office" in page
    assert "CPU seconds" in page
    assert "Blanking → Embossing" in page


def test_messages_of_a_page_are_in_the_outbox_when_it_answers(client, member) -> None:
    client.post("/buyer/orders/new/", fields())
    with acting_as(member.tenant_id):
        topics = list(OutboxMessage.objects.of(member.tenant_id).values_list("topic", flat=True))
    assert topics == ["plan.requested"]
