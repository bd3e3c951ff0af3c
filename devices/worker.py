"""The ingest worker: messages from the broker and from HTTP into the store, receipts back.

For each batch: store and commit, send our receipts, then tell the broker (PUBACK). Killed at
any point in between, it has promised nothing that is not stored; what it stored but did not
acknowledge comes again and changes nothing.
"""

from __future__ import annotations

import logging
import queue
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import paho.mqtt.client as mqtt
from django.db import InterfaceError, OperationalError, connections
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from devices.core.broker import FRAMES_OF_ALL, Broker, receipts_topic, sender_of
from devices.services.arrivals import Message
from devices.services.ingest import Outcome, site_time, take
from devices.services.latest import mark_silent
from devices.services.live import LiveFeed
from devices.services.posts import forget_posts, waiting_posts
from devices.services.store import milliseconds
from tenants.clock import site_clock

logger = logging.getLogger(__name__)
ALIAS = "ingest"
WINDOW_SECONDS = 0.1
MOST_MESSAGES = 200
MOST_WAITING = 5_000
POSTS_SECONDS = 0.5
POSTS_AT_ONCE = 50
SILENCE_SECONDS = 2.0
RETRY_SECONDS = 1.0
AWAY = (OperationalError, InterfaceError)
"""How it shows that the database restarts, or that two workers waited for each other."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A message as the broker delivered it; acknowledged only on the same connection."""

    topic: str
    payload: bytes
    received_ms: int
    mid: int
    connection: int


class IngestWorker:
    """Runs until `stop` is called; one per process, any number beside each other in a group."""

    def __init__(self, broker: Broker, *, group: str = "") -> None:
        self._topic = f"$share/{group}/{FRAMES_OF_ALL}" if group else FRAMES_OF_ALL
        self._broker = broker
        self._waiting: queue.Queue[_Delivery] = queue.Queue(maxsize=MOST_WAITING)
        self._connection = 0
        self._is_stopping = False
        self._posts_at = self._silence_at = 0.0
        self._live = LiveFeed()
        # A random name: another client with ours would take the session and its messages.
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"ingest-{secrets.token_hex(8)}",
            clean_session=True,
            manual_ack=True,
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        if broker.user:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            self._client.tls_set()

    def run(self) -> None:
        """Take messages until stopped."""
        self._client.reconnect_delay_set(min_delay=1, max_delay=10)
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=30)
        self._client.loop_start()
        try:
            while not self._is_stopping:
                self._turn()
        finally:
            self._client.disconnect()
            self._client.loop_stop()
            self._live.close()

    def stop(self) -> None:
        """End after the batch that is being taken."""
        self._is_stopping = True

    def _turn(self) -> None:
        deliveries = self._gather()
        if deliveries:
            messages = [
                Message(one.payload, one.received_ms, sender=sender_of(one.topic))
                for one in deliveries
            ]
            outcome = self._take(messages)
            if outcome is not None:
                self._send_receipts(outcome)
                self._acknowledge(deliveries)
                self._show(outcome)
        self._do_what_is_due()
        self._live.send_due()

    def _gather(self) -> list[_Delivery]:
        """Wait for a message, then for what comes within the window after it."""
        try:
            found = [self._waiting.get(timeout=0.25)]
        except queue.Empty:
            return []
        until = time.monotonic() + WINDOW_SECONDS
        while len(found) < MOST_MESSAGES:
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                found.append(self._waiting.get(timeout=left))
            except queue.Empty:
                break
        return found

    def _take(self, messages: Sequence[Message]) -> Outcome | None:
        """Store a batch, however long the database is away; None when stopped meanwhile."""
        while not self._is_stopping:
            try:
                return take(messages, time=site_time(), using=ALIAS)
            except AWAY as error:
                self._wait_for_database(error)
        return None

    def _send_receipts(self, outcome: Outcome) -> None:
        """Tell each sender, in one message, what it may forget."""
        told: dict[str, list[dict[str, Any]]] = {}
        for boot, receipt in outcome.receipts.items():
            content: dict[str, Any] = {
                "dev": boot.device,
                "boot": boot.boot,
                "seq": sorted(receipt.stored),
            }
            if receipt.refused:
                content["refused"] = {str(s): reason for s, reason in receipt.refused.items()}
            told.setdefault(boot.sender, []).append(content)
        for sender, receipts in told.items():
            self._client.publish(receipts_topic(sender), orjson.dumps(receipts), qos=0)

    def _acknowledge(self, deliveries: Sequence[_Delivery]) -> None:
        for one in deliveries:
            if one.connection == self._connection:
                self._client.ack(one.mid, 1)

    def _show(self, outcome: Outcome) -> None:
        for machine, live in outcome.live:
            self._live.note(machine, live)
        for tenant_id in outcome.quarantined_tenants:
            self._live.note_quarantined(tenant_id)

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        try:
            if now - self._posts_at >= POSTS_SECONDS:
                self._posts_at = now
                self._take_posts()
            if now - self._silence_at >= SILENCE_SECONDS:
                self._silence_at = now
                self._note_silence()
        except AWAY as error:
            self._wait_for_database(error)

    def _take_posts(self) -> None:
        ids, messages = waiting_posts(limit=POSTS_AT_ONCE, using=ALIAS)
        if ids:
            self._show(take(messages, time=site_time(), using=ALIAS))
            forget_posts(ids=ids, using=ALIAS)
            self._posts_at = 0.0

    def _note_silence(self) -> None:
        with connections[ALIAS].cursor() as cursor:
            silent = mark_silent(cursor, silent_before_ms=site_time().silent_before_ms)
        for tenant_id, machine in silent:
            self._live.note_silent(tenant_id, machine)

    def _wait_for_database(self, error: Exception) -> None:
        logger.warning("the database is away, nothing is acknowledged: %s", error)
        connections[ALIAS].close()
        time.sleep(RETRY_SECONDS)

    def _on_connect(
        self, client: mqtt.Client, userdata: Any, flags: Any, reason: ReasonCode, *_rest: Any
    ) -> None:
        if reason.is_failure:
            logger.error("the broker refused the ingest worker: %s", reason)
            return
        self._connection += 1
        client.subscribe(self._topic, qos=1)
        logger.info("connected to the broker, listening on %s", self._topic)

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        received_ms = milliseconds(site_clock().at(datetime.now(UTC)))
        # A full queue blocks here: the broker, which is not acknowledged, then holds back.
        self._waiting.put(
            _Delivery(
                message.topic, bytes(message.payload), received_ms, message.mid, self._connection
            )
        )
