"""Say as a mixed-integer programme which pairs to use, and for how many minutes of each cell.

A pair that is used holds its machine for its set-up and at least its smallest lot. The linear
relaxation is the strong one: a pair may take the minutes of a *cell* only as far as it is used,
cell by cell. It leaves few pairs undecided (one in twenty-five where measured), so that the
integer programme over those alone is small, and its prices of cells prove nearly all of the
cost (`scheduling.core.rents` turns them into a certificate).
"""

from dataclasses import dataclass, field

import highspy
import numpy as np
import numpy.typing as npt

from scheduling.core.solvers.assignment.block import Block, Floats, Share

WHOLE = 1000.0
"""What a whole order's quantity counts in its row, so that rows are of like size."""
PENALTY = 20.0
"""What a piece that must be made costs when it is not, times its dearest machine."""
DECIDED = 1e-6
MIP_OPTIONS = {
    "mip_rel_gap": 2e-4,
    "mip_max_nodes": 200,
    # On programmes of some forty binaries these take a third of the time and find nothing more.
    "mip_heuristic_run_root_reduced_cost": False,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_detect_symmetry": False,
}

_Entry = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """Minutes of each slot, set-up included, and the price of a minute of each cell."""

    minutes: Floats
    cell_price: Floats
    cost: float


@dataclass(kw_only=True)
class _Rows:
    """Rows being gathered with their entries."""

    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    entries: list[_Entry] = field(default_factory=list)
    count: int = 0

    def add(self, lower: Floats, upper: Floats) -> npt.NDArray[np.int64]:
        """Add rows and return their positions."""
        self.lower.append(lower)
        self.upper.append(upper)
        self.count += len(lower)
        return np.arange(self.count - len(lower), self.count)

    def put(
        self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], values: Floats
    ) -> None:
        """Put entries into the matrix; rows below 0 stand for none."""
        kept = rows >= 0
        self.entries.append((rows[kept], columns[kept], values[kept]))


class Programme:
    """The programme of one block with its share of the cells' time."""

    def __init__(self, block: Block, share: Share) -> None:
        cells = block.cells
        self.block = block
        self.share = share
        self._reach = share.minutes if share.is_tight else cells.minutes.astype(np.float64)
        self._slots = np.arange(len(cells.slot_pair))
        self._outside = len(self._slots) + np.arange(block.orders)
        self._used = len(self._slots) + block.orders + np.arange(block.pairs)
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("parallel", "off")
        for name, value in MIP_OPTIONS.items():
            self._highs.setOptionValue(name, value)
        if self._highs.passModel(self._model()) == highspy.HighsStatus.kError:
            raise RuntimeError("HiGHS refused the model")

    def relaxed(self, basis: highspy.HighsBasis | None = None) -> Assigned:
        """Solve the linear relaxation, from `basis` if it is given."""
        if basis is not None:
            self._highs.setBasis(basis)
        return self._run()

    @property
    def basis(self) -> highspy.HighsBasis:
        """The last basis, to go on from in a programme with other capacities."""
        return self._highs.getBasis()

    def decided(self, relaxed: Assigned) -> Assigned:
        """Decide each pair, those that the relaxation leaves open by branching."""
        used = self._values()[self._used]
        whole, none = used > 1.0 - DECIDED, used < DECIDED
        self._bound(whole.astype(float), (~none).astype(float))
        open_pairs = np.flatnonzero(~whole & ~none)
        if not len(open_pairs):
            return self._run()
        kinds = np.full(len(open_pairs), int(highspy.HighsVarType.kInteger), dtype=np.uint8)
        columns = self._used[open_pairs].astype(np.int32)
        self._highs.changeColsIntegrality(len(columns), columns, kinds)
        self._highs.run()
        used = self._values()[self._used].round() if self._has_solution() else whole.astype(float)
        kinds[:] = int(highspy.HighsVarType.kContinuous)
        self._highs.changeColsIntegrality(len(columns), columns, kinds)
        self._bound(used, used)
        return self._run()

    def _run(self) -> Assigned:
        self._highs.run()
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS ended with {self._highs.getModelStatus()}")
        solution = self._highs.getSolution()
        prices = np.zeros(len(self.share.minutes))
        duals = np.array(solution.row_dual)
        prices[self._contested] = np.maximum(0.0, -duals[self._contested_rows])
        return Assigned(
            minutes=np.array(solution.col_value)[self._slots],
            cell_price=prices,
            cost=self._highs.getInfo().objective_function_value,
        )

    def _has_solution(self) -> bool:
        status = self._highs.getInfo().primal_solution_status
        return bool(status == highspy.SolutionStatus.kSolutionStatusFeasible)

    def _values(self) -> Floats:
        return np.array(self._highs.getSolution().col_value)

    def _bound(self, lower: Floats, upper: Floats) -> None:
        """Bound how far each pair is used."""
        columns = self._used.astype(np.int32)
        self._highs.changeColsBounds(len(columns), columns, lower, upper)

    def _model(self) -> highspy.HighsLp:
        block, cells, rows = self.block, self.block.cells, _Rows()
        demand = block.demand.astype(np.float64)
        whole = WHOLE / demand
        speed = whole[block.pair_order] / block.minutes_per_piece
        pair, cell = cells.slot_pair, cells.slot_cell
        made = rows.add(np.full(block.orders, WHOLE), np.full(block.orders, np.inf))
        rows.put(made[block.pair_order[pair]], self._slots, speed[pair])
        rows.put(made, self._outside, np.ones(block.orders))
        rows.put(made[block.pair_order], self._used, -speed * block.pair_set_up)
        self._hold_capacity(rows)
        forced = rows.add(np.full(len(pair), -np.inf), np.zeros(len(pair)))
        rows.put(forced, self._slots, np.ones(len(pair)))
        rows.put(forced, self._used[pair], -self._reach[cell])
        least = rows.add(np.zeros(block.pairs), np.full(block.pairs, np.inf))
        rows.put(least[pair], self._slots, np.ones(len(pair)))
        rows.put(least, self._used, -block.least_minutes)
        self._hold_ceilings(rows)
        prices = block.price_per_minute[pair] + self.share.rent[cell]
        costs = (prices, self._outside_costs() / whole, np.zeros(block.pairs))
        upper = (self._reach[cell], np.full(block.orders, WHOLE), np.ones(block.pairs))
        return _model(np.concatenate(costs), np.concatenate(upper), rows)

    def _hold_capacity(self, rows: _Rows) -> None:
        """Limit the minutes of the cells in which several pairs may work, here or elsewhere."""
        cell, minutes = self.block.cells.slot_cell, self.share.minutes
        sharing = np.bincount(cell, minlength=len(minutes))
        self._contested = np.flatnonzero((sharing > 1) | self.share.is_shared)
        limits = minutes[self._contested]
        self._contested_rows = rows.add(np.full(len(limits), -np.inf), limits)
        row_of = np.full(len(minutes), -1)
        row_of[self._contested] = self._contested_rows
        rows.put(row_of[cell], self._slots, np.ones(len(cell)))

    def _hold_ceilings(self, rows: _Rows) -> None:
        """Limit what an order pays to machines; each lot costs up to a minute more in the end."""
        block, pair = self.block, self.block.cells.slot_pair
        limited = np.flatnonzero(np.isfinite(block.ceiling))
        row_of = np.full(block.orders, -1)
        rounding = np.bincount(
            block.pair_order, weights=block.price_per_minute + 1.0, minlength=block.orders
        )
        most = np.maximum(0.0, block.ceiling - rounding)[limited]
        row_of[limited] = rows.add(np.full(len(limited), -np.inf), most)
        rows.put(row_of[block.pair_order[pair]], self._slots, block.price_per_minute[pair])

    def _outside_costs(self) -> Floats:
        """Return the price of a piece that no machine makes: stated, or a penalty."""
        block = self.block
        dearest = np.ones(block.orders)
        np.maximum.at(dearest, block.pair_order, block.price_per_minute * block.minutes_per_piece)
        return np.where(np.isfinite(block.outside_price), block.outside_price, PENALTY * dearest)


def use_one_thread() -> None:
    """Let HiGHS, which has one scheduler per process, work without threads from now on.

    Those that wait for work spin, and take the time of the process on the next core.
    """
    first = highspy.Highs()  # type: ignore[no-untyped-call]
    first.setOptionValue("output_flag", False)
    first.setOptionValue("threads", 1)
    first.run()


def _model(costs: Floats, upper: Floats, rows: _Rows) -> highspy.HighsLp:
    """Put the columns together, each from 0 to its upper bound, with their entries."""
    row, column, value = (np.concatenate(part) for part in zip(*rows.entries, strict=True))
    order = np.argsort(column, kind="stable")
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(costs), rows.count
    model.col_cost_, model.col_lower_, model.col_upper_ = costs, np.zeros(len(costs)), upper
    model.row_lower_, model.row_upper_ = np.concatenate(rows.lower), np.concatenate(rows.upper)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    starts = np.searchsorted(column[order], np.arange(len(costs) + 1))
    model.a_matrix_.start_ = starts.astype(np.int32)
    model.a_matrix_.index_ = row[order].astype(np.int32)
    model.a_matrix_.value_ = value[order]
    return model
