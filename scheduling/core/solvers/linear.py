"""Solve linear programmes with HiGHS; nothing else here knows HiGHS."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import highspy
import numpy as np

INFINITY = highspy.kHighsInf


@dataclass(frozen=True, kw_only=True)
class LinearSolution:
    """Values of the columns and prices of the rows of an optimal basis."""

    objective: float
    values: Sequence[float]
    row_duals: Sequence[float]


@dataclass(kw_only=True)
class LinearProgramme:
    """A minimisation over columns ≥ 0, built column by column."""

    costs: list[float] = field(default_factory=list)
    row_lower: list[float] = field(default_factory=list)
    row_upper: list[float] = field(default_factory=list)
    _starts: list[int] = field(default_factory=lambda: [0])
    _rows: list[int] = field(default_factory=list)
    _coefficients: list[float] = field(default_factory=list)

    def add_row(self, lower: float, upper: float) -> int:
        """Add a row and return its position."""
        self.row_lower.append(lower)
        self.row_upper.append(upper)
        return len(self.row_lower) - 1

    def add_column(self, cost: float, entries: Sequence[tuple[int, float]]) -> int:
        """Add a column ≥ 0 with its (row, coefficient) entries and return its position."""
        self.costs.append(cost)
        for row, coefficient in entries:
            self._rows.append(row)
            self._coefficients.append(coefficient)
        self._starts.append(len(self._rows))
        return len(self.costs) - 1

    def solve(self, *, time_limit: float) -> LinearSolution | None:
        """Solve by the simplex method; None when infeasible or out of time.

        The simplex method gives a vertex, so few columns are split between machines.
        The number of threads is left alone: HiGHS has one scheduler per process.
        """
        highs = highspy.Highs()  # type: ignore[no-untyped-call]
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("solver", "simplex")
        highs.setOptionValue("time_limit", max(0.01, time_limit))
        if highs.passModel(self._model()) == highspy.HighsStatus.kError:
            raise RuntimeError("HiGHS refused the model")
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        solution = highs.getSolution()
        return LinearSolution(
            objective=highs.getInfo().objective_function_value,
            values=list(solution.col_value),
            row_duals=list(solution.row_dual),
        )

    def _model(self) -> highspy.HighsLp:
        model = highspy.HighsLp()
        columns, rows = len(self.costs), len(self.row_lower)
        model.num_col_, model.num_row_ = columns, rows
        model.col_cost_ = np.array(self.costs, dtype=np.double)
        model.col_lower_ = np.zeros(columns)
        model.col_upper_ = np.full(columns, INFINITY)
        model.row_lower_ = np.array(self.row_lower, dtype=np.double)
        model.row_upper_ = np.array(self.row_upper, dtype=np.double)
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = np.array(self._starts, dtype=np.int32)
        model.a_matrix_.index_ = np.array(self._rows, dtype=np.int32)
        model.a_matrix_.value_ = np.array(self._coefficients, dtype=np.double)
        return model
