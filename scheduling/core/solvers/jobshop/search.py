"""Search for plans of a plain job shop in threads, and hand the best over now and then.

The kernels run without the interpreter's lock, so threads really share the work. Only the
calling thread speaks with the incumbent: a plan of 100,000 operations takes it seconds to
check, so offers are rationed.
"""

from collections.abc import Callable
from threading import Event, Lock, Thread

from scheduling.core.solvers.incumbent import Incumbent
from scheduling.core.solvers.jobshop.arrays import JobShop, Whole
from scheduling.core.solvers.jobshop.dispatching import dispatch, insert
from scheduling.core.solvers.jobshop.passes import Passes

OFFER_SHARE = 0.1
"""Share of the time that may go into offering plans that are not the last."""
SETTLING_SHARE = 0.4
"""Share of the time that one thread may take to settle the shop for the lower bound."""
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
    until = clock.elapsed + seconds
    board = Board(incumbent.lower_bound or 0)
    settled_at = clock.elapsed + seconds * SETTLING_SHARE

    def is_settled() -> bool:
        return board.stopped.is_set() or clock.elapsed > settled_at

    workers = max(1, workers)
    threads = [
        Thread(
            target=_work,
            args=(shop, board, is_settled),
            kwargs={"seed": seed * SEED_STRIDE, "number": number, "workers": workers},
            daemon=True,
        )
        for number in range(workers)
    ]
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
            told = board.makespan
            offer(board.starts)
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


def _work(
    shop: JobShop,
    board: Board,
    is_settled: Callable[[], bool],
    *,
    seed: int,
    number: int,
    workers: int,
) -> None:
    """Search until the board says stop; keep a failure for the caller to raise.

    The first thread begins with quick passes, the last with windows for the lower bound.
    """
    is_last = number == workers - 1
    try:
        passes = Passes(shop, target=board.lower_bound, seed=seed + number, keep=board.keep)
        if number == 0 and passes.in_turns(dispatch, -passes.work):
            return
        if is_last and passes.settle(is_settled):
            return
        passes.run((insert, dispatch) if is_last else (dispatch, insert))
    except BaseException as failure:
        board.failure = failure
        board.stopped.set()
