"""The processes of the site itself, in one table, each with no more than it needs."""

from __future__ import annotations

import http.client
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from config.runtime.layout import DEFAULT_HOST, PORT_VARIABLES, PROJECT_ROOT, Layout
from config.runtime.process import MARKER, ProcessSpec
from config.runtime.servers import DATABASE_VARIABLES

# Asked politely, a worker whose broker has gone as well may wait for it for ever. What it was
# doing is delivered again: tasks are acknowledged late.
ORPHANED_WORKER = signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Application:
    """One process of the site; `databases` are the only database addresses it is given."""

    name: str
    command: tuple[str, ...]
    databases: tuple[str, ...]
    pool_size: int = 2
    orphan_signal: signal.Signals = signal.SIGTERM


def applications(layout: Layout) -> tuple[Application, ...]:
    """Return the table; the web server stands first because people wait for it."""
    celery = ("-m", "celery", "-A", "config")
    worker = (*celery, "worker", "--loglevel=INFO", "--without-gossip", "--without-mingle")
    address = ("--host", layout.http_host, "--port", str(layout.http_port))
    uvicorn = ("-m", "uvicorn", "config.asgi:application", *address, "--lifespan=off")
    return (
        Application(
            name="web",
            command=(*uvicorn, "--no-access-log", "--timeout-graceful-shutdown=5"),
            databases=("DATABASE_URL",),
            pool_size=8,
        ),
        Application(
            name="worker",
            command=(*worker, "--queues=default,money", "--concurrency=2", "-n", "worker@%h"),
            databases=("DATABASE_URL", "DATABASE_SWEEP_URL"),
            orphan_signal=ORPHANED_WORKER,
        ),
        Application(
            name="solver",
            command=(*worker, "--queues=solve", "--concurrency=1", "-n", "solver@%h"),
            databases=("DATABASE_URL", "DATABASE_SWEEP_URL"),
            orphan_signal=ORPHANED_WORKER,
        ),
        Application(
            name="beat",
            command=(*celery, "beat", "--schedule", str(layout.root / "beat"), "--pidfile="),
            databases=("DATABASE_URL",),
        ),
        Application(
            name="relay",
            command=("manage.py", "relay"),
            databases=("DATABASE_URL", "DATABASE_RELAY_URL"),
        ),
        Application(
            name="ingest",
            command=("manage.py", "ingest"),
            databases=("DATABASE_URL", "DATABASE_INGEST_URL"),
        ),
    )


def application_spec(
    application: Application, layout: Layout, environment: Mapping[str, str]
) -> ProcessSpec:
    """Describe the process of `application`; only the web server can be asked if it is ready."""
    is_web = application.name == "web"
    return ProcessSpec(
        name=application.name,
        command=tuple(command_line(application)),
        folder=PROJECT_ROOT,
        log=layout.log_folder / f"{application.name}.log",
        probe=(lambda: _is_healthy(layout)) if is_web else (lambda: True),
        environment=application_environment(application, layout, environment),
        orphan_signal=application.orphan_signal,
        port=layout.http_port if is_web else None,
        port_variable=PORT_VARIABLES["web"][0],
    )


def application_environment(
    application: Application, layout: Layout, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return `environment` without the database addresses that `application` must not know."""
    withheld = set(DATABASE_VARIABLES) - set(application.databases)
    kept = {name: value for name, value in environment.items() if name not in withheld}
    return {
        **kept,
        MARKER: str(layout.root),
        "DJANGO_SETTINGS_MODULE": environment.get("DJANGO_SETTINGS_MODULE", "config.settings"),
        "OPENFLOOR_PROCESS": application.name,
        "OPENFLOOR_POOL_SIZE": str(application.pool_size),
        "PYTHONUNBUFFERED": "1",
    }


def management_command(name: str, *arguments: str) -> Application:
    """Return a command that runs once with every database address, as the schema's owner may."""
    return Application(
        name=name,
        command=("manage.py", name, *arguments),
        databases=tuple(DATABASE_VARIABLES),
    )


def command_line(application: Application) -> list[str]:
    """Return the words with which `application` is started."""
    return [sys.executable, *application.command]


def _is_healthy(layout: Layout) -> bool:
    host = DEFAULT_HOST if layout.http_host in ("", "0.0.0.0", "::") else layout.http_host
    connection = http.client.HTTPConnection(host, layout.http_port, timeout=5)
    try:
        connection.request("GET", "/healthz/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
