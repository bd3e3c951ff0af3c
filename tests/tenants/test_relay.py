"""The relay as a real process: its connection is cut, and it goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connections

from config.runtime.layout import PROJECT_ROOT
from config.runtime.servers import DATABASE_VARIABLES
from tenants.acting import acting_as
from tenants.models import OutboxMessage
from tenants.services import outbox
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "relay"])
PATIENCE_S = 40.0


@pytest.fixture
def relay() -> Iterator[subprocess.Popen[bytes]]:
    name = connections["default"].settings_dict["NAME"]
    environment = dict(os.environ)
    for variable in DATABASE_VARIABLES:
        parts = urlsplit(environment[variable])
        environment[variable] = urlunsplit(parts._replace(path=f"/{name}"))
    # Nobody takes the messages from there: sending is what is looked at.
    environment["REDIS_URL"] = urlunsplit(urlsplit(environment["REDIS_URL"])._replace(path="/8"))
    environment["OPENFLOOR_SUPERVISED"] = "the test"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "relay"],
        cwd=PROJECT_ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture
def topic() -> Iterator[str]:
    outbox.handles("test.relayed")(lambda: None)
    yield "test.relayed"
    del outbox._handlers["test.relayed"]


def _soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def test_a_relay_whose_connection_is_cut_goes_on(
    relay: subprocess.Popen[bytes], topic: str
) -> None:
    tenant_id = make_organisation().pk

    def sent() -> list[int]:
        with acting_as(tenant_id):
            rows = OutboxMessage.objects.of(tenant_id).filter(topic=topic).order_by("id")
            return list(rows.values_list("attempts", flat=True))

    for count in (1, 2):
        with acting_as(tenant_id):
            outbox.send_after_commit(tenant_id=tenant_id, topic=topic)
        assert _soon(lambda count=count: sent() == [1] * count)
        with connections["relay"].cursor() as cursor:
            cursor.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where datname = current_database() and usename = current_user"
                " and pid <> pg_backend_pid()"
            )
            assert cursor.fetchone()[0] >= 1
    assert relay.poll() is None
