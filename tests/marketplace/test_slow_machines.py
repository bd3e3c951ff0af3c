"""A machine shows that it is slower than its lots were planned with: they are planned anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from devices.models import Device, Machine
from devices.services.planned_runs import Run, plan_runs
from evidence.models import PendingEntry
from marketplace.models import LearnedRate, Process, Proposal
from marketplace.selectors.slow_machines import slowed_orders
from marketplace.services.later_dates import accept_later
from marketplace.services.learning import learn_rates, use_learned
from marketplace.services.proposals import accept_proposal, dismiss_proposal
from marketplace.services.proposing import ask_again, propose_moves
from marketplace.services.slow_machines import note_slow_machines
from tenants.acting import acting_as
from tenants.models import Membership, OutboxMessage, Person
from tests.devices.fleet import T0, frame, send
from tests.factories import NOW, make_member, make_organisation
from tests.marketplace.races import race
from tests.marketplace.test_proposals import Yard, equip, with_spare, yard
from tests.markets import actor, site_time

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sweep", "ingest"])
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RUNNING = 3


@pytest.fixture(autouse=True)
def _short_runs(settings) -> None:
    settings.SOLVE_TIME_SECONDS = 1.0


def shows(machine: Machine, rate: int, *, runs: int = 9, until: datetime = NOW) -> None:
    """Let a machine's counter tell of runs of an hour each at a rate, every two hours."""
    firm = machine.tenant_id
    with acting_as(firm):
        device = Device.objects.create(
            tenant_id=firm, machine=machine, name=f"{uuid4()}", created_at=NOW
        )
    numbers, parts = count(), 0
    for back in range(runs, 0, -1):
        start = until - 2 * back * HOUR
        with acting_as(firm):
            run = Run(
                machine_id=machine.pk,
                start_at=start,
                end_at=start + HOUR + MINUTE,
                label="PO-1",
                quantity=rate,
                subject_uid=uuid4(),
                kind="blanking",
                set_up_minutes=0,
            )
            plan_runs(tenant_id=firm, runs=[run])
        for ten in range(7):
            minute = (start - T0) / MINUTE + 10 * ten
            told = {"state": RUNNING, "parts": parts + rate * ten // 6}
            send(frame(device, next(numbers), minute, **told), minute=minute)
        parts += rate


def learn(town: Yard, now: datetime = NOW) -> None:
    """Let the factory's runs be looked at, and everything follow."""
    learn_rates(supplier_id=town.cutter.pk, now=now)
    town.deliver(now)


def said(machine: Machine) -> tuple[float | None, float | None]:
    with acting_as(machine.tenant_id):
        row = LearnedRate.objects.of(machine.tenant_id).get(machine=machine)
    return row.slow_rate, row.slow_planned_rate


def with_hours(hours: int) -> tuple[Yard, Machine]:
    """Return a yard whose cutter has a second machine for so many hours only."""
    town = yard()
    return town, equip(town.cutter, "blanking", 600, during=(NOW + 3 * HOUR, NOW + hours * HOUR))


def use(town: Yard, *, learned: bool) -> None:
    with acting_as(town.cutter.pk):
        use_learned(
            organisation=town.cutter,
            by=actor(town.cutter),
            now=NOW,
            machine=town.machine,
            process_code="blanking",
            is_used=learned,
        )
    town.deliver()


def states(town: Yard) -> list[str]:
    return [one.state for one in town.proposals()]


def test_nine_slow_runs_lead_to_a_proposal_and_lots_move_or_take_longer_when_accepted() -> None:
    town, spare = with_hours(8)
    before = town.operations(town.cutter)
    shows(town.machine, 300, runs=8)
    learn(town)
    assert states(town) == [], "eight runs teach nothing yet"
    shows(town.machine, 300, runs=9, until=NOW - 20 * HOUR)
    learn(town)
    (proposal,) = town.proposals()
    # Seventeen runs beside three that stand for what is stated; plans are in whole minutes.
    rate, planned = said(town.machine)
    assert rate == (17 * 300 + 3 * 600) / 20 == 345
    assert planned is not None
    assert 590 < planned <= 600
    halt = {"machine_id": town.machine.pk, "machine": town.machine.code, "step": 1}
    assert proposal.halts == [{**halt, "rate": rate, "planned_rate": planned}]
    assert (proposal.state, proposal.promise) == ("open", "kept")
    assert town.operations(town.cutter) == before

    town.accept(proposal)
    town.deliver()
    assert states(town) == ["applied"]
    after = town.operations(town.cutter).values()
    assert {one.machine_id for one in after} == {town.machine.pk, spare.pk}
    for one in after:
        minutes = (one.planned_end_at - one.planned_start_at) / MINUTE - one.set_up_minutes
        pace = 345 if one.machine_id == town.machine.pk else 600
        assert one.quantity * 60 / pace - 1e-9 <= minutes < one.quantity * 60 / pace + 1


def test_the_same_runs_say_nothing_new_and_all_is_quiet_when_the_lots_are_planned_anew() -> None:
    town, _spare = with_hours(8)
    shows(town.machine, 300)
    learn(town)
    first = said(town.machine)
    learn(town)
    propose_moves(supplier_id=town.cutter.pk, now=NOW)
    town.deliver()
    assert (states(town), said(town.machine)) == (["open"], first)
    (proposal,) = town.proposals()
    town.accept(proposal)
    town.deliver()
    learn(town)
    learn(town)
    assert states(town) == ["applied"]
    assert said(town.machine) == (None, None)
    with acting_as(town.cutter.pk):
        kinds = PendingEntry.objects.filter(subject_uid=town.machine.uid).order_by("id")
        assert list(kinds.values_list("kind", flat=True))[-2:] == [
            "machine.runs_slow",
            "machine.keeps_pace",
        ]


def test_lots_that_are_planned_with_what_it_shows_by_now_are_not_proposed_again() -> None:
    """What was said of its pace stays while little changes; lots are compared with the newest."""
    town, _spare = with_hours(8)
    shows(town.machine, 300, until=NOW - 20 * HOUR)
    learn(town)
    shows(town.machine, 440)
    learn(town)
    assert said(town.machine)[0] == 375
    assert states(town) == ["open"]
    (proposal,) = town.proposals()
    with acting_as(town.cutter.pk):
        ask_again(proposal_uid=proposal.uid, by=actor(town.cutter), now=NOW)
    town.deliver()
    town.accept(town.proposals()[-1])
    town.deliver()
    propose_moves(supplier_id=town.cutter.pk, now=NOW)
    learn(town)
    assert states(town) == ["superseded", "applied"]


def test_who_keeps_the_plan_is_not_asked_again_before_it_gets_slower_still() -> None:
    town, _spare = with_spare()
    shows(town.machine, 300, until=NOW - 20 * HOUR)
    learn(town)
    (proposal,) = town.proposals()
    with acting_as(town.cutter.pk):
        by = actor(town.cutter)
        dismiss_proposal(proposal_uid=proposal.uid, by=by, now=NOW, reason="New blades soon")
    town.deliver()
    learn(town)
    assert states(town) == ["dismissed"]
    shows(town.machine, 150)
    learn(town)
    assert states(town) == ["dismissed", "open"]


def test_its_owner_decides_whether_what_it_shows_counts() -> None:
    town, _spare = with_spare()
    shows(town.machine, 300)
    with acting_as(town.cutter.pk):
        LearnedRate.objects.create(
            tenant=town.cutter,
            machine=town.machine,
            process=Process.objects.get(code="blanking"),
            is_used=False,
            learned_at=NOW,
        )
    learn(town)
    assert (states(town), said(town.machine)) == ([], (None, None))
    use(town, learned=True)
    assert (states(town), said(town.machine)[0]) == (["open"], 375)
    use(town, learned=False)
    assert (states(town), said(town.machine)) == (["superseded"], (None, None))


def test_a_machine_that_no_lot_waits_for_is_left_alone() -> None:
    town, spare = with_spare()
    shows(spare, 300)
    learn(town)
    assert (states(town), said(spare)) == ([], (None, None))


def test_where_no_place_keeps_the_date_the_buyer_is_asked_for_a_later_one() -> None:
    town = yard()
    promised = town.order().promised_at
    shows(town.machine, 200)
    learn(town)
    (proposal,) = town.proposals()
    assert (proposal.state, proposal.promise) == ("put", "unavoidable")
    assert proposal.completes_at is not None
    with acting_as(town.buyer.pk):
        accept_later(proposal_uid=proposal.uid, by=actor(town.buyer), now=NOW)
    town.deliver()
    for firm in (town.press, town.cutter):
        with acting_as(firm.pk):
            one = Proposal.objects.of_supplier(firm.pk).get(state="open")
            accept_proposal(proposal_uid=one.uid, by=actor(firm), now=NOW)
        town.deliver()
    assert states(town) == ["applied", "applied"]
    assert town.order().promised_at == proposal.completes_at > promised
    learn(town)
    assert (len(states(town)), said(town.machine)) == (2, (None, None))


def test_many_workers_at_once_say_it_once() -> None:
    town, _spare = with_spare()
    shows(town.machine, 300)
    firm = town.cutter.pk
    learn_rates(supplier_id=firm, now=NOW)
    with acting_as(firm):
        LearnedRate.objects.of(firm).update(slow_rate=None, slow_planned_rate=None)
        told = OutboxMessage.objects.of(firm).filter(topic="machine.halted")
        before = told.count()

    def note() -> None:
        note_slow_machines(supplier_id=firm, now=NOW)

    assert race([(firm, note)] * 6) == {"won": 6}
    with acting_as(firm):
        assert told.count() == before + 1


def test_another_firm_is_neither_seen_nor_touched() -> None:
    town, _spare = with_spare()
    shows(town.machine, 300)
    stranger = make_organisation(name="Stranger")
    learn(town)
    with acting_as(town.cutter.pk):
        LearnedRate.objects.of(town.cutter.pk).update(slow_rate=None, slow_planned_rate=None)
    for firm in (stranger, town.press, town.buyer):
        with acting_as(firm.pk):
            assert not LearnedRate.objects.exists()
            note_slow_machines(supplier_id=town.cutter.pk, now=NOW)
            assert list(slowed_orders(town.cutter.pk, from_at=NOW)) == []
    assert said(town.machine) == (None, None)
    with acting_as(stranger.pk):
        assert not Proposal.objects.exists()


@pytest.mark.parametrize("slow", [(500, None), (None, 600), (600, 600), (0, 600), (-1, 600)])
def test_the_database_takes_only_a_rate_below_the_planned_one(slow: tuple) -> None:
    town = yard()
    shows(town.machine, 300)
    learn_rates(supplier_id=town.cutter.pk, now=NOW)
    rate, planned = slow
    with acting_as(town.cutter.pk):
        mine = LearnedRate.objects.of(town.cutter.pk)
        with pytest.raises(IntegrityError, match="learned_rate_slow_is_slower"):
            mine.update(slow_rate=rate, slow_planned_rate=planned)


@pytest.mark.parametrize("machines", [1, 4])
def test_a_learning_run_asks_no_more_of_many_machines_than_of_one(machines: int) -> None:
    cutter = make_organisation(name="Cutter")
    more = [equip(cutter, "blanking", 600) for _ in range(machines - 1)]
    town = yard(cutter=cutter, quantity=6_000 * machines)
    for one in [town.machine, *more]:
        shows(one, 300)
    with CaptureQueriesContext(connection) as learning:
        learn_rates(supplier_id=cutter.pk, now=NOW)
    reads = [one for one in learning if one["sql"].lstrip().startswith(("SELECT", "with"))]
    with acting_as(cutter.pk):
        rows = LearnedRate.objects.of(cutter.pk)
        assert rows.filter(slow_rate__isnull=False).count() == machines
        rows.update(slow_rate=None, slow_planned_rate=None)
        with CaptureQueriesContext(connection) as noting:
            note_slow_machines(supplier_id=cutter.pk, now=NOW)
        assert rows.filter(slow_rate__isnull=False).count() == machines
        with CaptureQueriesContext(connection) as again:
            note_slow_machines(supplier_id=cutter.pk, now=NOW)
    assert (len(reads), len(noting), len(again)) == (14, 10, 5)


def test_the_pages_say_why_and_only_to_its_factory_how_fast() -> None:
    member, buyer = make_member(name="Cutter", kinds=["supplier"]), make_member(kinds=["buyer"])
    town = yard(cutter=member.tenant, buyer=buyer.tenant)
    equip(town.cutter, "blanking", 600)
    shows(town.machine, 300)
    learn(town)
    code, order = town.machine.code, town.order()
    card = f"/supplier/machines/{town.machine.uid}/learned/"

    def read(who: Membership, address: str, language: str = "en") -> str:
        Person.objects.filter(pk=who.person_id).update(language=language)
        client = Client()
        client.force_login(who.person)
        with site_time(NOW):
            return " ".join(client.get(address).content.decode().split())

    why = f"{code} runs slower than its lots were planned with"
    figures = "375 pieces an hour, not 593.1"
    assert f"{why}: {figures}" in read(member, "/supplier/proposals/")
    assert f"{code} 比其批次排产时慢：每小时 375 件，而不是 593.1 件" in read(
        member, "/supplier/proposals/", "zh-hans"
    )
    assert "planned with 593.1 an hour; at 375 an hour they would end late" in read(member, card)
    assert "比计划慢" in read(member, card, "zh-hans")
    region = f"/buyer/orders/{order.uid}/proposals/"
    page = read(buyer, region)
    assert why in page
    assert "an hour" not in page
    page = read(buyer, region, "zh-hans")
    assert f"{code} 比其批次排产时慢" in page
    assert "每小时" not in page
