"""Servers under a supervisor without the site's own processes: run by the tests beside it."""

from __future__ import annotations

import sys

from config.runtime.credentials import load_or_create_credentials
from config.runtime.failures import CannotRun
from config.runtime.layout import layout_from_environment
from config.runtime.servers import embedded_addresses, start_servers
from config.runtime.supervisor import Supervisor

NAMES = ("postgres", "valkey", "mqtt")


def main() -> None:
    """Start the three servers, print their numbers and the owner's address, and watch."""
    layout = layout_from_environment()
    credentials = load_or_create_credentials(layout.secrets_file)
    supervisor = Supervisor(sys.stdout)
    try:
        running = start_servers(layout, credentials, NAMES)
    except CannotRun as refusal:
        sys.exit(f"{refusal}")
    for spec, process in running.children:
        supervisor.adopt(spec, process)
    addresses = embedded_addresses(layout, credentials, NAMES)
    pids = " ".join(str(process.pid) for _, process in running.children)
    try:
        print(pids, addresses["DATABASE_OWNER_URL"], flush=True)
        supervisor.watch()
    except KeyboardInterrupt:
        return
    finally:
        supervisor.stop()


if __name__ == "__main__":
    main()
