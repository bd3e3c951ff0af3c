#!/usr/bin/env python
"""Run a management command of the site, with the environment and the servers it needs."""

import os
import sys

from config.runtime import cli
from config.runtime.environment import ensure_environment, with_owner_database
from config.runtime.failures import CannotRun


def main() -> None:
    """Prepare the environment, then let Django run the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    argv = with_owner_database(sys.argv)
    try:
        if len(argv) > 1 and argv[1] in cli.COMMANDS:
            sys.exit(cli.run(argv))
        ensure_environment(argv)
    except CannotRun as refusal:
        sys.exit(f"{refusal}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(argv)


if __name__ == "__main__":
    main()
