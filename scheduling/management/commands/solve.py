"""`manage.py solve FILE`: plan a problem file, without database or servers."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from scheduling.core import Objective
from scheduling.core.formats import FORMATS
from scheduling.problem_files import solve_file, write


class Command(BaseCommand):
    help = "Solve a scheduling problem file (Openfloor JSON, FJSP or JSP text) and print JSON."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=FORMATS, default="auto")
        parser.add_argument(
            "--objective", choices=[str(goal) for goal in Objective], default="makespan"
        )
        parser.add_argument("--time-limit", type=float, default=30.0, metavar="S")
        parser.add_argument("--workers", type=int, default=2, metavar="N")
        parser.add_argument("--seed", type=int, default=0, metavar="N")
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
        write(outcome.document, options["out"])
        if outcome.exit_code:
            self.stderr.write(outcome.complaint)
            raise SystemExit(outcome.exit_code)
