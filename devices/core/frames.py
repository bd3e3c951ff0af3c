"""Frames as devices send them: decoding, canonical bytes, checks. See docs/frames.md.

A frame is one JSON object, a message one frame or a list of frames. What cannot be taken
is answered with a reason; nothing here knows a database or a clock.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

MAX_MESSAGE_BYTES = 64 * 1024
MAX_FRAMES_IN_MESSAGE = 500
MAX_METRICS = 64
MAX_METRIC_NAME = 60
MAX_DEVICE_NAME = 64
BIGGEST = 2**63 - 1
EARLIEST_MS = 1_577_836_800_000
"""2020-01-01T00:00:00Z: no device of ours is older, so an earlier time is a clock not yet set."""
AHEAD_MS = 24 * 3600 * 1000
CANONICAL_FIRST_LINE = "openfloor.frame.1"


class Reason(StrEnum):
    MALFORMED = "malformed"
    """Not a frame: no JSON, a field missing or of a wrong kind."""
    TOO_LARGE = "too_large"
    """More bytes, frames or metrics than a message may carry."""
    UNKNOWN_DEVICE = "unknown_device"
    """Nobody has added this device, or it belongs to somebody else than the sender."""
    REVOKED = "revoked"
    """The device was taken out of use."""
    BAD_MAC = "bad_mac"
    """The frame was not signed with the device's present key."""
    BAD_CLOCK = "bad_clock"
    """The device's time is before 2020 or more than a day ahead of the site."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One frame, well formed and not yet trusted."""

    device: str
    boot: int
    seq: int
    sent_ms: int
    values: Mapping[str, float | None]
    mac: str | None
    arrival_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What could not be taken, and why; `device` and `frame` as far as they could be read."""

    reason: Reason
    detail: str
    payload: bytes
    device: str = ""
    frame: tuple[int, int] | None = None
    """(boot, seq) of a frame that was well formed."""


class _Unreadable(Exception):
    """A frame breaks the format; the message says where."""

    def __init__(self, detail: str, reason: Reason = Reason.MALFORMED) -> None:
        super().__init__(detail)
        self.reason = reason


def decode(payload: bytes) -> list[Reading | Refusal]:
    """Return each frame of a message, or why it is none; never raises on bad input."""
    if len(payload) > MAX_MESSAGE_BYTES:
        detail = f"{len(payload)} bytes; at most {MAX_MESSAGE_BYTES} are taken"
        return [Refusal(Reason.TOO_LARGE, detail, payload[:1024])]
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return [Refusal(Reason.MALFORMED, f"not JSON: {error}"[:300], payload)]
    if isinstance(message, dict):
        return [_decode_one(message, payload)]
    if not isinstance(message, list) or not message:
        return [Refusal(Reason.MALFORMED, "neither a frame nor a list of frames", payload)]
    if len(message) > MAX_FRAMES_IN_MESSAGE:
        detail = f"{len(message)} frames; at most {MAX_FRAMES_IN_MESSAGE} in one message"
        return [Refusal(Reason.TOO_LARGE, detail, payload[:1024])]
    return [_decode_one(one, payload) for one in message]


def _decode_one(raw: Any, payload: bytes) -> Reading | Refusal:
    try:
        return _read(raw)
    except _Unreadable as error:
        device = raw.get("dev") if isinstance(raw, dict) else None
        name = device[:MAX_DEVICE_NAME] if isinstance(device, str) else ""
        name = name if name.isprintable() else ""
        return Refusal(error.reason, str(error), _told(raw, payload), device=name)


def _told(raw: Any, payload: bytes) -> bytes:
    """Return a frame's own bytes, or its message's first when it is nested too deeply to write."""
    try:
        return orjson.dumps(raw)
    except orjson.JSONEncodeError:
        return payload[:1024]


def _read(raw: Any) -> Reading:
    if not isinstance(raw, dict):
        raise _Unreadable("a frame is a JSON object")
    device = raw.get("dev")
    if not isinstance(device, str) or not device or len(device) > MAX_DEVICE_NAME:
        raise _Unreadable('"dev" must be a text of 1 to 64 characters')
    if not device.isprintable():
        raise _Unreadable('"dev" holds a control character')
    mac = raw.get("mac")
    if mac is not None and not isinstance(mac, str):
        raise _Unreadable('"mac" must be a text')
    arrival = raw.get("arrival")
    return Reading(
        device,
        _whole(raw, "boot"),
        _whole(raw, "seq"),
        _whole(raw, "ts"),
        _values(raw.get("v")),
        mac,
        arrival if type(arrival) is int and 0 <= arrival <= BIGGEST else None,
    )


def _whole(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= BIGGEST:
        raise _Unreadable(f'"{name}" must be a whole number from 0 to 2^63 - 1')
    return value


def _values(raw: Any) -> Mapping[str, float | None]:
    if not isinstance(raw, dict):
        raise _Unreadable('"v" must be an object of metrics')
    if len(raw) > MAX_METRICS:
        raise _Unreadable(f"{len(raw)} metrics; at most {MAX_METRICS}", Reason.TOO_LARGE)
    for name, value in raw.items():
        if not 0 < len(name) <= MAX_METRIC_NAME or not name.isprintable():
            raise _Unreadable("a metric's name has 1 to 60 printable characters")
        # A boolean is an int in Python, but not a number in JSON.
        if value is not None and type(value) is not float and type(value) is not int:
            raise _Unreadable(f"{name} must be a number or null")
        if type(value) is float and not math.isfinite(value):
            raise _Unreadable(f"{name} is not a finite number")
    return raw


def clock_fault(sent_ms: int, now_ms: int) -> str | None:
    """Say what is wrong with a device's time, seen from the site's; None when it will do."""
    if sent_ms < EARLIEST_MS:
        return "the device's time is before 2020: its clock is not set"
    if sent_ms > now_ms + AHEAD_MS:
        return "the device's time is more than 24 hours ahead of the site's"
    return None


def canonical_bytes(
    device: str, boot: int, seq: int, sent_ms: int, values: Mapping[str, float | None]
) -> bytes:
    """Return the bytes that a frame's MAC covers, the same in every language.

    Lines end in a line feed: format name, device, boot, seq, ts, then each metric in the order
    of its name's UTF-8 bytes as 16 hexadecimal digits (IEEE 754 binary64, big-endian) or `null`,
    a space, the name.
    """
    lines = [CANONICAL_FIRST_LINE, device, str(boot), str(seq), str(sent_ms)]
    # Code point order is UTF-8 byte order.
    for name in sorted(values):
        value = values[name]
        digits = "null" if value is None else struct.pack(">d", value).hex()
        lines.append(f"{digits} {name}")
    lines.append("")
    return "\n".join(lines).encode()


def sign(
    key: bytes,
    *,
    device: str,
    boot: int,
    seq: int,
    sent_ms: int,
    values: Mapping[str, float | None],
) -> str:
    """Return a frame's MAC: HMAC-SHA256 by the device's key, in hexadecimal."""
    told = canonical_bytes(device, boot, seq, sent_ms, values)
    return hmac.new(key, told, hashlib.sha256).hexdigest()


def is_signed_by(reading: Reading, key: bytes) -> bool:
    """Say whether a frame carries the MAC of `key`."""
    if reading.mac is None or not reading.mac.isascii():
        return False
    told = canonical_bytes(
        reading.device, reading.boot, reading.seq, reading.sent_ms, reading.values
    )
    return hmac.compare_digest(hmac.digest(key, told, "sha256").hex(), reading.mac.lower())
