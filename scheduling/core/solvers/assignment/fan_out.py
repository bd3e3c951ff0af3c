"""Let several processes answer questions about blocks side by side.

Each answer depends on its question alone, and answers come back in the order of the questions:
neither the number of processes nor who is faster changes a plan.
"""

import pickle
import selectors
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from scheduling.core.solvers.assignment.answering import BlockAnswer, BlockQuestion, answer

PROJECT_ROOT = Path(__file__).resolve().parents[4]
CHILD_MEMORY_MB = 3072
PAIRS_WORTH_A_CHILD = 5_000
"""Below this size the start of a process takes longer than the answers."""


class AnswererLost(RuntimeError):
    """Raised when a process ended without its answer: killed, or out of memory."""

    status = 500


class FanOut:
    """Processes that answer; with `workers` 1, or little to do, everything is answered here."""

    def __init__(self, *, workers: int, pairs: int) -> None:
        self._count = min(workers, 1 + pairs // PAIRS_WORTH_A_CHILD)
        self._children: list[_Child] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._count > 1:
            self._children = [self._stack.enter_context(_Child()) for _ in range(self._count)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def answers(
        self, questions: Sequence[BlockQuestion], *, is_over: Callable[[], bool]
    ) -> list[BlockAnswer | None]:
        """Answer all questions, the largest first; None where time was over before it began.

        Raises:
            AnswererLost: a process ended without its answer.
        """
        found: list[BlockAnswer | None] = [None] * len(questions)
        waiting = sorted(range(len(questions)), key=lambda at: (questions[at].block.pairs, -at))
        if not self._children:
            while waiting and not is_over():
                at = waiting.pop()
                found[at] = answer(questions[at])
            return found
        with selectors.DefaultSelector() as selector:
            busy = 0
            for child in self._children:
                selector.register(child.answers, selectors.EVENT_READ, child)
                busy += _ask_next(child, waiting, questions, is_over)
            while busy:
                for key, _ in selector.select():
                    at, reply = key.data.reply()
                    found[at] = reply
                    busy += _ask_next(key.data, waiting, questions, is_over) - 1
        return found


def _ask_next(
    child: "_Child",
    waiting: list[int],
    questions: Sequence[BlockQuestion],
    is_over: Callable[[], bool],
) -> int:
    """Ask the next question, if there is one and time for it; return how many were asked."""
    if not waiting or is_over():
        return 0
    at = waiting.pop()
    child.ask(at, questions[at])
    return 1


class _Child:
    """One process that answers; its memory is capped."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.child", str(CHILD_MEMORY_MB)],
            cwd=PROJECT_ROOT,
            env={"PYTHONPATH": str(PROJECT_ROOT), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None, "opened as a pipe"
        assert self._process.stdout is not None, "opened as a pipe"
        self._questions: IO[bytes] = self._process.stdin
        self.answers: IO[bytes] = self._process.stdout
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, number: int, question: BlockQuestion) -> None:
        """Send a question; the answer comes later on `answers`."""
        try:
            pickle.dump((number, question), self._questions, protocol=pickle.HIGHEST_PROTOCOL)
            self._questions.flush()
        except BrokenPipeError as error:
            raise AnswererLost("a planning process has ended") from error

    def reply(self) -> tuple[int, BlockAnswer]:
        """Read the answer to the question that was asked."""
        try:
            reply: tuple[int, BlockAnswer] = pickle.load(self.answers)
        except EOFError as error:
            raise AnswererLost("a planning process ended without an answer") from error
        return reply
