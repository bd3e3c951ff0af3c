"""The people of simulated shops: they report, ship and sign for lots, over REST, a little late.

A shop looks up every few site hours. What it then says carries the instant at which it really
happened, so that the record is not coarser than the work.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from bench.simulators.rest import RestClient

REPORTS_A_CALL = 200
SHOPS_AT_ONCE = 4
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
TRUCK_EVERY = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class PlannedOperation:
    """One lot on one machine, as the accepted offer shows it to its shop."""

    uid: str
    shop: str
    machine_code: str
    lot: int
    step: int
    start_at: datetime
    end_at: datetime
    set_up_minutes: int
    quantity: int
    next_uid: str | None


@dataclass(kw_only=True)
class Shop:
    """One factory: its key to the API and what it still has to do, by time."""

    name: str
    client: RestClient
    to_report: list[tuple[datetime, str]] = field(default_factory=list)


@dataclass
class Tally:
    """What has happened so far, in pieces."""

    good: int = 0
    scrap: int = 0
    accepted: int = 0
    rejected: int = 0
    shipments: int = 0
    reported: int = 0
    last_at: datetime | None = None


class ShopFloor:
    """All shops and the buyer's dock; `look(now)` lets everybody do what is due.

    With `hurry` trucks arrive before their time: for when the site's clock runs no faster any more.
    """

    def __init__(
        self,
        *,
        shops: dict[str, Shop],
        buyer: RestClient,
        operations: Sequence[PlannedOperation],
        seed: int,
        scrap_share: float = 0.002,
        reject_share: float = 0.0005,
    ) -> None:
        self.shops = shops
        self.buyer = buyer
        self.by_uid = {operation.uid: operation for operation in operations}
        self.chance = Random(seed)
        self.scrap_share = scrap_share
        self.reject_share = reject_share
        self.tally = Tally()
        self.incoming: dict[str, int] = {}
        self.total = len(operations)
        self.now = EPOCH
        self.hurry = False
        for operation in operations:
            heapq.heappush(shops[operation.shop].to_report, (operation.end_at, operation.uid))
            if operation.step == 1:
                self.incoming[operation.uid] = operation.quantity

    def resume(self, order_uid: str) -> None:
        """Take up what the site knows already, after this program was killed."""
        for shop in self.shops.values():
            known = {row["uid"]: row for row in shop.client.all("/operations/", order=order_uid)}
            ended = {uid for uid, row in known.items() if row["finished_at"] is not None}
            for uid, row in known.items():
                if row["received"] is not None:
                    self.incoming[uid] = row["received"]
            for uid in ended:
                self.tally.reported += 1
                self.tally.scrap += known[uid]["scrap"]
            shop.to_report = [entry for entry in shop.to_report if entry[1] not in ended]
            heapq.heapify(shop.to_report)
            finished = [uid for uid in ended if known[uid]["state"] == "finished"]
            leaving = [
                uid for uid in finished if known[uid]["good"] and not self._stays(self.by_uid[uid])
            ]
            if leaving:
                shop.client.post("/shipments/", {"operations": leaving})
        for row in self.buyer.all("/shipments/", direction="in", state="inspected"):
            self.tally.accepted += row["accepted"]
            self.tally.rejected += row["rejected"]

    @property
    def open_operations(self) -> int:
        return sum(len(shop.to_report) for shop in self.shops.values())

    def look(self, now: datetime) -> None:
        """Sign for what has arrived, report what is done, send it on; then the buyer's dock."""
        self.now = now
        with ThreadPoolExecutor(SHOPS_AT_ONCE) as people:
            for done in people.map(self._visit, self.shops.values()):
                self._count(done)
        self._inspect(now)

    def _visit(self, shop: Shop) -> list[PlannedOperation]:
        """Let a shop do what is due; returns what it has reported."""
        self._receive(shop, self.now)
        done = self._due(shop, self.now)
        if done:
            self._report(shop, done)
            self._ship(shop, done)
        return done

    def _count(self, done: Sequence[PlannedOperation]) -> None:
        for operation in done:
            self.tally.reported += 1
            self.tally.scrap += self._scrap_of(operation)
            at = self.tally.last_at
            self.tally.last_at = max(at, operation.end_at) if at else operation.end_at

    def _due(self, shop: Shop, now: datetime) -> list[PlannedOperation]:
        """Take what is finished and whose lot is here; the rest waits for the next look."""
        done, waiting = [], []
        while shop.to_report and shop.to_report[0][0] <= now:
            entry = heapq.heappop(shop.to_report)
            operation = self.by_uid[entry[1]]
            if operation.uid in self.incoming:
                done.append(operation)
                self._pass_on_inside(operation)
            else:
                waiting.append(entry)
        for entry in waiting:
            heapq.heappush(shop.to_report, entry)
        return done

    def _pass_on_inside(self, operation: PlannedOperation) -> None:
        following = self.by_uid.get(operation.next_uid or "")
        if following is not None and following.shop == operation.shop:
            self.incoming[following.uid] = self._good_of(operation)

    def _scrap_of(self, operation: PlannedOperation) -> int:
        """Return the same scrap for an operation each time it is asked."""
        received = self.incoming[operation.uid]
        chance = Random(f"{self.scrap_share}:{operation.uid}")
        return min(
            received, int(received * self.scrap_share * 2 * chance.random() + chance.random())
        )

    def _good_of(self, operation: PlannedOperation) -> int:
        return self.incoming[operation.uid] - self._scrap_of(operation)

    def _report(self, shop: Shop, done: Sequence[PlannedOperation]) -> None:
        reports = [
            {
                "operation": operation.uid,
                "good": self._good_of(operation),
                "scrap": self._scrap_of(operation),
                "at": operation.end_at.isoformat(),
            }
            for operation in done
        ]
        for first in range(0, len(reports), REPORTS_A_CALL):
            shop.client.post(
                "/operations/reports/", {"reports": reports[first : first + REPORTS_A_CALL]}
            )

    def _ship(self, shop: Shop, done: Sequence[PlannedOperation]) -> None:
        departures = [
            {"operation": operation.uid, "at": self._leaves_at(operation).isoformat()}
            for operation in done
            if self._good_of(operation) and not self._stays(operation)
        ]
        for first in range(0, len(departures), REPORTS_A_CALL):
            part = departures[first : first + REPORTS_A_CALL]
            shop.client.post("/shipments/", {"departures": part})

    def _leaves_at(self, operation: PlannedOperation) -> datetime:
        """Return when a lot leaves: at once to the next factory, by the next truck to the buyer."""
        if operation.next_uid is not None:
            return operation.end_at
        trucks = (operation.end_at - EPOCH) // TRUCK_EVERY + 1
        return min(EPOCH + trucks * TRUCK_EVERY, self.now)

    def _stays(self, operation: PlannedOperation) -> bool:
        following = self.by_uid.get(operation.next_uid or "")
        return following is not None and following.shop == operation.shop

    def _arrived(self, client: RestClient, now: datetime) -> list[dict[str, Any]]:
        rows = client.all("/shipments/", direction="in", state="in_transit")
        return [row for row in rows if self.hurry or datetime.fromisoformat(row["due_at"]) <= now]

    def _receive(self, shop: Shop, now: datetime) -> None:
        arrived = self._arrived(shop.client, now)
        if not arrived:
            return
        arrivals = [{"shipment": one["uid"], "at": one["due_at"]} for one in arrived]
        shop.client.post("/shipments/receive/", {"arrivals": arrivals})
        for shipment in arrived:
            for line in shipment["lines"]:
                self.incoming[line["next_operation"]] = line["quantity"]

    def _inspect(self, now: datetime) -> None:
        """Sign for final shipments and inspect them lot by lot; a few pieces are rejected."""
        for shipment in self._arrived(self.buyer, now):
            lines = []
            for line in shipment["lines"]:
                pieces = line["quantity"]
                rejected = int(pieces * self.reject_share * 2 * self.chance.random())
                lines.append(
                    {
                        "operation": line["operation"],
                        "accepted": pieces - rejected,
                        "reason": "scratched" if rejected else "",
                    }
                )
                self.tally.accepted += pieces - rejected
                self.tally.rejected += rejected
            arrival = {"shipment": shipment["uid"], "at": shipment["due_at"]}
            self.buyer.post("/shipments/receive/", {"arrivals": [arrival]})
            self.buyer.post(f"/shipments/{shipment['uid']}/inspect/", {"lines": lines})
            self.tally.shipments += 1


def segments(
    operation: PlannedOperation, *, opens_at: timedelta, open_for: timedelta
) -> list[tuple[datetime, datetime]]:
    """Cut an operation into the parts that lie in daily shifts; instants in the site's zone.

    `opens_at` is the shift's start after local midnight, `open_for` its length.
    """
    parts = []
    day = operation.start_at.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    while day < operation.end_at:
        start = max(day + opens_at, operation.start_at)
        end = min(day + opens_at + open_for, operation.end_at)
        if start < end:
            parts.append((start, end))
        day += timedelta(days=1)
    return parts


def by_machine(operations: Sequence[PlannedOperation]) -> dict[str, list[PlannedOperation]]:
    """Group operations by machine code, each in the order of time."""
    found: dict[str, list[PlannedOperation]] = defaultdict(list)
    for operation in sorted(operations, key=lambda one: one.start_at):
        found[operation.machine_code].append(operation)
    return found
