"""Replaying a file: the summary says what the lines say, however often and in whatever order."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "ingest"])
START_MS = 1_790_000_000_000
BEHIND_MS = -8 * 3600 * 1000


def lines() -> list[dict[str, Any]]:
    """Return two devices, one of which writes local time as UTC, with a restart each."""
    chance, made = random.Random(4), []
    for device, offset in (("press-01", 0), ("车床 2", BEHIND_MS)):
        for boot in (1, 2):
            for seq in range(40):
                at = START_MS + (boot * 100 + seq) * 60_000
                values = {"power": round(chance.uniform(1, 9), 3), "temp": None, "parts": seq}
                made.append(
                    {
                        **{"dev": device, "boot": boot, "seq": seq, "ts": at + offset},
                        **{"v": values, "arrival": at + chance.randrange(50, 900)},
                    }
                )
    return sorted(made, key=lambda one: one["arrival"])


def ingest(path: Path, frames: list[Any], *arguments: str) -> dict[str, Any]:
    source = path / "frames.ndjson.gz"
    with gzip.open(source, "wt") as stream:
        for one in frames:
            stream.write(f"{one if isinstance(one, str) else json.dumps(one)}\n")
    target = path / "summary.json"
    call_command("ingest_file", str(source), *arguments, "--summary", str(target))
    return dict(json.loads(target.read_text()))


def test_a_file_with_everything_in_it(tmp_path: Path) -> None:
    frames = lines()
    dirty = [
        *frames,
        *frames[:7],
        "{broken",
        {**frames[0], "dev": "stranger"},
        {**frames[0], "seq": 900, "ts": frames[0]["arrival"] + 25 * 3600 * 1000},
        {**frames[0], "seq": 901, "v": {"power": "high"}},
    ]
    register = ("--register", "press-01,车床 2")

    told = ingest(tmp_path, dirty, *register)

    assert (told["lines"], told["stored"], told["duplicates"]) == (171, 160, 7)
    assert told["quarantined"] == {"bad_clock": 1, "malformed": 2, "unknown_device": 1}
    for name, offset in (("press-01", 0), ("车床 2", BEHIND_MS)):
        mine = [one for one in frames if one["dev"] == name]
        device = told["devices"][name]
        assert (device["messages"], device["boots"]) == (80, 2)
        power = [one["v"]["power"] for one in mine]
        assert device["metrics"]["power"] == {
            "count": 80,
            "sum": pytest.approx(sum(power)),
            "min": min(power),
            "max": max(power),
            "last": power[-1],
        }
        assert "temp" not in device["metrics"]
        assert device["rollup"]["power"] == {"count": 80, "sum": pytest.approx(sum(power))}
        assert abs(device["clock_offset_ms"] - offset) < 1000


def test_again_and_shuffled_changes_nothing_that_is_stored(tmp_path: Path) -> None:
    frames = lines()
    first = ingest(tmp_path, frames, "--register", "press-01,车床 2")
    random.Random(1).shuffle(frames)

    again = ingest(tmp_path, frames)

    assert (again["stored"], again["duplicates"]) == (0, 160)
    assert again["devices"] == first["devices"]


def test_a_shuffled_file_alone_ends_in_the_same_summary(tmp_path: Path) -> None:
    frames = lines()
    renamed = [{**one, "dev": "B" + one["dev"]} for one in frames]
    random.Random(2).shuffle(renamed)

    told = ingest(tmp_path, frames, "--register", "press-01,车床 2,Bpress-01,B车床 2")
    told = ingest(tmp_path, renamed)

    for name in ("press-01", "车床 2"):
        assert told["devices"]["B" + name] == told["devices"][name]


@pytest.mark.parametrize("name", ["missing.ndjson", "torn.ndjson.gz"])
def test_a_file_that_cannot_be_read_is_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name.startswith("torn"):
        (tmp_path / name).write_bytes(gzip.compress(b"{}" * 5000)[:40])

    with pytest.raises(SystemExit) as exit_info:
        call_command("ingest_file", str(tmp_path / name))

    assert exit_info.value.code == 2
    assert "cannot be read" in capsys.readouterr().err
