"""Live numbers: two messages a second at most, the newest wins, silence is told."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from django.db import connections, transaction

from devices.services import live as live_module
from devices.services.latest import LiveValues, mark_silent
from devices.services.live import LiveFeed
from tenants.live import organisation_group
from tests.devices.fleet import MINUTE, T0_MS, as_ingest, frame, make_fleet, send

MACHINE = UUID(int=7)


class Sent:
    """Stands in for the channel layer and keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, object]]] = []

    async def group_send(self, group: str, event: dict[str, dict[str, object]]) -> None:
        self.messages.append((group, event["message"]))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    layer = Sent()
    monkeypatch.setattr(live_module, "get_channel_layer", lambda: layer)
    return layer


def wait(feed: LiveFeed) -> None:
    if feed._sending is not None:
        feed._sending.result(timeout=5)


def test_many_frames_become_one_message_of_each_organisation(sent: Sent) -> None:
    feed = LiveFeed()
    for parts in range(100):
        feed.note(MACHINE, LiveValues(5, 1, parts, "running", {"state": 3, "parts": parts}))
    feed.note(MACHINE, LiveValues(6, 2, 1, "", {"power_kw": None}))

    feed.send_due()
    wait(feed)
    feed.note(MACHINE, LiveValues(5, 1, 200, "down", {"parts": 200}))
    feed.send_due()
    wait(feed)

    numbers = [(group, one["v"]) for group, one in sent.messages if one["t"] == "n"]
    assert numbers == [
        (organisation_group(5), {f"{MACHINE}.parts": 99, f"{MACHINE}.state": "running"}),
        (organisation_group(6), {f"{MACHINE}.power_kw": None}),
    ]
    time.sleep(live_module.SEND_SECONDS)
    feed.send_due()
    wait(feed)
    last = [one["v"] for _group, one in sent.messages if one["t"] == "n"][-1]
    assert last == {f"{MACHINE}.parts": 200, f"{MACHINE}.state": "down"}
    changed = [one for _group, one in sent.messages if one["t"] == "changed"]
    assert changed == [{"t": "changed", "k": "machines"}] * 2
    feed.close()


def test_silence_is_told_as_a_state(sent: Sent) -> None:
    feed = LiveFeed()
    feed.note_silent(5, MACHINE)

    feed.send_due()
    wait(feed)

    told = {"t": "n", "k": "machines", "v": {f"{MACHINE}.state": "offline"}}
    assert sent.messages[0] == (organisation_group(5), told)
    feed.close()


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "ingest"])
def test_a_machine_without_news_is_called_offline_once() -> None:
    fleet = make_fleet(machines=2)
    send(frame(fleet.devices[0], 1, 0, state=3), frame(fleet.devices[1], 1, 20, state=3), minute=20)

    found = []
    for _ in range(2):
        with transaction.atomic(using="ingest"), connections["ingest"].cursor() as cursor:
            found.append(mark_silent(cursor, silent_before_ms=T0_MS + 10 * MINUTE))

    assert found == [[(fleet.organisation.pk, fleet.machines[0].uid)], []]
    states = "select state from devices_latestreading order by machine_id"
    assert as_ingest(states) == [("offline",), ("running",)]
    send(frame(fleet.devices[0], 2, 25, power_kw=1), minute=25)
    assert as_ingest(states) == [("idle",), ("running",)]
