"""Simulated machines keep their schedule: counts, states and the closest beat allowed."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from bench.simulators.machines import (
    CLOSEST_MS,
    Habits,
    SimulatedMachine,
    SimulatedRun,
    machine_frames,
)
from devices.core.counters import CounterReading, Span, counted_by_span
from tests.devices.fleet import MINUTE, T0, T0_MS


def test_a_machine_makes_what_its_runs_say_and_tells_it_to_the_right_run() -> None:
    edges = [0, 95, 230, 400, 402, 900]
    runs = [
        SimulatedRun(
            start=T0 + timedelta(minutes=start),
            end=T0 + timedelta(minutes=end),
            pieces=1000 + end,
            set_up_minutes=20,
        )
        for start, end in pairwise(edges)
        if end - start > 10
    ]
    machine = SimulatedMachine(device="d", key=b"", machine="m", runs=runs, first_count=77)

    frames = list(
        machine_frames(machine, Habits(seed=3, frame_minutes=15), T0_MS, T0_MS + 960 * MINUTE)
    )

    times = [at_ms for at_ms, _device, _values in frames]
    assert all(later - earlier >= CLOSEST_MS for earlier, later in pairwise(times))
    readings = [CounterReading(at_ms, int(values["parts"] or 0)) for at_ms, _d, values in frames]
    assert readings[-1].value == 77 + sum(run.pieces for run in runs)
    spans = [
        Span(n, round(run.start.timestamp() * 1000), round(run.end.timestamp() * 1000))
        for n, run in enumerate(runs)
    ]
    counted = counted_by_span(readings, spans)
    assert [counted[n] for n in range(2)] == [run.pieces for run in runs[:2]]
    assert sum(counted.values()) == sum(run.pieces for run in runs)
    assert {values["state"] for _at, _d, values in frames} >= {1.0, 2.0, 3.0}


def test_the_same_seed_gives_the_same_machine() -> None:
    run = SimulatedRun(start=T0, end=T0 + timedelta(hours=20), pieces=9000, set_up_minutes=30)
    machine = SimulatedMachine(device="d", key=b"", machine="m", runs=[run])

    first, again = (
        list(machine_frames(machine, Habits(seed=9), T0_MS, T0_MS + 1300 * MINUTE))
        for _ in range(2)
    )

    assert first == again
