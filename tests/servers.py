"""Servers and environment of a test run.

Without DATABASE_URL the run starts its own PostgreSQL, Valkey and broker on free ports,
in a folder that the next run uses again. With it, whatever the environment names is used.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import socket
import sys
from pathlib import Path

from django.conf import settings

from config.runtime.credentials import load_or_create_credentials
from config.runtime.environment import set_offline_defaults
from config.runtime.layout import PROJECT_ROOT, Layout
from config.runtime.servers import DATABASE_VARIABLES, embedded_servers, start_servers
from config.runtime.sharing import DataFolderLock, set_addresses

NEEDED_MEMORY_BYTES = 700_000_000
WITHOUT_SERVERS = PROJECT_ROOT / "tests" / "core"


def prepare_environment() -> None:
    """Start what the environment does not name, and lead the settings there.

    Workers of pytest-xdist inherit the addresses from the process that started them.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault(
        "OPENFLOOR_STATIC", "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    names = embedded_servers()
    if not names:
        _require_all_roles()
        os.environ.setdefault("SECRET_KEY", "only-for-tests")
    elif _needs_no_servers(sys.argv[1:]):
        set_offline_defaults()
    else:
        _start(names)


def part_live_updates() -> None:
    """Give a worker of pytest-xdist, and the servers that it starts, live updates of their own.

    The workers share one Valkey, and organisations have the same ids in all their databases.
    Settings are read already: a worker knows their module from the process that started it.
    """
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        prefix = f"live-{worker}"
        os.environ["OPENFLOOR_CHANNEL_PREFIX"] = prefix
        settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = prefix


def _start(names: tuple[str, ...]) -> None:
    layout, lock = _free_folder()
    credentials = load_or_create_credentials(layout.secrets_file)
    running = start_servers(layout, credentials, names)
    if os.environ.get("OPENFLOOR_KEEP_TEST_DATA") == "0":
        atexit.register(shutil.rmtree, layout.root)
    # The lock must outlive this function: its file is closed when nothing refers to it.
    atexit.register(lock.release)
    atexit.register(running.stop)
    set_addresses(layout, credentials, names)


def _free_folder() -> tuple[Layout, DataFolderLock]:
    """Find a folder that no other test run holds, so that two may run side by side."""
    base = _folder_in_memory() or Path(os.environ.get("OPENFLOOR_DATA") or PROJECT_ROOT / "var")
    for number in range(1, 100):
        root = (base / f"test-{number}").resolve()
        lock = DataFolderLock(root / "lock")
        if lock.acquire(purpose="a test run"):
            postgres, valkey, mqtt, web = free_ports(4)
            return Layout(
                root=root,
                postgres_port=postgres,
                valkey_port=valkey,
                mqtt_port=mqtt,
                http_host="127.0.0.1",
                http_port=web,
                durable=False,
            ), lock
        lock.release()
    raise RuntimeError(f"A hundred test runs hold the folders under {base}.")


def _folder_in_memory() -> Path | None:
    """Return this checkout's folder in shared memory, if there is room for databases.

    A clone is some 700 files: 0.02 s in memory, up to 0.7 s on a slow disk. The folder
    stays for the next run, which then need not migrate; `make clean` removes it.
    """
    memory = Path("/dev/shm")
    if not memory.is_dir() or shutil.disk_usage(memory).free < NEEDED_MEMORY_BYTES:
        return None
    checkout = hashlib.sha256(str(PROJECT_ROOT).encode()).hexdigest()[:8]
    folder = memory / f"openfloor-{os.getuid()}-{checkout}"
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
    except OSError:
        return None
    # Anybody may make folders there, so ours must really be ours.
    return folder if folder.lstat().st_uid == os.getuid() else None


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on just now."""
    trials = [socket.socket() for _ in range(count)]
    for trial in trials:
        trial.bind(("127.0.0.1", 0))
    ports = [trial.getsockname()[1] for trial in trials]
    for trial in trials:
        trial.close()
    return ports


def _needs_no_servers(arguments: list[str]) -> bool:
    """Say whether every path among `arguments` lies in the folder of the pure tests."""
    if any(one.startswith(("--deselect", "--ignore")) for one in arguments):
        return False  # what follows is a path that is not wanted
    paths = [Path(one.partition("::")[0]).resolve() for one in arguments if not one.startswith("-")]
    paths = [path for path in paths if path.exists()]
    return bool(paths) and all(path.is_relative_to(WITHOUT_SERVERS) for path in paths)


def _require_all_roles() -> None:
    missing = [variable for variable in DATABASE_VARIABLES if not os.environ.get(variable)]
    if missing:
        raise RuntimeError(f"Tests on servers from outside also need {', '.join(missing)}.")
