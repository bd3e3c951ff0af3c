"""Real servers are killed at random points: they come back, and nothing is left or lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg
import pytest

from config.runtime.layout import PROJECT_ROOT
from tests.runtime.processes import PATIENCE_S, processes_of, soon

COMMAND = [sys.executable, "-m", "tests.runtime.supervised"]
STOP_PATIENCE_S = 60.0
"""Three servers have 40 s between them before they are killed; a last checkpoint may be slow."""


@dataclass(frozen=True, kw_only=True)
class Supervised:
    """A supervisor in a process of its own, and what it said when its servers answered."""

    process: subprocess.Popen[str]
    postgres: int
    valkey: int
    mqtt: int
    owner_url: str


@contextmanager
def _supervised(environment: dict[str, str]) -> Iterator[Supervised]:
    process = subprocess.Popen(
        COMMAND, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            postgres, valkey, mqtt, owner_url = process.stdout.readline().split()
            yield Supervised(
                process=process,
                postgres=int(postgres),
                valkey=int(valkey),
                mqtt=int(mqtt),
                owner_url=owner_url,
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_PATIENCE_S)


def _can_count_notes(owner_url: str, expected: int) -> bool:
    try:
        with psycopg.connect(owner_url, connect_timeout=2) as connection:
            row = connection.execute("select count(*) from note").fetchone()
    except psycopg.OperationalError:
        return False
    return row == (expected,)


def _write_notes(owner_url: str, count: int) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute("create table if not exists note (words text)")
        connection.execute("insert into note select 'kept' from generate_series(1, %s)", [count])


@pytest.mark.parametrize("victim", ["postgres", "valkey", "mqtt"])
def test_a_killed_server_is_started_again(victim: str, bare_environment: dict[str, str]) -> None:
    with _supervised(bare_environment) as running:
        _write_notes(running.owner_url, 1000)
        os.kill(getattr(running, victim), signal.SIGKILL)
        assert running.process.stdout is not None
        assert "was ended by signal 9; starts again" in running.process.stdout.readline()
        assert running.process.stdout.readline().split() == [victim, "started", "again"]
        assert soon(lambda: _can_count_notes(running.owner_url, 1000))


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_recovers(
    bare_environment: dict[str, str],
) -> None:
    data = bare_environment["OPENFLOOR_DATA"]
    with _supervised(bare_environment) as running:
        _write_notes(running.owner_url, 1000)
        running.process.kill()
        assert soon(lambda: not processes_of(data))
    with _supervised(bare_environment) as running:
        assert _can_count_notes(running.owner_url, 1000)


def test_the_next_start_clears_a_backend_that_outlives_its_killed_postmaster(
    bare_environment: dict[str, str],
) -> None:
    with _supervised(bare_environment) as running:
        _write_notes(running.owner_url, 10)
        with closing(psycopg.connect(running.owner_url)) as connection:
            # Stopped, it does not even notice that its postmaster has gone.
            os.kill(connection.info.backend_pid, signal.SIGSTOP)
            for pid in (running.process.pid, running.postgres):
                os.kill(pid, signal.SIGKILL)
            running.process.wait(PATIENCE_S)
            with _supervised(bare_environment) as again:
                assert _can_count_notes(again.owner_url, 10)


def test_ctrl_c_stops_every_server(bare_environment: dict[str, str]) -> None:
    with _supervised(bare_environment):
        found = " ".join(processes_of(bare_environment["OPENFLOOR_DATA"]).values())
        for server in ("postgres", "valkey-server", "iotcore"):
            assert server in found
    assert processes_of(bare_environment["OPENFLOOR_DATA"]) == {}


@pytest.mark.parametrize(
    ("variable", "server"),
    [
        ("OPENFLOOR_PG_PORT", "postgres"),
        ("OPENFLOOR_VALKEY_PORT", "valkey"),
        ("OPENFLOOR_MQTT_PORT", "mqtt"),
        ("OPENFLOOR_HTTP_PORT", "web"),
    ],
)
def test_a_taken_port_is_refused_with_its_number_and_the_way_out(
    variable: str, server: str, bare_environment: dict[str, str]
) -> None:
    port = int(bare_environment[variable])
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        refused = subprocess.run(
            [sys.executable, "manage.py", "serve"],
            cwd=PROJECT_ROOT,
            env=bare_environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert refused.returncode == 1
    assert refused.stderr == (
        f"Port {port} on 127.0.0.1, which {server} needs, cannot be used (address already in "
        f"use); stop what listens there, or choose another with {variable}=PORT.\n"
    )
    assert processes_of(bare_environment["OPENFLOOR_DATA"]) == {}


def test_a_port_that_is_no_number_is_refused_in_one_sentence(
    bare_environment: dict[str, str],
) -> None:
    refused = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=PROJECT_ROOT,
        env={**bare_environment, "OPENFLOOR_PG_PORT": "many"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (refused.returncode, refused.stderr) == (
        1,
        "OPENFLOOR_PG_PORT must hold a port between 1 and 65535, not 'many'.\n",
    )
