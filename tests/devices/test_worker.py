"""The ingest worker as a real process over a real broker: nothing acknowledged is ever gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import orjson
import paho.mqtt.client as mqtt
import pytest
from django.conf import settings
from django.db import connections
from paho.mqtt.enums import CallbackAPIVersion

from config.runtime.layout import PROJECT_ROOT
from devices.agent.queue import FrameQueue
from devices.agent.uplink import Uplink
from devices.core.broker import broker_from_url, frames_topic
from devices.core.keys import device_key
from tests.devices.fleet import MINUTE, T0_MS, as_ingest, frame, make_fleet, plan_run

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "ingest"])
GATEWAY = os.environ.get("MQTT_GATEWAY_URL") or os.environ.get("MQTT_URL", "")
POINTS = ["inside_the_transaction", "before_the_commit", "after_the_commit", "after_the_receipts"]


def start_worker(point: str = "never") -> subprocess.Popen[bytes]:
    name = connections["default"].settings_dict["NAME"]
    environment = dict(os.environ)
    for variable in ("DATABASE_URL", "DATABASE_INGEST_URL"):
        parts = urlsplit(environment[variable])
        environment[variable] = urlunsplit(parts._replace(path=f"/{name}"))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.devices.killed_worker", point],
        cwd=PROJECT_ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    process = start_worker()
    yield process
    process.terminate()
    process.wait(timeout=20)


def wait_for(condition: object, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_loses_nothing_and_doubles_nothing(point: str, tmp_path: Path) -> None:
    fleet = make_fleet()
    run = plan_run(fleet, 0, 600)
    device = fleet.devices[0]
    frames = FrameQueue(tmp_path / "queue.db", resend_seconds=0.5)
    uplink = Uplink(broker_from_url(GATEWAY), frames, sender=str(device.uid))
    sender = uplink.sender(str(device.uid), device_key(settings.SECRET_KEY, device.uid, 1))
    uplink.open()
    doomed = start_worker(point)
    made = 0

    def send_some() -> bool:
        nonlocal made
        if made < 60:
            values = {"state": 3.0, "parts": 10.0 * made, "power_kw": 1.0}
            uplink.make([(sender, T0_MS + made * 5 * MINUTE, values)])
            made += 1
        uplink.work()
        return doomed.poll() is not None

    assert wait_for(send_some), "the worker should have died at its point"
    uplink.work()
    (stored,) = as_ingest("select count(*) from devices_frame")[0]
    assert uplink.tally.stored <= stored

    successor = start_worker()
    try:

        def is_done() -> bool:
            send_some()
            return made == 60 and not uplink.unstored()

        assert wait_for(is_done), f"{uplink.unstored()} frames were never acknowledged"
    finally:
        uplink.close()
        successor.terminate()
        successor.wait(timeout=20)

    assert uplink.tally.stored == 60
    assert as_ingest("select count(*), count(distinct seq) from devices_frame") == [(60, 60)]
    assert (
        as_ingest(
            "select sum(count), sum(sum)::int from devices_rollup where metric = 'power_kw' "
            "group by minutes order by minutes"
        )
        == [(60, 60)] * 3
    )
    assert as_ingest("select counted from devices_plannedrun where id = %s", run.pk) == [(590,)]


def test_a_worker_outlives_its_database_connection(tmp_path: Path) -> None:
    fleet = make_fleet()
    device = fleet.devices[0]
    frames = FrameQueue(tmp_path / "queue.db", resend_seconds=0.5)
    uplink = Uplink(broker_from_url(GATEWAY), frames, sender="gateway-test")
    sender = uplink.sender(str(device.uid), device_key(settings.SECRET_KEY, device.uid, 1))
    uplink.open()
    process = start_worker()
    made = 0

    def is_done() -> bool:
        nonlocal made
        if made < 90:
            uplink.make([(sender, T0_MS + made * 5 * MINUTE, {"power_kw": 1.0})])
            made += 1
        if made in (30, 60):
            as_ingest(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and usename = current_user "
                "and pid <> pg_backend_pid()"
            )
        uplink.work()
        return made == 90 and not uplink.unstored()

    try:
        assert wait_for(is_done), f"{uplink.unstored()} frames were never acknowledged"
        assert process.poll() is None
    finally:
        uplink.close()
        process.terminate()
        process.wait(timeout=20)
    assert as_ingest("select count(*) from devices_frame") == [(90,)]
    assert as_ingest("select sum(count)::int from devices_rollup where minutes = 1440") == [(90,)]


def test_a_receipt_names_what_is_stored_and_what_never_will_be(
    worker: subprocess.Popen[bytes],
) -> None:
    fleet = make_fleet()
    device = fleet.devices[0]
    broker = broker_from_url(GATEWAY)
    receipts: list[list[dict[str, object]]] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(broker.user, broker.password)
    client.on_message = lambda _c, _u, message: receipts.append(orjson.loads(message.payload))
    client.connect(broker.host, broker.port)
    client.subscribe(f"v1/{device.uid}/ack", qos=0)
    client.loop_start()
    content = [
        frame(device, 1, 0, parts=1),
        frame(device, 2, 5, parts=2),
        frame(device, 3, -60 * 24 * 365 * 10, parts=3),
        frame(device, 4, 10, version=2, parts=4),
    ]

    def is_answered() -> bool:
        client.publish(frames_topic(str(device.uid)), orjson.dumps(content), qos=1)
        time.sleep(0.3)
        return bool(receipts)

    try:
        assert wait_for(is_answered)
    finally:
        client.disconnect()
        client.loop_stop()
    told = {"dev": str(device.uid), "boot": 1}
    assert receipts[0] == [{**told, "seq": [1, 2], "refused": {"3": "bad_clock"}}]
    reasons = as_ingest("select reason from devices_quarantinedframe order by 1")
    assert reasons == [("bad_clock",), ("bad_mac",)]
