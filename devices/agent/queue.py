"""The frames that the site has not acknowledged yet, in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
create table if not exists boot (device text primary key, boot integer not null);
create table if not exists frame (
    device text not null, boot integer not null, seq integer not null,
    payload blob not null, due real not null, tries integer not null default 0,
    primary key (device, boot, seq)
) without rowid;
create index if not exists frame_due on frame (due);
create table if not exists refused (
    device text not null, boot integer not null, seq integer not null,
    payload blob, reason text not null,
    primary key (device, boot, seq)
) without rowid;
"""
RESEND_SECONDS = 10.0
"""Until an unacknowledged frame is sent again; doubled each time."""
RESEND_AT_MOST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A frame that is due to be sent, or sent again."""

    device: str
    boot: int
    seq: int
    payload: bytes
    tries: int


class FrameQueue:
    """Survives a killed process; used by one thread. Times are real seconds since the epoch."""

    def __init__(self, path: Path | str, *, resend_seconds: float = RESEND_SECONDS) -> None:
        self._resend_seconds = resend_seconds
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._base.execute("pragma journal_mode = wal")
        # A frame may be lost with the power before it leaves, never one that was acknowledged.
        self._base.execute("pragma synchronous = normal")
        self._base.executescript(SCHEMA)

    def begin_boot(self, device: str) -> int:
        """Return the number of this start of a device; it grows with each."""
        row = self._base.execute(
            "insert into boot values (?, 1) on conflict do update set boot = boot + 1 "
            "returning boot",
            (device,),
        ).fetchone()
        return int(row[0])

    def add(self, frames: Iterable[tuple[str, int, int, bytes]], now: float) -> None:
        """Keep frames (device, boot, seq, payload), due at once; all or none."""
        with self._transaction():
            self._base.executemany(
                "insert into frame (device, boot, seq, payload, due) values (?, ?, ?, ?, ?)",
                [(*frame, now) for frame in frames],
            )

    def due(self, now: float, limit: int) -> list[Waiting]:
        """Return what is due, the longest waiting first, and put off its next sending."""
        rows = self._base.execute(
            "select device, boot, seq, payload, tries from frame where due <= ? "
            "order by due, device, boot, seq limit ?",
            (now, limit),
        ).fetchall()
        found = [Waiting(*row) for row in rows]
        with self._transaction():
            self._base.executemany(
                "update frame set due = ?, tries = tries + 1 "
                "where device = ? and boot = ? and seq = ?",
                [(now + self._pause(one.tries), one.device, one.boot, one.seq) for one in found],
            )
        return found

    def forget(self, stored: Sequence[tuple[str, int, int]]) -> int:
        """Drop frames that are stored at the site; returns how many were still kept."""
        with self._transaction():
            cursor = self._base.executemany(
                "delete from frame where device = ? and boot = ? and seq = ?", stored
            )
        return max(cursor.rowcount, 0)

    def set_aside(self, refused: Sequence[tuple[str, int, int, str]]) -> None:
        """Stop sending frames that the site will never take; they are kept with the reason."""
        with self._transaction():
            for device, boot, seq, reason in refused:
                key = (device, boot, seq)
                self._base.execute(
                    "insert or ignore into refused select device, boot, seq, payload, ? "
                    "from frame where device = ? and boot = ? and seq = ?",
                    (reason, *key),
                )
                self._base.execute(
                    "delete from frame where device = ? and boot = ? and seq = ?", key
                )

    def send_all_again(self, now: float) -> None:
        """Make everything due: what was on its way when a connection broke is lost."""
        self._base.execute("update frame set due = ?, tries = 0", (now,))

    def count(self) -> int:
        """Return how many frames wait for their receipt."""
        return int(self._base.execute("select count(*) from frame").fetchone()[0])

    def refusals(self) -> dict[str, int]:
        """Return how many frames were refused, by reason."""
        return dict(self._base.execute("select reason, count(*) from refused group by reason"))

    def close(self) -> None:
        self._base.close()

    def _pause(self, tries: int) -> float:
        """Return how long to wait for a receipt before the next sending."""
        return min(self._resend_seconds * 2 ** min(tries, 10), RESEND_AT_MOST_SECONDS)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._base)


class _Transaction:
    """BEGIN and COMMIT, or ROLLBACK when the block fails."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def __enter__(self) -> None:
        self._base.execute("begin immediate")

    def __exit__(self, kind: object, *_rest: object) -> None:
        self._base.execute("commit" if kind is None else "rollback")
