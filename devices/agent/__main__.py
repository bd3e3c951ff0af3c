"""Send readings from standard input: one JSON object of metrics a line.

    echo '{"state": 3, "parts": 120, "power_kw": 4.2}' |
        python -m devices.agent --url mqtt://… --device UID --key KEY --queue frames.db

Ends when everything is stored at the site, or after `--patience` seconds without a receipt
(exit 1; the frames stay in the queue and go out with the next start).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import orjson

from devices.agent.queue import FrameQueue
from devices.agent.uplink import Uplink
from devices.core.broker import BadBrokerAddress, broker_from_url
from devices.core.keys import key_from_text


def main() -> int:
    """Run the agent; returns its exit code."""
    arguments = _arguments()
    try:
        broker, key = broker_from_url(arguments.url), key_from_text(arguments.key)
    except (BadBrokerAddress, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    frames = FrameQueue(arguments.queue)
    uplink = Uplink(broker, frames, sender=arguments.device)
    sender = uplink.sender(arguments.device, key)
    uplink.open()
    try:
        for line in sys.stdin:
            if line.strip():
                uplink.make([(sender, time.time_ns() // 1_000_000, orjson.loads(line))])
                uplink.work()
        return 0 if _drain(uplink, arguments.patience) else 1
    finally:
        uplink.close()
        frames.close()


def _drain(uplink: Uplink, patience: float) -> bool:
    deadline, left = time.monotonic() + patience, uplink.unstored()
    while left and time.monotonic() < deadline:
        uplink.work()
        time.sleep(0.1)
        if (now_left := uplink.unstored()) < left:
            deadline, left = time.monotonic() + patience, now_left
    print(f"{uplink.tally.stored} stored, {left} waiting, refused: {uplink.tally.refused}")
    return not left


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devices.agent", description=__doc__)
    parser.add_argument("--url", required=True, help="mqtt://user:password@host:port")
    parser.add_argument("--device", required=True, help="the device's id, as the site shows it")
    parser.add_argument("--key", required=True, help="the device's key, as the site showed it once")
    parser.add_argument("--queue", type=Path, default=Path("frames.db"))
    parser.add_argument("--patience", type=float, default=30.0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
