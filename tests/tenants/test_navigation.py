"""Every entry of the navigation leads to a page of its seat."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.navigation import FIRST_SCREEN, SEATS, SETTINGS
from tests.factories import make_member, make_operator

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
