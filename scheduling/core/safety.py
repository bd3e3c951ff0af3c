"""Look at a problem with caution: low rates, and a surcharge on machines that run late.

A plan made for the cautious problem holds for the real one, because it only takes more time
than the stated rates need. The reserve that stays is what makes it safe; it is not charged.
"""

from dataclasses import replace
from fractions import Fraction

from scheduling.core.problem import Capability, Machine, Problem, Rate

SURCHARGE_PER_PERMILLE = Fraction(1, 100)
"""Each thousandth of late lots counts like a price one per cent higher: a machine that is
late with one lot in twenty counts as half as dear again."""


def cautious(problem: Problem) -> Problem:
    """Return `problem` with every rate at its low quantile and unreliability as a price."""
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
    return replace(capability, rate_per_hour=rate, price_per_hour_minor=round(price))
