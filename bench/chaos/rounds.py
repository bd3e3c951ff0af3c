"""The rounds of `bench chaos`: kill one to three parts of a loaded site, and wait until it works.

Orders, frames and small posts come in all the time. All victims have their turn, in an order
drawn from the seed, before one is killed again. The site and its data are gone at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from bench.chaos.load import Load
from bench.chaos.site import VICTIMS, Site
from bench.chaos.verdict import Verdict, judge
from bench.figures import figure
from bench.machine import machine_facts
from config.runtime.credentials import load_or_create_credentials
from config.runtime.servers import embedded_addresses
from devices.core.broker import broker_from_url

ROUNDS = 20
FACTORIES = 3
AT_ONCE = (1, 1, 2, 3)
LOOK_EVERY_S = 0.5
RECOVERY_PATIENCE_S = 300.0
"""A site that does not work again by then is killed further, and its figure is missed."""
RECOVERY_GOAL_S = 60.0


def bench_chaos(*, seed: int = 1, scale: float = 1.0) -> dict[str, Any]:
    """Kill for `scale` times twenty rounds and return what came of it.

    Raises:
        SiteFailed: the site did not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="openfloor-chaos-"))
    # PostgreSQL may have to run as somebody else, who must get at its data.
    folder.chmod(0o755)
    chaos = Chaos(Site(folder), seed=seed)
    try:
        chaos.run(max(1, round(ROUNDS * scale)))
    finally:
        chaos.site.stop()
        left = chaos.site.left_over()
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "bench": "chaos",
        "simulated": True,
        "seed": seed,
        "scale": scale,
        "machine": machine_facts() | {"load": os.getloadavg()[0]},
        **chaos.report(left),
    }


class Chaos:
    """One site, its load, and what is noted about its kills."""

    def __init__(self, site: Site, *, seed: int) -> None:
        self.site = site
        self.chance = Random(seed)
        self.kills: Counter[str] = Counter()
        self.recoveries: list[tuple[float, tuple[str, ...]]] = []
        self.calm_s = 0.0
        self.outlived_supervisor: list[int] = []
        self.load: Load | None = None
        self.verdict: Verdict | None = None
        self._ended = threading.Event()

    def run(self, rounds: int) -> None:
        """Start site and load, kill, wait until all is quiet, and judge."""
        watcher = threading.Thread(target=self._watch, daemon=True)
        # The kernel ends children with the thread that made them: that is this one.
        self.site.start()
        watcher.start()
        try:
            self.load = load = self._prepared()
            load.start()
            self.calm_s = _until_it_works(load, time.monotonic())
            dealt = self._deal()
            for number in range(1, rounds + 1):
                time.sleep(self.chance.uniform(0.2, 2.0))
                victims = next(dealt)
                print(f"Round {number} of {rounds}: {', '.join(victims)}", file=sys.stderr)
                self._round(load, victims)
            load.stop()
            self.verdict = judge(self.site.layout, load.acknowledged)
        finally:
            self._ended.set()
            watcher.join()

    def _prepared(self) -> Load:
        """Make the market and return its load."""
        self.site.run("demo_seed", "--factories", str(FACTORIES))
        layout = self.site.layout
        market = json.loads((layout.root / "demo.json").read_text())
        credentials = load_or_create_credentials(layout.secrets_file)
        gateway = embedded_addresses(layout, credentials, ("mqtt",))["MQTT_GATEWAY_URL"]
        return Load(
            market,
            address=self.site.address,
            broker=broker_from_url(gateway),
            queue=layout.root / "chaos-frames.db",
        )

    def _deal(self) -> Iterator[tuple[str, ...]]:
        """Yield victims, one to three at once, each as often as any other."""
        deck: list[str] = []
        while True:
            if not deck:
                deck = self.chance.sample(VICTIMS, len(VICTIMS))
            size = self.chance.choice(AT_ONCE)
            dealt, deck = deck[:size], deck[size:]
            # Killed first, the supervisor would leave the others nothing to be.
            yield tuple(sorted(dealt, key=lambda victim: victim == "supervisor"))

    def _round(self, load: Load, victims: tuple[str, ...]) -> None:
        instant = time.monotonic()
        for victim in victims:
            self.kills[victim] += self.site.kill(victim, self.chance)
        if "supervisor" in victims:
            self.outlived_supervisor += self.site.left_over()
            self.site.start()
        self.recoveries.append((_until_it_works(load, instant), victims))

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self.site.look()

    def report(self, left: list[int]) -> dict[str, Any]:
        """Return the figures and what they are made of."""
        assert self.load is not None, "has run"
        assert self.verdict is not None, "has run"
        acknowledged, verdict = self.load.acknowledged, self.verdict
        longest, after = max(self.recoveries)
        of_parts = [seconds for seconds, victims in self.recoveries if "supervisor" not in victims]
        waits = [order.seconds for order in acknowledged.orders if order.seconds is not None]
        lost, doubled = sum(verdict.lost.values()), sum(verdict.doubled.values())
        orphans = len({*left, *self.outlived_supervisor})
        return {
            "kills": dict(self.kills),
            "recoveries": [
                {"killed": victims, "seconds": round(seconds, 1)}
                for seconds, victims in self.recoveries
            ],
            "acknowledged": {
                "frames": len(acknowledged.frames),
                "sites": len(acknowledged.sites),
                "orders": len(acknowledged.orders),
            },
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "longest_recovery_after": after,
            "figures": [
                _figure("kills", self.kills.total(), "count"),
                _figure("acknowledged", acknowledged.total, "count"),
                _figure("lost", lost, "count", most=0),
                _figure("doubled", doubled, "count", most=0),
                _figure("unplanned", verdict.unplanned, "count", most=0),
                _figure("open_messages", verdict.open_messages, "count"),
                _figure("orphans_left", orphans, "count", most=0),
                _figure("longest_recovery_s", longest, "s", most=RECOVERY_GOAL_S)
                | {"yardstick": round(self.calm_s, 1)},
                _figure("longest_recovery_of_parts_s", max(of_parts, default=None), "s"),
                _figure("longest_order_s", max(waits, default=None), "s"),
                _figure("cpu_s", sum(self.site.cpu_seconds.values()), "s"),
                _figure("peak_memory_mb", self.site.peak_memory_mb, "MB"),
            ],
        }


def _until_it_works(load: Load, instant: float) -> float:
    """Wait until the site does its work again, and return the seconds since `instant`."""
    works = load.all_works_since(instant)
    while not works() and time.monotonic() - instant < RECOVERY_PATIENCE_S:
        time.sleep(0.1)
    return time.monotonic() - instant


def _figure(
    name: str, value: float | None, unit: str, *, most: float | None = None
) -> dict[str, Any]:
    goal = "shown" if most is None else f"<= {most:g}"
    holds = most is None or (value is not None and value <= most)
    return figure(name, value, unit, goal, holds)
