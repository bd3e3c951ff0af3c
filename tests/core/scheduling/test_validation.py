"""A wrong problem is named, with what to mend; a sound one passes in silence."""

from dataclasses import replace

import pytest

from scheduling.core import (
    Alternative,
    Assignment,
    Capability,
    CutLot,
    Machine,
    Order,
    Problem,
    Quota,
    Step,
    Transport,
    Window,
)

PRESS = Machine(
    id="press",
    factory="north",
    capabilities=(Capability(process="pressing", rate_per_hour=60),),
    windows=(Window(start=0, end=600),),
)
ORDER = Order(id="plates", quantity=100, steps=(Step(process="pressing"),))
SOUND = Problem(orders=(ORDER,), machines=(PRESS,))


def with_order(**changes: object) -> Problem:
    return replace(SOUND, orders=(replace(ORDER, **changes),))  # type: ignore[arg-type]


def with_machine(**changes: object) -> Problem:
    return replace(SOUND, machines=(replace(PRESS, **changes),))  # type: ignore[arg-type]


def with_capability(**changes: object) -> Problem:
    capability = replace(PRESS.capabilities[0], **changes)  # type: ignore[arg-type]
    return with_machine(capabilities=(capability,))


def test_a_sound_problem_has_no_faults() -> None:
    assert SOUND.validate() == ()


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (with_order(cut=(CutLot(lot=0, quantity=101),)), "cut_lots"),
        (with_order(cut=(CutLot(lot=0, quantity=0),)), "cut_lots"),
        (with_order(cut=(CutLot(lot=0, quantity=1), CutLot(lot=0, quantity=2))), "cut_lots"),
        (
            with_order(cut=(CutLot(lot=0, quantity=1, factories=(frozenset({"f"}),) * 9),)),
            "cut_lot_steps",
        ),
        (Problem(orders=(), machines=()), "no_orders"),
        (replace(SOUND, orders=(ORDER, ORDER)), "duplicate_order"),
        (replace(SOUND, machines=(PRESS, PRESS)), "duplicate_machine"),
        (with_order(quantity=0), "quantity_not_positive"),
        (with_order(quantity=-5), "quantity_not_positive"),
        (with_order(quantity=10**13), "quantity_too_large"),
        (with_order(steps=()), "no_steps"),
        (with_order(steps=(Step(),)), "step_ambiguous"),
        (with_order(steps=(Step(process="pressing", after=(3,)),)), "routing_unknown_step"),
        (with_order(steps=(Step(process="pressing", after=(0,)),)), "routing_cycle"),
        (with_order(steps=(Step(process="polishing"),)), "unknown_process"),
        (with_order(excluded_machines=frozenset({"press"})), "no_capable_machine"),
        (with_order(excluded_factories=frozenset({"north"})), "no_capable_machine"),
        (with_order(release=-1), "negative_release"),
        (with_order(price_ceiling_minor=-1), "negative_price_ceiling"),
        (with_order(release=9, deadline=8), "release_after_deadline"),
        (replace(with_order(due=9), now=10), "due_past"),
        (replace(with_order(deadline=9), now=10), "deadline_past"),
        (with_capability(rate_per_hour=0), "rate_not_positive"),
        (
            replace(with_capability(max_lot=10), orders=(replace(ORDER, quantity=200_010),)),
            "too_many_lots",
        ),
        (with_capability(rate_per_hour=-3), "rate_not_positive"),
        (with_capability(rate_low_permille=0), "rate_low_out_of_range"),
        (with_capability(set_up_minutes=-1), "negative_set_up"),
        (with_capability(set_up_minutes=20, set_up_high_minutes=19), "set_up_high_too_low"),
        (with_capability(price_per_hour_minor=-1), "negative_price"),
        (with_capability(min_lot=0), "lot_limits"),
        (with_capability(min_lot=9, max_lot=8), "lot_limits"),
        (with_machine(reliability_permille=1001), "reliability_out_of_range"),
        (with_machine(capabilities=PRESS.capabilities * 2), "duplicate_capability"),
        (with_machine(windows=(Window(start=5, end=5),)), "window_empty"),
        (with_machine(windows=(Window(start=-5, end=5),)), "window_out_of_range"),
        (replace(SOUND, now=600), "window_past"),
        (replace(SOUND, transport=Transport(default_minutes=-1)), "negative_transport"),
        (with_machine(changeovers={("red", "blue"): -1}), "negative_changeover"),
        (with_order(max_factories=0), "max_factories"),
        (with_order(certificates=frozenset({"iso9001"})), "no_capable_machine"),
        (with_order(quotas=(Quota(step=1, factory="north"),)), "quota_step"),
        (with_order(quotas=(Quota(step=0, factory="south"),)), "quota_factory"),
        (with_order(quotas=(Quota(step=0, factory="north", at_least=-1),)), "quota_range"),
        (
            with_order(quotas=(Quota(step=0, factory="north", at_least=9, at_most=8),)),
            "quota_range",
        ),
        (with_order(quotas=(Quota(step=0, factory="north", at_least=60),) * 2), "quotas_too_high"),
        (replace(SOUND, transport=Transport(minutes={("a", "b"): -1})), "negative_transport"),
    ],
)
def test_each_fault_is_named_in_a_sentence(problem: Problem, code: str) -> None:
    faults = problem.validate()
    assert code in [fault.code for fault in faults]
    assert all(fault.sentence.endswith(".") for fault in faults)


def test_overlapping_windows_say_where() -> None:
    problem = with_machine(windows=(Window(start=100, end=300), Window(start=0, end=120)))
    (fault,) = problem.validate()
    assert fault.sentence == (
        "Two windows of machine press overlap between 100 and 120: join them or move one."
    )


def test_a_shop_step_names_existing_machines_and_positive_durations() -> None:
    step = Step(alternatives=(Alternative(machine="lathe", duration_minutes=0),))
    codes = [fault.code for fault in with_order(quantity=1, steps=(step,)).validate()]
    assert codes == ["unknown_machine", "duration_not_positive"]


def test_a_shop_job_is_not_split() -> None:
    step = Step(alternatives=(Alternative(machine="press", duration_minutes=5),))
    (fault,) = with_order(quantity=2, steps=(step,)).validate()
    assert fault.code == "quantity_not_splittable"


def test_frozen_assignments_must_belong_somewhere() -> None:
    lot = Assignment(order="plates", lot=0, step=0, machine="press", start=0, end=100, quantity=100)
    assert replace(SOUND, frozen=(lot,)).validate() == ()
    for changes, code in (
        ({"order": "other"}, "unknown_order"),
        ({"machine": "other"}, "unknown_machine"),
        ({"step": 1}, "frozen_step"),
        ({"quantity": 101}, "frozen_quantity"),
    ):
        frozen = (replace(lot, **changes),)  # type: ignore[arg-type]
        assert [fault.code for fault in replace(SOUND, frozen=frozen).validate()] == [code]
