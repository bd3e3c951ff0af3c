"""Ask the database itself what of the acknowledged is there, and what is there twice.

Reads as PostgreSQL's superuser, whom no policy hides a row from.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.chaos.load import Acknowledged
from config.runtime.credentials import load_or_create_credentials
from config.runtime.layout import Layout
from config.runtime.postgres import DATABASE, HOST, SUPERUSER

FRAMES = """
select d.uid::text, f.boot, f.seq from devices_frame f join devices_device d on d.id = f.device_id
"""
COUNTED = "select coalesce(sum(count), 0)::bigint from devices_rollup where metric = 'parts'"
LEVELS = 3
"""Each reading is counted in roll-ups of 10 minutes, an hour and a day."""
SITES = "select name from devices_site where name like 'chaos-%'"
ORDERS = "select title from marketplace_order where title like 'chaos-%'"
PLANNED = "select title from marketplace_order where title like 'chaos-%' and state = 'planned'"
TWICE = {
    "plan requests of an order": "select order_uid from marketplace_planrequest",
    "plans of a kind": "select request_id::text || kind from marketplace_plan",
    "solve runs of a request": "select subject_uid from scheduling_solverun",
    "answers of a request": (
        "select subject_uid from evidence_pendingentry where kind = 'planrequest.solving>ready'"
    ),
}
"""Queries that name something once for each time it has happened, where once is right."""
OPEN = "select topic from tenants_outboxmessage where handled_at is null"
POSTS = "select id::text from devices_readingpost"
QUIET_PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is missing, twice, or unanswered, in plain counts by name."""

    lost: dict[str, int]
    doubled: dict[str, int]
    unplanned: int
    open_messages: int


def judge(layout: Layout, acknowledged: Acknowledged) -> Verdict:
    """Compare what was acknowledged with what is stored, once nothing waits to be worked on."""
    credentials = load_or_create_credentials(layout.secrets_file)
    with psycopg.connect(
        host=HOST,
        port=layout.postgres_port,
        user=SUPERUSER,
        password=credentials.postgres,
        dbname=DATABASE,
    ) as connection:
        deadline = time.monotonic() + QUIET_PATIENCE_S
        while _rows(connection, f"{OPEN} union all {POSTS}") and time.monotonic() < deadline:
            time.sleep(0.2)
        frames = _rows(connection, FRAMES)
        counted = _rows(connection, COUNTED)[0] // LEVELS
        sites, orders = _rows(connection, SITES), _rows(connection, ORDERS)
        titles = {order.title for order in acknowledged.orders}
        lost = {
            "frames": len(acknowledged.frames - set(frames)),
            "frames not counted": max(0, len(frames) - counted),
            "sites": len(acknowledged.sites - set(sites)),
            "orders": len(titles - set(orders)),
        }
        doubled = {
            "frames": _repeats(frames),
            "frames counted again": max(0, counted - len(frames)),
            "sites": _repeats(sites),
            "orders": _repeats(orders),
            "posts answered otherwise": acknowledged.replayed_otherwise,
            **{name: _repeats(_rows(connection, query)) for name, query in TWICE.items()},
        }
        return Verdict(
            lost=lost,
            doubled=doubled,
            unplanned=len(titles - set(_rows(connection, PLANNED))),
            open_messages=len(_rows(connection, OPEN)),
        )


def _rows(connection: psycopg.Connection[Any], query: str) -> list[Any]:
    """Return the rows; those of one column as bare values."""
    rows = connection.execute(query).fetchall()  # type: ignore[arg-type]
    return [row[0] if len(row) == 1 else row for row in rows]


def _repeats(rows: list[Any]) -> int:
    return len(rows) - len(set(rows))
