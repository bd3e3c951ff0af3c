"""Many connections that begin at the same moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, connections

from tenants.acting import acting_as

PATIENCE_SECONDS = 30


@contextmanager
def _without_pool() -> Iterator[None]:
    """Give every thread a connection of its own: the pool would make most of them queue."""
    options = connection.settings_dict["OPTIONS"]
    connection.close()
    connection.close_pool()
    pool = options.pop("pool")
    try:
        yield
    finally:
        connection.close()
        options["pool"] = pool


def race(attempts: Sequence[tuple[int, Callable[[], object]]]) -> Counter[str]:
    """Run each act for its organisation, on its own connection, all at once.

    Returns how often each outcome came: "won" or the name of the error.
    """
    barrier = threading.Barrier(len(attempts), timeout=PATIENCE_SECONDS)
    outcomes: list[str] = []

    def attempt(tenant_id: int, act: Callable[[], object]) -> None:
        try:
            with acting_as(tenant_id):
                barrier.wait()
                act()
            outcomes.append("won")
        except Exception as error:
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    with _without_pool():
        threads = [threading.Thread(target=attempt, args=one) for one in attempts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return Counter(outcomes)
