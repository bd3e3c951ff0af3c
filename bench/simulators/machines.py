"""Simulated machines: they run a schedule by the site's clock and report over real MQTT.

What they speak is what any device speaks (docs/frames.md): this module knows no database and
no site, only a broker, device keys and a schedule. All of it follows from the seed.
"""

from __future__ import annotations

import heapq
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from devices.agent.queue import FrameQueue
from devices.agent.uplink import Sender, Uplink
from devices.core.broker import GATEWAY, Broker
from tenants.clock import SiteClock, clock_of_file

IDLE, SET_UP, RUNNING, DOWN = 1.0, 2.0, 3.0, 5.0
MINUTE_MS = 60_000
CLOSEST_MS = 5 * MINUTE_MS
"""No machine sends more often than once in five site minutes."""
PAUSE_SECONDS = 0.05
Values = dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class SimulatedRun:
    """What a machine does between two instants: set up, then make `pieces`."""

    start: datetime
    end: datetime
    pieces: int
    set_up_minutes: float = 0


@dataclass(frozen=True, kw_only=True)
class SimulatedMachine:
    """A machine with its device, in the order of time what it will do, and its nature.

    The nature is hidden from the site: `pace` is its real rate over the stated one, run by run
    scattered by `spread`, `set_up_stretch` its real set-up over the planned one. A slow run ends
    later than planned, and the next one begins after it.
    """

    device: str
    key: bytes
    machine: str
    runs: Sequence[SimulatedRun]
    power_kw: float = 6.0
    first_count: int = 0
    pace: float = 1.0
    spread: float = 0.0
    set_up_stretch: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How the machines behave, and how often they speak."""

    seed: int = 1
    frame_minutes: float = 15
    stops_per_day: float = 3.0
    stop_minutes: float = 8.0
    scrap_share: float = 0.004


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the machines have sent; `stored` counts our own receipts."""

    frames: int
    stored: int
    sent_again: int
    waiting: int
    refused: dict[str, int]
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class _Made:
    """A run as it really goes: stops taken out, the rest at an even pace."""

    start_ms: int
    work_ms: int
    end_ms: int
    pieces: int
    stops: tuple[tuple[int, int], ...]

    def state_at(self, at_ms: int) -> float:
        if at_ms < self.work_ms:
            return SET_UP
        if at_ms >= self.end_ms:
            return IDLE
        return DOWN if any(start <= at_ms < end for start, end in self.stops) else RUNNING

    def pieces_at(self, at_ms: int) -> int:
        if at_ms >= self.end_ms:
            return self.pieces
        stopped = sum(end - start for start, end in self.stops)
        passed = at_ms - self.work_ms
        passed -= sum(max(0, min(end, at_ms) - start) for start, end in self.stops)
        return max(0, self.pieces * passed // max(self.end_ms - self.work_ms - stopped, 1))


def clock_from_environment() -> SiteClock:
    """Return the site's clock as the environment sets it, without the site."""
    if file := os.environ.get("SITE_CLOCK_FILE"):
        return clock_of_file(file, 0)
    start = datetime.fromisoformat(os.environ.get("SITE_CLOCK_START") or "1970-01-01T00:00Z")
    epoch = datetime.fromisoformat(os.environ.get("SITE_CLOCK_EPOCH") or start.isoformat())
    rate = float(os.environ.get("SITE_CLOCK_RATE") or 1)
    return SiteClock(epoch=epoch, start=start, rate=rate)


def publish_machines(
    machines: Sequence[SimulatedMachine],
    *,
    broker: Broker,
    clock: SiteClock,
    habits: Habits,
    queue_file: Path | str,
    until: datetime,
    patience_seconds: float = 60.0,
    progress: Callable[[datetime, Uplink], bool] = lambda _now, _uplink: True,
) -> Report:
    """Let the machines work until the site's clock shows `until` and every frame is stored.

    `progress` is called about twice a second and may end the work by returning False. Gives up
    when no receipt came for `patience_seconds`; the frames then stay in `queue_file`.
    """
    began, cpu_began = time.monotonic(), time.process_time()
    frames = FrameQueue(queue_file)
    uplink = Uplink(broker, frames, sender=f"{GATEWAY}-{secrets.token_hex(4)}")
    senders = {one.device: uplink.sender(one.device, one.key) for one in machines}
    now = clock.at(datetime.now(UTC))
    upcoming = _merged(machines, habits, _ms(now), _ms(until))
    uplink.open()
    try:
        _work(upcoming, senders, uplink, clock, patience_seconds, progress)
        waiting = uplink.unstored()
    finally:
        uplink.close()
        frames.close()
    return Report(
        frames=uplink.tally.made,
        stored=uplink.tally.stored,
        sent_again=uplink.tally.sent_again,
        waiting=waiting,
        refused=uplink.tally.refused,
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - cpu_began,
    )


def _work(
    upcoming: Iterator[tuple[int, str, Values]],
    senders: dict[str, Sender],
    uplink: Uplink,
    clock: SiteClock,
    patience_seconds: float,
    progress: Callable[[datetime, Uplink], bool],
) -> None:
    following = next(upcoming, None)
    heard, heard_at, told_at = -1, time.monotonic(), 0.0
    while True:
        now = clock.at(datetime.now(UTC))
        due = []
        while following is not None and following[0] <= _ms(now):
            at_ms, device, values = following
            due.append((senders[device], at_ms, values))
            following = next(upcoming, None)
        if due:
            uplink.make(due)
        uplink.work()
        if uplink.tally.stored != heard:
            heard, heard_at = uplink.tally.stored, time.monotonic()
        if following is None and not uplink.unstored():
            return
        if time.monotonic() - heard_at > patience_seconds and uplink.unstored():
            return
        if time.monotonic() - told_at > 0.5:
            told_at = time.monotonic()
            if not progress(now, uplink):
                return
        time.sleep(PAUSE_SECONDS)


def _merged(
    machines: Sequence[SimulatedMachine], habits: Habits, from_ms: int, until_ms: int
) -> Iterator[tuple[int, str, Values]]:
    """Yield the frames of all machines in the order of time."""
    each = (machine_frames(one, habits, from_ms, until_ms) for one in machines)
    return heapq.merge(*each, key=lambda frame: (frame[0], frame[1]))


def machine_frames(
    machine: SimulatedMachine, habits: Habits, from_ms: int, until_ms: int
) -> Iterator[tuple[int, str, Values]]:
    """Yield (when in ms, device, values) of one machine, at most one in five site minutes.

    Besides its beat a machine reports when a run begins and ends, as a controller does, so that
    counts meet the runs they belong to.
    """
    chance = random.Random(f"{habits.seed}:{machine.device}")
    runs: list[_Made] = []
    for run in machine.runs:
        runs.append(_make(run, machine, habits, chance, runs[-1].end_ms if runs else 0))
    count = machine.first_count
    current = 0
    warmth = 22.0
    earlier_ms = from_ms
    for at_ms in _moments(runs, habits, chance, from_ms, until_ms):
        while current < len(runs) and _is_over(runs, current, at_ms):
            count += runs[current].pieces
            current += 1
        run = runs[current] if current < len(runs) else None
        is_in = run is not None and at_ms >= run.start_ms
        state = run.state_at(at_ms) if run is not None and is_in else IDLE
        parts = count + (run.pieces_at(at_ms) if run is not None and is_in else 0)
        goal = {RUNNING: 58.0, SET_UP: 34.0}.get(state, 24.0)
        share = min(1.0, (at_ms - earlier_ms) / (45 * MINUTE_MS))
        warmth += (goal - warmth) * share + chance.gauss(0, 0.4)
        load = {RUNNING: 0.82, SET_UP: 0.3, DOWN: 0.08}.get(state, 0.12)
        yield (
            at_ms,
            machine.device,
            {
                "state": state,
                "parts": parts,
                "scrap": round(parts * habits.scrap_share),
                "power_kw": round(max(0.1, machine.power_kw * load * chance.gauss(1, 0.05)), 2),
                "temperature_c": round(warmth, 1),
            },
        )
        earlier_ms = at_ms


def _is_over(runs: Sequence[_Made], current: int, at_ms: int) -> bool:
    """Say whether a run is behind; at its very end it still speaks, unless the next has begun."""
    end_ms = runs[current].end_ms
    has_next_begun = current + 1 < len(runs) and runs[current + 1].start_ms <= at_ms
    return at_ms > end_ms or (at_ms == end_ms and has_next_begun)


def _moments(
    runs: Sequence[_Made], habits: Habits, chance: random.Random, from_ms: int, until_ms: int
) -> Iterator[int]:
    """Yield the instants at which a machine speaks: its beat, and where runs begin and end."""
    beat_ms = max(CLOSEST_MS, round(habits.frame_minutes * MINUTE_MS))
    edges = sorted({edge for run in runs for edge in (run.start_ms, run.end_ms)})
    edges = [edge for edge in edges if from_ms <= edge <= until_ms]
    following = from_ms + round(chance.random() * beat_ms)
    while following <= until_ms or edges:
        edge = edges[0] if edges else None
        if edge is not None and edge < following + CLOSEST_MS:
            # The beat steps aside: an edge is told exactly, and the beat goes on from there.
            edges.pop(0)
            while edges and edges[0] < edge + CLOSEST_MS:
                edges.pop(0)
            yield edge
            following = edge + beat_ms
        elif following <= until_ms:
            yield following
            following += beat_ms
        else:
            return


def _make(
    run: SimulatedRun,
    machine: SimulatedMachine,
    habits: Habits,
    chance: random.Random,
    free_ms: int,
) -> _Made:
    """Decide the pace and the stops of a run; stops take at most a tenth of it together."""
    planned_ms, set_up_ms = _ms(run.start), run.set_up_minutes * MINUTE_MS
    start_ms = max(planned_ms, free_ms)
    planned_length = max(0, _ms(run.end) - planned_ms - round(set_up_ms))
    # Chance is asked only where there is a spread, so that machines without one stay as they were.
    pace = machine.pace * (chance.gauss(1, machine.spread) if machine.spread else 1.0)
    work_ms = start_ms + round(min(set_up_ms, _ms(run.end) - planned_ms) * machine.set_up_stretch)
    end_ms = work_ms + round(planned_length / pace)
    length = end_ms - work_ms
    wanted = chance.random() * 2 * habits.stops_per_day * length / (24 * 60 * MINUTE_MS)
    left, stops, edge = length // 10, [], work_ms
    for _ in range(round(wanted)):
        stop = min(left, round(chance.expovariate(1 / (habits.stop_minutes * MINUTE_MS))))
        if stop < MINUTE_MS or end_ms - edge <= 2 * stop:
            break
        start = edge + round(chance.random() * (end_ms - edge - 2 * stop))
        stops.append((start, start + stop))
        left, edge = left - stop, start + stop
    return _Made(start_ms, work_ms, end_ms, run.pieces, tuple(stops))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
