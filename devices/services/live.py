"""Live numbers to the browsers: gathered over half a second, sent from one event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from devices.models import MachineState
from devices.services.latest import LiveValues
from tenants.live import organisation_group

logger = logging.getLogger(__name__)
KEY = "machines"
SEND_SECONDS = 0.5
CHANGED_SECONDS = 5.0
MOST_METRICS = 12


class LiveFeed:
    """Coalesce what happens to machines; at most two messages a second for an organisation.

    `tenants.live.announce_numbers` opens an event loop for every call; a worker that speaks
    all the time keeps one, with one connection to the channel layer. What cannot be sent in
    time is merged into the next message: live numbers are the first thing to give way.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, dict[str, Any]] = {}
        self._changed: set[tuple[int, str]] = set()
        self._sent_at = 0.0
        self._told_at: dict[tuple[int, str], float] = {}
        self._sending: Future[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    def note(self, machine: UUID, live: LiveValues) -> None:
        """Take the new values of a machine."""
        numbers = self._numbers.setdefault(live.tenant_id, {})
        for name, value in list(live.values.items())[:MOST_METRICS]:
            if name != "state":
                numbers[f"{machine}.{name}"] = value
        if live.state:
            numbers[f"{machine}.state"] = live.state
        self._changed.add((live.tenant_id, KEY))

    def note_silent(self, tenant_id: int, machine: UUID) -> None:
        """Take that a machine has fallen silent."""
        numbers = self._numbers.setdefault(tenant_id, {})
        numbers[f"{machine}.state"] = MachineState.OFFLINE.value
        self._changed.add((tenant_id, KEY))

    def note_quarantined(self, tenant_id: int) -> None:
        """Take that something of an organisation was refused."""
        self._changed.add((tenant_id, "quarantine"))

    def send_due(self) -> None:
        """Send what has gathered, unless the last sending is too recent or still under way."""
        now = time.monotonic()
        if now - self._sent_at < SEND_SECONDS or not (self._numbers or self._changed):
            return
        if self._sending is not None and not self._sending.done():
            return
        self._sent_at = now
        messages: list[tuple[int, dict[str, Any]]] = [
            (tenant_id, {"t": "n", "k": KEY, "v": values})
            for tenant_id, values in self._numbers.items()
        ]
        for one in list(self._changed):
            if now - self._told_at.get(one, 0.0) >= CHANGED_SECONDS:
                self._told_at[one] = now
                self._changed.discard(one)
                messages.append((one[0], {"t": "changed", "k": one[1]}))
        self._numbers = {}
        self._sending = asyncio.run_coroutine_threadsafe(_send(messages), self._loop)

    def close(self) -> None:
        """Stop the event loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_forever()
        # The channel layer takes leave of its server on this loop, so it is closed where it ran.
        self._loop.close()


async def _send(messages: list[tuple[int, dict[str, Any]]]) -> None:
    layer = get_channel_layer()
    try:
        for tenant_id, message in messages:
            await layer.group_send(
                organisation_group(tenant_id), {"type": "signal", "message": message}
            )
    except (OSError, RedisError) as error:
        # Browsers read everything again when they reconnect; storing goes on.
        logger.warning("live numbers were not sent: %s", error)
