"""Send frames over MQTT and keep each until our own receipt says that it is stored.

A broker's PUBACK means "in memory" and nothing more: only the receipt, which the site sends
after its commit, lets a frame go. What a broken connection swallowed is sent again.
"""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from devices.agent.queue import FrameQueue
from devices.core.broker import Broker, frames_topic, receipts_topic
from devices.core.frames import sign

AT_ONCE = 400
"""Frames sent in one go: a broker's memory is not a store."""
PACKED = 100
"""Frames in one message; it stays below 64 KiB with a dozen metrics each."""


@dataclass
class Sender:
    """One device as this agent knows it: its key, this boot, and how far it has counted."""

    device: str
    key: bytes
    boot: int
    seq: int = 0


@dataclass(kw_only=True)
class Tally:
    """What has happened so far."""

    made: int = 0
    sent: int = 0
    sent_again: int = 0
    stored: int = 0
    refused: dict[str, int] = field(default_factory=dict)


class Uplink:
    """One connection, of one device (`sender` is its id) or of a gateway for many devices.

    Not thread-safe but for what paho's own thread does: call `make` and `work` from one thread.
    """

    def __init__(self, broker: Broker, frames: FrameQueue, *, sender: str) -> None:
        self.tally = Tally()
        self._broker = broker
        self._queue = frames
        self._receipts: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._has_reconnected = False
        self._frames_topic = frames_topic(sender)
        self._receipts_topic = receipts_topic(sender)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"agent-{secrets.token_hex(8)}"
        )
        self._client.max_inflight_messages_set(AT_ONCE)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        if broker.user:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            self._client.tls_set()

    def open(self) -> None:
        """Connect, now or as soon as the broker can be reached."""
        self._client.reconnect_delay_set(min_delay=1, max_delay=60)
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=30)
        self._client.loop_start()

    def close(self) -> None:
        """Disconnect; what is not stored yet stays in the queue for the next start."""
        self._client.disconnect()
        self._client.loop_stop()

    def sender(self, device: str, key: bytes) -> Sender:
        """Begin a new boot of a device."""
        return Sender(device=device, key=key, boot=self._queue.begin_boot(device))

    def make(self, readings: Iterable[tuple[Sender, int, Mapping[str, float | None]]]) -> None:
        """Turn readings (of whom, when in ms, values) into signed frames and keep them."""
        frames = []
        for sender, sent_ms, values in readings:
            seq, sender.seq = sender.seq, sender.seq + 1
            told = {"boot": sender.boot, "seq": seq}
            mac = sign(sender.key, device=sender.device, sent_ms=sent_ms, values=values, **told)
            content = {"dev": sender.device, **told, "ts": sent_ms, "v": values, "mac": mac}
            frames.append((sender.device, sender.boot, seq, orjson.dumps(content)))
        self._queue.add(frames, time.time())
        self.tally.made += len(frames)

    def work(self) -> None:
        """Read receipts, then send what is due; call it often."""
        self._read_receipts()
        if not self._client.is_connected():
            return
        if self._has_reconnected:
            self._has_reconnected = False
            self._queue.send_all_again(time.time())
        due = self._queue.due(time.time(), AT_ONCE)
        for start in range(0, len(due), PACKED):
            packed = b"[" + b",".join(one.payload for one in due[start : start + PACKED]) + b"]"
            self._client.publish(self._frames_topic, packed, qos=1)
        self.tally.sent += len(due)
        self.tally.sent_again += sum(one.tries > 0 for one in due)

    def unstored(self) -> int:
        """Return how many frames still wait for their receipt."""
        return self._queue.count()

    def _read_receipts(self) -> None:
        stored: list[tuple[str, int, int]] = []
        refused: list[tuple[str, int, int, str]] = []
        while not self._receipts.empty():
            for receipt in orjson.loads(self._receipts.get()):
                whose = (str(receipt["dev"]), int(receipt["boot"]))
                stored.extend((*whose, int(seq)) for seq in receipt["seq"])
                for seq, reason in receipt.get("refused", {}).items():
                    refused.append((*whose, int(seq), str(reason)))
                    self.tally.refused[reason] = self.tally.refused.get(reason, 0) + 1
        if stored:
            self.tally.stored += self._queue.forget(stored)
        if refused:
            self._queue.set_aside(refused)

    def _on_connect(
        self, client: mqtt.Client, userdata: Any, flags: Any, reason: ReasonCode, *_rest: Any
    ) -> None:
        if not reason.is_failure:
            client.subscribe(self._receipts_topic, qos=0)
            self._has_reconnected = True

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._receipts.put(message.payload)
