"""Market plans: optima derived by hand, each constraint family once held and once hopeless."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.core import (
    Assignment,
    CutLot,
    Machine,
    Objective,
    Order,
    Problem,
    Quota,
    Result,
    Status,
    Step,
    Transport,
    Window,
    solve,
    violations,
)
from scheduling.core.safety import cautious, with_usual_set_ups
from tests.core.scheduling.shops import DAY, machine, market, order


def plan(problem: Problem, objective: Objective = Objective.MAKESPAN) -> Result:
    result = solve(problem, objective=objective, time_limit=10, workers=1, seed=1, max_lots=200)
    unplanned = [each.order for each in result.unplanned]
    assert violations(problem, result.schedule, unplanned=unplanned) == []
    return result


def test_one_machine_works_through_and_pauses_over_night() -> None:
    result = plan(market(machine("press"), order(quantity=1260)))
    assert (result.status, result.objective, result.lower_bound) == (Status.OPTIMAL, 1500, 1500)


def test_a_thousand_million_pieces_go_where_lots_may_be_large() -> None:
    problem = market(
        machine("small", windows=None, max_lot=100),
        machine("large", windows=None, rate=100),
        order(quantity=10**9),
    )
    result = plan(problem)
    assert result.objective is not None
    assert result.objective <= 600_000_000


def test_a_first_plan_that_takes_too_long_is_given_up_at_the_limit() -> None:
    parts = [machine(f"m{n}", windows=None, max_lot=10, rate=n + 1) for n in range(40)]
    result = solve(market(*parts, order(quantity=150_000)), time_limit=0.3, workers=1)
    assert result.runtime_s < 3
    assert result.status in (Status.TIMEOUT, Status.FEASIBLE)


def test_set_up_is_counted_once_for_all_lots_of_an_order() -> None:
    result = plan(market(machine("press", set_up_minutes=15, max_lot=20), order(quantity=60)))
    assert (result.status, result.objective) == (Status.OPTIMAL, 75)
    assert sum(a.set_up_minutes for a in result.schedule) == 15


def test_two_machines_share_an_order_evenly() -> None:
    result = plan(market(machine("a"), machine("b"), order(quantity=120)))
    assert (result.status, result.objective) == (Status.OPTIMAL, 60)
    assert {a.machine for a in result.schedule} == {"a", "b"}


def test_lots_overlap_between_steps() -> None:
    problem = market(
        machine("cutter", "cutting"), machine("press"), order(quantity=60, steps="cutting,pressing")
    )
    result = plan(problem)
    # one piece a minute at each step: the last piece leaves the press at minute 61
    assert (result.status, result.objective) == (Status.OPTIMAL, 61)


def test_transport_counts_between_factories_and_to_the_buyer() -> None:
    transport = Transport(minutes={("near", "harbour"): 10, ("far", "harbour"): 100})
    problem = market(
        machine("a", factory="near"),
        machine("b", factory="far"),
        order(quantity=60, destination="harbour"),
        transport=transport,
    )
    result = plan(problem)
    assert result.objective == 70
    assert {a.machine for a in result.schedule} == {"a"}


def test_steps_of_one_family_follow_each_other_without_set_up() -> None:
    def painted(name: str, colour: str) -> Order:
        return replace(order(name, 60), steps=(Step(process="pressing", set_up_family=colour),))

    press = replace(
        machine("press", windows=None, set_up_minutes=30),
        set_up_family="red",
        changeovers={("red", "blue"): 10, ("blue", "red"): 50},
    )
    problem = market(press, painted("a", "red"), painted("b", "blue"), painted("c", "red"))
    result = plan(problem)
    # both red orders come first: 60 + 60 minutes, 10 of changeover, 60
    assert (result.objective, result.lower_bound) == (190, 180)
    assert {a.order: a.set_up_minutes for a in result.schedule} == {"a": 0, "b": 10, "c": 0}


def test_a_certificate_keeps_the_faster_machine_out() -> None:
    slow = replace(machine("slow", rate=30), certificates=frozenset({"iso9001"}))
    wanted = order(quantity=60, certificates=frozenset({"iso9001"}))
    result = plan(market(machine("fast"), slow, wanted))
    assert {a.machine for a in result.schedule} == {"slow"}
    assert result.objective == 120


def test_no_more_factories_than_allowed_share_an_order() -> None:
    parts = [machine(name, rate=rate) for name, rate in (("a", 60), ("b", 40), ("c", 60))]
    result = plan(market(*parts, order(quantity=240, max_factories=2)))
    assert {a.machine for a in result.schedule} == {"a", "c"}
    assert result.objective == 120


def test_a_preferred_factory_wins_between_equals_and_only_there() -> None:
    wanted = order(quantity=1, preferred_factories=frozenset({"b-works"}))
    assert {a.machine for a in plan(market(machine("a"), machine("b"), wanted)).schedule} == {"b"}
    slower = market(machine("a"), machine("b", rate=50), wanted)
    assert {a.machine for a in plan(slower).schedule} == {"a"}


def test_quotas_hold_to_the_piece_of_a_lot() -> None:
    quota = Quota(step=0, factory="b-works", at_least=90)
    fewer = Quota(step=0, factory="a-works", at_most=20)
    problem = market(machine("a"), machine("b"), order(quantity=120, quotas=(quota,)))
    made = sum(a.quantity for a in plan(problem).schedule if a.machine == "b")
    assert made >= 90
    problem = market(machine("a"), machine("b"), order(quantity=120, quotas=(fewer,)))
    made = sum(a.quantity for a in plan(problem).schedule if a.machine == "a")
    assert 0 < made <= 20


def test_completion_adds_up_over_orders_and_risk_takes_the_reliable_machine() -> None:
    result = plan(market(machine("press"), order("x", 60), order("y", 30)), Objective.COMPLETION)
    assert result.objective == 30 + 90
    late = replace(machine("a", rate=120), reliability_permille=900)
    sure = replace(machine("b", rate=60), reliability_permille=990)
    result = plan(market(late, sure, order(quantity=60)), Objective.RISK)
    assert (result.status, result.objective) == (Status.OPTIMAL, 60 * 10)
    assert {a.machine for a in result.schedule} == {"b"}


def test_the_least_risk_under_a_price_ceiling_is_bounded_without_it() -> None:
    late = replace(machine("a", price_per_hour_minor=100), reliability_permille=900)
    sure = replace(machine("b", price_per_hour_minor=900), reliability_permille=990)
    problem = market(late, sure, order(quantity=60, price_ceiling_minor=500))
    result = plan(problem, Objective.RISK)
    assert (result.objective, result.lower_bound) == (60 * 100, 60 * 10)


def test_the_cheapest_plan_takes_the_cheap_machine_though_it_is_slow() -> None:
    fast = machine("fast", rate=120, price_per_hour_minor=3000)
    slow = machine("slow", rate=60, price_per_hour_minor=1000)
    problem = market(fast, slow, order(quantity=120))
    result = plan(problem, Objective.COST)
    assert (result.status, result.objective) == (Status.OPTIMAL, 2000)
    assert {a.machine for a in result.schedule} == {"slow"}


def test_a_deadline_makes_the_cheapest_plan_buy_speed() -> None:
    fast = machine("fast", rate=120, price_per_hour_minor=3000)
    slow = machine("slow", rate=60, price_per_hour_minor=1000)
    result = plan(market(fast, slow, order(quantity=120, deadline=100)), Objective.COST)
    # the slow machine's 100 minutes leave 20 pieces, 10 minutes on the fast one
    assert result.lower_bound == 2167
    assert result.objective is not None
    assert result.objective <= 2200


def test_a_price_ceiling_slows_the_fastest_plan() -> None:
    fast = machine("fast", rate=120, price_per_hour_minor=3000)
    slow = machine("slow", rate=60, price_per_hour_minor=1000)
    free = plan(market(fast, slow, order(quantity=120)))
    capped = plan(market(fast, slow, order(quantity=120, price_ceiling_minor=2000)))
    assert free.objective == 40
    assert capped.objective == 120


def test_urgent_orders_go_first_to_keep_tardiness_low() -> None:
    late = order("late", 60, due=60)
    later = order("later", 60, due=120)
    result = plan(market(machine("press"), later, late), Objective.TARDINESS)
    assert (result.status, result.objective) == (Status.OPTIMAL, 0)


def test_a_lot_that_may_not_pause_waits_for_a_window_that_holds_it() -> None:
    windows = (Window(start=0, end=30), Window(start=100, end=200))
    stiff = machine("press", windows=windows, resumable=False, min_lot=60)
    result = plan(market(stiff, order(quantity=60)))
    assert (result.objective, result.schedule.assignments[0].start) == (160, 100)


def test_a_routing_may_branch_and_join() -> None:
    steps = (
        Step(process="cutting"),
        Step(process="pressing", after=(0,)),
        Step(process="painting", after=(0,)),
        Step(process="packing", after=(1, 2)),
    )
    machines = [machine(p, p, min_lot=60) for p in ("cutting", "pressing", "painting", "packing")]
    problem = market(*machines, Order(id="kit", quantity=60, steps=steps))
    result = plan(problem)
    assert (result.status, result.objective) == (Status.OPTIMAL, 180)


def test_frozen_work_stays_and_new_work_goes_around_it() -> None:
    problem = market(machine("press"), order("old", 60), order("new", 60))
    old = replace(plan(market(machine("press"), order("old", 60))).schedule.assignments[0])
    whole = replace(old, lot=0, start=30, end=90, quantity=60)
    result = plan(replace(problem, frozen=(whole,)))
    assert whole in result.schedule.assignments
    assert result.objective == 120


@pytest.mark.parametrize("objective", [Objective.MAKESPAN, Objective.COST])
def test_lots_that_are_cut_already_keep_their_number_and_pieces(objective: Objective) -> None:
    cut = (CutLot(lot=4, quantity=50), CutLot(lot=2, quantity=7))
    result = plan(market(machine("press"), order(quantity=60, cut=cut)), objective)
    pieces = {a.lot: a.quantity for a in result.schedule}
    assert (pieces.pop(4), pieces.pop(2)) == (50, 7)
    assert sum(pieces.values()) == 3, "what they leave over is cut as usual"
    assert min(pieces) > 4


@pytest.mark.parametrize("objective", [Objective.MAKESPAN, Objective.COST])
def test_lots_that_are_bound_to_a_factory_stay_there(objective: Objective) -> None:
    slow, fast = frozenset({"slow-works"}), frozenset({"fast-works"})
    cut = (
        CutLot(lot=0, quantity=30, factories=(slow,)),
        CutLot(lot=1, quantity=30, factories=(fast,)),
        CutLot(lot=2, quantity=30, factories=(frozenset(),)),
    )
    parts = machine("slow", rate=10, price_per_hour_minor=900), machine("fast")
    found = plan(market(*parts, order(quantity=90, cut=cut)), objective)
    assert {a.lot: a.machine for a in found.schedule} == {0: "slow", 1: "fast", 2: "fast"}


def test_a_lot_that_is_cut_already_and_begun_counts_once() -> None:
    problem = market(
        machine("press"),
        machine("oven", "baking"),
        order(quantity=60, steps="pressing,baking", cut=(CutLot(lot=0, quantity=60),)),
    )
    begun = Assignment(order="plates", lot=0, step=0, machine="press", start=0, end=60, quantity=60)
    result = plan(replace(problem, frozen=(begun,)))
    assert [(a.lot, a.step, a.quantity) for a in sorted(result.schedule, key=lambda a: a.step)] == [
        (0, 0, 60),
        (0, 1, 60),
    ]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (market(machine("press"), order(quantity=60, deadline=59)), "capacity_short"),
        (market(machine("press", min_lot=60), order(quantity=60, deadline=59)), "no_candidate"),
        (market(machine("press"), order(quantity=6000)), "capacity_short"),
        (market(machine("press"), order(quantity=120, deadline=119)), "capacity_short"),
        (market(machine("press", min_lot=61), order(quantity=60)), "no_candidate"),
        (market(machine("press", windows=()), order(quantity=60)), "no_candidate"),
        (
            market(
                machine("press", windows=(Window(start=0, end=50),), resumable=False, min_lot=60),
                order(quantity=60),
            ),
            "no_candidate",
        ),
        (
            market(
                machine("press", price_per_hour_minor=100),
                order(quantity=60, price_ceiling_minor=99),
            ),
            "ceiling_too_low",
        ),
        (
            market(
                machine("press", factory="far"),
                order(quantity=60, deadline=99, destination="harbour"),
                transport=Transport(default_minutes=100),
            ),
            "no_candidate",
        ),
    ],
)
def test_a_hopeless_order_is_proven_so_and_explained(problem: Problem, code: str) -> None:
    result = plan(problem)
    assert result.status is Status.INFEASIBLE
    assert [each.code for each in result.unplanned] == [code]
    assert all(each.is_proven and each.sentence.endswith(".") for each in result.unplanned)


def test_one_hopeless_order_does_not_keep_the_others_from_a_plan() -> None:
    result = plan(market(machine("press"), order("good", 60), order("bad", 60, deadline=10)))
    assert result.status is Status.INFEASIBLE
    assert {a.order for a in result.schedule} == {"good"}
    assert [each.order for each in result.unplanned] == ["bad"]


def test_a_faulty_problem_is_invalid_not_infeasible() -> None:
    assert solve(market(machine("press"), order(quantity=0))).status is Status.INVALID


def test_stopping_hands_back_the_best_plan_so_far() -> None:
    seen: list[int | None] = []
    problem = market(machine("a"), machine("b", rate=40), order(quantity=1000))
    result = solve(
        problem,
        time_limit=10,
        on_progress=lambda value, bound, seconds: seen.append(value),
        should_stop=lambda: any(value is not None for value in seen),
    )
    assert result.status in (Status.FEASIBLE, Status.OPTIMAL)
    assert violations(problem, result.schedule) == []


def test_the_same_seed_gives_the_same_plan() -> None:
    problem = market(machine("a"), machine("b", rate=50), order("x", 90), order("y", 70))
    first, second = plan(problem), plan(problem)
    assert first.schedule == second.schedule


@st.composite
def markets(draw: st.DrawFn) -> Problem:
    """Draw a small market with closed hours, lot limits, set-ups, lags and mixed machines."""
    processes = ["cutting", "pressing"][: draw(st.integers(1, 2))]
    machines: list[Machine] = []
    for number in range(draw(st.integers(len(processes), 5))):
        least, set_up = draw(st.integers(1, 10)), draw(st.integers(0, 30))
        longer = draw(st.one_of(st.none(), st.integers(set_up, 60)))
        machines.append(
            machine(
                f"m{number}",
                processes[number % len(processes)],
                factory=f"f{draw(st.integers(0, 2))}",
                windows=draw(st.sampled_from([None, DAY, DAY[1:], (Window(start=50, end=950),)])),
                rate=draw(st.integers(5, 90)),
                set_up_minutes=set_up,
                price_per_hour_minor=draw(st.integers(0, 5000)),
                min_lot=least,
                max_lot=draw(st.one_of(st.none(), st.integers(least, 60))),
                resumable=draw(st.booleans()),
                rate_low_permille=draw(st.integers(500, 1000)),
                set_up_high_minutes=longer,
            )
        )
    orders = [
        order(
            f"o{number}",
            draw(st.integers(1, 150)),
            steps=",".join(processes),
            release=draw(st.integers(0, 300)),
            due=draw(st.one_of(st.none(), st.integers(300, 2000))),
            deadline=draw(st.one_of(st.none(), st.integers(1500, 4500))),
            destination=draw(st.sampled_from([None, "harbour", "f0"])),
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    transport = Transport(default_minutes=draw(st.integers(0, 90)))
    return market(*machines, *orders, transport=transport)


@st.composite
def limited_markets(draw: st.DrawFn) -> Problem:
    """Draw a market whose orders and machines use every kind of limit there is."""
    problem = draw(markets())
    families = st.sampled_from(["", "red", "blue"])
    named = st.sets(st.sampled_from(sorted(problem.factories)), max_size=2).map(frozenset)
    pairs = st.tuples(families, st.sampled_from(["red", "blue"]))
    machines = [
        replace(
            each,
            certificates=draw(st.sampled_from([frozenset(), frozenset({"iso"})])),
            set_up_family=draw(families),
            changeovers=draw(st.dictionaries(pairs, st.integers(0, 60), max_size=3)),
            reliability_permille=draw(st.integers(800, 1000)),
        )
        for each in problem.machines
    ]
    orders = [
        replace(
            each,
            steps=tuple(replace(step, set_up_family=draw(families)) for step in each.steps),
            certificates=draw(st.sampled_from([frozenset(), frozenset(), frozenset({"iso"})])),
            max_factories=draw(st.one_of(st.none(), st.integers(1, 2))),
            preferred_factories=draw(named),
            quotas=draw(quotas(each, sorted(problem.factories))),
        )
        for each in problem.orders
    ]
    return replace(problem, machines=tuple(machines), orders=tuple(orders))


@st.composite
def quotas(draw: st.DrawFn, order: Order, factories: list[str]) -> tuple[Quota, ...]:
    """Draw none, or one that asks a factory for up to half of a step's pieces."""
    if not draw(st.booleans()):
        return ()
    least = draw(st.integers(0, order.quantity // 2))
    most = draw(st.one_of(st.none(), st.integers(least, order.quantity)))
    step = draw(st.integers(0, len(order.steps) - 1))
    factory = draw(st.sampled_from(factories))
    return (Quota(step=step, factory=factory, at_least=least, at_most=most),)


@settings(max_examples=80)
@given(problem=markets() | limited_markets(), objective=st.sampled_from(list(Objective)))
def test_no_plan_breaks_a_rule_or_its_own_bound(problem: Problem, objective: Objective) -> None:
    if problem.validate():
        return
    result = solve(problem, objective=objective, time_limit=0.6, max_lots=40)
    unplanned = [each.order for each in result.unplanned]
    assert violations(problem, result.schedule, unplanned=unplanned) == []
    if result.objective is not None and result.lower_bound is not None:
        assert result.lower_bound <= result.objective
    assert result.is_plan == (not result.unplanned)


@settings(max_examples=40)
@given(problem=limited_markets())
def test_a_plan_made_with_caution_holds_as_usual_and_costs_no_more(problem: Problem) -> None:
    if problem.validate():
        return
    careful = cautious(problem)
    plan = solve(careful, time_limit=0.4, max_lots=40).schedule
    if len(plan) == 0 or violations(careful, plan):
        return
    usual = with_usual_set_ups(problem, plan)
    assert violations(problem, usual) == []
    spans = {(a.order, a.lot, a.step, a.machine, a.start, a.end, a.quantity) for a in plan}
    assert {(a.order, a.lot, a.step, a.machine, a.start, a.end, a.quantity) for a in usual} == spans
    assert sum(a.set_up_minutes for a in usual) <= sum(a.set_up_minutes for a in plan)
