"""The yardstick of `bench market`: HiGHS on the programme as a textbook writes it.

One binary for each order and machine that may work for it, which bounds what is made there in
all days together; days as buckets of machine time. It bounds nothing that the market's own
checker knows of lots in windows, so its plan is rather too cheap: the gap is flattered.
"""

import highspy
import numpy as np

from scheduling.core import Option, Order, Problem
from scheduling.core.calendars import calendar_of

DAY_MINUTES = 1440


class _Matrix:
    """Columns and rows gathered one by one."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.most: list[float] = []
        self.whole: list[bool] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.entries: list[tuple[int, int, float]] = []

    def column(self, cost: float, most: float, *, whole: bool = False) -> int:
        self.cost.append(cost)
        self.most.append(most)
        self.whole.append(whole)
        return len(self.cost) - 1

    def row(self, low: float, high: float) -> int:
        self.low.append(low)
        self.high.append(high)
        return len(self.low) - 1


def plain_mip_gap(problem: Problem, *, time_limit: float) -> float | None:
    """Return HiGHS's own relative gap after `time_limit` seconds; None without any plan."""
    matrix = _Matrix()
    calendars = {machine.id: calendar_of(machine) for machine in problem.machines}
    bucket_rows: dict[tuple[str, int], int] = {}
    for order in problem.orders:
        made = matrix.row(order.quantity, np.inf)
        outside = matrix.column(float(order.outside_price_minor or 0), order.quantity)
        matrix.entries.append((made, outside, 1.0))
        for option in problem.options(order, 0):
            machine = option.machine.id
            days = _days(problem, order, option)
            open_minutes = {d: calendars[machine].open_between(*span) for d, span in days.items()}
            _add_pair(matrix, made, option, open_minutes, bucket_rows)
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("time_limit", time_limit)
    highs.passModel(_model(matrix))
    highs.run()
    gap = float(highs.getInfo().mip_gap)
    return gap if np.isfinite(gap) else None


def _days(problem: Problem, order: Order, option: Option) -> dict[int, tuple[int, int]]:
    """Return the days in which a machine may work for an order, cut at its dates."""
    lag = problem.transport.lag(option.machine.factory, order.destination)
    end = (order.deadline or 0) - lag
    first, last = order.release // DAY_MINUTES, (end - 1) // DAY_MINUTES
    return {
        day: (max(order.release, day * DAY_MINUTES), min(end, (day + 1) * DAY_MINUTES))
        for day in range(first, last + 1)
    }


def _add_pair(
    matrix: _Matrix,
    made: int,
    option: Option,
    open_minutes: dict[int, int],
    bucket_rows: dict[tuple[str, int], int],
) -> None:
    speed = float(option.rate_per_hour or 1) / 60
    price = option.price_per_hour_minor / 60
    used = matrix.column(price * option.set_up_minutes, 1.0, whole=True)
    most = matrix.row(-np.inf, 0.0)
    least = matrix.row(0.0, np.inf)
    matrix.entries.append((most, used, -float(sum(open_minutes.values()) - option.set_up_minutes)))
    matrix.entries.append((least, used, -option.min_lot / speed))
    for day, minutes in open_minutes.items():
        if minutes <= 0:
            continue
        worked = matrix.column(price, float(minutes))
        key = (option.machine.id, day)
        if key not in bucket_rows:
            bucket_rows[key] = matrix.row(-np.inf, float(minutes))
        row = bucket_rows[key]
        matrix.high[row] = max(matrix.high[row], float(minutes))
        matrix.entries += [(made, worked, speed), (most, worked, 1.0), (least, worked, 1.0)]
        matrix.entries.append((row, worked, 1.0))


def _model(matrix: _Matrix) -> highspy.HighsLp:
    entries = sorted((column, row, value) for row, column, value in matrix.entries)
    columns = np.array([column for column, _, _ in entries])
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(matrix.cost), len(matrix.low)
    model.col_cost_ = np.array(matrix.cost)
    model.col_lower_ = np.zeros(len(matrix.cost))
    model.col_upper_ = np.array(matrix.most)
    model.row_lower_, model.row_upper_ = np.array(matrix.low), np.array(matrix.high)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    starts = np.searchsorted(columns, np.arange(len(matrix.cost) + 1))
    model.a_matrix_.start_ = starts.astype(np.int32)
    model.a_matrix_.index_ = np.array([row for _, row, _ in entries], dtype=np.int32)
    model.a_matrix_.value_ = np.array([value for _, _, value in entries])
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    model.integrality_ = [kinds[whole] for whole in matrix.whole]
    return model
