"""Simulated job shops of any size whose optimum is known, because it is planted.

Every machine works without a pause from 0 to `SPAN_MINUTES`: its time is cut at random into
pieces, and pieces are strung into jobs whose operations follow each other in that very plan.
Nothing can end before the load of a machine, and the planted plan ends with it, so the load is
the optimum. The shape is that of the large instances of Da Col and Teppan, "Industrial-size job
shop scheduling with constraint programming" (Operations Research Perspectives 9, 2022), in
which 1,000 machines do 100 operations each in jobs of about 4.7 (short) or 100 (long).
Rectangular shops after Taillard ("Benchmarks for basic scheduling problems", EJOR 64, 1993),
where each job visits each machine once for 1 to 99 minutes, have no planted plan.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from random import Random

SPAN_MINUTES = 600_000
SHORT_JOB = 4.8
"""Mean operations of a short job, were there no end; it has two at least."""

Job = list[tuple[int, int]]
"""The operations of one job as (machine, duration)."""


def planted_shop(
    *, machines: int, operations_per_machine: int, job_length: float, seed: int
) -> list[Job]:
    """Cut the machines' time into pieces and string them into jobs of `job_length` on average.

    A job goes on with the next piece that begins on another machine. With a `job_length` of
    `operations_per_machine` jobs go on to the end, and almost without slack.
    """
    random = Random(seed)
    pieces = sorted(
        (start, end, machine)
        for machine in range(machines)
        for start, end in _cut(random, operations_per_machine)
    )
    goes_on = 1.0 if job_length >= operations_per_machine else 1.0 - 1.0 / (job_length - 1.0)
    jobs: list[Job] = []
    working: list[tuple[int, int]] = []
    idle: list[int] = []
    for start, end, machine in pieces:
        while working and working[0][0] <= start:
            idle.append(heappop(working)[1])
        job = _last_elsewhere(jobs, idle, machine)
        if job is None:
            job = len(jobs)
            jobs.append([])
        jobs[job].append((machine, end - start))
        if len(jobs[job]) < 2 or random.random() < goes_on:
            heappush(working, (end, job))
    return _shuffled(random, jobs)


def rectangular_shop(*, jobs: int, machines: int, seed: int) -> list[Job]:
    """Let each job visit each machine once, in an order of its own, for 1 to 99 minutes."""
    random = Random(seed)
    return [
        [(machine, random.randint(1, 99)) for machine in random.sample(range(machines), machines)]
        for _ in range(jobs)
    ]


def jsp_text(jobs: Sequence[Job]) -> str:
    """Write jobs as JSP text, each line ending in `-1 -1`."""
    machines = 1 + max(machine for job in jobs for machine, _ in job)
    lines = [f"{len(jobs)} {machines}"]
    lines += [
        " ".join(f"{machine} {duration}" for machine, duration in job) + " -1 -1" for job in jobs
    ]
    return "\n".join(lines) + "\n"


def _cut(random: Random, pieces: int) -> list[tuple[int, int]]:
    """Cut [0, SPAN_MINUTES) into pieces of one minute or more."""
    cuts = sorted(random.sample(range(1, SPAN_MINUTES), pieces - 1))
    return list(zip([0, *cuts], [*cuts, SPAN_MINUTES], strict=True))


def _last_elsewhere(jobs: Sequence[Job], idle: list[int], machine: int) -> int | None:
    """Take the job that became idle last on another machine than this."""
    for position in range(len(idle) - 1, -1, -1):
        if jobs[idle[position]][-1][0] != machine:
            return idle.pop(position)
    return None


def _shuffled(random: Random, jobs: list[Job]) -> list[Job]:
    random.shuffle(jobs)
    return sorted(jobs, key=lambda job: job[0][0])
