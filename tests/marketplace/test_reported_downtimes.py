"""A machine that only its device reports as down: it opens, lasts and ends without a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import pytest
from django.db import DatabaseError, connections
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from devices.models import Device, Machine
from evidence.models import PendingEntry
from marketplace.models import Downtime, Listing, Operation, Proposal
from marketplace.services.downtimes import say_down, say_running
from marketplace.services.proposals import dismiss_proposal
from marketplace.services.reported_downtimes import REPORTED, follow_reports, hand_on_reports
from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import Organisation, OutboxMessage, Person
from tests.devices.fleet import T0, frame, send
from tests.factories import NOW, make_member, make_organisation
from tests.marketplace.races import race
from tests.marketplace.test_proposals import Yard, equip, with_spare, yard
from tests.markets import actor, deliver, site_time

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sweep", "ingest"])
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
IDLE, RUNNING, DOWN = 1, 3, 5
SINCE = NOW


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """A device that reports the state of a machine every quarter of an hour."""

    device: Device
    numbers: count

    def tells(self, state: int, *, since: datetime, until: datetime, every: int = 15) -> None:
        at = since
        while at <= until:
            minute = (at - T0) / MINUTE
            send(frame(self.device, next(self.numbers), minute, state=state), minute=minute)
            at += every * MINUTE


def reporter(machine: Machine) -> Reporter:
    with acting_as(machine.tenant_id):
        device = Device.objects.create(
            tenant_id=machine.tenant_id, machine=machine, name=machine.code, created_at=NOW
        )
    return Reporter(device=device, numbers=count())


def sweep(town: Yard, now: datetime) -> int:
    """Let the sweep look and everything follow."""
    found = hand_on_reports(now=now)
    town.deliver(now)
    return found


def downtimes(firm: Organisation) -> list[Downtime]:
    with acting_as(firm.pk):
        return list(Downtime.objects.of(firm.pk).order_by("pk"))


def listed_from(machine: Machine) -> datetime:
    """Return from when on a machine is on the market to the end of what is listed of it."""
    with acting_as(PLATFORM_ID):
        listing = Listing.objects.of(PLATFORM_ID).get(machine_id=machine.pk)
    return datetime.fromisoformat(listing.windows[-1][0])


def reported_down() -> tuple[Yard, Reporter, datetime]:
    """Return a yard whose cutter is reported as down for 90 minutes, and when that was taken in."""
    town, _spare = with_spare()
    voice, now = reporter(town.machine), SINCE + 90 * MINUTE
    voice.tells(DOWN, since=SINCE, until=now)
    assert sweep(town, now) == 1
    return town, voice, now


def test_what_only_a_device_reports_leads_to_a_downtime_and_the_same_proposals() -> None:
    town, spare = with_spare()
    voice = reporter(town.machine)
    voice.tells(DOWN, since=SINCE, until=SINCE + 75 * MINUTE)
    assert sweep(town, SINCE + 89 * MINUTE) == 0
    assert downtimes(town.cutter) == []

    now = SINCE + 90 * MINUTE
    voice.tells(DOWN, since=now, until=now)
    assert hand_on_reports(now=now) == 1
    assert hand_on_reports(now=now) == 0, "its message is still open"
    town.deliver(now)

    (downtime,) = downtimes(town.cutter)
    assert (downtime.machine_id, downtime.reported_since) == (town.machine.pk, SINCE)
    assert (downtime.until_at, downtime.ended_at) == (SINCE + 4 * HOUR, None)
    (proposal,) = town.proposals()
    halt = {"machine_id": town.machine.pk, "machine": town.machine.code, "step": None}
    told = {"reported_since": SINCE.isoformat(), "until": downtime.until_at.isoformat()}
    assert proposal.halts == [{**halt, **told}]
    assert (proposal.state, proposal.promise) == ("open", "kept")
    assert {one["after"]["machine_id"] for one in proposal.moves} >= {spare.pk}
    assert listed_from(town.machine) == downtime.until_at
    with acting_as(town.cutter.pk):
        entry = PendingEntry.objects.get(kind="downtime.reported")
        assert (entry.subject_uid, entry.actor) == (downtime.uid, "system")
        assert entry.payload["since"] == SINCE.isoformat()

    assert sweep(town, now) == 0
    with acting_as(town.cutter.pk):
        follow_reports(supplier_id=town.cutter.pk, now=now)
    assert len(downtimes(town.cutter)) == len(town.proposals()) == 1


def test_a_stop_of_minutes_leads_to_nothing_and_costs_two_small_reads() -> None:
    town, _spare = with_spare()
    voice = reporter(town.machine)
    for hour in range(3):
        begun = SINCE + hour * HOUR
        voice.tells(DOWN, since=begun, until=begun + 30 * MINUTE)
        assert sweep(town, begun + 30 * MINUTE) == 0
        voice.tells(RUNNING, since=begun + 45 * MINUTE, until=begun + 45 * MINUTE)
    with CaptureQueriesContext(connections["sweep"]) as asked:
        assert hand_on_reports(now=SINCE + 3 * HOUR) == 0
    reads = [
        one["sql"] for one in asked if one["sql"].startswith("SELECT") and "FROM" in one["sql"]
    ]
    assert len(reads) == 2
    assert downtimes(town.cutter) == town.proposals() == []


def test_it_ends_by_itself_when_the_device_reports_it_in_service() -> None:
    town, voice, now = reported_down()
    voice.tells(RUNNING, since=now + 10 * MINUTE, until=now + 10 * MINUTE)
    assert sweep(town, now + 15 * MINUTE) == 0, "one word of it may be a trial run"
    assert [one.state for one in town.proposals()] == ["open"]
    voice.tells(IDLE, since=now + 25 * MINUTE, until=now + 25 * MINUTE)
    assert sweep(town, now + 26 * MINUTE) == 1
    (downtime,) = downtimes(town.cutter)
    assert downtime.ended_at == now + 10 * MINUTE
    assert [one.state for one in town.proposals()] == ["superseded"]
    assert listed_from(town.machine) == NOW + 3 * HOUR
    assert sweep(town, now + 27 * MINUTE) == 0


def test_while_it_lasts_its_end_is_assumed_later_and_lots_are_proposed_anew() -> None:
    town, voice, now = reported_down()
    voice.tells(DOWN, since=now + 15 * MINUTE, until=SINCE + 3 * HOUR)
    assert sweep(town, SINCE + 3 * HOUR) == 0
    later = SINCE + 3 * HOUR + 15 * MINUTE
    voice.tells(DOWN, since=later, until=later)
    assert sweep(town, later) == 1
    (downtime,) = downtimes(town.cutter)
    assert (downtime.until_at, downtime.ended_at) == (SINCE + 8 * HOUR, None)
    first, second = town.proposals()
    assert first.state == "superseded"
    assert second.halts[0]["until"] == (SINCE + 8 * HOUR).isoformat()
    assert listed_from(town.machine) == SINCE + 8 * HOUR
    assert sweep(town, later) == 0


@pytest.mark.parametrize("is_kept", [False, True])
def test_an_end_that_is_assumed_later_says_nothing_new_where_all_lots_move_already(
    is_kept: bool,
) -> None:
    town = yard(quantity=400)
    equip(town.cutter, "blanking", 600)
    voice, now = reporter(town.machine), SINCE + 90 * MINUTE
    voice.tells(DOWN, since=SINCE, until=now)
    assert sweep(town, now) == 1
    (proposal,) = town.proposals()
    assert {one["uid"] for one in proposal.moves} == set(map(str, uids(town)))
    if is_kept:
        with acting_as(town.cutter.pk):
            by = actor(town.cutter)
            dismiss_proposal(proposal_uid=proposal.uid, by=by, now=now, reason="It is repaired")
    later = SINCE + 3 * HOUR + 15 * MINUTE
    voice.tells(DOWN, since=now + 15 * MINUTE, until=later)
    assert sweep(town, later) == 1
    assert [one.until_at for one in downtimes(town.cutter)] == [SINCE + 8 * HOUR]
    (same,) = town.proposals()
    assert (same.uid, same.state) == (proposal.uid, "dismissed" if is_kept else "open")


def uids(town: Yard) -> list[UUID]:
    return [one.uid for one in town.operations(town.cutter).values()]


def says_down(town: Yard, until_at: datetime, now: datetime) -> None:
    with acting_as(town.cutter.pk):
        by = actor(town.cutter)
        say_down(organisation=town.cutter, by=by, now=now, machine=town.machine, until_at=until_at)


def says_running(town: Yard, now: datetime) -> None:
    with acting_as(town.cutter.pk):
        by = actor(town.cutter)
        say_running(organisation=town.cutter, by=by, now=now, machine=town.machine)


def test_a_person_who_takes_it_over_has_the_last_word() -> None:
    town, voice, now = reported_down()
    says_down(town, SINCE + 6 * HOUR, now)
    town.deliver(now)
    voice.tells(RUNNING, since=now + 15 * MINUTE, until=now + HOUR)
    assert sweep(town, now + HOUR) == 0
    _reported, said = downtimes(town.cutter)
    assert (said.reported_since, said.until_at, said.ended_at) == (None, SINCE + 6 * HOUR, None)
    assert [one.state for one in town.proposals()][-1] in ("open", "failed")


def test_a_machine_that_a_person_says_runs_stays_so_until_another_outage() -> None:
    town, voice, now = reported_down()
    says_running(town, now)
    town.deliver(now)
    voice.tells(DOWN, since=now + 15 * MINUTE, until=now + 2 * HOUR)
    assert sweep(town, now + 2 * HOUR) == 0, "the device says nothing new"
    assert [one.ended_at for one in downtimes(town.cutter)] == [now]
    again = now + 3 * HOUR
    voice.tells(RUNNING, since=now + 130 * MINUTE, until=now + 160 * MINUTE)
    voice.tells(DOWN, since=again, until=again + 90 * MINUTE)
    assert sweep(town, again + 90 * MINUTE) == 1
    assert [one.reported_since for one in downtimes(town.cutter)] == [SINCE, again]


def test_a_person_and_the_device_at_once_leave_the_persons_word() -> None:
    town, _spare = with_spare()
    now = SINCE + 90 * MINUTE
    reporter(town.machine).tells(DOWN, since=SINCE, until=now)
    firm = town.cutter

    def follow() -> None:
        follow_reports(supplier_id=firm.pk, now=now)

    def say() -> None:
        say_down(
            organisation=firm,
            by=actor(firm),
            now=now,
            machine=town.machine,
            until_at=now + 2 * HOUR,
        )

    assert race([(firm.pk, follow), (firm.pk, say), (firm.pk, follow)]) == {"won": 3}
    (open_one,) = [one for one in downtimes(firm) if one.ended_at is None]
    assert (open_one.reported_since, open_one.until_at) == (None, now + 2 * HOUR)


def test_many_workers_at_once_open_one_downtime_and_tell_of_it_once() -> None:
    town, _spare = with_spare()
    now = SINCE + 90 * MINUTE
    reporter(town.machine).tells(DOWN, since=SINCE, until=now)

    def follow() -> None:
        follow_reports(supplier_id=town.cutter.pk, now=now)

    assert race([(town.cutter.pk, follow)] * 6) == {"won": 6}
    assert len(downtimes(town.cutter)) == 1
    with acting_as(town.cutter.pk):
        told = OutboxMessage.objects.of(town.cutter.pk).filter(topic="machine.halted")
        assert told.count() == 1


def test_a_machine_that_no_lot_waits_for_is_left_alone() -> None:
    town, spare = with_spare()
    now = SINCE + 3 * HOUR
    reporter(spare).tells(DOWN, since=SINCE, until=now)
    assert sweep(town, now) == 0
    assert downtimes(town.cutter) == []


def test_another_firm_is_neither_seen_nor_touched() -> None:
    town, _spare = with_spare()
    now = SINCE + 90 * MINUTE
    reporter(town.machine).tells(DOWN, since=SINCE, until=now)
    stranger = make_organisation(name="Stranger")
    with acting_as(stranger.pk):
        follow_reports(supplier_id=stranger.pk, now=now)
        follow_reports(supplier_id=town.cutter.pk, now=now)
    assert downtimes(town.cutter) == []
    assert sweep(town, now) == 1
    for firm in (stranger, town.press, town.buyer):
        assert downtimes(firm) == []
        with acting_as(firm.pk):
            assert not Downtime.objects.exists()
            assert not OutboxMessage.objects.filter(topic=REPORTED).exists()


def test_the_sweep_reads_and_changes_nothing() -> None:
    reported_down()

    def change(model: type[Model]) -> None:
        with acting_as(0, using="sweep"):
            rows = model._default_manager.using("sweep")
            assert rows.exists()
            rows.update(id=1)

    for model in (Downtime, Operation, Proposal):
        with pytest.raises(DatabaseError, match="permission denied"):
            change(model)


def test_a_newcomer_reads_what_the_device_said_and_what_they_can_do() -> None:
    member = make_member(name="Cutter", kinds=["supplier"])
    town = yard(cutter=member.tenant)
    equip(town.cutter, "blanking", 600)
    voice = reporter(town.machine)
    client = Client()
    client.force_login(member.person)
    card = f"/supplier/machines/{town.machine.uid}/down/"

    def read(address: str, now: datetime) -> str:
        with site_time(now):
            return " ".join(client.get(address).content.decode().split())

    assert "Its device reports" not in read(card, SINCE)
    voice.tells(DOWN, since=SINCE, until=SINCE + 30 * MINUTE)
    early = read(card, SINCE + 30 * MINUTE)
    assert "Its device reports it as down" in early
    assert "If that lasts 1.5 h and a lot is to begin here soon" in early

    now = SINCE + 90 * MINUTE
    voice.tells(DOWN, since=SINCE + 45 * MINUTE, until=now)
    assert sweep(town, now) == 1
    late = read(card, now)
    assert "That end is the site" in late
    assert "It runs again" in late
    work = read("/supplier/proposals/", now)
    assert "A device reports its machine as down" in work
    assert f"{town.machine.code}: reported as down by its device since" in work
    Person.objects.filter(pk=member.person_id).update(language="zh-hans")
    assert "其设备报告停机" in read(card, now)
    assert "设备报告其机器停机" in read("/supplier/proposals/", now)
    Person.objects.filter(pk=member.person_id).update(language="en")
    says_down(town, now + 4 * HOUR, now)
    assert "Down until" in read(card, now)
    Person.objects.filter(pk=member.person_id).update(language="zh-hans")
    assert "停机至" in read(card, now)
    Person.objects.filter(pk=member.person_id).update(language="en")

    with site_time(now):
        client.post(f"{card}end/")
    assert "A person has said since that it runs" in read(card, now)
    deliver(town.cutter, now=now)
    assert "A device reports" not in read("/supplier/proposals/", now)
