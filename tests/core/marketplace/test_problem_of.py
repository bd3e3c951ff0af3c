"""Orders and listings become problems, schedules become plans, and nothing is lost on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.asked import AskedOrder, AskedStep
from marketplace.core.fitting import OnSale, fit
from marketplace.core.frozen import FrozenPart
from marketplace.core.learned import Learned
from marketplace.core.listed import ListedCapability, ListedMachine
from marketplace.core.offering import answer_by, offer_uid, routes_of_frozen, shares_of
from marketplace.core.plan_json import PlanDocument, derived_uid, instant
from marketplace.core.problem_of import (
    DESTINATION,
    plan_of,
    problem_of,
    schedule_of,
)
from marketplace.core.spans import Span
from marketplace.wording import SENTENCES
from scheduling.core import Objective, solve, violations
from scheduling.core.formats.openfloor import problem_from_json, problem_to_json
from scheduling.core.haul import TRUCK_KM_PER_HOUR, haul_minutes
from scheduling.core.measures import completion_by_order, cost_by_order

NOW = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
ORIGIN = NOW.replace(second=0)
SEED = UUID("01a20a79-4196-7670-b87d-653a54aa282b")
PROCESSES = ("blanking", "embossing", "packing")

SHOWN = Learned(
    runs=14,
    rate_share=0.93,
    rate_low_share=0.8,
    set_ups=11,
    set_up_minutes=21.4,
    set_up_high_minutes=33.0,
)


@st.composite
def markets(draw: st.DrawFn) -> tuple[AskedOrder, list[OnSale]]:
    steps = draw(st.integers(1, 3))
    order = AskedOrder(
        title="Plates",
        quantity=draw(st.integers(1, 5_000)),
        currency="CNY",
        steps=tuple(AskedStep(process=PROCESSES[number]) for number in range(steps)),
        earliest_start_at=NOW + timedelta(hours=draw(st.integers(0, 30))),
        due_at=NOW + timedelta(days=10),
        lot_size=draw(st.sampled_from([None, 300, 5_000])),
        ship_to_x_km=draw(st.floats(0, 80)),
    )
    market = [
        _machine(draw, 10 * step + number, PROCESSES[step])
        for step in range(steps)
        for number in range(draw(st.integers(1, 3)))
    ]
    return order, market


def _machine(draw: st.DrawFn, number: int, process: str) -> OnSale:
    start = NOW + timedelta(minutes=draw(st.integers(-600, 600)))
    supplier = draw(st.integers(2, 5))
    return OnSale(
        machine_id=number,
        supplier_id=supplier,
        machine=ListedMachine(
            supplier_name=f"Works {number}",
            site_uid="hall",
            site_name="Hall",
            time_zone="UTC",
            machine_code=f"M-{number}",
            machine_type="Press",
            x_km=13.0 * supplier,
            capabilities=(
                ListedCapability(
                    process=process,
                    pieces_per_hour=draw(st.integers(200, 900)),
                    set_up_minutes=draw(st.integers(0, 40)),
                    learned=draw(st.sampled_from([None, SHOWN])),
                ),
            ),
        ),
        free=tuple(
            Span(start + timedelta(days=day), start + timedelta(days=day, hours=11, minutes=13))
            for day in range(9)
        ),
        price_minor_per_hour=draw(st.integers(0, 20_000)),
        currency="CNY",
    )


@settings(max_examples=40)
@given(markets())
def test_a_schedule_survives_its_way_through_the_market(case) -> None:
    order, market = case
    found = fit(order, market)
    problem = problem_of(order, found, order_id="o", origin_at=ORIGIN, now=NOW)
    assert problem.validate() == ()
    assert problem_from_json(json.loads(json.dumps(problem_to_json(problem)))) == problem
    result = solve(problem, objective=Objective.MAKESPAN, time_limit=1.0, max_lots=8)
    if not result.is_plan:
        return
    plan = plan_of(order, problem, result.schedule, market, seed=SEED)
    stored = PlanDocument.from_json(json.loads(json.dumps(plan.to_json())))
    assert stored == plan
    back = schedule_of(stored, order_id="o")
    assert sorted(back.assignments) == sorted(result.schedule.assignments)
    assert violations(problem, back) == []
    assert plan.cost_minor == cost_by_order(problem, result.schedule)["o"]
    assert plan.completes == completion_by_order(problem, result.schedule)["o"]
    for number in range(1, len(order.steps) + 1):
        assert sum(s.quantity for s in plan.shares if s.step == number) == order.quantity
    shares = shares_of(order, plan, ORIGIN)
    assert sum(share.price_minor for share in shares.values()) == plan.cost_minor
    for supplier, share in shares.items():
        for operation in share.operations:
            free = next(m for m in market if m.machine_id == operation.machine_id).free
            assert any(w.start <= operation.start_at < w.end for w in free)
            assert any(w.start < operation.end_at <= w.end for w in free)
            assert operation.start_at >= max(NOW, order.earliest_start_at)
            assert supplier == next(
                m.supplier_id for m in market if m.machine_id == operation.machine_id
            )


@settings(max_examples=25)
@given(markets(), st.data())
def test_frozen_work_keeps_its_place_name_and_price(case, data) -> None:
    order, market = case
    problem = problem_of(order, fit(order, market), order_id="o", origin_at=ORIGIN, now=NOW)
    result = solve(problem, objective=Objective.MAKESPAN, time_limit=1.0, max_lots=4)
    if not result.is_plan:
        return
    plan = plan_of(order, problem, result.schedule, market, seed=SEED)
    last = len(order.steps)
    working = {one.supplier for one in plan.shares if one.step == last}
    supplier = data.draw(st.sampled_from(sorted(plan.suppliers[index].id for index in working)))
    returned = frozenset(
        (one.lot, one.step)
        for one in plan.operations
        if plan.suppliers[plan.machines[one.machine].supplier].id == supplier and one.step == last
    )
    frozen = FrozenPart(
        plan=plan,
        plan_uid=SEED,
        origin_at=ORIGIN,
        returned=returned,
        returned_by=supplier,
        offer_uid=SEED,
    )
    assert FrozenPart.from_json(json.loads(json.dumps(frozen.to_json()))) == frozen
    found = fit(order, market, excluded_suppliers=frozenset({supplier}))
    again = problem_of(
        order, found, order_id="o", origin_at=ORIGIN, now=NOW, frozen=frozen, market=market
    )
    kept = {(one.lot, one.step): one for one in plan.operations}
    assert len(again.frozen) == len(plan.operations) - len(returned)
    if not all(found.by_step[step - 1] for step in frozen.returned_steps):
        return
    assert again.validate() == ()
    redone = solve(again, objective=Objective.MAKESPAN, time_limit=1.0, max_lots=4)
    if not redone.is_plan:
        return
    after = plan_of(order, again, redone.schedule, market, seed=SEED, frozen=frozen)
    for one in after.operations:
        if one.frozen:
            was = kept[(one.lot, one.step)]
            assert (one.start, one.end, one.quantity, one.price, one.set_up) == (
                was.start,
                was.end,
                was.quantity,
                was.price,
                was.set_up,
            )
    routes = {route.operation_uid for route in routes_of_frozen(after)}
    assert routes <= {after.operation_uid(one.lot, one.step) for one in after.operations}


def test_places_are_an_hour_and_their_way_apart() -> None:
    assert haul_minutes((0, 0), (0, 0)) == 60
    assert haul_minutes((0, 0), (30, 40)) == 210
    assert haul_minutes((0.1, 0), (0, 0)) == 61, "a begun minute counts"
    assert f"{TRUCK_KM_PER_HOUR} km/h" in str(SENTENCES["assumed_transport"])
    assert DESTINATION not in PROCESSES


def test_names_are_derived_the_same_and_differ() -> None:
    names = {derived_uid(SEED, str(number)) for number in range(2_000)}
    assert len(names) == 2_000
    assert {name.version for name in names} == {7}
    assert {name.int >> 80 for name in names} == {SEED.int >> 80}
    assert offer_uid(SEED, 4) == offer_uid(SEED, 4) != offer_uid(SEED, 5)


def test_an_offer_waits_no_longer_than_half_the_time_to_its_start() -> None:
    window = timedelta(hours=48)
    assert answer_by(now=NOW, starts_at=NOW + timedelta(days=9), window=window) == NOW + window
    soon = NOW + timedelta(hours=3)
    assert answer_by(now=NOW, starts_at=soon, window=window) == NOW + timedelta(minutes=90)
    past = NOW - timedelta(hours=1)
    assert answer_by(now=NOW, starts_at=past, window=window) == NOW + timedelta(minutes=1)
    assert instant(NOW, 90) == NOW + timedelta(minutes=90)


def test_open_offers_make_room_as_wholes_and_no_more_than_needed() -> None:
    frozen = FrozenPart(
        plan=PlanDocument(seed=SEED, processes=PROCESSES, suppliers=(), machines=(), operations=()),
        plan_uid=SEED,
        origin_at=ORIGIN,
        returned=frozenset({(1, 1)}),
        returned_by=2,
        offer_uid=SEED,
    )
    later, chained, earlier, other = (UUID(int=number) for number in range(1, 5))
    offers = {
        later: frozenset({(1, 2), (2, 1)}),
        chained: frozenset({(2, 2)}),
        earlier: frozenset({(1, 1)}),
        other: frozenset({(3, 2)}),
    }
    assert frozen.widened(offers) == {later, chained}
