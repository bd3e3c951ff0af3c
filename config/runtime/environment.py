"""Give a command the environment that the settings read.

The settings know environment variables only. This module fills in what the operator has
not given: harmless values for commands that need no server, the addresses of the embedded
servers for all others.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence

from config.runtime.layout import layout_from_environment
from config.runtime.process import MARKER

OFFLINE_COMMANDS = frozenset(
    {
        *("solve", "check", "sparkplug", "oee", "anomaly", "health", "rootcause", "card"),
        *("loan_schedule", "evidence"),
        *("help", "version", "makemessages", "compilemessages", "collectstatic"),
        *("findstatic", "spectacular", "diffsettings", "startapp"),
    }
)
OFFLINE_BENCHES = frozenset(
    {"chaos", "fjsp", "jobshop", "market", "pages", "plates", "quote", "refusals", "replan"}
)
OFFLINE_ADDRESSES = {
    "DATABASE_URL": "postgres://app_user@127.0.0.1:1/openfloor",
    "DATABASE_OWNER_URL": "postgres://app_owner@127.0.0.1:1/openfloor",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "MQTT_URL": "mqtt://127.0.0.1:1",
}
OWNER_COMMANDS = frozenset({"migrate", "showmigrations", "sqlmigrate"})


def ensure_environment(argv: Sequence[str]) -> None:
    """Prepare `os.environ` for the command in `argv`; start servers if it needs them."""
    if os.environ.get(MARKER):  # a child of the supervisor was given all it may have
        return
    if not needs_servers(argv):
        set_offline_defaults()
        return
    # Imported here because commands that need no server should not wait for a driver.
    from config.runtime.sharing import use_servers

    layout = layout_from_environment()
    use_servers(layout)
    if argv[1] == "migrate":  # by hand, perhaps backwards: the next start must look itself
        layout.schema_stamp.unlink(missing_ok=True)


def needs_servers(argv: Sequence[str]) -> bool:
    """Say whether the command in `argv` cannot do its work without a server."""
    command = argv[1] if len(argv) > 1 else "help"
    wants_help = any(word in ("-h", "--help", "--version") for word in argv[1:])
    is_pure_bench = command == "bench" and not OFFLINE_BENCHES.isdisjoint(argv[2:])
    return not (wants_help or is_pure_bench or command in OFFLINE_COMMANDS)


def with_owner_database(argv: Sequence[str]) -> list[str]:
    """Add `--database owner` to the commands about the schema, unless told otherwise."""
    if len(argv) < 2 or argv[1] not in OWNER_COMMANDS:
        return list(argv)
    if any(word == "--database" or word.startswith("--database=") for word in argv):
        return list(argv)
    return [*argv, "--database", "owner"]


def set_offline_defaults() -> None:
    """Fill in what the settings need to be read; nothing answers at these addresses."""
    for variable, address in OFFLINE_ADDRESSES.items():
        os.environ.setdefault(variable, address)
    os.environ.setdefault("SECRET_KEY", secrets.token_hex(24))
    os.environ.setdefault("OPENFLOOR_HTTP", layout_from_environment().http_address)
