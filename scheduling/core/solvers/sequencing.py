"""Sequence shop operations with CP-SAT, from a complete hint."""

from collections.abc import Callable
from math import ceil
from threading import Event, Thread

from ortools.sat.python import cp_model

from scheduling.core.result import Objective
from scheduling.core.shop import ShopModel
from scheduling.core.solvers.incumbent import Incumbent

Spans = list[tuple[int, int, int]]
"""Per operation: machine position, start, end."""

STOP_POLL_S = 0.1
LEAST_SECONDS = 0.05
BOUND_TOLERANCE = 1e-6


class SequencingModel:
    """One CP-SAT model of a shop, its machines free or assigned beforehand.

    With `is_proof`, only makespans below the incumbent's are let in: windows are then narrow
    from the start, and it is soon proven that there are none, if there are none.
    """

    def __init__(
        self,
        shop: ShopModel,
        incumbent: Incumbent,
        *,
        assigned: list[int] | None = None,
        is_proof: bool = False,
    ) -> None:
        self.shop = shop
        self.incumbent = incumbent
        self.is_proof = is_proof
        self.model = cp_model.CpModel()
        self.horizon = self._horizon() - is_proof
        self.starts: list[cp_model.IntVar] = []
        self.ends: list[cp_model.IntVar] = []
        self.presences: list[dict[int, cp_model.IntVar]] = []
        self._only: list[int] = []
        self._intervals: dict[int, list[cp_model.IntervalVar]] = {}
        for index in range(len(shop.operations)):
            self._add_operation(index, None if assigned is None else assigned[index])
        self._add_machines()
        self._add_precedences()
        self._add_objective()

    def _horizon(self) -> int:
        total = sum(max(d for _, d in o.alternatives) for o in self.shop.operations)
        horizon = max(self.shop.releases, default=0) + total
        if self.incumbent.goal is Objective.MAKESPAN and self.incumbent.value is not None:
            horizon = min(horizon, self.incumbent.value)
        return horizon

    def _add_operation(self, index: int, machine: int | None) -> None:
        """Add start, end, and one interval per machine that may do the operation."""
        operation, model = self.shop.operations[index], self.model
        start = model.new_int_var(self.shop.heads[index], self.horizon, "")
        end = model.new_int_var(self.shop.heads[index], self.horizon, "")
        self.starts.append(start)
        self.ends.append(end)
        presences: dict[int, cp_model.IntVar] = {}
        options = [(m, d) for m, d in operation.alternatives if machine in (None, m)]
        self._only.append(options[0][0])
        if len(options) == 1:
            ((only, duration),) = options
            interval = model.new_interval_var(start, duration, end, "")
            self._intervals.setdefault(only, []).append(interval)
        else:
            for candidate, duration in options:
                presence = model.new_bool_var("")
                optional = model.new_optional_interval_var(start, duration, end, presence, "")
                self._intervals.setdefault(candidate, []).append(optional)
                presences[candidate] = presence
            model.add_exactly_one(presences.values())
        self.presences.append(presences)

    def _add_machines(self) -> None:
        for intervals in self._intervals.values():
            self.model.add_no_overlap(intervals)

    def _add_precedences(self) -> None:
        for index, operation in enumerate(self.shop.operations):
            for before in operation.before:
                self.model.add(self.starts[index] >= self.ends[before])

    def _add_objective(self) -> None:
        finals = [i for i, operation in enumerate(self.shop.operations) if not operation.after]
        orders = self.shop.problem.orders
        for index in finals:
            deadline = orders[self.shop.operations[index].job].deadline
            if deadline is not None:
                self.model.add(self.ends[index] <= deadline)
        if self.incumbent.goal is Objective.TARDINESS:
            self._minimise_tardiness(finals)
            return
        makespan = self.model.new_int_var(self.incumbent.lower_bound or 0, self.horizon, "")
        for index in finals:
            self.model.add(makespan >= self.ends[index])
        self.model.minimize(makespan)

    def _minimise_tardiness(self, finals: list[int]) -> None:
        late: dict[int, cp_model.IntVar] = {}
        for index in finals:
            job = self.shop.operations[index].job
            due = self.shop.problem.orders[job].due
            if due is not None:
                if job not in late:
                    late[job] = self.model.new_int_var(0, self.horizon, "")
                self.model.add(late[job] >= self.ends[index] - due)
        self.model.minimize(sum(late.values()))

    def improve(
        self,
        start: Spans,
        *,
        seconds: float,
        workers: int,
        seed: int,
        offer: Callable[[Spans], None],
    ) -> int | None:
        """Search for `seconds`, offering every better plan; return the proven bound."""
        if seconds < LEAST_SECONDS:
            return None
        if not self.is_proof:
            self._hint(start)
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = seconds
        solver.parameters.num_workers = max(1, workers)
        solver.parameters.random_seed = seed % 2**31
        solver.parameters.symmetry_level = 0
        done = Event()
        watcher = Thread(target=self._watch, args=(solver, done), daemon=True)
        watcher.start()
        try:
            status = solver.solve(self.model, _Offers(self, offer))
        finally:
            done.set()
            watcher.join()
        if status == cp_model.MODEL_INVALID:
            raise ValueError(self.model.validate())
        if status == cp_model.INFEASIBLE and self.is_proof:
            return self.horizon + 1
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.UNKNOWN):
            return ceil(solver.best_objective_bound - BOUND_TOLERANCE)
        return None

    def _hint(self, spans: Spans) -> None:
        """Hint every variable: only complete hints help."""
        for index, (machine, start, end) in enumerate(spans):
            self.model.add_hint(self.starts[index], start)
            self.model.add_hint(self.ends[index], end)
            for candidate, presence in self.presences[index].items():
                self.model.add_hint(presence, candidate == machine)

    def _watch(self, solver: cp_model.CpSolver, done: Event) -> None:
        while not done.wait(STOP_POLL_S):
            if self.incumbent.clock.is_over:
                solver.stop_search()

    def spans(self, value: Callable[[cp_model.IntVar], int]) -> Spans:
        """Read spans from a solution."""
        found: Spans = []
        for index, machine in enumerate(self._only):
            presences = self.presences[index]
            if presences:
                machine = next(m for m, presence in presences.items() if value(presence))
            found.append((machine, value(self.starts[index]), value(self.ends[index])))
        return found


class _Offers(cp_model.CpSolverSolutionCallback):
    """Hands each solution over as soon as CP-SAT finds it."""

    def __init__(self, model: SequencingModel, offer: Callable[[Spans], None]) -> None:
        super().__init__()
        self._model = model
        self._offer = offer

    def on_solution_callback(self) -> None:
        """Offer the solution that CP-SAT has just found."""
        self._offer(self._model.spans(self.value))
