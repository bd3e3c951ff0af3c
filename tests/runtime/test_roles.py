"""The runtime role owns nothing and cannot step around row-level security."""

from __future__ import annotations

import pytest
from django.db import connection, connections
from django.db.utils import ProgrammingError

from config.runtime.roles import DEFINER, LOGIN_ROLES

ALIASES = {"default": "app_user", "ingest": "app_ingest", "relay": "app_relay"}
ALIASES |= {"sweep": "app_sweep", "owner": "app_owner"}

pytestmark = [
    pytest.mark.external,
    pytest.mark.django_db(databases=list(ALIASES), transaction=True),
]


def _rows(
    statement: str, parameters: list[list[str]] | None = None, alias: str = "default"
) -> list[tuple[object, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


@pytest.mark.parametrize(("alias", "role"), ALIASES.items())
def test_each_alias_connects_as_its_own_role(alias: str, role: str) -> None:
    assert _rows("select current_user, session_user", alias=alias) == [(role, role)]


def test_no_role_is_superuser_or_bypasses_row_level_security() -> None:
    rows = _rows(
        "select rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, "
        "rolreplication from pg_roles where rolname = any(%s) order by rolname",
        [[*LOGIN_ROLES, DEFINER]],
    )
    assert rows == [
        ("app_definer", False, False, False, False, False, False),
        ("app_ingest", True, False, False, False, False, False),
        ("app_owner", True, False, False, False, True, False),
        ("app_relay", True, False, False, False, False, False),
        ("app_sweep", True, False, False, False, False, False),
        ("app_user", True, False, False, False, False, False),
    ]


def test_the_runtime_roles_own_nothing() -> None:
    owners = _rows(
        "select distinct pg_get_userbyid(relowner) from pg_class "
        "where pg_get_userbyid(relowner) like 'app\\_%%'"
    )
    assert owners == [("app_owner",)]


@pytest.mark.parametrize("alias", ["default", "ingest", "relay", "sweep"])
def test_a_runtime_role_belongs_to_no_other_role(alias: str) -> None:
    assert (
        _rows(
            "select pg_get_userbyid(roleid) from pg_auth_members "
            "where member = (select oid from pg_roles where rolname = current_user)",
            alias=alias,
        )
        == []
    )


@pytest.mark.parametrize("alias", ["default", "ingest", "relay", "sweep"])
def test_a_connection_starts_as_nobody(alias: str) -> None:
    settings = "current_setting('app.tenant_id'), current_setting('app.person_id')"
    assert _rows(f"select {settings}", alias=alias) == [("0", "0")]


@pytest.mark.parametrize(
    "statement",
    [
        "create table stray (id int)",
        "set role app_owner",
        "set role app_definer",
        "set session authorization app_owner",
        "alter table django_migrations disable row level security",
        "alter role app_user bypassrls",
    ],
)
def test_the_runtime_role_is_refused_the_ways_out(statement: str) -> None:
    with (
        connection.cursor() as cursor,
        pytest.raises(ProgrammingError, match=r"permission|must be"),
    ):
        cursor.execute(statement)


def test_the_owner_hands_a_function_over_to_the_definer() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "create function seen() returns text language sql security definer "
            "as $$ select current_user::text $$"
        )
        cursor.execute("alter function seen() owner to app_definer")
    assert _rows("select seen()") == [("app_definer",)]
