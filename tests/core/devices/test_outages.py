"""When a machine is out of service by its device's own word, in minutes from a start."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from bench.simulators.machines import Habits, SimulatedMachine, SimulatedRun, machine_frames
from devices.core.outages import DOWN_AFTER, Service, service_of
from devices.core.states import Interval, StateReading, intervals_of, state_of
from tests.factories import NOW

MINUTE_MS = 60_000
HOUR = timedelta(hours=1)


def told(*spans: tuple[int, str], start: int = 0) -> list[Interval]:
    """Return touching intervals of some minutes each; a state of "" is a gap."""
    found, at = [], start
    for minutes, state in spans:
        if state:
            found.append(Interval(at * MINUTE_MS, (at + minutes) * MINUTE_MS, state))
        at += minutes
    return found


def service(is_down: bool, since: int, until: int) -> Service:
    return Service(is_down, since * MINUTE_MS, until * MINUTE_MS)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], None),
        ([(20, "down")], service(True, 0, 20)),
        ([(30, "running"), (20, "down"), (10, "down")], service(True, 30, 60)),
        # A trial run and a mechanic at work belong to the outage.
        ([(40, "down"), (10, "running"), (5, "idle")], service(False, 40, 55)),
        ([(40, "down"), (9, "running"), (5, "idle")], service(True, 0, 54)),
        ([(40, "down"), (9, "running"), (30, "down")], service(True, 0, 79)),
        ([(10, "down"), (60, "maintenance"), (10, "down")], service(True, 0, 80)),
        # What is planned is no outage, and says nothing about the time after it.
        ([(60, "maintenance")], None),
        ([(60, "maintenance"), (10, "down")], service(True, 60, 70)),
        ([(10, "down"), (20, "set_up"), (60, "maintenance")], None),
        # Silence says nothing.
        ([(90, "down"), (60, ""), (5, "down")], service(True, 150, 155)),
        ([(90, "down"), (60, "offline"), (5, "down")], service(True, 150, 155)),
        ([(90, "down"), (60, ""), (5, "running")], None),
        ([(90, "down"), (60, ""), (15, "running")], service(False, 150, 165)),
        ([(90, "down"), (60, "offline")], None),
        ([(8, "running"), (60, ""), (8, "running")], None),
    ],
)
def test_a_machine_stands_as_its_device_has_told(
    spans: list[tuple[int, str]], expected: Service | None
) -> None:
    assert service_of(told(*spans)) == expected


def test_the_simulated_machines_daily_stops_are_no_outages() -> None:
    """Of 60 busy machines in 18 days, each heard every half hour as in the demo, none is out."""
    longest = timedelta()
    for number in range(60):
        begun = NOW.replace(hour=6)
        chance = random.Random(number)
        runs = []
        for day in range(18):
            start = begun + timedelta(days=day)
            cut = start + chance.choice((4, 10, 17)) * HOUR
            runs += [
                SimulatedRun(start=start, end=cut, pieces=5_000, set_up_minutes=20),
                SimulatedRun(start=cut, end=start + 20 * HOUR, pieces=5_000),
            ]
        machine = SimulatedMachine(device=f"d-{number}", key=b"", machine="M", runs=runs)
        first, last = (round(at.timestamp() * 1000) for at in (begun, runs[-1].end))
        frames = machine_frames(machine, Habits(seed=1, frame_minutes=30), first, last)
        readings: list[StateReading] = []
        for at_ms, _device, values in frames:
            state = state_of(values["state"])
            assert state is not None
            readings = [*readings[-6:], StateReading(at_ms, state)]
            stood = service_of(intervals_of(readings)) if state == "down" else None
            if stood is not None and stood.is_down:
                longest = max(longest, stood.told_at - stood.since_at)
    assert timedelta(minutes=15) < longest < DOWN_AFTER
