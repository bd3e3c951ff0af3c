"""Test databases: migrated once by the owner, cloned for each worker and after each change.

Every test connects as the role that the site runs as, which owns nothing. A clone is what
brings the rows of the migrations back after a test that has really committed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from config.runtime.roles import open_schema_to_definer
from config.runtime.schema import schema_digest
from config.runtime.servers import DATABASE_VARIABLES

SESSION_PATIENCE_S = 0.3
LOCK_NUMBER = 7_231_905
TEMPLATE_PREFIX = "openfloor_template_"


def database_name() -> str:
    """Return the name of this worker's database."""
    return f"openfloor_test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


def create_test_database() -> None:
    """Give this worker a fresh database and turn every alias to it."""
    with _maintenance() as connection:
        # Of several workers the first one migrates, the others wait and clone.
        connection.execute("select pg_advisory_lock(%s)", [LOCK_NUMBER])
        template = _template_name()
        if not _exists(connection, template):
            _make_template(connection, template)
        _clone(connection, template)
        connection.execute("select pg_advisory_unlock(%s)", [LOCK_NUMBER])
    _turn_aliases_to(database_name())


def restore_test_database() -> None:
    """Bring this worker's database back to the state just after the migrations."""
    _close_all()
    with _maintenance() as connection:
        _clone(connection, _template_name())


def drop_test_database() -> None:
    """Remove this worker's database; the template stays for the next run."""
    _close_all()
    with _maintenance() as connection:
        _drop(connection, database_name())


@contextmanager
def _maintenance(variable: str = "DATABASE_OWNER_URL") -> Iterator[psycopg.Connection[Any]]:
    """Connect to the database that the tests never touch, by default as the owner."""
    connection = psycopg.connect(os.environ[variable], autocommit=True)
    try:
        yield connection
    finally:
        connection.close()


def _template_name() -> str:
    return TEMPLATE_PREFIX + schema_digest()[:16]


def _make_template(connection: psycopg.Connection[Any], name: str) -> None:
    """Migrate a draft and name it `name` when all went well; drop templates of the past."""
    rows = connection.execute(
        "select datname from pg_database where starts_with(datname, %s)", [TEMPLATE_PREFIX]
    ).fetchall()
    for (stale,) in rows:
        _drop(connection, stale)
    draft = TEMPLATE_PREFIX + "draft"
    connection.execute(sql.SQL("create database {}").format(sql.Identifier(draft)))
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], dbname=draft, autocommit=True) as inside:
        open_schema_to_definer(inside)
    _turn_aliases_to(draft)
    call_command("migrate", database="owner", verbosity=0)
    _close_all()
    connection.execute(
        sql.SQL("alter database {} rename to {}").format(
            sql.Identifier(draft), sql.Identifier(name)
        )
    )


def _clone(connection: psycopg.Connection[Any], template: str) -> None:
    _drop(connection, database_name())
    connection.execute(
        sql.SQL("create database {} template {}").format(
            sql.Identifier(database_name()), sql.Identifier(template)
        )
    )


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    """Drop a database once its last session is gone.

    Closed sessions take a moment to leave, and PostgreSQL would look again only after
    0.1 s. What a thread of a test has left open is ended for it.
    """
    patient_until = time.monotonic() + SESSION_PATIENCE_S
    while _has_sessions(connection, name):
        if time.monotonic() > patient_until:
            _end_sessions(name)
            break
        time.sleep(0.003)
    connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))


def _end_sessions(name: str) -> None:
    """End the sessions in a database, each as its own role: the owner may not end others'."""
    for variable in DATABASE_VARIABLES:
        with _maintenance(variable) as connection:
            connection.execute(
                "select pg_terminate_backend(pid, 1000) from pg_stat_activity "
                "where datname = %s and usename = current_user",
                [name],
            )


def _has_sessions(connection: psycopg.Connection[Any], name: str) -> bool:
    row = connection.execute("select 1 from pg_stat_activity where datname = %s limit 1", [name])
    return row.fetchone() is not None


def _exists(connection: psycopg.Connection[Any], name: str) -> bool:
    row = connection.execute("select 1 from pg_database where datname = %s", [name])
    return row.fetchone() is not None


def _turn_aliases_to(name: str) -> None:
    _close_all()
    for connection in connections.all():
        connection.settings_dict["NAME"] = name


def _close_all() -> None:
    for alias in connections.all():
        session = alias.connection
        alias.close()
        alias.close_pool()  # type: ignore[attr-defined]
        # A pool resets what it gets back in a thread of its own; closed meanwhile, it
        # forgets that session, which then lives as long as a traceback refers to it.
        if session is not None:
            session.close()
