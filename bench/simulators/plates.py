"""The simulated licence-plate order, driven from outside: REST for people, MQTT for machines.

This program knows the site's public interfaces and what the demo left in its file (keys, device
keys). It posts the order, chooses a plan, lets factories answer, pays, runs the machines by the
site's clock, and inspects what arrives. Killed and started again, it goes on where the site is.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.figures import figure
from bench.scenarios.plates import BUYER_PLACE, MIN_LOT
from bench.simulators.machines import Habits, SimulatedMachine, SimulatedRun, publish_machines
from bench.simulators.rest import Refused, RestClient
from bench.simulators.shops import PlannedOperation, Shop, ShopFloor, by_machine, segments
from devices.core.broker import broker_from_url
from devices.core.keys import key_from_text
from tenants.clock import SiteClock

STEPS = ("blanking", "reflective-film", "embossing", "hot-stamp-pack")
TITLE = "Vehicle licence plates"
DAYS = 14
LOT_SIZE = 5_000
ZONE_HOURS = timedelta(hours=8)
OPENS_AT, OPEN_FOR = timedelta(hours=6), timedelta(hours=20)
TAIL = timedelta(hours=4)
POLL_SECONDS = 0.5
LOOK_SECONDS = 4.0
FRAME_MINUTES = 30
MOST_WAIT_SECONDS = 240.0
Say = Callable[[str, float, float, str], None]


class Stuck(RuntimeError):
    """The site did not answer in time; the sentence says where it stopped."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What the driver needs: where the site is, its clock, and whom it may act for.

    `start_clock` lets site time run fast, if it may: once everybody has agreed and paid.
    `each_look` is called with the site's time and how long production has run.
    """

    base_url: str
    mqtt_url: str
    clock: Callable[[], SiteClock]
    market: dict[str, Any]
    folder: Path
    say: Say
    each_look: Callable[[datetime, timedelta], None] = lambda _now, _passed: None
    start_clock: Callable[[], None] = lambda: None

    def client(self, party: dict[str, Any]) -> RestClient:
        return RestClient(self.base_url, party["key"])

    def now(self) -> datetime:
        return self.clock().at(datetime.now(UTC))

    def wait(self, what: str, ready: Callable[[], Any]) -> Any:
        """Ask until there is an answer.

        Raises:
            Stuck: there was none for four minutes.
        """
        give_up = time.monotonic() + MOST_WAIT_SECONDS
        while not (answer := ready()):
            if time.monotonic() > give_up:
                raise Stuck(f"The site gave no answer while waiting for {what}.")
            time.sleep(POLL_SECONDS)
        return answer


def run_plates(stage: Stage, *, quantity: int, seed: int, decline: int = 0) -> dict[str, Any]:
    """Run the whole case and return its figures; the first `decline` shares are given back."""
    buyer = stage.client(stage.market["buyer"])
    began_at = time.monotonic()
    order = _order(stage, buyer, quantity)
    plan = _choose_plan(stage, buyer, order)
    _answer_offers(stage, buyer, order, decline=decline)
    _pay(stage, buyer, order)
    operations = _operations(stage, order)
    stage.start_clock()
    floor = _produce(stage, buyer, order, operations, seed=seed)
    ended = stage.wait("the order to close", lambda: _closed(buyer, order))
    return _figures(stage, ended, plan, operations, floor, time.monotonic() - began_at)


def _order(stage: Stage, buyer: RestClient, quantity: int) -> dict[str, Any]:
    """Post the order, unless an earlier run has; wait until every machine is on the market."""
    for order in buyer.all("/orders/"):
        if order["title"] == TITLE and order["state"] != "cancelled":
            return order
    machines = sum(len(supplier["machines"]) for supplier in stage.market["suppliers"])

    def listed() -> bool:
        found = sum(
            len(list(stage.client(supplier).all("/listings/")))
            for supplier in stage.market["suppliers"]
        )
        stage.say("Listing idle machines", found, machines, f"{found} of {machines}")
        return found >= machines

    stage.wait("all machines to be listed", listed)
    now = stage.now()
    start = now + timedelta(days=2, hours=12)
    order: dict[str, Any] = buyer.post(
        "/orders/",
        {
            "title": TITLE,
            "quantity": quantity,
            "steps": [{"process": code} for code in STEPS],
            "earliest_start_at": start.isoformat(),
            "due_at": (start + timedelta(days=DAYS)).isoformat(),
            "lot_size": LOT_SIZE,
            "ship_to": "Wenzhou, Jiangbei depot",
            "ship_to_x_km": BUYER_PLACE[0],
            "ship_to_y_km": BUYER_PLACE[1],
            "note": f"Simulated order. Lots of at least {MIN_LOT} pieces.",
        },
    )
    return order


def _choose_plan(stage: Stage, buyer: RestClient, order: dict[str, Any]) -> dict[str, Any]:
    """Wait for the alternatives and choose the fastest, unless one is chosen."""
    address = f"/orders/{order['uid']}/band/"

    def answered() -> dict[str, Any] | None:
        request = buyer.get(address)
        best, bound = request["best_minutes"], request["bound_minutes"]
        note = f"best {best / 1440:.2f} d, bound {bound / 1440:.2f} d" if best and bound else ""
        stage.say("Planning", 0.5 if request["band"] else 0.1, 1, note)
        if request["state"] == "failed":
            raise Stuck(f"No plan: {request['detail'] or request['message']}")
        found: dict[str, Any] | None = request if request["state"] == "ready" else None
        return found

    plans = {p["uid"]: p for p in buyer.all("/plans/", order=order["uid"])}
    chosen = order["chosen_plan_uid"]
    if chosen is None:
        stage.wait("plans", answered)
        plans = {p["uid"]: p for p in buyer.all("/plans/", order=order["uid"])}
        open_plans = [p for p in plans.values() if p["state"] == "proposed"]
        fastest = min(open_plans, key=lambda p: (p["makespan_minutes"], int(p["cost"])))
        buyer.post(f"/plans/{fastest['uid']}/choose/")
        chosen = fastest["uid"]
    stage.say("Planning", 1, 1, f"{plans[chosen]['makespan_minutes'] / 1440:.2f} days chosen")
    return plans[chosen]


def _answer_offers(stage: Stage, buyer: RestClient, order: dict[str, Any], *, decline: int) -> None:
    """Accept every offer of the order; the first `decline` are given back instead."""
    declined = 0

    def answered() -> bool:
        nonlocal declined
        done = 0
        for supplier in stage.market["suppliers"]:
            client = stage.client(supplier)
            for offer in client.all("/offers/", state="offered"):
                if offer["order_uid"] != order["uid"]:
                    continue
                door = f"/offers/{offer['uid']}"
                try:
                    if declined < decline and len(supplier["machines"]) == 1:
                        client.post(f"{door}/decline/", {"reason": "Press is under repair"})
                        declined += 1
                    else:
                        client.post(f"{door}/accept/")
                except Refused as refusal:
                    if refusal.status not in (404, 409):
                        raise
            done += 1
        state = buyer.get(f"/orders/{order['uid']}/")["state"]
        stage.say("Factories answer", done, len(stage.market["suppliers"]), state)
        if state == "planned":
            _choose_plan(stage, buyer, buyer.get(f"/orders/{order['uid']}/"))
        return state not in ("posted", "planned", "offered")

    stage.wait("all factories to answer", answered)


def _pay(stage: Stage, buyer: RestClient, order: dict[str, Any]) -> None:
    """Prove the transfer as the buyer, confirm it as the operator, wait for the release."""
    operator = stage.client(stage.market["operator"])

    def funded() -> bool:
        for payment in buyer.all("/payments/", order=order["uid"]):
            door = f"/payments/{payment['uid']}"
            if payment["state"] == "asked":
                buyer.post(f"{door}/proof/", {"proof": f"SIM-{payment['order_number']}"})
            elif payment["state"] == "proved":
                operator.post(f"{door}/confirm/")
        state = buyer.get(f"/orders/{order['uid']}/")["state"]
        stage.say("Paying in", 1 if state == "in_production" else 0.5, 1, state)
        return state not in ("confirmed",)

    stage.wait("the order to be funded", funded)


def _operations(stage: Stage, order: dict[str, Any]) -> list[PlannedOperation]:
    """Read what every shop has to do for the order."""
    return [
        PlannedOperation(
            uid=one["uid"],
            shop=supplier["name"],
            machine_code=one["machine_code"],
            lot=one["lot"],
            step=one["step"],
            start_at=datetime.fromisoformat(one["planned_start_at"]),
            end_at=datetime.fromisoformat(one["planned_end_at"]),
            set_up_minutes=one["set_up_minutes"],
            quantity=one["quantity"],
            next_uid=one["next_operation_uid"],
        )
        for supplier in stage.market["suppliers"]
        for one in stage.client(supplier).all("/operations/", order=order["uid"])
    ]


def _produce(
    stage: Stage,
    buyer: RestClient,
    order: dict[str, Any],
    operations: list[PlannedOperation],
    *,
    seed: int,
) -> ShopFloor:
    """Let machines run and people report by the site's clock until the last lot is inspected."""
    shops = {
        s["name"]: Shop(name=s["name"], client=stage.client(s)) for s in stage.market["suppliers"]
    }
    floor = ShopFloor(shops=shops, buyer=buyer, operations=operations, seed=seed)
    floor.resume(order["uid"])
    machines = _start_machines(stage, operations, seed)
    try:
        ends = max(operation.end_at for operation in operations)
        starts = min(operation.start_at for operation in operations)
        while floor.open_operations or not _closed(buyer, order):
            began, now = time.monotonic(), stage.now()
            floor.look(now)
            stage.each_look(now, now - starts)
            passed = (now - starts) / timedelta(days=1)
            note = (
                f"day {passed:.1f} of {(ends - starts) / timedelta(days=1):.1f}, "
                f"{floor.tally.accepted:,} accepted"
            )
            stage.say("Producing", floor.tally.reported, floor.total, note)
            if stage.clock().has_caught_up(datetime.now(UTC)):
                if stage.now() < ends:
                    raise Stuck("The site's clock is real time before the work ended.")
                floor.hurry = True
            time.sleep(max(0.0, LOOK_SECONDS - (time.monotonic() - began)))
    finally:
        machines.join(timeout=60)
        if machines.is_alive():
            machines.terminate()
    return floor


def _start_machines(
    stage: Stage, operations: list[PlannedOperation], seed: int
) -> multiprocessing.process.BaseProcess:
    """Start the process in which all simulated machines run."""
    per_machine = by_machine(operations)
    machines = []
    for supplier in stage.market["suppliers"]:
        for one in supplier["machines"]:
            runs = _runs(per_machine.get(one["code"], []))
            machines.append((one["device"], one["device_key"], one["machine"], runs))
    until = max(operation.end_at for operation in operations) + TAIL
    arguments = (
        machines,
        stage.mqtt_url,
        stage.clock(),
        seed,
        str(stage.folder / "machines.db"),
        until,
    )
    process = multiprocessing.get_context("spawn").Process(target=_run_machines, args=arguments)
    process.start()
    return process


def _runs(operations: list[PlannedOperation]) -> list[tuple[datetime, datetime, int, int]]:
    """Cut operations at the ends of shifts: (start, end, pieces, set-up minutes) of each part."""
    runs = []
    for operation in operations:
        local = _local(operation)
        parts = segments(local, opens_at=OPENS_AT, open_for=OPEN_FOR)
        whole = sum((end - start for start, end in parts), timedelta())
        left, set_up = operation.quantity, operation.set_up_minutes
        for index, (start, end) in enumerate(parts):
            is_last = index == len(parts) - 1
            pieces = left if is_last else round(operation.quantity * ((end - start) / whole))
            runs.append((start - ZONE_HOURS, end - ZONE_HOURS, pieces, set_up))
            left, set_up = left - pieces, 0
    return runs


def _local(operation: PlannedOperation) -> PlannedOperation:
    """Return the operation with its instants moved to local time, for cutting at shifts."""
    return replace(
        operation,
        start_at=operation.start_at + ZONE_HOURS,
        end_at=operation.end_at + ZONE_HOURS,
    )


def _run_machines(
    machines: list[Any], mqtt_url: str, clock: SiteClock, seed: int, queue: str, until: datetime
) -> None:
    simulated = [
        SimulatedMachine(
            device=device,
            key=key_from_text(key),
            machine=machine,
            runs=[
                SimulatedRun(start=start, end=end, pieces=pieces, set_up_minutes=set_up)
                for start, end, pieces, set_up in runs
            ],
        )
        for device, key, machine, runs in machines
    ]
    publish_machines(
        simulated,
        broker=broker_from_url(mqtt_url),
        clock=clock,
        habits=Habits(seed=seed, frame_minutes=FRAME_MINUTES),
        queue_file=queue,
        until=until,
    )


def _closed(buyer: RestClient, order: dict[str, Any]) -> dict[str, Any] | None:
    now = buyer.get(f"/orders/{order['uid']}/")
    return now if now["state"] == "accepted" else None


def _figures(
    stage: Stage,
    order: dict[str, Any],
    plan: dict[str, Any],
    operations: list[PlannedOperation],
    floor: ShopFloor,
    seconds: float,
) -> dict[str, Any]:
    """Return the acceptance figures, each with its goal."""
    starts = min(operation.start_at for operation in operations)
    last = floor.tally.last_at or starts
    days = (last - starts) / timedelta(days=1)
    tally = floor.tally
    ended = order["accepted_quantity"] + tally.rejected + tally.scrap
    figures = [
        (
            "planned_days",
            plan["makespan_minutes"] / 1440,
            "days",
            "<= 14.0",
            plan["makespan_minutes"] <= 14 * 1440,
        ),
        ("bound_days", plan["bound_minutes"] / 1440, "days", "computed", True),
        ("produced_days", days, "days", "<= 14.0", days <= 14.0),
        ("factories", len({o.shop for o in operations}), "count", "62", True),
        ("machines", len({o.machine_code for o in operations}), "count", "153", True),
        ("accepted", order["accepted_quantity"], "pieces", "counted", True),
        ("rejected", tally.rejected, "pieces", "counted", True),
        ("scrap", tally.scrap, "pieces", "counted", True),
        ("accounted_for", ended, "pieces", str(order["quantity"]), ended == order["quantity"]),
        ("wall_s", seconds, "s", "<= 600", seconds <= 600),
    ]
    return {
        "scenario": "plates",
        "simulated": True,
        "order": order["number"],
        "figures": [figure(n, round(v, 3), u, g, h) for n, v, u, g, h in figures],
    }
