#!/usr/bin/env python3
"""Remove everything that was built or kept, unless a site still runs on it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = ("build", "node_modules", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")


def main() -> int:
    """Remove the folders; return the exit code."""
    kept = ROOT / "var"
    lock = kept / "lock"
    if lock.exists():
        with lock.open() as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"A site runs on {kept}; stop it first.", file=sys.stderr)
                return 1
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    in_memory = Path("/dev/shm") / f"openfloor-{os.getuid()}-{checkout}"
    environment = ROOT / ".venv"
    for folder in [*(ROOT / name for name in BUILT), kept, in_memory]:
        shutil.rmtree(folder, ignore_errors=True)
    if not environment.is_symlink():
        shutil.rmtree(environment, ignore_errors=True)
    for compiled in [*ROOT.glob("locale/**/*.mo"), *ROOT.glob("*/locale/**/*.mo")]:
        compiled.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
