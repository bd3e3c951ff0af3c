"""Say in an instant why the free time of a market has no place for an order."""

from collections import Counter
from collections.abc import Iterator
from math import ceil

from scheduling.core.book import CapacityBook
from scheduling.core.candidates import Reason, not_admitted
from scheduling.core.problem import Order
from scheduling.core.result import Unplanned


def why_refused(book: CapacityBook, order: Order) -> Unplanned:
    """Explain why `order` has no place among the bookings: filters, dates, price, capacity.

    A proven reason holds as long as the bookings stand.
    """
    reason = next(_proofs(book, order), None)
    found = reason or Reason(code="no_place", values={"order": order.id})
    return Unplanned(
        order=order.id,
        code=found.code,
        sentence=found.sentence,
        values=found.values,
        is_proven=reason is not None,
    )


def _proofs(book: CapacityBook, order: Order) -> Iterator[Reason]:
    named: dict[str, int | str] = {"order": order.id}
    for step, each in enumerate(order.steps):
        if not book.supply.has_candidate(order, step):
            reasons = [not_admitted(order, option) for option in book.supply.options(each.process)]
            yield _no_candidate(order, step, [reason for reason in reasons if reason])
    if order.deadline is not None and (earliest := _earliest(book, order)) > order.deadline:
        dates = {"earliest": earliest, "deadline": order.deadline}
        yield Reason(code="deadline_too_early", values=named | dates)
    for step in range(len(order.steps)):
        if book.supply.pieces_free(order, step) < order.quantity:
            yield Reason(code="capacity_short", values=named)
    ceiling = order.price_ceiling_minor
    if ceiling is not None and (least := _least_cost(book, order)) > ceiling:
        prices: dict[str, int | str] = {"least": least, "ceiling": ceiling}
        yield Reason(code="ceiling_too_low", values=named | prices)


def _no_candidate(order: Order, step: int, reasons: list[Reason]) -> Reason:
    common = Counter(reason.code for reason in reasons).most_common(1)
    sentence = next((r.sentence for r in reasons if r.code == common[0][0]), "") if common else ""
    values: dict[str, int | str] = {
        "order": order.id,
        "step": step,
        "machines": len(reasons),
        "reason": sentence,
    }
    return Reason(code="no_candidate", values=values)


def _earliest(book: CapacityBook, order: Order) -> int:
    """Return a minute before which the order cannot be complete: its steps' shortest lots."""
    ready = [book.problem.earliest_start(order)] * len(order.steps)
    for step in order.step_sequence:
        has_set_up = not order.steps[step].set_up_family
        ready[step] += min(
            (
                option.work_minutes(option.min_lot) + has_set_up * option.set_up_minutes
                for option in book.supply.admitted(order, step)
            ),
            default=0,
        )
        for after in order.successors[step]:
            ready[after] = max(ready[after], ready[step])
    last = [step for step, after in enumerate(order.successors) if not after]
    return max((ready[step] for step in last), default=0)


def _least_cost(book: CapacityBook, order: Order) -> int:
    """Return what the order costs at least: every piece at the lowest price of its step."""
    least = sum(book.supply.least_price(order, step) for step in range(len(order.steps)))
    return ceil(order.quantity * least * (1 - 1e-9))
