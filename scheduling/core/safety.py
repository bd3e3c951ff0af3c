"""Look at a problem with caution: low rates, long set-ups, a surcharge on machines that run late.

A plan made for the cautious problem holds for the real one, because it only takes more time
than the usual rates and set-ups need. The reserve that stays is what makes it safe; it is not
charged.
"""

from dataclasses import replace
from fractions import Fraction

from scheduling.core.problem import Capability, Machine, Problem, Rate
from scheduling.core.schedule import Assignment, Schedule

SURCHARGE_PER_PERMILLE = Fraction(1, 100)
"""Each thousandth of late lots counts like a price one per cent higher: a machine that is
late with one lot in twenty counts as half as dear again."""


def cautious(problem: Problem) -> Problem:
    """Return `problem` with rates and set-ups of bad days, and unreliability as a price."""
    machines = tuple(
        replace(
            machine,
            capabilities=tuple(_cautious(machine, each) for each in machine.capabilities),
        )
        for machine in problem.machines
    )
    return replace(problem, machines=machines)


def _cautious(machine: Machine, capability: Capability) -> Capability:
    low = Fraction(capability.rate_low_permille, 1000)
    rate: Rate = capability.rate_per_hour * low
    if isinstance(rate, Fraction) and rate.denominator == 1:
        rate = rate.numerator
    surcharge = 1 + SURCHARGE_PER_PERMILLE * (1000 - machine.reliability_permille)
    price = (1 + capability.price_per_hour_minor * low) * surcharge
    usual = capability.set_up_minutes
    return replace(
        capability,
        rate_per_hour=rate,
        price_per_hour_minor=round(price),
        set_up_minutes=max(usual, capability.set_up_high_minutes or usual),
    )


def with_usual_set_ups(problem: Problem, schedule: Schedule) -> Schedule:
    """Return a plan made with caution with the set-ups that `problem` itself asks for.

    Spans stay: what a long set-up would have taken is reserve. Frozen work stays as it is.
    """
    frozen = frozenset(problem.frozen)
    return Schedule(
        assignments=tuple(
            one if one in frozen else replace(one, set_up_minutes=_usual(problem, one, before))
            for on_machine in schedule.by_machine.values()
            for before, one in zip((None, *on_machine), on_machine, strict=False)
        )
    )


def _usual(problem: Problem, one: Assignment, before: Assignment | None) -> int:
    option = problem.option(problem.order_by_id[one.order], one.step, one.machine)
    assert option is not None, "a plan uses machines that may do the work"
    last = None if before is None else (before.order, before.step)
    return problem.set_up_minutes(option, (one.order, one.step), last)
