"""What `make check` runs, so that no change passes the tests and fails the gate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
OFFLINE = (sys.executable, "-m", "config.runtime.offline")

GATES = {
    "lint": (str(BIN / "ruff"), "check", "."),
    "format": (str(BIN / "ruff"), "format", "--check", "."),
    "types": (*OFFLINE, str(BIN / "mypy")),
    "imports": (*OFFLINE, str(BIN / "lint-imports"), "--no-cache"),
    "migrations": (sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"),
    "translations": (sys.executable, "scripts/translations.py"),
}


@pytest.mark.parametrize("gate", GATES)
def test_gate(gate: str) -> None:
    run = subprocess.run(
        GATES[gate],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, (run.stdout + run.stderr)[-6000:]
