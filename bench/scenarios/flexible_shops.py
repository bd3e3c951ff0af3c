"""Make flexible job shops that look like the families of the literature, from a seed.

The numbers of each family are those that its authors published: Brandimarte (1993),
Dauzère-Pérès and Paulli (1994), Hurink, Jurisch and Thole (1994), Barnes and Chambers (1995),
Behnke and Geiger (2012). No instance of theirs is reproduced.
"""

from collections.abc import Callable
from random import Random
from typing import TypeVar

Jobs = list[list[list[tuple[int, int]]]]
"""Per job and operation: (machine, duration) alternatives."""

BRANDIMARTE = (
    # jobs, machines, operations per job, most alternatives, durations
    (10, 6, (5, 7), 3, (1, 7)),
    (10, 6, (5, 7), 6, (1, 7)),
    (15, 8, (10, 10), 5, (1, 20)),
    (15, 8, (3, 10), 3, (1, 10)),
    (15, 4, (5, 10), 2, (5, 10)),
    (10, 10, (15, 15), 5, (1, 10)),
    (20, 5, (5, 5), 5, (1, 20)),
    (20, 10, (10, 15), 2, (5, 20)),
    (20, 10, (10, 15), 5, (5, 20)),
    (20, 15, (10, 15), 5, (5, 20)),
    (30, 10, (5, 10), 5, (10, 30)),
)
DAUZERE_PERES = tuple(
    (jobs, machines, share)
    for jobs, machines in ((10, 5), (15, 8), (20, 10))
    for share in (1, 3, 5)
)
JOB_SHOPS = (
    # jobs, machines, durations
    (15, 5, (5, 99)),
    (10, 10, (5, 99)),
    (15, 10, (5, 99)),
    (20, 10, (5, 99)),
    (15, 15, (5, 99)),
    (20, 15, (11, 40)),
)
DUPLICATED = ((10, 10), (15, 10), (15, 15))
WORK_CENTRES = ((50, 20), (100, 20), (100, 40), (100, 60))
CENTRE_SIZE = 4


def brandimarte(random: Random, variant: int) -> tuple[Jobs, int]:
    """Draw operations of a few kinds, each with its alternatives and durations."""
    jobs, machines, (fewest, most), alternatives, (low, high) = _pick(BRANDIMARTE, variant)
    kinds = [
        [(machine, random.randint(low, high)) for machine in random.sample(range(machines), count)]
        for count in (random.randint(1, min(alternatives, machines)) for _ in range(most))
    ]
    return [
        [random.choice(kinds) for _ in range(random.randint(fewest, most))] for _ in range(jobs)
    ], machines


def dauzere_peres(random: Random, variant: int) -> tuple[Jobs, int]:
    """Let each machine do an operation with a probability of 0.1, 0.3 or 0.5."""
    jobs, machines, tenths = _pick(DAUZERE_PERES, variant)
    found: Jobs = []
    for _ in range(jobs):
        found.append([])
        for _ in range(random.randint(15, 25)):
            able = [machine for machine in range(machines) if random.random() < tenths / 10]
            duration = random.randint(10, 100)
            able = able or [random.randrange(machines)]
            found[-1].append([(machine, duration) for machine in able])
    return found, machines


def hurink(mean: float, most: float) -> Callable[[Random, int], tuple[Jobs, int]]:
    """Let other machines do the operations of a job shop: `mean` and `most` of them each."""

    def draw(random: Random, variant: int) -> tuple[Jobs, int]:
        jobs, machines, (low, high) = _pick(JOB_SHOPS, variant)
        wanted = mean if mean >= 1 else mean * machines
        limit = int(most if most > 1 or mean >= 1 else most * machines)
        found = _job_shop(random, jobs, machines, low, high)
        spare = [operation for job in found for operation in job for _ in range(limit - 1)]
        random.shuffle(spare)
        for operation in spare[: int((wanted - 1) * jobs * machines)]:
            others = set(range(machines)) - {machine for machine, _ in operation}
            operation.append((random.choice(sorted(others)), operation[0][1]))
        return found, machines

    return draw


def barnes(random: Random, variant: int) -> tuple[Jobs, int]:
    """Give one to three of the busiest machines of a job shop a twin."""
    jobs, machines = _pick(DUPLICATED, variant)
    found = _job_shop(random, jobs, machines, 5, 99)
    load = [0] * machines
    for job in found:
        for operation in job:
            load[operation[0][0]] += operation[0][1]
    busiest = sorted(range(machines), key=lambda machine: -load[machine])
    twins = {machine: machines + i for i, machine in enumerate(busiest[: random.randint(1, 3)])}
    for job in found:
        for operation in job:
            machine, duration = operation[0]
            if machine in twins:
                operation.append((twins[machine], duration))
    return found, machines + len(twins)


def behnke(random: Random, variant: int) -> tuple[Jobs, int]:
    """Send each job through the first work centre, three choices of others, and the last."""
    jobs, machines = _pick(WORK_CENTRES, variant)
    centres = machines // CENTRE_SIZE

    def operation(chosen: list[int]) -> list[tuple[int, int]]:
        return [
            (centre * CENTRE_SIZE + number, random.randint(10, 30))
            for centre in chosen
            for number in range(CENTRE_SIZE)
        ]

    middle = range(1, centres - 1)
    return [
        [
            operation([0]),
            *(
                operation(sorted(random.sample(middle, random.randint(1, len(middle)))))
                for _ in "123"
            ),
            operation([centres - 1]),
        ]
        for _ in range(jobs)
    ], machines


FAMILIES: dict[str, Callable[[Random, int], tuple[Jobs, int]]] = {
    "mk": brandimarte,
    "dpp": dauzere_peres,
    "sdata": hurink(1.0, 1.0),
    "edata": hurink(1.15, 3.0),
    "rdata": hurink(2.0, 3.0),
    "vdata": hurink(0.5, 0.8),
    "barnes": barnes,
    "behnke": behnke,
}


def flexible_shop_text(family: str, *, seed: int, variant: int) -> str:
    """Return one shop of a family in FJSP text; `variant` picks its size."""
    random = Random(f"{family} {variant} {seed}")
    jobs, machines = FAMILIES[family](random, variant)
    lines = [f"{len(jobs)} {machines}"]
    for job in jobs:
        words = [len(job)]
        for operation in job:
            words.append(len(operation))
            words += [number for pair in sorted(operation) for number in pair]
        lines.append(" ".join(map(str, words)))
    return "\n".join(lines) + "\n"


def _job_shop(random: Random, jobs: int, machines: int, low: int, high: int) -> Jobs:
    """Draw a job shop: every job visits every machine once, in its own order."""
    return [
        [
            [(machine, random.randint(low, high))]
            for machine in random.sample(range(machines), machines)
        ]
        for _ in range(jobs)
    ]


T = TypeVar("T")


def _pick(rows: tuple[T, ...], variant: int) -> T:
    return rows[variant % len(rows)]
