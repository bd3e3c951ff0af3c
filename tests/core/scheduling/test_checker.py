"""The checker sees each broken rule, one at a time, and nothing in a sound plan."""

from dataclasses import replace

import pytest

from scheduling.core import (
    Assignment,
    CutLot,
    Objective,
    Problem,
    Quota,
    Schedule,
    Transport,
    Window,
    violations,
)
from scheduling.core.measures import objective_value
from tests.core.scheduling.shops import machine, market, order

CUT = machine("cutter", "cutting", set_up_minutes=10, price_per_hour_minor=600)
PRESS = machine("press", "pressing", max_lot=60, min_lot=20, price_per_hour_minor=1200)
ORDER = order("plates", 120, steps="cutting,pressing", destination="harbour")
PROBLEM = market(
    CUT,
    PRESS,
    ORDER,
    transport=Transport(
        minutes={("cutter-works", "press-works"): 30, ("press-works", "harbour"): 45}
    ),
)


def lot(number: int, step: int, start: int, end: int, **changes: object) -> Assignment:
    made = Assignment(
        order="plates",
        lot=number,
        step=step,
        machine=("cutter", "press")[step],
        start=start,
        end=end,
        quantity=60,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


SOUND = (
    lot(0, 0, 0, 70, set_up_minutes=10),
    lot(1, 0, 70, 130),
    lot(0, 1, 100, 160),
    lot(1, 1, 160, 220),
)


def codes(*assignments: Assignment, problem: Problem = PROBLEM) -> set[str]:
    return {v.code for v in violations(problem, Schedule(assignments=assignments))}


def with_lot(index: int, **changes: object) -> tuple[Assignment, ...]:
    changed = replace(SOUND[index], **changes)  # type: ignore[arg-type]
    return (*SOUND[:index], changed, *SOUND[index + 1 :])


def test_a_sound_plan_has_no_violations() -> None:
    assert codes(*SOUND) == set()


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (with_lot(0, order="other"), {"unknown_order"}),
        (with_lot(0, step=2), {"unknown_step"}),
        (with_lot(0, machine="other"), {"unknown_machine"}),
        (with_lot(2, machine="cutter", start=300, end=400), {"not_eligible"}),
        (with_lot(0, set_up_minutes=0), {"set_up_missing"}),
        (with_lot(3, start=159, end=220), {"overlap", "too_early"}),
        (with_lot(2, start=99, end=159), {"too_early"}),
        (with_lot(3, end=219), {"too_short"}),
        (with_lot(3, end=150), {"span_empty"}),
        (with_lot(3, start=1200, end=1500), {"closed"}),
        (with_lot(3, start=1300, end=1500), {"closed"}),
        (with_lot(3, start=1140, end=1201), {"closed"}),
        (with_lot(3, quantity=61, end=230), {"lot_limits", "lot_changes_quantity", "quantity"}),
        (with_lot(3, quantity=19), {"lot_limits", "lot_changes_quantity", "quantity"}),
        (SOUND[:3], {"lot_incomplete", "quantity"}),
        ((), {"order_missing"}),
    ],
)
def test_each_broken_rule_is_named(assignments: tuple[Assignment, ...], expected: set[str]) -> None:
    assert codes(*assignments) == expected


def test_a_lot_may_pause_over_closed_hours_where_it_is_resumable() -> None:
    paused = with_lot(3, start=1180, end=1480)
    assert codes(*paused) == set()
    stiff = replace(PRESS, capabilities=(replace(PRESS.capabilities[0], resumable=False),))
    assert codes(*paused, problem=replace(PROBLEM, machines=(CUT, stiff))) == {"paused"}


def test_windows_that_touch_are_not_a_pause() -> None:
    windows = (Window(start=0, end=200), Window(start=200, end=400))
    stiff = machine("press", max_lot=60, windows=windows, resumable=False)
    problem = replace(PROBLEM, machines=(CUT, stiff))
    assert codes(*with_lot(3, start=180, end=240), problem=problem) == set()


def test_limits_of_the_order_hold_to_the_minute_and_the_minor_unit() -> None:
    def limited(**limits: object) -> Problem:
        return replace(PROBLEM, orders=(replace(ORDER, **limits),))  # type: ignore[arg-type]

    assert codes(*SOUND, problem=limited(deadline=265)) == set()
    assert codes(*SOUND, problem=limited(deadline=264)) == {"deadline"}
    # 70 + 60 minutes of cutting at 6.00 and 120 of pressing at 12.00 an hour
    assert codes(*SOUND, problem=limited(price_ceiling_minor=3700)) == set()
    assert codes(*SOUND, problem=limited(price_ceiling_minor=3699)) == {"price_ceiling"}
    assert codes(*SOUND, problem=limited(release=1)) == {"before_release"}
    assert codes(*SOUND, problem=replace(PROBLEM, now=1)) == {"before_release"}
    excluded = limited(excluded_factories=frozenset({"press-works"}))
    assert codes(*SOUND, problem=excluded) == {"not_eligible"}


def test_set_up_goes_by_the_families_of_the_steps() -> None:
    def cut(changeovers: dict[tuple[str, str], int]) -> Problem:
        steps = tuple(replace(step, set_up_family="steel") for step in ORDER.steps)
        machines = (replace(CUT, set_up_family="tin", changeovers=changeovers), PRESS)
        return replace(PROBLEM, orders=(replace(ORDER, steps=steps),), machines=machines)

    assert codes(*SOUND, problem=cut({})) == set()
    assert codes(*SOUND, problem=cut({("tin", "steel"): 11})) == {"set_up_missing"}
    hasty = with_lot(0, set_up_minutes=0)
    assert codes(*hasty, problem=cut({})) == {"set_up_missing"}
    assert codes(*hasty, problem=cut({("tin", "steel"): 0})) == set()


def test_certificates_caps_and_quotas_are_kept() -> None:
    def limited(**limits: object) -> Problem:
        return replace(PROBLEM, orders=(replace(ORDER, **limits),))  # type: ignore[arg-type]

    certified = limited(certificates=frozenset({"iso9001"}))
    assert codes(*SOUND, problem=certified) == {"not_eligible"}
    assert codes(*SOUND, problem=limited(max_factories=1)) == {"too_many_factories"}
    assert codes(*SOUND, problem=limited(max_factories=2)) == set()
    short = Quota(step=1, factory="press-works", at_least=121)
    assert codes(*SOUND, problem=limited(quotas=(short,))) == {"quota"}
    most = Quota(step=1, factory="press-works", at_most=119)
    assert codes(*SOUND, problem=limited(quotas=(most,))) == {"quota"}
    assert codes(*SOUND, problem=limited(cut=(CutLot(lot=1, quantity=60),))) == set()
    for lost in (CutLot(lot=1, quantity=59), CutLot(lot=2, quantity=60)):
        assert codes(*SOUND, problem=limited(cut=(lost,))) == {"cut_anew"}


def test_a_lot_stays_in_the_factories_that_it_may_be_worked_on_in() -> None:
    def bound_to(*factories: str) -> Problem:
        places = (frozenset(factories), frozenset[str]())
        lots = (CutLot(lot=1, quantity=60, factories=places),)
        return replace(PROBLEM, orders=(replace(ORDER, cut=lots),))

    assert codes(*SOUND, problem=bound_to("cutter-works", "other")) == set()
    assert codes(*SOUND, problem=bound_to()) == set()
    assert codes(*SOUND, problem=bound_to("other")) == {"not_its_factory"}
    stands = replace(bound_to("other"), frozen=(SOUND[1],))
    assert codes(*SOUND, problem=stands) == set(), "what is frozen is a fact"


def test_frozen_assignments_stay_and_answer_to_no_calendar() -> None:
    early = replace(SOUND[0], start=0, end=5, set_up_minutes=0)
    problem = replace(PROBLEM, now=50, frozen=(early,))
    rest = (early, *SOUND[1:])
    assert codes(*rest, problem=problem) == set()
    assert codes(*SOUND, problem=problem) == {"frozen_missing", "before_release"}


def test_an_order_that_is_declared_unplanned_may_be_absent() -> None:
    nothing = Schedule()
    assert violations(PROBLEM, nothing, unplanned=["plates"]) == []


def test_an_order_with_an_outside_price_may_lack_pieces_but_not_make_too_many() -> None:
    def with_price(quantity: int) -> Problem:
        orders = (replace(ORDER, quantity=quantity, outside_price_minor=5),)
        return replace(PROBLEM, orders=orders)

    made = ORDER.quantity
    assert codes(problem=with_price(made)) == set()
    assert codes(*SOUND, problem=with_price(made + 50)) == set()
    assert codes(*SOUND, problem=with_price(made - 1)) == {"too_many"}
    schedule = Schedule(assignments=SOUND)
    cheap = objective_value(with_price(made), schedule, Objective.COST)
    assert objective_value(with_price(made + 50), schedule, Objective.COST) == cheap + 250
