"""Bring the schema up to date before the site starts, quickly when nothing has changed."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping

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


def schema_is_current(layout: Layout) -> bool:
    """Say whether the embedded database was last migrated by exactly these migrations."""
    stamp = layout.schema_stamp
    return stamp.exists() and stamp.read_text() == schema_digest()


def migrate(layout: Layout, environment: Mapping[str, str], *, is_embedded: bool) -> None:
    """Migrate as the schema's owner.

    Only an embedded server's data folder may remember that there is nothing more to do: in
    a database from outside others may be at work.

    Raises:
        SchemaFailed: with the migrations' own words.
    """
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
        layout.schema_stamp.write_text(schema_digest())
