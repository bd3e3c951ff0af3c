"""Frames: what is taken, what is refused and why, and the bytes under the signature."""

from __future__ import annotations

import json
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.frames import (
    AHEAD_MS,
    EARLIEST_MS,
    Reading,
    Reason,
    Refusal,
    canonical_bytes,
    clock_fault,
    decode,
    is_signed_by,
    sign,
)
from devices.core.keys import device_key, key_from_text, key_text

GOOD = {"dev": "a", "boot": 1, "seq": 2, "ts": 1_800_000_000_000, "v": {"power_kw": 1.5}}


def test_a_frame_is_read() -> None:
    (reading,) = decode(orjson.dumps(GOOD))

    assert reading == Reading("a", 1, 2, 1_800_000_000_000, {"power_kw": 1.5}, None)


def test_a_list_gives_each_frame_and_a_bad_one_among_them_spoils_none() -> None:
    found = decode(orjson.dumps([GOOD, {**GOOD, "seq": -1}, {**GOOD, "seq": 3}]))

    assert [getattr(one, "seq", None) for one in found] == [2, None, 3]
    assert isinstance(found[1], Refusal)
    assert (found[1].reason, found[1].device) == (Reason.MALFORMED, "a")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"7", "malformed"),
        (b"[]", "malformed"),
        (b"[[]]", "malformed"),
        (b'{"dev": "a", "boot": 1, "seq": 1, "ts": 1, "v": {"x": NaN}}', "malformed"),
        (json.dumps({**GOOD, "v": {"x": True}}).encode(), "malformed"),
        (json.dumps({**GOOD, "v": {"x": "7"}}).encode(), "malformed"),
        (json.dumps({**GOOD, "v": {"a\x00b": 7}}).encode(), "malformed"),
        (json.dumps({**GOOD, "v": {"": 7}}).encode(), "malformed"),
        (json.dumps({**GOOD, "v": [1]}).encode(), "malformed"),
        (json.dumps({**GOOD, "boot": 2**63}).encode(), "malformed"),
        (json.dumps({**GOOD, "boot": True}).encode(), "malformed"),
        (json.dumps({**GOOD, "ts": 1.5}).encode(), "malformed"),
        (json.dumps({**GOOD, "ts": None}).encode(), "malformed"),
        (json.dumps({**GOOD, "dev": ""}).encode(), "malformed"),
        (json.dumps({**GOOD, "dev": "a\x00"}).encode(), "malformed"),
        (json.dumps({**GOOD, "dev": "d" * 65}).encode(), "malformed"),
        (json.dumps({**GOOD, "mac": 5}).encode(), "malformed"),
        (json.dumps({**GOOD, "v": {f"m{n}": n for n in range(65)}}).encode(), "too_large"),
        (json.dumps([GOOD] * 501).encode(), "too_large"),
        (b" " * 70_000, "too_large"),
        (b"[" * 30_000 + b"]" * 30_000, "malformed"),
        (b"[" * 1_000 + b"]" * 1_000, "malformed"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "malformed"),
        (
            json.dumps({**GOOD, "v": {"x": 1}}).replace("1}", "[" * 300 + "]" * 300 + "}").encode(),
            "malformed",
        ),
    ],
)
def test_what_is_no_frame_is_refused_with_its_reason(payload: bytes, reason: str) -> None:
    (found,) = decode(payload)

    assert isinstance(found, Refusal)
    assert found.reason == reason
    assert found.detail


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_make_the_decoder_fail(payload: bytes) -> None:
    assert decode(payload)


def test_the_canonical_bytes_are_those_of_the_documentation() -> None:
    told = canonical_bytes("d-1", 3, 41, 1_800_000_000_000, {"state": 3, "parts": 120.5, "t": None})

    assert told == (
        b"openfloor.frame.1\nd-1\n3\n41\n1800000000000\n"
        b"405e200000000000 parts\n4008000000000000 state\nnull t\n"
    )


def test_a_signature_fits_its_frame_and_no_other() -> None:
    key = device_key("master", UUID(int=7), 1)
    mac = sign(key, device="a", boot=1, seq=2, sent_ms=3, values={"x": 1})
    reading = Reading("a", 1, 2, 3, {"x": 1.0}, mac)

    assert is_signed_by(reading, key)
    assert not is_signed_by(Reading("a", 1, 2, 3, {"x": 2}, mac), key)
    assert not is_signed_by(Reading("a", 1, 3, 3, {"x": 1}, mac), key)
    assert not is_signed_by(Reading("a", 1, 2, 3, {"x": 1}, "é"), key)
    assert not is_signed_by(Reading("a", 1, 2, 3, {"x": 1}, None), key)
    assert not is_signed_by(reading, device_key("master", UUID(int=7), 2))
    assert not is_signed_by(reading, device_key("other", UUID(int=7), 1))


def test_a_key_survives_being_copied() -> None:
    key = device_key("master", UUID(int=7), 1)

    assert key_from_text(f" {key_text(key)}\n") == key
    with pytest.raises(ValueError, match="32 bytes"):
        key_from_text("abcd")


def test_a_clock_may_be_a_day_ahead_and_not_older_than_2020() -> None:
    now_ms = 1_800_000_000_000

    assert clock_fault(now_ms + AHEAD_MS, now_ms) is None
    assert clock_fault(EARLIEST_MS, now_ms) is None
    assert "24 hours" in str(clock_fault(now_ms + AHEAD_MS + 1, now_ms))
    assert "2020" in str(clock_fault(EARLIEST_MS - 1, now_ms))
