"""Rates and set-ups of ended runs, as roll-ups and states show them, in any order of arrival."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from devices.observed_runs import ObservedRuns, observed_runs
from tenants.acting import acting_as
from tests.devices.fleet import T0, Fleet, frame, make_fleet, plan_run, send

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "ingest"])
IDLE, SET_UP, RUNNING, DOWN = 1, 2, 3, 5


def seen(fleet: Fleet, minute: int = 10_000) -> list[ObservedRuns]:
    with acting_as(fleet.organisation.pk):
        return observed_runs(tenant_id=fleet.organisation.pk, now=T0 + timedelta(minutes=minute))


def report(fleet: Fleet, told: Sequence[tuple[float, int, int]], *, first: int = 0) -> list[Any]:
    """Send (minute, state, parts) of the first machine; returns the frames."""
    frames = [
        frame(fleet.devices[0], first + n, minute, state=state, parts=parts)
        for n, (minute, state, parts) in enumerate(told)
    ]
    for one, (minute, _state, _parts) in zip(frames, told, strict=True):
        send(one, minute=minute)
    return frames


def one_run(start: int, per_hour: int, set_up: int, hours: int, parts: int) -> list[Any]:
    """Frames of one run, every ten minutes: set-up, then an even pace."""
    told = []
    for minute in range(0, hours * 60 + 1, 10):
        made = max(0, minute - set_up) * per_hour // 60
        state = SET_UP if minute < set_up else RUNNING
        told.append((start + minute, state, parts + made))
    told.append((start + hours * 60 + 5, IDLE, told[-1][2]))
    return told


def test_a_runs_rate_and_set_up_are_what_the_machine_did() -> None:
    fleet = make_fleet()
    plan_run(fleet, 0, 240, kind="film", set_up=20)
    report(fleet, one_run(0, per_hour=480, set_up=25, hours=4, parts=7_000))

    (found,) = seen(fleet)

    assert (found.machine_id, found.kind) == (fleet.machines[0].pk, "film")
    assert found.rates == pytest.approx((480.0,))
    # The reading after 30 minutes shows 40 pieces: they took the last five of them.
    assert found.set_ups == pytest.approx((25.0,))


def test_outages_and_closed_hours_are_no_running_time() -> None:
    fleet = make_fleet()
    plan_run(fleet, 0, 600, kind="film", set_up=20)
    told = [(0, IDLE, 0), (10, IDLE, 0), (20, RUNNING, 0), (30, RUNNING, 100)]
    told += [(40, DOWN, 200), (60, DOWN, 200), (80, RUNNING, 200)]
    told += [(90, RUNNING, 300), (100, IDLE, 400), (120, IDLE, 400)]
    told += [(480, RUNNING, 400), (490, RUNNING, 500), (500, RUNNING, 600), (510, RUNNING, 700)]
    report(fleet, told)

    (found,) = seen(fleet)

    assert found.rates == pytest.approx((600.0,))
    assert found.set_ups == pytest.approx((20.0,))


def test_what_cannot_be_judged_is_left_out() -> None:
    fleet = make_fleet(machines=1)
    plan_run(fleet, 0, 240, kind="")
    plan_run(fleet, 300, 320, kind="film")
    plan_run(fleet, 400, 640, kind="film")
    report(fleet, one_run(0, per_hour=480, set_up=20, hours=4, parts=0))
    # Too short to say anything about the machine.
    report(fleet, [(300, RUNNING, 2000), (310, RUNNING, 2100), (320, IDLE, 2200)], first=100)
    # Not over yet.
    report(fleet, one_run(400, per_hour=480, set_up=20, hours=4, parts=3000), first=200)

    assert seen(fleet, minute=500) == []
    (found,) = seen(fleet, minute=641)
    assert found.rates == pytest.approx((480.0,))


def test_a_run_that_goes_on_with_the_work_before_has_no_set_up() -> None:
    fleet = make_fleet()
    plan_run(fleet, 0, 240, kind="film", set_up=20)
    plan_run(fleet, 240, 480, kind="film")
    told = one_run(0, per_hour=480, set_up=20, hours=8, parts=0)
    report(fleet, told)

    (found,) = seen(fleet)

    assert found.rates == pytest.approx((480.0, 480.0))
    assert found.set_ups == pytest.approx((20.0,))


def test_a_set_up_is_not_guessed_while_the_run_before_goes_on() -> None:
    fleet = make_fleet()
    plan_run(fleet, 0, 120, kind="film")
    plan_run(fleet, 120, 300, kind="emboss", set_up=20)
    report(fleet, [(10 * n, RUNNING, 80 * n) for n in range(31)])

    found = {one.kind: one for one in seen(fleet)}

    assert found["film"].rates == pytest.approx((480.0,))
    assert found["emboss"].set_ups == ()


def test_a_counter_that_begins_again_loses_no_pace() -> None:
    fleet = make_fleet()
    plan_run(fleet, 0, 240, kind="film")
    told = [(10 * n, RUNNING, 80 * n) for n in range(12)]
    told += [(120 + 10 * n, RUNNING, 80 * (n + 1)) for n in range(12)]
    report(fleet, told)

    (found,) = seen(fleet)

    assert found.rates == pytest.approx((480.0,))


def test_twice_late_and_out_of_order_teach_the_same() -> None:
    told = [
        *one_run(0, per_hour=480, set_up=20, hours=4, parts=0),
        *one_run(300, per_hour=450, set_up=35, hours=4, parts=2000),
    ]
    straight, shuffled = make_fleet(), make_fleet()
    for fleet in (straight, shuffled):
        plan_run(fleet, 0, 240, kind="film", set_up=20)
        plan_run(fleet, 300, 540, kind="film", set_up=20)
    report(straight, told)
    frames = [
        frame(shuffled.devices[0], n, minute, state=state, parts=parts)
        for n, (minute, state, parts) in enumerate(told)
    ]
    frames += random.Random(2).sample(frames, 10)
    random.Random(3).shuffle(frames)
    for start in range(0, len(frames), 4):
        send(*frames[start : start + 4], minute=600, rate=2)

    (first,), (second,) = seen(straight), seen(shuffled)

    assert (first.rates, first.set_ups) == (second.rates, second.set_ups)
    assert first.rates == pytest.approx((480.0, 450.0), rel=0.01)
    assert first.set_ups == pytest.approx((20.0, 35.0), abs=1.0)


def test_another_organisation_learns_nothing_of_it() -> None:
    fleet, stranger = make_fleet(), make_fleet()
    plan_run(fleet, 0, 240, kind="film", set_up=20)
    report(fleet, one_run(0, per_hour=480, set_up=20, hours=4, parts=0))

    with acting_as(stranger.organisation.pk):
        assert observed_runs(tenant_id=fleet.organisation.pk, now=T0 + timedelta(days=9)) == []
