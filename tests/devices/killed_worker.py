"""Run the ingest worker as a process that is killed (SIGKILL) at a named point.

    python -m tests.devices.killed_worker POINT

The points lie between the steps of a batch; the product itself has no hook for this.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def die_at(owner: Any, name: str, *, after: bool, batch: int = 2) -> None:
    """Kill this process before or after the `batch`-th call of a function."""
    real: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def fatal(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == batch and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if calls == batch:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, fatal)


def main() -> None:
    import django

    django.setup()
    from django.conf import settings

    from devices import worker
    from devices.core.broker import broker_from_url
    from devices.services import store

    points: dict[str, tuple[Any, str, bool]] = {
        "before_storing": (worker, "take", False),
        "inside_the_transaction": (store, "add_to_rollups", True),
        "before_the_commit": (store, "_note_seen", True),
        "after_the_commit": (worker, "take", True),
        "after_the_receipts": (worker.IngestWorker, "_send_receipts", True),
        "never": (worker.IngestWorker, "stop", True),
    }
    owner, name, after = points[sys.argv[1]]
    die_at(owner, name, after=after)
    runner = worker.IngestWorker(broker_from_url(settings.MQTT_URL))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    runner.run()


if __name__ == "__main__":
    main()
