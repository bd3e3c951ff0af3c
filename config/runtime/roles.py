"""The database roles, and the database they share.

| role | for | may |
|---|---|---|
| app_owner | migrations | own the schema, create databases (tests) |
| app_user | web, workers | what the migrations grant; owns nothing |
| app_ingest, app_relay, app_sweep | one worker each, for all tenants | its own policies only |
| app_definer | nobody: it cannot log in | own the functions that look across tenants |

No role is a superuser or may bypass row-level security. Each login role starts with
tenant and person 0, whom no row belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from config.runtime.failures import CannotRun

OWNER = "app_owner"
DEFINER = "app_definer"
LOGIN_ROLES = (OWNER, "app_user", "app_ingest", "app_relay", "app_sweep")
START_SETTINGS = ("app.tenant_id", "app.person_id")

Connection = psycopg.Connection[Any]


class UnsafeRole(CannotRun):
    """A role of ours may do what row-level security is there to prevent."""


def bootstrap_roles(
    *, superuser_url: str, passwords: Mapping[str, str], database: str = "openfloor"
) -> None:
    """Make the roles and the database, or set right what is there already.

    `superuser_url` names a role that may create roles and databases; it need not be a
    true superuser. Safe to run at every start. `passwords` holds one for each login role.

    Raises:
        UnsafeRole: one of our roles is a superuser or bypasses row-level security.
    """
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for role in LOGIN_ROLES:
            _ensure_login_role(connection, role, passwords[role])
        _ensure_definer(connection)
        _refuse_unsafe_roles(connection)
        _ensure_database(connection, database)
    with psycopg.connect(superuser_url, dbname=database, autocommit=True) as connection:
        open_schema_to_definer(connection)


def open_schema_to_definer(connection: Connection) -> None:
    """Let app_definer own functions in schema public of the connection's database.

    The owner of the database may do this too, as the tests do in theirs.
    """
    _run(connection, "grant usage, create on schema public to {role}", role=DEFINER)


def _ensure_login_role(connection: Connection, role: str, password: str) -> None:
    if not _exists(connection, "pg_roles", "rolname", role):
        _run(connection, "create role {role} login nosuperuser nobypassrls", role=role)
    # Attributes that only a true superuser may name are set at creation and checked below.
    right = sql.SQL("createdb" if role == OWNER else "nocreatedb")
    connection.execute(
        sql.SQL("alter role {} with login nocreaterole {} password {}").format(
            sql.Identifier(role), right, sql.Literal(password)
        )
    )
    for setting in START_SETTINGS:
        connection.execute(
            sql.SQL("alter role {} set {} = '0'").format(
                sql.Identifier(role), sql.Identifier(*setting.split("."))
            )
        )


def _ensure_definer(connection: Connection) -> None:
    if not _exists(connection, "pg_roles", "rolname", DEFINER):
        _run(connection, "create role {role} nologin nosuperuser nobypassrls", role=DEFINER)
    # Migrations run as the owner and hand functions over to the definer.
    _run(connection, "grant {role} to {owner}", role=DEFINER, owner=OWNER)


def _refuse_unsafe_roles(connection: Connection) -> None:
    rows = connection.execute(
        "select rolname from pg_roles where rolname = any(%s) and (rolsuper or rolbypassrls)",
        [[*LOGIN_ROLES, DEFINER]],
    ).fetchall()
    if rows:
        names = ", ".join(row[0] for row in rows)
        raise UnsafeRole(
            f"{names} must be neither superuser nor BYPASSRLS: no tenant would be safe. "
            "Run ALTER ROLE … NOSUPERUSER NOBYPASSRLS as a superuser."
        )


def _ensure_database(connection: Connection, database: str) -> None:
    if not _exists(connection, "pg_database", "datname", database):
        row = connection.execute("select rolsuper from pg_roles where rolname = current_user")
        (is_superuser,) = row.fetchone() or (False,)
        if not is_superuser:  # who creates a database for another must be able to become him
            _run(connection, "grant {owner} to current_user", owner=OWNER)
        _run(connection, "create database {name} owner {owner}", name=database, owner=OWNER)
    _run(connection, "revoke connect, temporary on database {name} from public", name=database)
    for role in LOGIN_ROLES:
        _run(connection, "grant connect on database {name} to {role}", name=database, role=role)


def _exists(connection: Connection, catalogue: str, column: str, name: str) -> bool:
    query = sql.SQL("select 1 from {} where {} = %s").format(
        sql.Identifier(catalogue), sql.Identifier(column)
    )
    return connection.execute(query, [name]).fetchone() is not None


def _run(connection: Connection, statement: str, **names: str) -> None:
    quoted = {key: sql.Identifier(name) for key, name in names.items()}
    connection.execute(sql.SQL(statement).format(**quoted))
