"""The commands that start Django rather than run in it: `serve` and `bootstrap_roles`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from config.runtime.failures import CannotRun
from config.runtime.layout import layout_from_environment

COMMANDS = frozenset({"serve", "bootstrap_roles"})
DEMO_JOB = "demo_job"


class BadAddress(CannotRun):
    """A database address without what is needed from it."""


def run(argv: Sequence[str]) -> int:
    """Run the command in `argv` and return its exit code.

    Raises:
        CannotRun: with the sentence for the operator.
    """
    arguments = _parser().parse_args(argv[1:])
    if arguments.command == "serve":
        from config.runtime.site import serve

        return serve(
            layout_from_environment(),
            job=DEMO_JOB if arguments.demo else None,
            then_stop=arguments.once,
        )
    return _bootstrap_roles(arguments.superuser_url)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the whole site in the foreground")
    serve.add_argument("--demo", action="store_true", help="run the demo's job beside it")
    serve.add_argument("--once", action="store_true", help="with --demo: stop when it is done")
    roles = commands.add_parser(
        "bootstrap_roles",
        help="make the roles and the database on a PostgreSQL server of your own",
        description=(
            "Reads DATABASE_URL, DATABASE_OWNER_URL, DATABASE_INGEST_URL, DATABASE_RELAY_URL "
            "and DATABASE_SWEEP_URL, and makes the roles and the database that they name. "
            "The superuser's address is used for this alone and is kept nowhere."
        ),
    )
    roles.add_argument("--superuser-url", required=True, metavar="URL")
    return parser


def _bootstrap_roles(superuser_url: str) -> int:
    from config.runtime.roles import bootstrap_roles
    from config.runtime.servers import DATABASE_VARIABLES

    passwords, databases = {}, set()
    for variable, role in DATABASE_VARIABLES.items():
        parts = urlsplit(os.environ.get(variable, ""))
        if parts.username != role or not parts.password or not parts.path.strip("/"):
            raise BadAddress(
                f"{variable} must have the form postgres://{role}:PASSWORD@HOST:PORT/DATABASE."
            )
        passwords[role] = unquote(parts.password)
        databases.add(parts.path.strip("/"))
    if len(databases) != 1:
        raise BadAddress("The DATABASE_…URL variables must all name the same database.")
    (database,) = databases
    bootstrap_roles(superuser_url=superuser_url, passwords=passwords, database=database)
    print(f"Roles and database {database} are ready.")
    return 0
