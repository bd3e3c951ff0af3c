"""The whole site in the foreground: `manage.py serve` as an operator starts and kills it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from config.runtime.layout import PROJECT_ROOT
from tests.runtime.processes import PATIENCE_S, environment_of, processes_of, soon

NEEDED = {
    "uvicorn": {"DATABASE_URL"},
    "--queues=default,money": {"DATABASE_URL", "DATABASE_SWEEP_URL"},
    "--queues=solve": {"DATABASE_URL", "DATABASE_SWEEP_URL"},
    " beat ": {"DATABASE_URL"},
    "manage.py relay": {"DATABASE_URL", "DATABASE_RELAY_URL"},
    "manage.py ingest": {"DATABASE_URL", "DATABASE_INGEST_URL"},
}


@contextmanager
def _serving(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run `manage.py serve` until it says that it serves."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            assert any(line.startswith("Serving on http://") for line in process.stdout)
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _is_healthy(environment: dict[str, str]) -> bool:
    address = f"http://127.0.0.1:{environment['OPENFLOOR_HTTP_PORT']}/healthz/"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _process(environment: dict[str, str], words: str) -> int | None:
    found = processes_of(environment["OPENFLOOR_DATA"]).items()
    return next((pid for pid, command in sorted(found) if words in command), None)


def _runs(environment: dict[str, str], words: str) -> bool:
    return _process(environment, words) is not None


@pytest.fixture(autouse=True)
def with_built_files(bare_environment: dict[str, str]) -> None:
    """Serve static files without hashed names, which only a build has."""
    storage = "django.contrib.staticfiles.storage.StaticFilesStorage"
    bare_environment["OPENFLOOR_STATIC"] = storage


def test_the_site_survives_kills_and_stops_whole(bare_environment: dict[str, str]) -> None:
    data = bare_environment["OPENFLOOR_DATA"]
    with _serving(bare_environment) as process:
        assert _is_healthy(bare_environment)
        for words, variables in NEEDED.items():
            assert soon(partial(_runs, bare_environment, words)), words
            environment = environment_of(_process(bare_environment, words) or 0)
            given = {name for name in environment if name.startswith("DATABASE_")}
            assert given == variables, words

        os.kill(_process(bare_environment, "uvicorn") or 0, signal.SIGKILL)
        assert soon(lambda: not _is_healthy(bare_environment))
        assert soon(lambda: _is_healthy(bare_environment))

        joined = subprocess.run(
            [sys.executable, "manage.py", "showmigrations", "tenants"],
            cwd=PROJECT_ROOT,
            env=bare_environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "[X] 0001_initial" in joined.stdout

        process.kill()
        assert soon(lambda: not processes_of(data)), processes_of(data)

    with _serving(bare_environment) as process:
        assert _is_healthy(bare_environment)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        assert processes_of(data) == {}
