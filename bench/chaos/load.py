"""Work for a site that is being killed: frames over MQTT and HTTP, orders, and small posts.

Every sender does what docs/frames.md and the README ask of it: a frame is kept until the site's
own receipt, a POST is sent again with its key until it has its reply.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.simulators.rest import RestClient
from devices.agent.queue import FrameQueue
from devices.agent.uplink import Uplink
from devices.core.broker import GATEWAY, Broker
from devices.core.frames import sign
from devices.core.keys import key_from_text

STEPS = ("blanking", "reflective-film", "embossing", "hot-stamp-pack")
RESEND_SECONDS = 2.0
FRAMES_PAUSE_S = 0.2
POST_PAUSE_S = 0.3
ORDER_PAUSE_S = 2.0
ANSWER_PATIENCE_S = PLANS_PATIENCE_S = 300.0
POSTED_BOOT = 1_000_000
"""Frames over HTTP belong to a boot of their own, so that the two ways share no number."""
FrameKey = tuple[str, int, int]


@dataclass(kw_only=True)
class PostedOrder:
    """An order that the site has acknowledged; `seconds` until its plans were there."""

    title: str
    uid: str
    asked_at: float
    seconds: float | None = None


@dataclass
class Acknowledged:
    """What the site has promised to keep."""

    frames: set[FrameKey] = field(default_factory=set)
    sites: set[str] = field(default_factory=set)
    orders: list[PostedOrder] = field(default_factory=list)
    replayed_otherwise: int = 0
    """Posts that, sent again, were answered as something else than the first time."""

    @property
    def total(self) -> int:
        return len(self.frames) + len(self.sites) + len(self.orders)


class Load:
    """Three threads that work until `stop`; a mistake in one is raised there."""

    def __init__(self, market: dict[str, Any], *, address: str, broker: Broker, queue: Path):
        self.acknowledged = Acknowledged()
        self._market = market
        self._address = address
        self._broker = broker
        self._queue = queue
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._stored = 0
        self._made = 0
        self._faults: list[Exception] = []
        doors = (self._send_frames, self._post_small, self._post_orders)
        self._threads = [
            threading.Thread(target=self._guarded, args=(door,), daemon=True) for door in doors
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Make nothing more, and wait until all that was made is acknowledged and planned."""
        self._stopping.set()
        self._hurry.set()
        for thread in self._threads:
            thread.join()
        self.check()
        self._await_all_plans()

    def check(self) -> None:
        """Raise what went wrong in a thread."""
        if self._faults:
            raise self._faults[0]

    def all_works_since(self, instant: float) -> Callable[[], bool]:
        """Return a question: does the site do its work again since `instant` (monotonic)?

        It does when more frames are stored than had been made by now, and an order is planned
        that was posted later; the next one is posted at once.
        """
        made = self._made
        self._hurry.set()

        def works() -> bool:
            self.check()
            has_plans = any(
                order.asked_at >= instant and order.seconds is not None
                for order in self.acknowledged.orders
            )
            return has_plans and self._stored > made

        return works

    def _guarded(self, door: Callable[[], None]) -> None:
        try:
            door()
        except Exception as fault:
            self._faults.append(fault)

    def _client(self, party: dict[str, Any]) -> RestClient:
        return RestClient(self._address, party["key"], patience_seconds=ANSWER_PATIENCE_S)

    def _send_frames(self) -> None:
        """Let every machine speak five times a second, over MQTT.

        What has no receipt long after the last frame was made will be found missing.
        """
        frames = FrameQueue(self._queue, resend_seconds=RESEND_SECONDS)
        uplink = Uplink(self._broker, frames, sender=f"{GATEWAY}-chaos")
        senders = [
            uplink.sender(machine["device"], key_from_text(machine["device_key"]))
            for supplier in self._market["suppliers"]
            for machine in supplier["machines"]
        ]
        uplink.open()
        deadline = 0.0
        while (uplink.unstored() and time.monotonic() < deadline) or not self._stopping.is_set():
            if not self._stopping.is_set():
                deadline = time.monotonic() + ANSWER_PATIENCE_S
                now_ms = time.time_ns() // 1_000_000
                uplink.make([(one, now_ms, _values(one.seq)) for one in senders])
            uplink.work()
            self._made, self._stored = uplink.tally.made, uplink.tally.stored
            time.sleep(FRAMES_PAUSE_S)
        uplink.close()
        frames.close()
        for one in senders:
            self.acknowledged.frames |= {(one.device, one.boot, seq) for seq in range(one.seq)}

    def _post_small(self) -> None:
        """Post a site, and a frame over HTTP, again and again."""
        supplier = self._market["suppliers"][0]
        machine = supplier["machines"][0]
        number = 0
        with closing(self._client(supplier)) as client:
            while not self._stopping.is_set():
                self._post_site(client, f"chaos-{number:06}", is_sent_twice=number % 3 == 0)
                client.post("/readings/", [_signed(machine, number)])
                self.acknowledged.frames.add((machine["device"], POSTED_BOOT, number))
                number += 1
                time.sleep(POST_PAUSE_S)

    def _post_site(self, client: RestClient, name: str, *, is_sent_twice: bool) -> None:
        body = {"name": name, "city": "Wenzhou", "time_zone": "Asia/Shanghai"}
        uid = client.post("/sites/", body, once=name)["uid"]
        self.acknowledged.sites.add(name)
        if is_sent_twice and client.post("/sites/", body, once=name)["uid"] != uid:
            self.acknowledged.replayed_otherwise += 1

    def _post_orders(self) -> None:
        """Post one order after the other, each when the one before has its plans."""
        with closing(self._client(self._market["buyer"])) as client:
            while not self._stopping.is_set():
                self._hurry.clear()
                asked_at = time.monotonic()
                title = f"chaos-{len(self.acknowledged.orders):04}"
                uid = client.post("/orders/", _order(title), once=title)["uid"]
                order = PostedOrder(title=title, uid=uid, asked_at=asked_at)
                self.acknowledged.orders.append(order)
                self._await_plans(client, order)
                self._hurry.wait(ORDER_PAUSE_S)

    def _await_plans(self, client: RestClient, order: PostedOrder) -> None:
        """Look until an order is planned, for ten seconds, or until the next one is wanted."""
        for _ in range(20):
            self._note_planned(client)
            if order.seconds is not None or self._hurry.wait(0.5):
                return

    def _note_planned(self, client: RestClient) -> None:
        for order in self.acknowledged.orders:
            if order.seconds is None:
                state = client.get(f"/orders/{order.uid}/")["state"]
                if state == "planned":
                    order.seconds = time.monotonic() - order.asked_at

    def _await_all_plans(self) -> None:
        deadline = time.monotonic() + PLANS_PATIENCE_S
        with closing(self._client(self._market["buyer"])) as client:
            while time.monotonic() < deadline:
                self._note_planned(client)
                if all(order.seconds is not None for order in self.acknowledged.orders):
                    return
                time.sleep(0.5)


def _values(number: int) -> dict[str, float | None]:
    return {"state": 3.0, "parts": float(number), "power_kw": 4.5}


def _signed(machine: dict[str, str], number: int) -> dict[str, Any]:
    device, key = machine["device"], key_from_text(machine["device_key"])
    told: dict[str, Any] = {"boot": POSTED_BOOT, "seq": number}
    sent_ms, values = time.time_ns() // 1_000_000, _values(number)
    mac = sign(key, device=device, sent_ms=sent_ms, values=values, **told)
    return {"dev": device, **told, "ts": sent_ms, "v": values, "mac": mac}


def _order(title: str) -> dict[str, Any]:
    start = datetime.now(UTC) + timedelta(hours=12)
    return {
        "title": title,
        "quantity": 20_000,
        "steps": [{"process": code} for code in STEPS],
        "earliest_start_at": start.isoformat(),
        "due_at": (start + timedelta(days=12)).isoformat(),
        "lot_size": 2_000,
    }
