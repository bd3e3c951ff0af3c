"""The real ASGI server of the site, WebSocket included, on a free port of this process."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import uvicorn

START_PATIENCE_S = 20.0


@contextmanager
def served_site() -> Iterator[str]:
    """Serve the site in a thread, so that it shares the test's database; yield its address.

    pytest-django's `live_server` speaks WSGI and knows no WebSocket.
    """
    from config.asgi import application

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    settings = uvicorn.Config(
        application, log_level="warning", lifespan="off", ws="websockets-sansio", access_log=False
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    _wait_until_started(server)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    server.force_exit = True
    thread.join(timeout=10)
    listener.close()


def _wait_until_started(server: uvicorn.Server) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("The test server did not start.")
        time.sleep(0.02)


def end_left_sessions(database: str) -> None:
    """End the site's own sessions on a database that is about to be dropped.

    With Playwright's loop in this thread Django keeps two sets of connections, one for inside
    the loop and one for outside, and a session of the other set outlives `connections`.
    """
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = %s and usename = current_user and pid <> pg_backend_pid()",
            [database],
        )
