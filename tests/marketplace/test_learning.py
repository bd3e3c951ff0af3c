"""What machines of the plates case show at a small scale, from their frames to the next problem.

The simulated machines have a nature that the site cannot know; all it gets are their frames.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import orjson
import pytest
from django.conf import settings
from django.test import Client

from bench.scenarios.plates import ROUTE, ProcessFacts
from bench.simulators.machines import Habits, SimulatedMachine, SimulatedRun, machine_frames
from devices.core.frames import sign
from devices.core.keys import device_key
from devices.models import Device, Machine
from devices.services.arrivals import Message
from devices.services.ingest import take
from devices.services.planned_runs import Run, plan_runs
from devices.services.store import SiteTime
from marketplace.core.asked import AskedStep
from marketplace.core.listed import ListedCapability, ListedMachine
from marketplace.models import LearnedRate, Listing, Process
from marketplace.services.learning import ask_to_learn, learn_rates, use_learned
from marketplace.services.listings import refresh_listings
from marketplace.services.matching import Question
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.models import Membership, Organisation, OutboxMessage, Person
from tests.factories import (
    NOW,
    CapabilityFactory,
    CapacityWindowFactory,
    MachineFactory,
    SiteFactory,
    make_member,
    make_organisation,
)
from tests.markets import deliver, post, requests_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "ingest"])
RUNS, RUN_HOURS = 20, 5
HOUR = timedelta(hours=1)
CODES = {"film": "reflective-film", "emboss": "embossing"}
FACTS = {facts.code: facts for facts in ROUTE}


@dataclass(frozen=True, kw_only=True)
class Nature:
    """How a machine really is: its pace and set-up as parts of what is stated, and its scatter."""

    pace: float
    set_up: float
    spread: float = 0.03


HIDDEN = {
    "film": Nature(pace=0.88, set_up=1.5),
    "emboss": Nature(pace=1.06, set_up=0.8),
}


@dataclass(frozen=True, kw_only=True)
class Hall:
    supplier: Organisation
    machines: dict[str, Machine]
    devices: dict[str, Device]

    @property
    def by(self) -> Actor:
        return Actor(tenant_id=self.supplier.pk, name="Ada")

    def listed(self, code: str) -> tuple[Listing, ListedCapability]:
        with acting_as(PLATFORM_ID):
            row = Listing.objects.get(machine_id=self.machines[code].pk)
        capability = ListedMachine.from_json(row.snapshot).capability(CODES[code])
        assert capability is not None
        return row, capability


def make_hall() -> Hall:
    """Return a factory of the plates case with a machine for two of its steps, on sale."""
    supplier = make_organisation()
    machines, devices = {}, {}
    with acting_as(supplier.pk):
        site = SiteFactory.create(tenant=supplier, time_zone="UTC")
        for code in HIDDEN:
            facts = FACTS[code]
            machine = MachineFactory.create(site=site, code=f"F01-{code}")
            CapabilityFactory.create(
                machine=machine,
                process=Process.objects.get(code=CODES[code]),
                pieces_per_hour=facts.rate_per_hour,
                set_up_minutes=facts.set_up_minutes,
            )
            for day in range(20):
                start = NOW + timedelta(days=day)
                CapacityWindowFactory.create(
                    machine=machine,
                    during=(start, start + 20 * HOUR),
                    state="listed",
                    currency="CNY",
                )
            machines[code] = machine
            devices[code] = Device.objects.create(
                tenant=supplier, machine=machine, name=code, created_at=NOW
            )
    hall = Hall(supplier=supplier, machines=machines, devices=devices)
    refresh_listings(
        supplier_id=supplier.pk, machine_ids=[one.pk for one in machines.values()], now=NOW
    )
    return hall


def past_runs(facts: ProcessFacts, count: int) -> list[SimulatedRun]:
    """Return runs that were planned at the stated rate and have ended, with time between them."""
    pieces = facts.rate_per_hour * RUN_HOURS
    length = timedelta(hours=RUN_HOURS, minutes=facts.set_up_minutes)
    begin = NOW - timedelta(hours=10 * count + 2)
    return [
        SimulatedRun(
            start=begin + n * 10 * HOUR,
            end=begin + n * 10 * HOUR + length,
            pieces=pieces,
            set_up_minutes=facts.set_up_minutes,
        )
        for n in range(count)
    ]


def frames_of(hall: Hall, code: str, count: int = RUNS, *, seed: int = 1) -> list[bytes]:
    """Plan a machine's past runs and return the signed frames that it sent in them."""
    facts, nature, device = FACTS[code], HIDDEN[code], hall.devices[code]
    runs = past_runs(facts, count)
    with acting_as(hall.supplier.pk):
        plan_runs(
            tenant_id=hall.supplier.pk,
            runs=[
                Run(
                    machine_id=hall.machines[code].pk,
                    start_at=run.start,
                    # A shop that knows its machine keeps it free for longer than it states.
                    end_at=run.end + 3 * HOUR,
                    label="PO-1",
                    quantity=run.pieces,
                    subject_uid=uuid4(),
                    kind=CODES[code],
                    set_up_minutes=facts.set_up_minutes,
                )
                for run in runs
            ],
        )
    simulated = SimulatedMachine(
        device=str(device.uid),
        key=device_key(settings.SECRET_KEY, device.uid, 1),
        machine=code,
        runs=runs,
        pace=nature.pace,
        spread=nature.spread,
        set_up_stretch=nature.set_up,
    )
    habits = Habits(seed=seed, frame_minutes=10, stops_per_day=1.0)
    told = machine_frames(simulated, habits, _ms(runs[0].start - HOUR), _ms(NOW))
    return [
        _signed(simulated, seq, at_ms, values) for seq, (at_ms, _device, values) in enumerate(told)
    ]


def _signed(
    machine: SimulatedMachine, seq: int, at_ms: int, values: dict[str, float | None]
) -> bytes:
    told = {"device": machine.device, "boot": 1, "seq": seq, "sent_ms": at_ms}
    mac = sign(machine.key, **told, values=values)  # type: ignore[arg-type]
    frame = {"dev": machine.device, "boot": 1, "seq": seq, "ts": at_ms, "v": values, "mac": mac}
    return orjson.dumps(frame)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def store(frames: list[bytes], *, batch: int = 400) -> None:
    """Take frames as the ingest worker does, each batch when its newest frame was sent."""
    for start in range(0, len(frames), batch):
        some = frames[start : start + batch]
        now_ms = max(orjson.loads(one)["ts"] for one in some)
        # The site's clock runs fast, so frames of a batch that waited are no slow clocks.
        time = SiteTime(now_ms=now_ms, rate=1000.0, silent_before_ms=now_ms - 1_800_000)
        take([Message(one, now_ms, sender="gateway") for one in some], time=time)


@pytest.fixture
def hall() -> Hall:
    return make_hall()


def asked_problem(hall: Hall) -> Iterator[tuple[str, object]]:
    """Yield (step's process, capability) of the next problem over the hall's machines."""
    buyer = make_organisation(kinds=["buyer"])
    post(buyer, steps=tuple(AskedStep(process=CODES[code]) for code in HIDDEN))
    (request,) = requests_of(buyer)
    with acting_as(PLATFORM_ID):
        problem = Question(request, NOW).problem
    for machine in problem.machines:
        yield from ((one.process.partition(":")[2], one) for one in machine.capabilities)


def test_listings_differ_from_what_is_stated_as_the_hidden_natures_do(hall: Hall) -> None:
    for code in HIDDEN:
        store(frames_of(hall, code))

    learn_rates(supplier_id=hall.supplier.pk, now=NOW)

    for code, nature in HIDDEN.items():
        facts = FACTS[code]
        _row, capability = hall.listed(code)
        learned = capability.learned
        assert learned is not None
        assert (learned.runs, learned.set_ups) == (RUNS, RUNS)
        # Twenty runs beside three that stand for what is stated.
        drawn = 1 + (nature.pace - 1) * RUNS / (RUNS + 3)
        assert learned.rate_share == pytest.approx(drawn, abs=0.02)
        # One run in ten is slower than the mean by 1.28 spreads of 3 %.
        assert learned.rate_low_share == pytest.approx(nature.pace * (1 - 1.28 * 0.03), abs=0.03)
        real = facts.set_up_minutes * nature.set_up
        mixed = facts.set_up_minutes + (real - facts.set_up_minutes) * RUNS / (RUNS + 3)
        assert learned.set_up_minutes == pytest.approx(mixed, abs=2.0)
        assert learned.set_up_high_minutes == pytest.approx(real, abs=4.0)


def test_the_next_problem_reckons_with_what_was_learned_or_as_its_owner_decides(
    hall: Hall,
) -> None:
    stated = dict(asked_problem(hall))
    store(frames_of(hall, "film"))
    learn_rates(supplier_id=hall.supplier.pk, now=NOW)

    learned = dict(asked_problem(hall))
    with acting_as(hall.supplier.pk):
        use_learned(
            organisation=hall.supplier,
            by=hall.by,
            now=NOW,
            machine=hall.machines["film"],
            process_code="reflective-film",
            is_used=False,
        )
    deliver(hall.supplier, topics={"capacity.published"})
    decided = dict(asked_problem(hall))

    film, before = learned["reflective-film"], stated["reflective-film"]
    assert (before.rate_per_hour, before.set_up_minutes) == (560, 20)
    assert (before.rate_low_permille, before.set_up_high_minutes) == (1000, None)
    assert film.rate_per_hour == pytest.approx(560 * (1 - 0.12 * 20 / 23), rel=0.02)
    assert 20 < film.set_up_minutes <= 30 <= film.set_up_high_minutes + 2
    assert 890 <= film.rate_low_permille < 1000  # as the twenty runs happen to scatter
    # Its owner plans with what is stated; a slow day stays one for the safest plan.
    back = decided["reflective-film"]
    assert (back.rate_per_hour, back.set_up_minutes) == (560, 20)
    low = film.rate_per_hour * film.rate_low_permille
    assert back.rate_per_hour * back.rate_low_permille == pytest.approx(low, rel=0.01)
    assert learned["embossing"] == stated["embossing"]


def test_twice_late_and_out_of_order_ends_the_same() -> None:
    straight, shuffled = make_hall(), make_hall()
    store(frames_of(straight, "film", 10))
    frames = frames_of(shuffled, "film", 10)
    frames += random.Random(1).sample(frames, 60)
    random.Random(2).shuffle(frames)
    half = len(frames) // 2
    store(frames[:half], batch=97)
    learn_rates(supplier_id=shuffled.supplier.pk, now=NOW)
    store(frames[half:], batch=97)

    for one in (straight, shuffled):
        learn_rates(supplier_id=one.supplier.pk, now=NOW)
        learn_rates(supplier_id=one.supplier.pk, now=NOW)

    first, second = (one.listed("film")[1].learned for one in (straight, shuffled))
    assert first is not None
    assert second is not None
    assert (first.runs, first.set_ups) == (second.runs, second.set_ups) == (10, 10)
    # The devices differ, and so do their days.
    assert first.rate_share == pytest.approx(second.rate_share, abs=0.03)
    with acting_as(shuffled.supplier.pk):
        assert LearnedRate.objects.of(shuffled.supplier.pk).count() == 1


def test_few_runs_change_no_plan(hall: Hall) -> None:
    store(frames_of(hall, "film", 8))
    learn_rates(supplier_id=hall.supplier.pk, now=NOW)

    _row, capability = hall.listed("film")

    assert capability.learned is not None
    assert (capability.learned.runs, capability.learned.rate_share) == (8, None)
    assert capability.planned.rate_per_hour == 560


def test_runs_that_have_grown_old_are_forgotten(hall: Hall) -> None:
    store(frames_of(hall, "film", 9))
    learn_rates(supplier_id=hall.supplier.pk, now=NOW)
    assert hall.listed("film")[1].planned.rate_per_hour < 540

    learn_rates(supplier_id=hall.supplier.pk, now=NOW + timedelta(days=400))

    with acting_as(hall.supplier.pk):
        row = LearnedRate.objects.of(hall.supplier.pk).get()
        assert (row.runs, row.rate_usual, row.set_up_high) == (0, None, None)


def test_one_message_waits_for_all_that_machines_tell(hall: Hall) -> None:
    with acting_as(hall.supplier.pk):
        for _ in range(3):
            ask_to_learn(supplier_id=hall.supplier.pk)
        waiting = OutboxMessage.objects.of(hall.supplier.pk).filter(topic="rates.due")
        assert waiting.count() == 1
        # The relay has claimed it, so its handler may have read already.
        waiting.update(attempts=1)
        ask_to_learn(supplier_id=hall.supplier.pk)
        assert waiting.count() == 2


def test_what_a_machine_has_shown_is_its_owners_to_see_and_to_decide(hall: Hall) -> None:
    store(frames_of(hall, "film"))
    learn_rates(supplier_id=hall.supplier.pk, now=NOW)
    owner = make_member(hall.supplier)
    page = f"/supplier/machines/{hall.machines['film'].uid}/learned/"

    english = _get(owner, page, "en")
    chinese = _get(owner, page, "zh-hans")

    assert "20 runs: " in english
    assert "you state 560 an hour" in english
    assert "20 set-ups: " in english
    assert "plans use it" in english
    assert "20 次运行：每小时 " in chinese
    assert "您申报的是每小时 560 件" in chinese

    client = Client()
    client.force_login(owner.person)
    for unknown in ("", "x", "\x00"):
        assert client.post(f"{page}use/", {"process": unknown}).status_code == 404
    answer = client.post(f"{page}use/", {"process": "reflective-film", "use": "stated"})
    assert answer.status_code == 302
    assert "plans use what you state" in _get(owner, page, "en")

    stranger = make_member(make_organisation())
    other = Client()
    other.force_login(stranger.person)
    assert other.get(page).status_code == 404
    assert other.post(f"{page}use/", {"process": "reflective-film"}).status_code == 404
    with acting_as(stranger.tenant_id):
        assert LearnedRate.objects.count() == 0
        assert Listing.objects.count() == 0


def _get(membership: Membership, page: str, language: str) -> str:
    Person.objects.filter(pk=membership.person_id).update(language=language)
    client = Client()
    client.force_login(membership.person)
    answer = client.get(page)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())
