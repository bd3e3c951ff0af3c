"""Bring the schema up to date before the site starts, quickly when nothing has changed."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

from config.runtime.applications import (
    Application,
    application_environment,
    command_line,
    management_command,
)
from config.runtime.failures import CannotRun
from config.runtime.layout import PROJECT_ROOT, Layout

MIGRATE: Application = management_command("migrate", "--database", "owner", "--no-input")
SHAPED_BY = ("*/migrations/*.py", "*/*/migrations/*.py", "tenants/**/*.py", "requirements.txt")
"""What a migration is made of, the operations that it borrows included."""


class SchemaFailed(CannotRun):
    """The migrations ended with an error."""


def schema_digest() -> str:
    """Return a name for what the migrations would do."""
    digest = hashlib.sha256()
    paths = {path for pattern in SHAPED_BY for path in PROJECT_ROOT.glob(pattern)}
    for path in sorted(paths):
        digest.update(str(path.relative_to(PROJECT_ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def bring_schema_up_to_date(
    layout: Layout, environment: Mapping[str, str], *, is_embedded: bool
) -> str:
    """Migrate as the owner, and say in a few words what was done.

    Only the embedded server's data folder may remember that there is nothing to do: in a
    database from outside others may have been at work.

    Raises:
        SchemaFailed: with the migrations' own words.
    """
    if not environment.get("DATABASE_OWNER_URL"):
        return "left as it is: DATABASE_OWNER_URL is not set"
    stamp = layout.postgres_folder.with_name("schema")
    digest = schema_digest()
    if is_embedded and _reads(stamp, digest):
        return "up to date"
    run = subprocess.run(
        command_line(MIGRATE),
        cwd=PROJECT_ROOT,
        env=application_environment(MIGRATE, layout, environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise SchemaFailed(f"The schema could not be migrated:\n{run.stdout}{run.stderr}")
    if is_embedded:
        stamp.write_text(digest)
    return "migrated"


def _reads(stamp: Path, text: str) -> bool:
    return stamp.exists() and stamp.read_text() == text
