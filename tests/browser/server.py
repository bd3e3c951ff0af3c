"""The real ASGI server of the site, WebSocket included, on a free port of this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

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
