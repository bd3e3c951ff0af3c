"""`manage.py bench NAME`: measure the figures that an issue asked for."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bench.chaos.site import SiteFailed
from bench.pages import NoDemo
from scheduling.problem_files import native_output_on_stderr

BENCHES = {
    "chaos": "bench.chaos.rounds:bench_chaos",
    "fjsp": "bench.flexible:bench_flexible",
    "jobshop": "bench.jobshop:bench_jobshop",
    "market": "bench.market:bench_market",
    "pages": "bench.pages:bench_pages",
    "plates": "bench.plates:bench_plates",
    "quote": "bench.quote:bench_quote",
    "refusals": "bench.refusals:bench_refusals",
    "replan": "bench.replan:bench_replan",
}
"""Name to `module:function`; the function takes `seed` and `scale` and returns the report."""


class Command(BaseCommand):
    help = "Run a benchmark and print its figures."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=sorted(BENCHES))
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--scale", type=float, default=1.0)

    def handle(self, *args: Any, **options: Any) -> None:
        run = _bench(options["name"])
        try:
            with native_output_on_stderr():
                report = run(seed=options["seed"], scale=options["scale"])
        except (NoDemo, SiteFailed) as failure:
            raise CommandError(str(failure), returncode=2) from failure
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
            return
        for figure in report["figures"]:
            mark = "holds" if figure["holds"] else "MISSED"
            line = f"{figure['name']:24} {figure['value']!s:>12} {figure['unit']:6}"
            self.stdout.write(f"{line} goal {figure['goal']:10} {mark}")


def _bench(name: str) -> Callable[..., dict[str, Any]]:
    module, _, function = BENCHES[name].partition(":")
    found: Callable[..., dict[str, Any]] = getattr(import_module(module), function)
    return found
