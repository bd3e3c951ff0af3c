"""Replay a file of frames (NDJSON, may be .gz) through the code path of the broker."""

from __future__ import annotations

import gzip
import sys
import zlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections

from devices.services.replay import replay, scratch_organisation, summary_of, write_summary

BAD_INPUT = 2


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="lines of frames in their order of arrival")
        parser.add_argument("--register", default="", help="devices to create first: ID,ID,…")
        parser.add_argument("--summary", type=Path, help="write the summary here, not to stdout")

    def handle(self, *args: Any, file: Path, register: str, summary: Path | None, **_: Any) -> None:
        names = [name.strip() for name in register.split(",") if name.strip()]
        if wrong := next((n for n in names if len(n) > 64 or not n.isprintable()), None):
            self._refuse(f"A device's ID has 1 to 64 printable characters: {wrong[:80]!r}.")
        _ensure_schema()
        organisation = scratch_organisation(names)
        try:
            opened = gzip.open if file.suffix == ".gz" else open
            with opened(file, "rb") as lines:
                run = replay(lines, organisation=organisation)
        except (OSError, EOFError, zlib.error) as error:
            self._refuse(f"{file} cannot be read: {error}.")
        text = write_summary(summary_of(run, organisation=organisation))
        if summary is None:
            self.stdout.write(text)
        else:
            summary.write_text(text + "\n")

    def _refuse(self, sentence: str) -> None:
        self.stderr.write(sentence)
        sys.exit(BAD_INPUT)


def _ensure_schema() -> None:
    """Migrate a database that nobody has used yet."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("select to_regclass('devices_readingpost') is not null")
        (is_there,) = cursor.fetchone()
    if not is_there:
        call_command("migrate", database="owner", verbosity=0)
