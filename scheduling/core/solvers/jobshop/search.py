"""Search for plans of a plain job shop in threads, and hand the best over now and then.

The kernels run without the interpreter's lock, so threads really share the work. Only the
calling thread speaks with the incumbent: a plan of 100,000 operations takes it seconds to
check, so offers are rationed.
"""

from collections.abc import Callable
from threading import Event, Lock, Thread

from scheduling.core.solvers.incumbent import Clock, Incumbent
from scheduling.core.solvers.jobshop.arrays import JobShop, Whole
from scheduling.core.solvers.jobshop.critical import new_search, walk
from scheduling.core.solvers.jobshop.dispatching import dispatch, insert
from scheduling.core.solvers.jobshop.passes import Passes

OFFER_SHARE = 0.1
"""Share of the time that may go into offering plans that are not the last."""
BEGINNING_SHARE = 0.3
"""Share of the time for plans from the beginning, before the best is polished."""
OPERATIONS_A_LOOK = 2_000_000
LOOKS_BEHIND = 100
SAFETY = 1.5
"""The last offer may take that much longer than the slowest so far."""
POLL_S = 0.05
LAST_PASS_S = 1.0
SEED_STRIDE = 1_000_003

Offer = Callable[[Whole], None]


class Board:
    """The best plan of all threads, and whether they are to stop."""

    def __init__(self, lower_bound: int) -> None:
        self.lower_bound = lower_bound
        self.makespan: int | None = None
        self.starts: Whole | None = None
        self.failure: BaseException | None = None
        self.stopped = Event()
        self._lock = Lock()

    def best(self) -> tuple[int, Whole]:
        """Return the best makespan and starts so far; there must be one."""
        with self._lock:
            assert self.makespan is not None, "something was planned before"
            assert self.starts is not None, "kept together with its makespan"
            return self.makespan, self.starts

    def keep(self, makespan: int, starts: Whole) -> bool:
        """Remember a better plan; tell whether to stop."""
        with self._lock:
            if self.makespan is None or makespan < self.makespan:
                self.makespan, self.starts = makespan, starts.copy()
                if makespan <= self.lower_bound:
                    self.stopped.set()
        return self.stopped.is_set()


def improve_job_shop(
    shop: JobShop, incumbent: Incumbent, offer: Offer, *, seconds: float, workers: int, seed: int
) -> None:
    """Offer better and better plans for `seconds`, or until one meets the lower bound."""
    clock = incumbent.clock
    began, until = clock.elapsed, clock.elapsed + seconds
    board = Board(incumbent.lower_bound or 0)
    workers = max(1, workers)
    threads = [
        _Worker(shop, board, clock, until=began + seconds * BEGINNING_SHARE, seed=seed + number)
        for number in range(workers)
    ]
    threads[0].is_first, threads[-1].is_last = True, True
    for thread in threads:
        thread.start()
    told: int | None = None
    took, pause_until = 0.0, clock.elapsed
    try:
        while not board.stopped.wait(POLL_S) and not clock.is_over:
            now = clock.elapsed
            if now + took * SAFETY >= until:
                break
            if board.starts is None or board.makespan == told or now < pause_until:
                continue
            told, starts = board.best()
            offer(starts)
            took = max(took, clock.elapsed - now)
            pause_until = clock.elapsed + took / OFFER_SHARE
    finally:
        board.stopped.set()
        for thread in threads:
            # One that still compiles may go on to the end of the process.
            thread.join(clock.remaining + LAST_PASS_S)
    if board.failure is not None:
        raise board.failure
    if board.starts is not None and board.makespan != told:
        offer(board.starts)


class _Worker(Thread):
    """One thread of a search: plans from the beginning until a time, then polishes the best.

    The first thread begins with quick passes, the last with windows for the lower bound.
    """

    def __init__(self, shop: JobShop, board: Board, clock: Clock, *, until: float, seed: int):
        super().__init__(daemon=True)
        self.shop, self.board, self.clock, self.until, self.seed = shop, board, clock, until, seed
        self.is_first = self.is_last = False

    def run(self) -> None:
        """Search until the board says stop; keep a failure for the caller to raise."""
        try:
            self._begin()
            while not self.board.stopped.is_set():
                self._polish()
        except BaseException as failure:
            self.board.failure = failure
            self.board.stopped.set()

    def _is_over(self) -> bool:
        return self.board.stopped.is_set() or self.clock.elapsed > self.until

    def _keep(self, makespan: int, starts: Whole) -> bool:
        return self.board.keep(makespan, starts) or self.clock.elapsed > self.until

    def _begin(self) -> None:
        """Plan from the beginning, in more and more ways."""
        target = self.board.lower_bound
        passes = Passes(self.shop, target=target, seed=self.seed, keep=self._keep)
        if self.is_first and passes.in_turns(dispatch, -passes.work):
            return
        if self.is_last and passes.settle(self._is_over):
            return
        passes.run((insert, dispatch) if self.is_last else (dispatch, insert))

    def _polish(self) -> None:
        """Move critical operations of the best plan until another thread is well ahead."""
        makespan, starts = self.board.best()
        search = new_search(self.shop, starts, self.seed)
        moves = max(16, OPERATIONS_A_LOOK // len(starts))
        behind = 0
        while behind < LOOKS_BEHIND and not self.board.stopped.is_set():
            found = walk(self.shop, search, self.board.lower_bound, moves)
            if found < makespan:
                makespan = found
                self.board.keep(found, search.best.head)
            behind = behind + 1 if self.board.best()[0] < makespan else 0
        self.seed += SEED_STRIDE
