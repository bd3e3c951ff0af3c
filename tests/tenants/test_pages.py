"""Signing up, founding, inviting, keys: through the pages, as a person does."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tenants.acting import acting_as
from tenants.models import ApiKey, Invitation, Membership, Person
from tests.factories import PASSWORD, make_member, make_organisation

pytestmark = pytest.mark.django_db


def signed_in(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.person)
    return client


def sign_up(client: Client, email: str = "li@example.com", **query: str):
    return client.post(
        "/sign-up/", {"name": "Li Wei", "email": email, "password": PASSWORD, **query}
    )


def test_a_newcomer_signs_up_and_founds_an_organisation() -> None:
    client = Client()
    assert sign_up(client).url == "/organisations/new/"
    answer = client.post(
        "/organisations/new/",
        {
            "kinds": ["supplier", "buyer"],
            "name": "Suzhou Precision",
            "city": "Suzhou",
            "time_zone": "Asia/Shanghai",
            "currency": "CNY",
        },
    )
    assert answer.url == "/home/"
    page = client.get("/settings/members/")
    assert page.status_code == 200
    assert "Suzhou Precision" in page.content.decode()
    person = Person.objects.get(email="li@example.com")
    with acting_as(0, person_id=person.pk):
        assert Membership.objects.get().role == "owner"


def test_an_address_signs_up_once_whatever_its_case() -> None:
    assert sign_up(Client()).status_code == 302
    answer = sign_up(Client(), email="LI@Example.com")
    assert answer.status_code == 422
    assert "has an account already" in answer.content.decode()


@pytest.mark.parametrize("password", ["short", "password123", "1234567890"])
def test_a_weak_password_is_refused_with_a_sentence(password: str) -> None:
    answer = Client().post(
        "/sign-up/", {"name": "Li", "email": "li@example.com", "password": password}
    )
    assert answer.status_code == 422
    assert not Person.objects.filter(email="li@example.com").exists()


def test_signing_in_follows_only_a_safe_next() -> None:
    sign_up(Client())
    answer = Client().post(
        "/sign-in/",
        {"email": "Li@example.com", "password": PASSWORD, "next": "https://elsewhere.example/"},
    )
    assert answer.url == "/home/" or answer.url == "home"


def test_an_invited_person_joins_once() -> None:
    owner = make_member()
    page = signed_in(owner).post(
        "/settings/members/invite/", {"email": "Wang@example.com", "role": "manager"}
    )
    link = re.search(r"/invitations/[\w-]+/", page.content.decode())
    assert link is not None
    guest = Client()
    sign_up(guest, email="wang@example.com")
    assert guest.post(link[0]).status_code == 302
    assert guest.get("/settings/members/").status_code == 200
    assert guest.post(link[0]).status_code == 404
    with acting_as(owner.tenant_id):
        assert Membership.objects.of(owner.tenant_id).filter(role="manager").count() == 1


def test_an_invitation_works_for_its_address_only() -> None:
    owner = make_member()
    page = signed_in(owner).post(
        "/settings/members/invite/", {"email": "wang@example.com", "role": "owner"}
    )
    link = re.search(r"/invitations/[\w-]+/", page.content.decode())
    thief = Client()
    sign_up(thief, email="thief@example.com")
    assert thief.post(link[0]).status_code == 404
    with acting_as(owner.tenant_id):
        assert Invitation.objects.of(owner.tenant_id).get().accepted_at is None


def test_a_manager_cannot_invite() -> None:
    manager = make_member(role="manager")
    answer = signed_in(manager).post(
        "/settings/members/invite/", {"email": "a@example.com", "role": "owner"}
    )
    assert answer.status_code == 403
    with acting_as(manager.tenant_id):
        assert not Invitation.objects.of(manager.tenant_id).exists()


def test_the_last_owner_stays() -> None:
    owner = make_member()
    answer = signed_in(owner).post(
        f"/settings/members/{owner.uid}/", {"role": "viewer", "is_active": "on"}
    )
    assert answer.status_code == 409
    with acting_as(owner.tenant_id):
        assert Membership.objects.of(owner.tenant_id).get().role == "owner"


def test_a_person_of_two_organisations_switches() -> None:
    first = make_member(name="Alpha")
    second = make_organisation(name="Beta")
    with acting_as(second.pk):
        membership = Membership.objects.create(tenant=second, person=first.person, role="viewer")
    client = signed_in(first)
    assert client.post("/switch/", {"membership": membership.pk}).status_code == 302
    assert client.session["organisation_id"] == second.pk
    stranger = make_member()
    client.post("/switch/", {"membership": stranger.pk})
    assert client.session["organisation_id"] == second.pk


def invited(owner: Membership, email: str, role: str = "manager") -> str:
    """Invite an address by the page; returns the link's path."""
    page = signed_in(owner).post("/settings/members/invite/", {"email": email, "role": role})
    link = re.search(r"/invitations/[\w-]+/", page.content.decode())
    assert link is not None
    return link[0]


def member_of_two() -> tuple[Client, Membership, Membership]:
    """Return a person's browser, which checks form tokens, and both memberships."""
    first = make_member(name="Alpha")
    other = make_member(name="Beta", person=first.person)
    client = Client(enforce_csrf_checks=True)
    client.force_login(first.person)
    return client, first, other


def token_of(client: Client) -> str:
    page = client.get("/settings/members/").content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found is not None
    return found[1]


def invite_with(client: Client, token: str) -> int:
    form = {"email": "guest@example.com", "role": "viewer", "csrfmiddlewaretoken": token}
    return client.post("/settings/members/invite/", form).status_code


def invitations_of(*memberships: Membership) -> list[int]:
    counts = []
    for membership in memberships:
        with acting_as(membership.tenant_id):
            counts.append(Invitation.objects.of(membership.tenant_id).count())
    return counts


def test_a_page_made_for_one_organisation_does_nothing_for_another() -> None:
    client, first, second = member_of_two()
    stale = token_of(client)
    switch = {"membership": second.pk, "csrfmiddlewaretoken": stale}
    assert client.post("/switch/", switch).status_code == 302
    assert invite_with(client, stale) == 403
    assert invitations_of(first, second) == [0, 0]
    assert invite_with(client, token_of(client)) == 200
    assert invitations_of(first, second) == [0, 1]


def test_after_a_removal_an_open_page_does_nothing_for_the_next_organisation() -> None:
    client, first, second = member_of_two()
    client.post("/switch/", {"membership": second.pk, "csrfmiddlewaretoken": token_of(client)})
    stale = token_of(client)
    with acting_as(second.tenant_id):
        Membership.objects.filter(pk=second.pk).update(is_active=False)
    assert invite_with(client, stale) == 409
    assert invite_with(client, stale) == 403
    assert invitations_of(first, second) == [0, 0]
    assert invite_with(client, token_of(client)) == 200


def test_an_invitation_does_not_survive_the_removal_of_whom_it_names() -> None:
    owner = make_member()
    guest = make_member(owner.tenant, role="viewer")
    change, active = f"/settings/members/{guest.uid}/", {"role": "viewer", "is_active": "on"}
    signed_in(owner).post(change, {"role": "viewer"})
    link = invited(owner, guest.person.email, "owner")
    signed_in(owner).post(change, active)
    signed_in(owner).post(change, {"role": "viewer"})
    assert signed_in(guest).post(link).status_code == 404
    with acting_as(owner.tenant_id):
        assert not Membership.objects.get(pk=guest.pk).is_active


def test_the_last_owner_does_not_lose_the_role_to_an_old_invitation() -> None:
    owner = make_member()
    heir = make_member(owner.tenant, role="owner")
    change = f"/settings/members/{heir.uid}/"
    signed_in(owner).post(change, {"role": "owner"})
    link = invited(owner, heir.person.email, "viewer")
    signed_in(owner).post(change, {"role": "owner", "is_active": "on"})
    signed_in(heir).post(f"/settings/members/{owner.uid}/", {"role": "owner"})
    assert signed_in(heir).post(link).status_code == 404
    with acting_as(owner.tenant_id):
        assert Membership.objects.get(pk=heir.pk).role == "owner"


def test_a_key_is_shown_once_and_ends_at_once() -> None:
    owner = make_member()
    client = signed_in(owner)
    page = client.post("/settings/keys/", {"name": "ERP", "scopes": ["read", "orders"]})
    text = re.search(r"of_[0-9a-f]{12}_[\w-]+", page.content.decode())
    assert text is not None
    assert text[0] not in client.get("/settings/keys/").content.decode()
    headers = {"authorization": f"Bearer {text[0]}"}
    assert Client().get("/api/v1/", headers=headers).status_code == 200
    with acting_as(owner.tenant_id):
        uid = ApiKey.objects.of(owner.tenant_id).get().uid
    assert client.post(f"/settings/keys/{uid}/revoke/").status_code == 302
    assert Client().get("/api/v1/", headers=headers).status_code == 401


def test_the_language_stays_with_the_person_and_the_page() -> None:
    owner = make_member()
    client = signed_in(owner)
    answer = client.post("/language/", {"language": "zh-hans", "next": "/settings/members/"})
    assert answer.url == "/settings/members/"
    assert ' lang="zh-Hans"' in client.get("/settings/members/").content.decode()


def test_the_members_page_costs_the_same_at_twenty(django_assert_max_num_queries) -> None:
    owner = make_member()
    for _ in range(20):
        make_member(owner.tenant, role="viewer")
    client = signed_in(owner)
    with django_assert_max_num_queries(12):
        assert client.get("/settings/members/").status_code == 200


@pytest.mark.parametrize("page", ["/settings/audit/?q=", "/language/?next=", "/?"])
def test_a_zero_byte_in_a_query_is_refused_before_anything_looks_for_it(page: str) -> None:
    answer = signed_in(make_member()).get(f"{page}%00")
    assert answer.status_code == 400
