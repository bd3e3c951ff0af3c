"""What a buyer chooses from: the band, and the four plans with reasons."""

from dataclasses import replace
from time import process_time

from scheduling.core import (
    Machine,
    PlanName,
    Problem,
    Schedule,
    Status,
    Transport,
    alternatives,
    band,
    solve,
    violations,
)
from tests.core.scheduling.shops import machine, market, order


def town(**limits: object) -> Problem:
    """Two steps, four machines each: dear and fast, cheap and slow, and one that runs late."""
    makers: list[Machine] = []
    for process in ("cutting", "pressing"):
        for name, rate, price, reliability in (
            ("fast", 120, 3000, 990),
            ("cheap", 60, 900, 950),
            ("plain", 80, 1600, 980),
            ("late", 100, 1500, 700),
        ):
            made = machine(
                f"{name}-{process}",
                process,
                factory=name,
                rate=rate,
                price_per_hour_minor=price,
                set_up_minutes=10,
                rate_low_permille=900,
            )
            makers.append(replace(made, reliability_permille=reliability))
    wanted = order("signs", 600, steps="cutting,pressing", destination="shop", **limits)
    return market(*makers, wanted, transport=Transport(default_minutes=30))


def test_the_four_plans_differ_in_the_way_their_names_say() -> None:
    problem = town(due=2000)
    made = alternatives(problem, seed=1)
    plans = {plan.name: plan for plan in made.plans}
    assert set(plans) == set(PlanName) - {PlanName.STEERED}
    for plan in made.plans:
        assert violations(problem, plan.result.schedule) == []
        assert plan.completion <= 2000
        assert plan.completion_bound is not None
        assert plan.completion >= plan.completion_bound
        assert plan.cost_bound_minor is not None
        assert plan.cost_minor >= plan.cost_bound_minor
    fastest, cheapest = plans[PlanName.FASTEST], plans[PlanName.CHEAPEST]
    assert fastest.completion == min(plan.completion for plan in made.plans)
    assert cheapest.cost_minor == min(plan.cost_minor for plan in made.plans)
    assert fastest.completion <= plans[PlanName.BALANCED].completion <= cheapest.completion
    assert plans[PlanName.SAFEST].reliability_permille >= fastest.reliability_permille
    assert list(made.frontier) == sorted(made.frontier)


def test_the_safest_plan_still_holds_when_every_machine_runs_at_its_low_rate() -> None:
    problem = town(due=3000)
    safest = alternatives(problem, seed=1).plan(PlanName.SAFEST)
    slow = replace(
        problem,
        machines=tuple(
            replace(
                each,
                capabilities=tuple(
                    replace(c, rate_per_hour=c.rate_per_hour * 9 // 10) for c in each.capabilities
                ),
            )
            for each in problem.machines
        ),
    )
    assert violations(slow, safest.result.schedule) == []


def test_every_machine_has_a_reason_in_or_out() -> None:
    problem = town(due=2000, excluded_factories=frozenset({"late"}))
    for plan in alternatives(problem, seed=1).plans:
        named = {c.machine for c in plan.chosen} | {i.machine for i in plan.idle}
        named |= {removal.machine for removal in plan.removed}
        assert named == {each.id for each in problem.machines}
        assert {r.reason.code for r in plan.removed} == {"excluded_factory"}
        sentences = [why.sentence for choice in plan.chosen for why in choice.reasons]
        sentences += [idle.reason.sentence for idle in plan.idle]
        assert all(sentence.endswith(".") for sentence in sentences)
        assert sum(choice.cost_minor for choice in plan.chosen) == plan.cost_minor


def test_an_order_that_nobody_can_do_gives_the_reason_instead_of_plans() -> None:
    made = alternatives(town(deadline=50))
    assert made.plans == ()
    assert made.failure is not None
    assert made.failure.status is Status.INFEASIBLE
    refused = band(town(deadline=50))
    assert refused.earliest is None
    assert refused.reason is not None
    assert refused.reason.code == made.failure.unplanned[0].code


def test_a_small_order_has_its_plans_within_seconds_and_its_band_at_once() -> None:
    problem = town(due=2000)
    alternatives(problem)
    began = process_time()
    alternatives(problem)
    assert process_time() - began < 4
    began = process_time()
    offered = band(problem)
    assert process_time() - began < 0.2
    assert (offered.machines, offered.factories) == (8, 4)


def test_the_band_holds_the_plans() -> None:
    problem = town(due=2000)
    offered, made = band(problem), alternatives(problem, seed=1)
    fastest, cheapest = made.plan(PlanName.FASTEST), made.plan(PlanName.CHEAPEST)
    assert offered.earliest is not None
    assert offered.likely is not None
    assert offered.earliest <= fastest.completion <= offered.likely * 1.2
    assert offered.price_low_minor is not None
    assert offered.price_high_minor is not None
    assert offered.price_low_minor <= cheapest.cost_minor * 1.01
    assert offered.price_low_minor <= offered.price_high_minor


def test_the_band_offers_plans_that_can_be_booked_as_they_stand() -> None:
    problem = town(due=2000)
    offered = band(problem)
    assert offered.offers
    for offer in offered.offers:
        assert not violations(problem, Schedule(assignments=offer.assignments))
        assert offered.earliest is not None
        assert offered.earliest <= offer.completion <= 2000
    costs = [offer.cost_minor for offer in offered.offers]
    assert costs == sorted(costs, reverse=True)


def test_a_plan_is_found_between_a_near_deadline_and_a_low_ceiling() -> None:
    """Plans by 260 cost 20,384 when they are looked for as the cheapest ones by that date."""
    limits = {"deadline": 260, "price_ceiling_minor": 20_384}
    found = solve(town(**limits), time_limit=20, seed=2)
    assert found.is_plan


def test_the_safest_plan_leaves_time_for_a_long_set_up_and_does_not_charge_it() -> None:
    """60 pieces at 60 an hour, at low days 48: 75 minutes, after 25 minutes of set-up."""
    press = machine(
        "press",
        rate=60,
        set_up_minutes=10,
        set_up_high_minutes=25,
        rate_low_permille=800,
        price_per_hour_minor=600,
    )
    problem = market(press, order("signs", 60, due=1000))
    plans = {plan.name: plan for plan in alternatives(problem, seed=1, max_lots=1).plans}
    safest, fastest = plans[PlanName.SAFEST], plans[PlanName.FASTEST]

    assert violations(problem, safest.result.schedule) == []
    (lot,) = safest.result.schedule
    assert (lot.end - lot.start, lot.set_up_minutes) == (100, 10)
    assert safest.cost_minor == fastest.cost_minor == 700
