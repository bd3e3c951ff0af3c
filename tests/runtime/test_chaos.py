"""A loaded site loses its parts by the handful: nothing acknowledged is lost, doubled or left."""

from __future__ import annotations

import pytest

from bench.chaos import rounds
from bench.chaos.rounds import bench_chaos

STATIC = "django.contrib.staticfiles.storage.StaticFilesStorage"


@pytest.mark.alone
def test_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENFLOOR_STATIC", STATIC)
    # In two rounds of six and five everything is killed once, the supervisor included.
    monkeypatch.setattr(rounds, "AT_ONCE", (6,))
    report = bench_chaos(seed=3, scale=2 / rounds.ROUNDS)
    figures = {figure["name"]: figure["value"] for figure in report["figures"]}
    assert set(report["kills"]) == set(rounds.VICTIMS)
    # A postmaster that is killed a moment earlier leaves no backend to be killed.
    assert figures["kills"] >= len(rounds.VICTIMS) - 1
    assert min(report["acknowledged"].values()) >= 3
    assert report["lost"] == dict.fromkeys(report["lost"], 0)
    assert report["doubled"] == dict.fromkeys(report["doubled"], 0)
    assert (figures["unplanned"], figures["orphans_left"]) == (0, 0)
