"""Every URL × {owner, viewer, another organisation, nobody}: the status, and no side effect.

The list is made from the site's own URL table: a page that is added without saying whose it is,
or whose argument the world does not know, fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tenants.acting import acting_as
from tenants.models.keys import Scope
from tenants.services.keys import create_key
from tests.isolation.doors import (
    API_SUBJECTS,
    FOR_EVERYBODY,
    PAGE_SUBJECTS,
    PUBLISHED,
    QUERIES,
    WITHOUT_ARGUMENT,
)
from tests.isolation.world import World, build_world, digest

pytestmark = pytest.mark.django_db
VOLATILE = {"django_session", "django_migrations", "tenants_apikey", "tenants_idempotentreply"}


def doors(resolver: Any = None, prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from doors(entry, prefix + str(entry.pattern))
        else:
            yield prefix + str(entry.pattern), entry


ALL = [(route, entry) for route, entry in doors()]
PAGES = [(r, e) for r, e in ALL if not r.startswith("/api/v1/")]
API = [(r, e) for r, e in ALL if r.startswith("/api/v1/")]


def access_of(entry: URLPattern) -> Any:
    return getattr(entry.callback, "access", None)


def address(world: World, route: str, entry: URLPattern) -> str:
    """Fill a route's arguments with the uids of the first organisation's rows."""
    if "<" not in route:
        return route
    subjects = API_SUBJECTS if route.startswith("/api/") else PAGE_SUBJECTS
    assert entry.name in subjects, f"say in doors.py whose row {entry.name} ({route}) shows"
    filled = route
    for argument, word in subjects[entry.name].items():
        value = word[1:] if word.startswith("=") else world.word(word)
        filled = filled.replace(argument, value)
    assert "<" not in filled, f"{route}: an argument is missing in doors.py"
    return filled + QUERIES.get(entry.name, "")


@pytest.fixture
def world() -> World:
    return build_world()


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace "
            "and c.relkind = 'r' and has_table_privilege(c.oid, 'select') order by 1"
        )
        return [name for (name,) in cursor.fetchall() if name not in VOLATILE]


def signed_in(membership: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(membership.person)
    return client


def with_key(membership: Any, scopes: list[str]) -> Client:
    with acting_as(membership.tenant_id):
        _key, text = create_key(
            organisation=membership.tenant,
            by=membership,
            now=membership.created_at,
            name="K",
            scopes=scopes,
            expires_at=None,
        )
    return Client(raise_request_exception=False, headers={"authorization": f"Bearer {text}"})


EVERY_SCOPE = sorted(Scope.values)


def test_every_page_says_who_may_open_it() -> None:
    assert [route for route, entry in PAGES if access_of(entry) is None] == []


def test_public_pages_are_the_known_few() -> None:
    public = {e.name for _r, e in PAGES if access_of(e) == "public"}
    assert {name for name in public if not str(name).startswith("styleguide")} == {
        "healthz",
        "landing",
        "password_forgotten",
        "password_mailed",
        "password_new",
        "schema",
        "set_language",
        "sign_in",
        "sign_out",
        "sign_up",
    }


def test_nobody_gets_in_without_signing_in(world: World) -> None:
    before = digest(world.owner.tenant_id, tables())
    client = Client(raise_request_exception=False)
    odd = {}
    for route, entry in PAGES:
        if access_of(entry) == "public":
            continue
        path = address(world, route, entry)
        for answer in (client.get(path), client.post(path)):
            if answer.status_code not in (302, 405) or (
                answer.status_code == 302 and "/sign-in/" not in answer["Location"]
            ):
                odd[path] = answer.status_code
    for route, entry in API:
        path = address(world, route, entry)
        for answer in (client.get(path), client.post(path, {}, "application/json")):
            if answer.status_code not in (401, 405):
                odd[path] = answer.status_code
    assert odd == {}
    assert digest(world.owner.tenant_id, tables()) == before


def test_another_organisation_finds_no_row_by_any_door(world: World) -> None:
    page_client, api_client = signed_in(world.stranger), with_key(world.stranger, EVERY_SCOPE)
    before = digest(world.owner.tenant_id, tables())
    odd = {}
    for route, entry in ALL:
        if "<" not in route or entry.name in WITHOUT_ARGUMENT | FOR_EVERYBODY:
            continue
        path = address(world, route, entry)
        is_api = route.startswith("/api/")
        client = api_client if is_api else page_client
        answers = {"GET": client.get(path)}
        answers["POST"] = client.post(path, {}, "application/json") if is_api else client.post(path)
        for method, answer in answers.items():
            if answer.status_code not in (404, 405):
                odd[f"{method} {path} ({entry.name})"] = answer.status_code
    assert odd == {}
    assert digest(world.owner.tenant_id, tables()) == before


def test_lists_of_another_organisation_show_nothing_of_ours(world: World) -> None:
    page_client, api_client = signed_in(world.stranger), with_key(world.stranger, EVERY_SCOPE)
    ours = {str(row.uid) for word, row in world.rows.items() if word not in PUBLISHED}
    leaks = []
    for route, entry in ALL:
        if "<" in route or access_of(entry) == "public":
            continue
        answer = (api_client if route.startswith("/api/") else page_client).get(route)
        assert answer.status_code < 500, f"{route}: {answer.status_code}"
        if answer.status_code == 200 and any(uid in answer.content.decode() for uid in ours):
            leaks.append(route)
    assert leaks == []


def test_a_viewer_changes_nothing(world: World) -> None:
    page_client, api_client = signed_in(world.viewer), with_key(world.owner, ["read"])
    before = digest(world.owner.tenant_id, tables())
    odd = {}
    for route, entry in ALL:
        access = access_of(entry)
        if access in ("public", "signed_in"):
            continue
        path = address(world, route, entry)
        is_api = route.startswith("/api/")
        answer = api_client.post(path, {}, "application/json") if is_api else page_client.post(path)
        is_reading = not is_api and access is not None and access[0] == "read"
        allowed = (200, 302, 403, 404, 405, 422) if is_reading else (403, 404, 405)
        if answer.status_code not in allowed:
            odd[f"{path} ({entry.name})"] = answer.status_code
    assert odd == {}
    assert digest(world.owner.tenant_id, tables()) == before


def test_the_owner_gets_in(world: World) -> None:
    page_client, api_client = signed_in(world.owner), with_key(world.owner, EVERY_SCOPE)
    odd = {}
    for route, entry in ALL:
        access = access_of(entry)
        if isinstance(access, tuple) and access[1] == "operator":
            continue
        path = address(world, route, entry)
        answer = (api_client if route.startswith("/api/") else page_client).get(path)
        if answer.status_code not in (200, 302, 404, 405) or (
            answer.status_code == 404 and entry.name not in WITHOUT_ARGUMENT
        ):
            odd[f"{path} ({entry.name})"] = answer.status_code
    assert odd == {}
