"""Serve the whole site in the foreground: servers, schema, processes, and perhaps a job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

from config.runtime.applications import (
    application_environment,
    application_spec,
    applications,
    command_line,
    management_command,
)
from config.runtime.clock import begin_demo_clock
from config.runtime.credentials import load_or_create_credentials
from config.runtime.failures import CannotRun
from config.runtime.layout import PROJECT_ROOT, Layout
from config.runtime.process import refuse_taken_port, wait_until_ready
from config.runtime.schema import migrate, schema_is_current
from config.runtime.servers import (
    ADDRESS_VARIABLE,
    embedded_servers,
    prepare_folder,
    start_servers,
    sweep_leftovers,
)
from config.runtime.sharing import DataFolderLock, set_addresses
from config.runtime.supervisor import Supervisor

DEMO_SEED = "demo_seed"
LOCK_PATIENCE_S = 30.0
JOB_GRACE_S = 10.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AlreadyServing(CannotRun):
    """The data folder belongs to another process."""


def serve(layout: Layout, *, job: str | None = None, then_stop: bool = False) -> int:
    """Run the site until Ctrl-C or SIGTERM, or until `job` ends if it is to stop then.

    `job` names a management command that runs beside the site, in the terminal; when it
    fails the site stops too. Returns the exit code. Call from the main thread.

    Raises:
        CannotRun: a port is taken, the folder is in use, a server or the schema fails.
    """
    prepare_folder(layout)
    lock = _lock(layout)
    supervisor = Supervisor(sys.stdout)
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    try:
        _start_site(layout, lock, supervisor, is_demo=job is not None)
        if job is not None:
            code = _run_job(layout, supervisor, job)
            if code != 0 or then_stop:
                return code
        print(f"Serving on http://{layout.http_address}/ – Ctrl-C stops everything.", flush=True)
        return supervisor.watch()
    except KeyboardInterrupt:
        print("Stopping …", flush=True)
        return 0
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop()
        lock.release()


def _lock(layout: Layout) -> DataFolderLock:
    """Take the data folder; a short command that holds it is waited for, a site is not."""
    lock = DataFolderLock(layout.lock_file)
    deadline = time.monotonic() + LOCK_PATIENCE_S
    told = False
    while not lock.acquire(purpose="serve"):
        holding = lock.holder()
        if (holding is not None and holding.purpose == "serve") or time.monotonic() > deadline:
            process = f" (process {holding.process})" if holding is not None else ""
            raise AlreadyServing(
                f"The data folder {layout.root} is already in use{process}; stop that one, "
                "or choose another folder with OPENFLOOR_DATA=FOLDER."
            )
        if not told:
            print("Waiting for a command that uses the servers.", flush=True)
            told = True
        time.sleep(0.2)
    return lock


def _start_site(
    layout: Layout, lock: DataFolderLock, supervisor: Supervisor, *, is_demo: bool
) -> None:
    """Start everything in order; the web server before the other processes of the site."""
    began = time.monotonic()
    names = embedded_servers()
    credentials = load_or_create_credentials(layout.secrets_file)
    # First the port that no server of ours takes, before anything has been started.
    sweep_leftovers(layout)
    refuse_taken_port(application_spec(applications(layout)[0], layout, {}), layout.http_host)
    for spec, process in start_servers(layout, credentials, names).children:
        supervisor.adopt(spec, process)
        supervisor.say(spec.name, f"ready on port {spec.port}")
    for name, variable in ADDRESS_VARIABLE.items():
        if name not in names:
            supervisor.say(name, f"not started here, because {variable} is set")
    set_addresses(layout, credentials, names)
    lock.tell_ready(layout, names, purpose="serve")
    _bring_schema_up_to_date(layout, supervisor, is_embedded="postgres" in names)
    if is_demo:
        _seed_demo(layout)
        begin_demo_clock(layout.clock_file)
        set_addresses(layout, credentials, names)
    for application in applications(layout):
        spec = application_spec(application, layout, os.environ)
        process = supervisor.start(spec)
        wait_until_ready(spec, process)
        supervisor.say(spec.name, "ready" if spec.port else "started")
    print(f"Everything runs after {time.monotonic() - began:.1f} s.", flush=True)


def _bring_schema_up_to_date(layout: Layout, supervisor: Supervisor, *, is_embedded: bool) -> None:
    if not os.environ.get("DATABASE_OWNER_URL"):
        supervisor.say("schema", "left as it is, because DATABASE_OWNER_URL is not set")
    elif is_embedded and schema_is_current(layout):
        supervisor.say("schema", "up to date")
    else:
        supervisor.say("schema", "migrating …")
        migrate(layout, os.environ, is_embedded=is_embedded)
        supervisor.say("schema", "migrated")


def _run_job(layout: Layout, supervisor: Supervisor, name: str) -> int:
    """Run the management command `name` in the terminal while the site is watched."""
    job = management_command(name)
    process = subprocess.Popen(
        command_line(job),
        cwd=PROJECT_ROOT,
        env=application_environment(job, layout, os.environ),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return supervisor.watch(until=process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(JOB_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _seed_demo(layout: Layout) -> None:
    """Make the demo's organisations, unless they are there.

    Raises:
        CannotRun: the command that makes them failed; it has said why.
    """
    seed = management_command(DEMO_SEED)
    environment = application_environment(seed, layout, os.environ)
    if subprocess.run(command_line(seed), cwd=PROJECT_ROOT, env=environment).returncode != 0:
        raise CannotRun("The demo's organisations could not be made; the reason stands above.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
