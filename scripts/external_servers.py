#!/usr/bin/env python
"""Run a command on servers from outside: Debian's PostgreSQL and mosquitto, throw-away.

    external_servers.py POSTGRES_BIN_FOLDER MOSQUITTO COMMAND …

The roles are made as an operator makes them, by `manage.py bootstrap_roles`. Valkey stays
the embedded one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "openfloor"
ROLES = {
    "DATABASE_URL": "app_user",
    "DATABASE_OWNER_URL": "app_owner",
    "DATABASE_INGEST_URL": "app_ingest",
    "DATABASE_RELAY_URL": "app_relay",
    "DATABASE_SWEEP_URL": "app_sweep",
}
PATIENCE_S = 20.0
Running = list[tuple[subprocess.Popen[bytes], signal.Signals]]


def main(arguments: list[str]) -> int:
    """Start both, run the command, stop both; return the command's exit code."""
    postgres, mosquitto, *command = arguments
    running: Running = []
    with tempfile.TemporaryDirectory(prefix="openfloor-external-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            environment = {**os.environ, **start_postgres(Path(postgres), folder, running)}
            environment |= start_mosquitto(mosquitto, folder, running)
            environment["SECRET_KEY"] = secrets.token_hex(24)
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        finally:
            for process, stop_signal in reversed(running):
                process.send_signal(stop_signal)
                process.wait()


def start_postgres(binaries: Path, folder: Path, running: Running) -> dict[str, str]:
    """Start PostgreSQL with our roles; return their addresses."""
    data, port, password = folder / "postgres", free_port(), secrets.token_hex(16)
    password_file = folder / "postgres.password"
    data.mkdir(mode=0o700)
    password_file.write_text(password)
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(data, user)
        shutil.chown(password_file, user)
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=scram-sha-256"]
    initdb += [f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C.UTF-8"]
    quiet = subprocess.DEVNULL
    subprocess.run(initdb, user=user, cwd=data, stdout=quiet, check=True)
    options = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
    server = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
    server += [part for option in options for part in ("-c", option)]
    with (folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(server, user=user, cwd=data, stdout=log, stderr=log)
    running.append((process, signal.SIGINT))
    ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    wait_for(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL")
    addresses = {
        variable: f"postgres://{role}:{secrets.token_hex(16)}@127.0.0.1:{port}/{DATABASE}"
        for variable, role in ROLES.items()
    }
    superuser = f"postgres://postgres:{password}@127.0.0.1:{port}/postgres"
    bootstrap = [sys.executable, "manage.py", "bootstrap_roles", "--superuser-url", superuser]
    subprocess.run(bootstrap, cwd=ROOT, env={**os.environ, **addresses}, check=True)
    return addresses


def start_mosquitto(program: str, folder: Path, running: Running) -> dict[str, str]:
    """Start mosquitto with one account for the site and one for a gateway."""
    port, site, gateway = free_port(), secrets.token_hex(16), secrets.token_hex(16)
    passwords = folder / "mosquitto.passwords"
    passwords.write_text(f"site:{site}\ngateway:{gateway}\n")
    hasher = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
    subprocess.run([hasher, "-U", str(passwords)], check=True)
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
        f"max_inflight_messages 0\nmax_queued_messages 100000\n"
        + ("user root\n" if os.geteuid() == 0 else "")
    )
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(configuration)], stdout=log, stderr=log)
    running.append((process, signal.SIGTERM))
    wait_for(lambda: accepts(port), "mosquitto")
    place = f"127.0.0.1:{port}"
    return {
        "MQTT_URL": f"mqtt://site:{site}@{place}",
        "MQTT_GATEWAY_URL": f"mqtt://gateway:{gateway}@{place}",
    }


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Say whether somebody listens on `port`."""
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def wait_for(ready: Callable[[], bool], name: str) -> None:
    """Wait until `ready`; a server that does not come is an error of this machine."""
    deadline = time.monotonic() + PATIENCE_S
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} did not answer within {PATIENCE_S:.0f} s.")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
