"""Which commands need servers, what they are told, and the demo's clock."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.management.commands.bench import BENCHES
from config.runtime.clock import (
    DEMO_DAYS,
    DEMO_MINUTES,
    LEAD_SECONDS,
    begin_demo_clock,
    clock_variables,
    start_demo_clock,
)
from config.runtime.credentials import load_or_create_credentials
from config.runtime.environment import needs_servers, with_owner_database
from config.runtime.layout import PROJECT_ROOT
from tenants.clock import clock_of_file


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("solve plates.json", False),
        ("check plates.json result.json --certify", False),
        ("loan_schedule terms.json", False),
        ("bench chaos --json", False),
        ("bench jobshop --json", False),
        ("migrate --help", False),
        ("help", False),
        ("", False),
        ("migrate", True),
        ("ingest_file readings.ndjson", True),
        ("shell", True),
    ],
)
def test_only_some_commands_need_servers(words: str, expected: bool) -> None:
    assert needs_servers(["manage.py", *words.split()]) is expected


def test_the_benches_that_need_no_server_are_those_the_readme_says() -> None:
    readme = (PROJECT_ROOT / "README.md").read_text()
    named = set(re.findall(r"^\| `bench (\w+) --json` °", readme, re.MULTILINE))
    assert "plates" in named
    assert [one for one in named if needs_servers(["manage.py", "bench", one])] == []
    assert set(re.findall(r"^\| `bench (\w+) ", readme, re.MULTILINE)) == set(BENCHES)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("migrate", "migrate --database owner"),
        ("migrate tenants zero", "migrate tenants zero --database owner"),
        ("migrate --database default", "migrate --database default"),
        ("migrate --database=default", "migrate --database=default"),
        ("shell", "shell"),
    ],
)
def test_commands_about_the_schema_run_as_its_owner(words: str, expected: str) -> None:
    argv = with_owner_database(["manage.py", *words.split()])
    assert argv == ["manage.py", *expected.split()]


def test_a_command_without_servers_needs_no_variable_and_leaves_no_file(tmp_path: Path) -> None:
    data = tmp_path / "data"
    subprocess.run(
        [sys.executable, "manage.py", "diffsettings"],
        cwd=PROJECT_ROOT,
        env={"PATH": os.environ["PATH"], "OPENFLOOR_DATA": str(data)},
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    assert not data.exists()


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = load_or_create_credentials(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_credentials(path) == first


def test_the_demo_clock_begins_once_and_ends_in_real_time(tmp_path: Path) -> None:
    path, began = tmp_path / "clock.json", datetime(2026, 11, 2, 8, tzinfo=UTC)
    begin_demo_clock(path, began)
    begin_demo_clock(path, began + timedelta(days=1))
    assert clock_variables(path, {}) == {"SITE_CLOCK_FILE": str(path)}
    calm = clock_of_file(str(path), 0)
    assert calm.at(began) == began - timedelta(days=DEMO_DAYS)
    assert calm.running_rate(began + timedelta(hours=3)) == 1

    paid = began + timedelta(minutes=20)
    start_demo_clock(path, paid)
    start_demo_clock(path, paid + timedelta(minutes=1))
    clock, start = clock_of_file(str(path), 1), paid + timedelta(seconds=LEAD_SECONDS)
    assert clock.at(paid) == calm.at(paid)
    assert clock.at(start) == calm.at(start) == start - timedelta(days=DEMO_DAYS)
    assert clock.running_rate(start + timedelta(seconds=1)) > 1000
    almost = start + timedelta(minutes=DEMO_MINUTES - 1)
    assert clock.at(almost) < almost
    later = start + timedelta(minutes=DEMO_MINUTES, seconds=1)
    assert clock.at(later) == later


def test_a_clock_in_the_environment_wins(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    begin_demo_clock(path)
    assert clock_variables(path, {"SITE_CLOCK_RATE": "60"}) == {}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp+tls://u%40x:p@mx.example", "mx.example 587 u@x True False"),
        ("smtps://mx.example:4650", "mx.example 4650  False True"),
        ("http://mx.example", "EMAIL_URL is smtp://"),
    ],
)
def test_a_mail_server_is_given_by_its_address(url: str, expected: str) -> None:
    program = (
        "from config.settings import EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_USE_TLS, "
        "EMAIL_USE_SSL\n"
        "print(EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_USE_TLS, EMAIL_USE_SSL)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT_ROOT,
        env={
            "PATH": os.environ["PATH"],
            "EMAIL_URL": url,
            "SECRET_KEY": "x",
            "DATABASE_URL": "postgres://u@127.0.0.1:1/x",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert expected in run.stdout + run.stderr
