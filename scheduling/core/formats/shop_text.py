"""Read the two text formats of the job-shop literature.

FJSP: the first line gives jobs and machines (a third number is ignored); then one line per
job: the number of operations and, for each, the number of alternatives followed by that many
`machine duration` pairs. JSP: the first line with two numbers gives jobs and machines; then
one line per job of bare `machine duration` pairs, which may end in `-1 -1`; lines without
digits before it are skipped. Machines are numbered from 0.
"""

import math
from collections.abc import Iterator

from scheduling.core.problem import Alternative, Machine, Order, Problem, Step

MAX_MACHINES = 1_000_000


class UnreadableProblem(ValueError):
    """Raised when a text does not follow its format; says what was expected where."""

    status = 422


def read_fjsp(text: str) -> Problem:
    """Read flexible job-shop text.

    Raises:
        UnreadableProblem: the text does not follow the format.
    """
    lines = _number_lines(text)
    jobs, machines = _header(lines, most=3)
    orders = []
    for job in range(jobs):
        numbers = _job_line(lines, job, jobs)
        orders.append(_order(job, tuple(_fjsp_steps(numbers, job, machines))))
    _nothing_left(lines, jobs)
    return _problem(orders, machines)


def read_jsp(text: str) -> Problem:
    """Read job-shop text.

    Raises:
        UnreadableProblem: the text does not follow the format.
    """
    lines = _number_lines(text, skip_long_headers=True)
    jobs, machines = _header(lines, most=2)
    orders = []
    for job in range(jobs):
        numbers = _job_line(lines, job, jobs)
        if numbers[-2:] == [-1, -1]:
            numbers = numbers[:-2]
        if len(numbers) % 2 or not numbers:
            raise UnreadableProblem(f"Job {job} is not a list of machine and duration pairs.")
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        steps = tuple(_step([pair], job, machines) for pair in pairs)
        orders.append(_order(job, steps))
    _nothing_left(lines, jobs)
    return _problem(orders, machines)


def _number_lines(text: str, *, skip_long_headers: bool = False) -> Iterator[list[int]]:
    """Yield the numbers of each line that has any; words before the first header are skipped."""
    started = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not any(character.isdigit() for character in line):
            continue
        try:
            numbers = [_whole(word) for word in line.split()]
        except ValueError:
            if skip_long_headers and not started:
                continue
            raise UnreadableProblem(f"Line {number} holds something other than numbers.") from None
        if skip_long_headers and not started and len(numbers) != 2:
            continue
        started = True
        yield numbers


def _whole(word: str) -> int:
    """Read a whole number; the third number of a first line may have a decimal point."""
    try:
        return int(word)
    except ValueError:
        number = float(word)
        if not math.isfinite(number):
            raise ValueError(word) from None
        return int(number)


def _header(lines: Iterator[list[int]], *, most: int) -> tuple[int, int]:
    header = next(lines, None)
    if header is None:
        raise UnreadableProblem("The file is empty: the first line gives jobs and machines.")
    if not 2 <= len(header) <= most or header[0] < 1 or not 1 <= header[1] <= MAX_MACHINES:
        raise UnreadableProblem("The first line does not give the numbers of jobs and machines.")
    return header[0], header[1]


def _job_line(lines: Iterator[list[int]], job: int, jobs: int) -> list[int]:
    numbers = next(lines, None)
    if numbers is None:
        raise UnreadableProblem(f"The file ends after {job} of {jobs} jobs.")
    return numbers


def _nothing_left(lines: Iterator[list[int]], jobs: int) -> None:
    if next(lines, None) is not None:
        raise UnreadableProblem(f"There are more lines than the {jobs} jobs announced.")


def _fjsp_steps(numbers: list[int], job: int, machines: int) -> Iterator[Step]:
    rest = iter(numbers)
    try:
        for _ in range(next(rest)):
            count = next(rest)
            if count < 1:
                raise UnreadableProblem(f"An operation of job {job} has no alternative.")
            yield _step([(next(rest), next(rest)) for _ in range(count)], job, machines)
    except (StopIteration, RuntimeError):
        raise UnreadableProblem(f"The line of job {job} ends in the middle.") from None
    if next(rest, None) is not None:
        raise UnreadableProblem(f"The line of job {job} goes on after its last operation.")


def _step(pairs: list[tuple[int, int]], job: int, machines: int) -> Step:
    for machine, _ in pairs:
        if not 0 <= machine < machines:
            raise UnreadableProblem(
                f"Job {job} names machine {machine}; machines are numbered 0 to {machines - 1}."
            )
    return Step(
        alternatives=tuple(
            Alternative(machine=str(machine), duration_minutes=duration)
            for machine, duration in pairs
        )
    )


def _order(job: int, steps: tuple[Step, ...]) -> Order:
    return Order(id=str(job), steps=steps)


def _problem(orders: list[Order], machines: int) -> Problem:
    return Problem(
        orders=tuple(orders),
        machines=tuple(Machine(id=str(m), factory=str(m)) for m in range(machines)),
    )
