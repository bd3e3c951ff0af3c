"""What has arrived and from whom: messages, known devices, frames that may be stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import orjson
from django.conf import settings
from django.db.backends.utils import CursorWrapper

from devices.core.broker import is_gateway
from devices.core.frames import Reading, Reason, Refusal, clock_fault, decode, is_signed_by
from devices.core.keys import device_key

DEVICES = """
select d.id, d.tenant_id, d.machine_id, d.uid, d.key_version, d.revoked_at is not null, m.uid
from devices_device d join devices_machine m on m.id = d.machine_id
where {condition}
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery, by whichever door.

    `sender` is the device or gateway that the MQTT topic names. `tenant_id` is set when the door
    has authenticated an organisation: only its own devices count then, they may be called by
    name, and a MAC may be left out. In a replay, `arrival` in a frame is the site's clock for it.
    """

    payload: bytes
    received_ms: int
    sender: str | None = None
    tenant_id: int | None = None
    is_replay: bool = False

    @property
    def topic_device(self) -> str | None:
        """The only device that may speak in this message, unless it is a gateway's."""
        return None if self.sender is None or is_gateway(self.sender) else self.sender


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device's row, as far as its frames need it."""

    id: int
    tenant_id: int
    machine_id: int
    uid: UUID
    key_version: int
    is_revoked: bool
    machine_uid: UUID


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame that may be stored."""

    reading: Reading
    device: KnownDevice
    received_ms: int
    message: int
    """The position of its message in the batch."""
    metrics: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame or message that goes to quarantine."""

    refusal: Refusal
    received_ms: int
    message: int
    tenant_id: int | None
    """Whose list it is shown on; None is the platform's."""
    is_ours: bool = False
    """Signed by the device itself, which may be told that it need not send this again."""


def sift(cursor: CursorWrapper, messages: Sequence[Message]) -> tuple[list[Arrival], list[Refused]]:
    """Decode messages and check each frame's sender, signature and clock."""
    decoded = [decode(message.payload) for message in messages]
    devices = _find_devices(cursor, messages, decoded)
    arrivals: list[Arrival] = []
    refused: list[Refused] = []
    for position, (message, found) in enumerate(zip(messages, decoded, strict=True)):
        for one in found:
            named = one.device or message.topic_device or ""
            device = devices.get(_name_of(named, message))
            checked = one if isinstance(one, Refusal) else _check(one, device, message)
            received_ms = message.received_ms
            if isinstance(one, Reading) and message.is_replay and one.arrival_ms is not None:
                received_ms = one.arrival_ms
            if isinstance(checked, Refusal):
                tenant_id = device.tenant_id if device else message.tenant_id
                is_ours = checked.reason == Reason.BAD_CLOCK
                refused.append(Refused(checked, received_ms, position, tenant_id, is_ours))
            elif device is not None:
                metrics = orjson.dumps(checked.values).decode()
                arrivals.append(Arrival(checked, device, received_ms, position, metrics))
    return arrivals, refused


def _check(reading: Reading, device: KnownDevice | None, message: Message) -> Reading | Refusal:
    if message.topic_device is not None and reading.device != message.topic_device:
        return _refuse(reading, Reason.MALFORMED, "the topic names another device", message)
    if device is None:
        return _refuse(reading, Reason.UNKNOWN_DEVICE, "no such device here", message)
    if device.is_revoked:
        return _refuse(reading, Reason.REVOKED, "the device was taken out of use", message)
    if reading.mac is not None or message.tenant_id is None:
        key = _key(device.uid, device.key_version)
        if not is_signed_by(reading, key):
            detail = "the MAC is missing" if reading.mac is None else "the MAC does not fit"
            detail = f"{detail}; the key in use is version {device.key_version}"
            return _refuse(reading, Reason.BAD_MAC, detail, message)
    now_ms = message.received_ms
    if message.is_replay and reading.arrival_ms is not None:
        now_ms = reading.arrival_ms
    fault = clock_fault(reading.sent_ms, now_ms)
    return _refuse(reading, Reason.BAD_CLOCK, fault, message) if fault else reading


def _refuse(reading: Reading, reason: Reason, detail: str, message: Message) -> Refusal:
    payload = message.payload
    if payload.lstrip()[:1] == b"[":
        told = {"dev": reading.device, "boot": reading.boot, "seq": reading.seq}
        payload = orjson.dumps({**told, "ts": reading.sent_ms, "v": reading.values})
    return Refusal(reason, detail, payload, reading.device, (reading.boot, reading.seq))


def _find_devices(
    cursor: CursorWrapper,
    messages: Sequence[Message],
    decoded: Iterable[Sequence[Reading | Refusal]],
) -> dict[tuple[int | None, str], KnownDevice]:
    """Look up every device that the frames name; by (organisation or None, name)."""
    wanted = {
        _name_of(one.device or message.topic_device or "", message)
        for message, found in zip(messages, decoded, strict=True)
        for one in found
    }
    devices: dict[tuple[int | None, str], KnownDevice] = {}
    uids = [uid for tenant, name in wanted if tenant is None and (uid := _uid(name))]
    if uids:
        cursor.execute(DEVICES.format(condition="d.uid = any(%s)"), [uids])
        devices.update({(None, str(row[3])): KnownDevice(*row) for row in cursor.fetchall()})
    for tenant_id in {message.tenant_id for message in messages if message.tenant_id}:
        names = [name for tenant, name in wanted if tenant == tenant_id]
        devices.update(_devices_of(cursor, tenant_id, names))
    return devices


def _devices_of(
    cursor: CursorWrapper, tenant_id: int, names: Sequence[str]
) -> dict[tuple[int | None, str], KnownDevice]:
    """Look devices of one organisation up by uid or by name; its own names come first."""
    uids = [uid for name in names if (uid := _uid(name))]
    condition = "d.tenant_id = %s and (d.uid = any(%s) or d.name = any(%s) and d.name <> '')"
    statement = DEVICES.replace("m.uid\n", "m.uid, d.name\n").format(condition=condition)
    cursor.execute(statement, [tenant_id, uids, list(names)])
    found: dict[tuple[int | None, str], KnownDevice] = {}
    for *row, name in cursor.fetchall():
        device = KnownDevice(*row)
        found.setdefault((tenant_id, str(device.uid)), device)
        if name:
            found[tenant_id, name] = device
    return found


def json_list(texts: Iterable[str]) -> str:
    """Join JSON texts to one list; one parameter needs no escaping, an array of texts does."""
    return f"[{','.join(texts)}]"


def _name_of(named: str, message: Message) -> tuple[int | None, str]:
    return (message.tenant_id, named)


@lru_cache(maxsize=4096)
def _uid(text: str) -> UUID | None:
    """Read a device's uid in its usual spelling; any other spelling is no uid."""
    try:
        uid = UUID(text)
    except ValueError:
        return None
    return uid if str(uid) == text else None


@lru_cache(maxsize=4096)
def _key(uid: UUID, version: int) -> bytes:
    return device_key(settings.SECRET_KEY, uid, version)
