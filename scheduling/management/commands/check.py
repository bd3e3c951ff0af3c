"""`manage.py check FILE result.json`: judge a plan, without database or servers.

Without a file this is still Django's own `check` of the site.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.commands.check import Command as SystemCheck

from scheduling.core.formats import FORMATS
from scheduling.problem_files import check_file, write


class Command(SystemCheck):
    help = "Check a plan against its problem file; without files, check the site itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=FORMATS, default="auto")
        parser.add_argument(
            "--certify", action="store_true", help="recompute the lower bound from its certificate"
        )
        super().add_arguments(parser)

    def handle(self, *labels: Any, **options: Any) -> None:
        if len(labels) != 2 or not any(map(_is_file, labels)):
            super().handle(*labels, **options)
            return
        outcome = check_file(
            Path(labels[0]),
            Path(labels[1]),
            format_=options["format"],
            certify=options["certify"],
        )
        if outcome.exit_code != 2:
            write(outcome.document, None)
        if outcome.complaint:
            self.stderr.write(outcome.complaint)
        if outcome.exit_code:
            raise SystemExit(outcome.exit_code)


def _is_file(label: str) -> bool:
    """Tell a path from the label of an app."""
    return not label.isidentifier() or Path(label).is_file()
