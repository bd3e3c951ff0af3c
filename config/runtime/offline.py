"""Run a tool that only reads the settings: `python -m config.runtime.offline mypy`."""

from __future__ import annotations

import os
import sys

from config.runtime.environment import set_offline_defaults

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    set_offline_defaults()
    os.execvp(sys.argv[1], sys.argv[1:])
