"""Every entry of the navigation leads to a page of its seat."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from devices.models import Site
from marketplace.navigation import FIRST_SCREEN, SEATS, SETTINGS, navigation
from tenants.acting import acting_as
from tests.factories import (
    CapacityWindowFactory,
    MachineFactory,
    make_member,
    make_operator,
)

ENTRIES = [
    (seat, item.url_name)
    for seat, groups in SEATS.items()
    for group in (*groups, SETTINGS)
    for item in group.items
]


@pytest.mark.parametrize(("seat", "url_name"), ENTRIES)
@pytest.mark.django_db
def test_every_entry_opens_in_a_new_organisation(seat: str, url_name: str) -> None:
    membership = make_operator() if seat == "operator" else make_member(kinds=[seat])
    client = Client()
    client.force_login(membership.person)

    assert client.get(reverse(url_name)).status_code == 200


@pytest.mark.parametrize("seat", SEATS)
def test_the_first_screen_stands_in_the_navigation(seat: str) -> None:
    assert (seat, FIRST_SCREEN[seat]) in ENTRIES


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/supplier/", "/supplier/"),
        ("/supplier/sites/new/", "/supplier/machines/"),
        ("/supplier/machines/import/", "/supplier/machines/"),
        ("/supplier/consents/", "/supplier/credit/"),
        ("/account/", ""),
    ],
)
@pytest.mark.django_db
def test_a_page_marks_the_one_entry_that_it_belongs_to(path: str, current: str) -> None:
    entries = [
        entry
        for group in navigation(make_member(kinds=["supplier", "buyer"]), path)
        for entry in group["items"]
    ]
    assert [entry["url"] for entry in entries if entry["current"]] == ([current] if current else [])


@pytest.mark.django_db
def test_a_new_supplier_is_led_from_step_to_step() -> None:
    membership = make_member(kinds=["supplier"])
    client = Client()
    client.force_login(membership.person)

    def first_screen() -> str:
        return client.get("/supplier/").content.decode()

    assert "Three steps to your first order" in first_screen()
    assert client.get("/supplier/machines/new/").url == "/supplier/sites/new/"
    saved = client.post(
        "/supplier/sites/new/",
        {
            "name": "Plant 1",
            "time_zone": "Asia/Shanghai",
            "shifts-TOTAL_FORMS": "0",
            "shifts-INITIAL_FORMS": "0",
        },
    )
    assert saved.url == "/supplier/machines/new/"
    with acting_as(membership.tenant_id):
        machine = MachineFactory.create(site=Site.objects.get(), tenant=membership.tenant)
    assert "Three steps to your first order" in first_screen()
    with acting_as(membership.tenant_id):
        CapacityWindowFactory.create(machine=machine, tenant=membership.tenant)
    assert "Three steps to your first order" not in first_screen()
