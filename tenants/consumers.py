"""One WebSocket per tab: the signals of the organisation that the page acts for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from tenants.acting import acting_for_person
from tenants.live import changed_since, organisation_group
from tenants.middleware import SESSION_KEY
from tenants.models import Membership

FORBIDDEN = 4403
FLUSH_SECONDS = 0.5


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """Subscribe to keys of the own organisation; forward at most two batches a second.

    The client sends `{"sub": ["machines", "order:…"]}`, all that it wants now; a signal whose
    key (or its part before the first colon) is subscribed is forwarded. `"since"`, the second in
    which the page was made, brings what changed before it could listen. Signals carry keys and
    numbers of the own organisation's group only, so a foreign key simply never arrives.
    """

    async def connect(self) -> None:
        self.topics: set[str] = set()
        self.changed: set[str] = set()
        self.numbers: dict[str, dict[str, Any]] = {}
        self.sequence = 0
        self.flusher: asyncio.Task[None] | None = None
        self.tenant_id = await self._tenant_id()
        if self.tenant_id is None:
            await self.close(code=FORBIDDEN)
            return
        await self.channel_layer.group_add(organisation_group(self.tenant_id), self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if self.flusher is not None:
            self.flusher.cancel()
        if self.tenant_id is not None:
            await self.channel_layer.group_discard(
                organisation_group(self.tenant_id), self.channel_name
            )

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        """Read a message; what is no JSON, or is nested too deeply, asks for nothing."""
        try:
            return json.loads(text_data)
        except (ValueError, RecursionError):
            return None

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Take text; the protocol has no other messages."""
        await super().receive(text_data=text_data or "null", **kwargs)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        topics = content.get("sub") if isinstance(content, dict) else None
        if not isinstance(topics, list) or len(topics) > 200:
            await self.close(code=FORBIDDEN)
            return
        self.topics = {str(topic)[:100] for topic in topics}
        await self.send_json({"t": "hello", "n": self.sequence})
        if isinstance(since := content.get("since"), int):
            # Rows were read a moment before the page took its time.
            self.changed |= await self._changed_since(since - 1)
            self._flush_soon()

    async def signal(self, event: dict[str, Any]) -> None:
        message = event["message"]
        key = message["k"]
        if message["t"] == "ended":
            if message["p"] == self.scope["user"].pk:
                await self.close(code=FORBIDDEN)
            return
        if key not in self.topics and key.partition(":")[0] not in self.topics:
            return
        if message["t"] == "changed":
            self.changed.add(key)
        else:
            self.numbers.setdefault(key, {}).update(message["v"])
        self._flush_soon()

    def _flush_soon(self) -> None:
        if (self.changed or self.numbers) and (self.flusher is None or self.flusher.done()):
            self.flusher = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        changed, self.changed = sorted(self.changed), set()
        numbers, self.numbers = self.numbers, {}
        self.sequence += 1
        await self.send_json(
            {"t": "batch", "n": self.sequence, "changed": changed, "numbers": numbers}
        )

    @sync_to_async
    def _changed_since(self, moment: float) -> set[str]:
        assert self.tenant_id is not None  # otherwise nothing was accepted
        return changed_since(tenant_id=self.tenant_id, topics=self.topics, moment=moment)

    @database_sync_to_async
    def _tenant_id(self) -> int | None:
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            return None
        with acting_for_person(user.pk):
            mine = Membership.objects.filter(person_id=user.pk, is_active=True)
            chosen = mine.filter(tenant_id=self.scope["session"].get(SESSION_KEY) or 0).first()
            acting = chosen or mine.order_by("tenant__name", "id").first()
            return None if acting is None else acting.tenant_id
