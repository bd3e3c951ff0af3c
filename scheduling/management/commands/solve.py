"""`manage.py solve FILE`: plan a problem file, without database or servers."""

import math
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from scheduling.core import Objective
from scheduling.core.formats import FORMATS
from scheduling.problem_files import solve_file, write

MOST_SECONDS = 7 * 24 * 3600
MOST_WORKERS = 256
MOST_SEED = 2**31 - 1


class Command(BaseCommand):
    help = "Solve a scheduling problem file (Openfloor JSON, FJSP or JSP text) and print JSON."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=FORMATS, default="auto")
        parser.add_argument(
            "--objective", choices=[str(goal) for goal in Objective], default="makespan"
        )
        parser.add_argument("--time-limit", type=_seconds, default=30.0, metavar="S")
        parser.add_argument("--workers", type=_workers, default=2, metavar="N")
        parser.add_argument("--seed", type=_seed, default=0, metavar="N")
        parser.add_argument("--out", type=Path, metavar="F")

    def handle(self, *args: Any, **options: Any) -> None:
        outcome = solve_file(
            options["file"],
            format_=options["format"],
            objective=Objective(options["objective"]),
            time_limit=options["time_limit"],
            workers=options["workers"],
            seed=options["seed"],
        )
        try:
            write(outcome.document, options["out"])
        except OSError as error:
            self.stderr.write(f"The result cannot be written: {error}.")
            raise SystemExit(2) from None
        if outcome.exit_code:
            self.stderr.write(outcome.complaint)
            raise SystemExit(outcome.exit_code)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not math.isfinite(seconds) or not 0 < seconds <= MOST_SECONDS:
        raise ArgumentTypeError(f"the time limit is above 0 and at most {MOST_SECONDS} seconds")
    return seconds


def _workers(text: str) -> int:
    return _within(text, least=1, most=MOST_WORKERS)


def _seed(text: str) -> int:
    return _within(text, least=0, most=MOST_SEED)


def _within(text: str, *, least: int, most: int) -> int:
    number = int(text)
    if not least <= number <= most:
        raise ArgumentTypeError(f"{number} is not between {least} and {most}")
    return number
