"""Cut an order's quantity into transfer lots.

A lot keeps its quantity through the whole routing, so its size must suit every machine that
may take it. Small lots at both ends fill and empty the pipeline of steps quickly; large ones
in the middle keep the number of operations down.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from scheduling.core.calendars import Calendar
from scheduling.core.problem import MINUTES_PER_HOUR, Option, ceil_div


@dataclass(frozen=True, kw_only=True, slots=True)
class LotLimits:
    """The smallest and largest lot that every chosen machine takes."""

    smallest: int
    largest: int

    def allows(self, quantity: int) -> bool:
        """Tell whether `quantity` is a sum of lots within the limits."""
        if not 1 <= self.smallest <= self.largest:
            return False
        fewest = -(-quantity // self.largest)
        return fewest * self.smallest <= quantity


def largest_lot(option: Option, calendar: Calendar) -> int | None:
    """Return the largest lot that `option` can take, or None when there is no limit.

    A lot that may not pause has to fit the machine's longest window, set-up included.
    """
    if option.resumable or option.rate_per_hour is None:
        return option.max_lot
    rate = option.rate_per_hour
    minutes = calendar.longest_window - option.set_up_minutes
    fits = max(0, minutes * rate.numerator // (rate.denominator * MINUTES_PER_HOUR))
    return fits if option.max_lot is None else min(fits, option.max_lot)


def lot_limits(quantity: int, bounds: Iterable[tuple[int, int | None]]) -> LotLimits:
    """Return the lot limits that hold for all of `bounds` (smallest, largest) together."""
    smallest, largest = 1, quantity
    for least, most in bounds:
        smallest = max(smallest, least)
        if most is not None:
            largest = min(largest, most)
    return LotLimits(smallest=smallest, largest=largest)


def base_size(quantity: int, *, lots: int, ramp: int, smallest: int) -> int:
    """Return the size of middle lots with which `quantity` makes about `lots` lots in all.

    Each of the `ramp` growing lots pairs with a shrinking one: together they hold a smallest
    and a middle lot's pieces.
    """
    if ramp >= lots or quantity <= ramp * smallest:
        return ceil_div(quantity, lots)
    return ceil_div(quantity - ramp * smallest, lots - ramp)


def lot_sizes(quantity: int, *, limits: LotLimits, base: int, ramp: int = 0) -> list[int]:
    """Cut `quantity` into lots of about `base`; `ramp` of them grow at first, shrink at last.

    Growing sizes let the machines of a step finish one after the other instead of all at
    once, which keeps the next step fed; shrinking ones let them end together.

    Raises:
        ValueError: the quantity is not a sum of lots within the limits.
    """
    if not limits.allows(quantity):
        raise ValueError(f"{quantity} pieces are not a sum of lots within {limits}")
    base = min(max(base, limits.smallest), limits.largest)
    rise = base - limits.smallest
    head = [limits.smallest + rise * (index + 1) // (ramp + 1) for index in range(ramp)]
    middle = quantity - 2 * sum(head)
    if middle < quantity // 2 or not limits.allows(middle):
        return _even(quantity, base, limits)
    return [*head, *_even(middle, base, limits), *reversed(head)]


def _even(quantity: int, base: int, limits: LotLimits) -> list[int]:
    """Cut into the fewest lots no larger than `base`, all alike to within one piece."""
    count = min(-(-quantity // base), quantity // limits.smallest)
    count = max(count, -(-quantity // limits.largest))
    size, larger = divmod(quantity, count)
    return [size + 1] * larger + [size] * (count - larger)
