"""Keep the dates that orders have, and prove where one cannot be kept any more."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from scheduling.core.book import CapacityBook
from scheduling.core.bounds import makespan_bound, step_weights
from scheduling.core.calendars import NEVER
from scheduling.core.consequences import Late
from scheduling.core.problem import Order
from scheduling.core.reach import ReachModel
from scheduling.core.schedule import Assignment


class Promises:
    """Per order the date it has: its due date or deadline, else when it would have ended.

    Where it was late already, the date is when it would have ended.
    """

    def __init__(self, book: CapacityBook) -> None:
        self.book = book
        self._dates: dict[str, int] = {}

    def note(self, order: Order, lost: Collection[Assignment] = ()) -> None:
        """Note the date of an order before anything of it but `lost` is taken away."""
        if order.id not in self._dates:
            self._dates[order.id] = self._date(order, lost)

    def __getitem__(self, order: str) -> int:
        return self._dates[order]

    def _date(self, order: Order, lost: Collection[Assignment]) -> int:
        dates = [date for date in (order.due, order.deadline) if date is not None]
        before = [*self.book.of(order.id), *(a for a in lost if a.order == order.id)]
        completion = completion_of(self.book, order, before)
        if completion is None:
            return min(dates, default=NEVER)
        return max(completion, min(dates, default=completion))

    def broken(self, *, now: int, freeze_until: int) -> Iterator[Late]:
        """Yield the orders that now end after their dates, with the proof that they must."""
        for name, promised in self._dates.items():
            order = self.book.orders[name]
            completion = completion_of(self.book, order, self.book.of(name))
            if completion is not None and completion > promised:
                yield Late(
                    order=name,
                    promised=promised,
                    completion=completion,
                    is_unavoidable=self._is_unavoidable(order, promised, now, freeze_until),
                )

    def _is_unavoidable(self, order: Order, promised: int, now: int, freeze_until: int) -> bool:
        """Tell whether the order could not keep its promise even alone in the market."""
        steps = range(len(order.steps))
        machines = {o.machine.id for s in steps for o in self.book.supply.admitted(order, s)}
        started = [a for a in self.book.of(order.id) if a.start < freeze_until]
        machines |= {a.machine for a in started}
        alone = replace(
            self.book.problem,
            orders=(order,),
            machines=tuple(self.book.machine(m) for m in sorted(machines)),
            frozen=tuple(started),
            now=now,
        )
        model = ReachModel(alone)
        value = makespan_bound(model, step_weights(model)).value
        return value is None or value > promised


def completion_of(book: CapacityBook, order: Order, booked: Collection[Assignment]) -> int | None:
    """Return when the last of some bookings of an order is delivered; None without any."""
    lag = book.problem.transport.lag
    return max(
        (
            a.end + lag(book.machine(a.machine).factory, order.destination)
            for a in booked
            if not order.successors[a.step]
        ),
        default=None,
    )
