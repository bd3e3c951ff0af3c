"""Live pages: one socket, numbers written in place, "changed" re-fetches the region."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connections
from playwright.sync_api import Page, WebSocketRoute, expect

from tenants.live import announce, announce_numbers
from tenants.models import Person
from tests.factories import make_member

pytestmark = pytest.mark.django_db(transaction=True)


def in_a_thread(send: Callable[[], None]) -> None:
    """Send from another thread: this one holds Playwright's event loop."""

    def send_and_close() -> None:
        send()
        connections.close_all()

    thread = threading.Thread(target=send_and_close)
    thread.start()
    thread.join(timeout=5)


@pytest.fixture
def operations(clean: Page, site: str, sign_in: Callable[[Person], None]) -> tuple[Page, int]:
    """Open the sample operations page as a member; return it and the organisation's id."""
    member = make_member()
    sign_in(member.person)
    clean.goto(f"{site}/styleguide/operations/")
    expect(clean.locator("[data-live-badge]")).to_have_text("Live")
    return clean, member.tenant_id


def test_a_changed_signal_fetches_the_region_again(operations: tuple[Page, int]) -> None:
    page, tenant_id = operations
    with page.expect_response("**/styleguide/operations/") as fetched:
        in_a_thread(lambda: announce(tenant_ids=(tenant_id,), key="fleet"))
    assert fetched.value.request.headers["hx-request"] == "true"


def test_numbers_and_states_are_written_in_place(operations: tuple[Page, int]) -> None:
    page, tenant_id = operations
    numbers = {"oee": 72.5}
    in_a_thread(lambda: announce_numbers(tenant_id=tenant_id, key="fleet", values=numbers))
    state = {"state": "down"}
    in_a_thread(lambda: announce_numbers(tenant_id=tenant_id, key="machine:1", values=state))
    expect(page.locator('[data-live="fleet.oee"]')).to_have_text("72.5")
    pill = page.locator('[data-live-state="machine:1"]')
    expect(pill).to_have_class("pill tone-bad")
    expect(pill).to_have_text("Down")


def test_another_organisations_signals_do_not_arrive(operations: tuple[Page, int]) -> None:
    page, tenant_id = operations
    other = make_member().tenant_id
    foreign, own = {"oee": 1.0}, {"oee": 2.0}
    in_a_thread(lambda: announce_numbers(tenant_id=other, key="fleet", values=foreign))
    page.wait_for_timeout(700)
    expect(page.locator('[data-live="fleet.oee"]')).to_have_text("71.4")
    in_a_thread(lambda: announce_numbers(tenant_id=tenant_id, key="fleet", values=own))
    expect(page.locator('[data-live="fleet.oee"]')).to_have_text("2")


def test_a_lost_socket_is_told(clean: Page, site: str, sign_in: Callable[[Person], None]) -> None:
    sign_in(make_member().person)
    clean.route_web_socket("**/ws/live/", lambda socket: socket.close())
    clean.goto(f"{site}/styleguide/operations/")
    expect(clean.locator("[data-live-badge]")).to_contain_text("Reconnecting")
    expect(clean.locator("[data-live-badge]")).to_contain_text("Stale since", timeout=15_000)


def test_what_changed_before_the_page_listened_comes_at_once(
    clean: Page, site: str, sign_in: Callable[[Person], None]
) -> None:
    member = make_member()
    sign_in(member.person)

    def change_then_connect(socket: WebSocketRoute) -> None:
        in_a_thread(lambda: announce(tenant_ids=(member.tenant_id,), key="fleet"))
        socket.connect_to_server()

    clean.route_web_socket("**/ws/live/", change_then_connect)
    with clean.expect_response(
        lambda response: response.request.headers.get("hx-request") == "true"
    ) as fetched:
        clean.goto(f"{site}/styleguide/operations/")
    assert fetched.value.ok
