"""The simulators' REST client against a server that closes connections which are idle."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from bench.simulators.rest import RestClient

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def forgetful_server() -> Iterator[str]:
    """Serve each connection once, then close it without saying so."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(ANSWER)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    host, port = listener.getsockname()
    yield f"http://{host}:{port}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=5)


def test_a_connection_that_was_closed_while_idle_costs_no_wait(forgetful_server: str) -> None:
    with closing(RestClient(forgetful_server, "key")) as client:
        began = time.monotonic()
        for _ in range(4):
            assert client.get("/orders/") == {}
            time.sleep(0.02)
    assert time.monotonic() - began < 0.5


def test_a_site_that_is_away_is_given_up_after_some_patience() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    client = RestClient(f"http://{host}:{port}", "key", patience_seconds=0.1)
    with pytest.raises(ConnectionRefusedError):
        client.get("/orders/")
