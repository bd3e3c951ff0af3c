"""Real Celery workers are killed while they plan: the order is planned all the same, and once."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connections

from bench.scenarios.plates import plates_facts
from config.demo.seed import CATALOGUE_CODES
from config.runtime.applications import application_spec, applications
from config.runtime.layout import layout_from_environment
from config.runtime.servers import DATABASE_VARIABLES
from config.runtime.supervisor import Supervisor
from marketplace.core.asked import AskedStep
from marketplace.models import Order, OrderState, PlanRequestState
from scheduling.models import SolveRun, SolveState
from tenants.acting import PLATFORM_ID, acting_as
from tenants.models import Organisation, OutboxMessage
from tests.factories import make_organisation
from tests.markets import list_machine, plans_of, post, requests_of
from tests.runtime.processes import children_of, soon

pytestmark = [
    pytest.mark.alone,
    pytest.mark.django_db(transaction=True, databases=["default", "owner", "relay"]),
]
STEPS = ("blanking", "reflective-film", "embossing", "hot-stamp-pack")
QUANTITY = 400_000
SOLVER_CHILD = "scheduling.services.child"
RECOVERY_S = 75.0
"""Half a minute until a lost message is sent again, the start of a worker, and one solve."""


@pytest.fixture
def buyer() -> Organisation:
    """Return a buyer on a market whose plans take the solver some seconds."""
    opens = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    windows = [(opens + timedelta(days=d), opens + timedelta(days=d, hours=20)) for d in range(30)]
    machine_id = 0
    for factory in plates_facts(1).factories:
        supplier = make_organisation(name=factory.name_en)
        for machine in factory.machines:
            machine_id += 1
            process = CATALOGUE_CODES.get(machine.process.code, machine.process.code)
            list_machine(
                supplier,
                machine_id,
                (process, machine.process.rate_per_hour),
                x_km=factory.x_km,
                price=machine.price_per_hour_minor,
                windows=windows,
            )
    return make_organisation(kinds=["buyer"], name="City Traffic Office")


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Supervisor]:
    """Run relay and workers on the test's database, supervised as the site supervises them."""
    name = connections["default"].settings_dict["NAME"]
    environment = {**os.environ, "OPENFLOOR_SOLVE_SECONDS": "30"}
    for variable in DATABASE_VARIABLES:
        parts = urlsplit(environment[variable])
        environment[variable] = urlunsplit(parts._replace(path=f"/{name}"))
    # A queue of their own: what other tests have left in Valkey is not theirs.
    environment["REDIS_URL"] = urlunsplit(urlsplit(environment["REDIS_URL"])._replace(path="/7"))
    layout = layout_from_environment({"OPENFLOOR_DATA": str(tmp_path)})
    supervisor = Supervisor(io.StringIO())
    try:
        for application in applications(layout):
            if application.name in ("worker", "solver", "relay"):
                supervisor.start(application_spec(application, layout, environment))
        yield supervisor
    finally:
        supervisor.stop()


def _watched(supervisor: Supervisor, holds: Callable[[], bool], seconds: float) -> bool:
    """Let the supervisor do its work until `holds`, and say whether it came to that in time."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        supervisor.tick()
        time.sleep(0.1)
    return held


def _is_being_solved(buyer: Organisation) -> bool:
    request = requests_of(buyer)[0]
    return request.state == PlanRequestState.SOLVING and request.best_minutes is not None


def _is_planned(buyer: Organisation) -> bool:
    with acting_as(buyer.pk):
        return Order.objects.of(buyer.pk).get().state == OrderState.PLANNED


def _kill(victim: str) -> list[int]:
    """Kill the solver's child or its worker; return who must then be gone."""
    worker, pool, child = _chain()
    gone = {"child": [child], "worker": [worker, pool, child]}[victim]
    os.kill(gone[0], signal.SIGKILL)
    return gone


def _chain() -> tuple[int, int, int]:
    for worker, command in children_of(os.getpid()).items():
        if "--queues=solve" in command:
            for pool in children_of(worker):
                for child, line in children_of(pool).items():
                    if SOLVER_CHILD in line:
                        return worker, pool, child
    raise AssertionError("no solver's child is at work")


@pytest.mark.parametrize("victim", ["child", "worker"])
def test_a_plan_whose_solver_is_killed_is_made_once_all_the_same(
    victim: str, buyer: Organisation, processes: Supervisor
) -> None:
    now = datetime.now(UTC)
    post(
        buyer,
        now=now,
        quantity=QUANTITY,
        steps=tuple(AskedStep(process=step) for step in STEPS),
        earliest_start_at=now + timedelta(hours=1),
        due_at=now + timedelta(days=14),
    )
    assert _watched(processes, lambda: _is_being_solved(buyer), 60)
    gone = _kill(victim)
    assert soon(lambda: not any(Path(f"/proc/{pid}/cwd").exists() for pid in gone))

    assert _watched(processes, lambda: _is_planned(buyer), RECOVERY_S)

    (request,) = requests_of(buyer)
    assert request.state == PlanRequestState.READY
    kinds = [plan.kind for plan in plans_of(buyer)]
    assert "fastest" in kinds
    assert len(kinds) == len(set(kinds))
    with acting_as(PLATFORM_ID):
        (run,) = SolveRun.objects.of(PLATFORM_ID)
        assert (run.state, run.uid) == (SolveState.DONE, request.solve_run_uid)
    assert _watched(processes, lambda: not _open_messages(buyer), RECOVERY_S)
    with pytest.raises(AssertionError, match="no solver's child"):
        _chain()


def _open_messages(buyer: Organisation) -> list[str]:
    found: list[str] = []
    for tenant_id in (PLATFORM_ID, buyer.pk):
        with acting_as(tenant_id):
            waiting = OutboxMessage.objects.of(tenant_id).filter(handled_at=None)
            found += waiting.values_list("topic", flat=True)
    return found
