"""Runs of the solver: claimed, carried out in a child process, and kept with their figures."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError

from scheduling.models import SolveRun, SolveState
from scheduling.services.processes import (
    Limits,
    OnTick,
    Progress,
    SolverFailed,
    SolverKilled,
    solve_apart,
)
from tenants.acting import acting_as
from tenants.services.outbox import NotYet

logger = logging.getLogger(__name__)
HEART_STOPS_AFTER = timedelta(seconds=15)
MOST_CHILDREN = 3
"""How many children a run may have: one that is killed by chance is not killed each time."""

STEERED_SECONDS = 8.0
"""What a plan to a buyer's own split may take."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a run is asked: a problem as Openfloor JSON, its minutes counted from `origin_at`.

    With `steering`, `{"goal", "by"}`, one plan is made soon instead of alternatives. `is_refused`
    tells that there is no plan, so that only what is short and the ways out are asked for. Without
    `wants_ways_out`, these are not looked for where no plan is in time. `room` asks then whether
    lots of others may make room, which are frozen in a problem of its own.
    """

    subject_uid: UUID
    origin_at: datetime
    problem: dict[str, Any]
    seed: int = 1
    steering: dict[str, Any] | None = None
    is_refused: bool = False
    wants_ways_out: bool = True
    room: dict[str, Any] | None = None


def claim_run(*, tenant_id: int, asked: Asked, now: datetime) -> SolveRun:
    """Take the subject's run over, in the caller's transaction; make it if there is none.

    A message may come again while its run is going on, or after the worker that did it died.

    Raises:
        NotYet: another worker carries the run out and its heart beats; asked again when the heart
            of a worker that died just now would have stopped.
    """
    real_now = datetime.now(UTC)
    run = (
        SolveRun.objects.of(tenant_id)
        .filter(subject_uid=asked.subject_uid)
        .select_for_update()
        .first()
    )
    if run is None:
        run = SolveRun(tenant_id=tenant_id, subject_uid=asked.subject_uid, queued_at=now)
    elif run.state == SolveState.RUNNING and _beats(run, real_now):
        raise NotYet(f"run {run.uid} is going on", again_after=HEART_STOPS_AFTER)
    run.state = SolveState.RUNNING
    run.origin_at, run.problem, run.seed = asked.origin_at, asked.problem, asked.seed
    run.started_at, run.heartbeat_at, run.finished_at = now, real_now, None
    run.best_minutes = run.bound_minutes = run.result = None
    run.message = ""
    run.save()
    return run


def _beats(run: SolveRun, real_now: datetime) -> bool:
    return run.heartbeat_at is not None and real_now - run.heartbeat_at < HEART_STOPS_AFTER


def carry_out(*, run: SolveRun, on_tick: OnTick, asked: Asked) -> dict[str, Any]:
    """Solve in a child process, outside any transaction, and return its answer.

    Every second the run's row takes the progress and its heart beats; `on_tick` is called after
    that and says whether to stop. A database that is away meanwhile does not end the run, and of
    a child that is killed another takes the place.

    Raises:
        SolverFailed: there is no answer.
    """

    def tick(progress: Progress) -> bool:
        try:
            _beat(run, progress)
            return on_tick(progress)
        except (OperationalError, InterfaceError) as error:
            logger.warning("run %s goes on, though the database is away: %s", run.uid, error)
            return False

    question = {
        "problem": run.problem,
        "seed": run.seed,
        "steering": asked.steering,
        "is_refused": asked.is_refused,
        "wants_ways_out": asked.wants_ways_out,
        "room": asked.room,
    }
    limits = run_limits(is_steered=asked.steering is not None)
    for _ in range(MOST_CHILDREN - 1):
        try:
            return solve_apart(question, limits=limits, on_tick=tick)
        except SolverKilled as killed:
            logger.warning("run %s begins again: its child %s", run.uid, killed)
    return solve_apart(question, limits=limits, on_tick=tick)


def _beat(run: SolveRun, progress: Progress) -> None:
    with acting_as(run.tenant_id):
        SolveRun.objects.of(run.tenant_id).filter(pk=run.pk).update(
            best_minutes=progress.best,
            bound_minutes=progress.bound,
            heartbeat_at=datetime.now(UTC),
        )


def run_limits(*, is_steered: bool = False) -> Limits:
    """Return what the site allows a run; somebody waits for a steered one."""
    seconds = settings.SOLVE_TIME_SECONDS
    return Limits(
        time_seconds=min(seconds, STEERED_SECONDS) if is_steered else seconds,
        cpu_seconds=settings.SOLVE_CPU_SECONDS,
        memory_mb=settings.SOLVE_MEMORY_MB,
    )


def finish_run(*, run: SolveRun, now: datetime, answer: dict[str, Any]) -> None:
    """Keep a run's figures, in the caller's transaction; the plans themselves are kept apart."""
    summary = [
        {name: one[name] for name in ("kind", "completes", "cost", "bound")}
        for one in answer["alternatives"]
    ]
    best = min((one["completes"] for one in summary), default=None)
    SolveRun.objects.of(run.tenant_id).filter(pk=run.pk).update(
        state=SolveState.DONE,
        result={
            "status": answer["status"],
            "alternatives": summary,
            "unplanned": answer["unplanned"],
            "runtime_seconds": answer["runtime_seconds"],
        },
        best_minutes=best,
        bound_minutes=summary[0]["bound"] if summary else None,
        finished_at=now,
        cpu_seconds=answer["cpu_seconds"],
        peak_memory_mb=answer["peak_memory_mb"],
    )


def fail_run(*, run: SolveRun, now: datetime, failure: SolverFailed) -> None:
    """Keep why a run gave no answer, in the caller's transaction."""
    SolveRun.objects.of(run.tenant_id).filter(pk=run.pk).update(
        state=SolveState.FAILED, message=f"{failure.code}: {failure}"[:4000], finished_at=now
    )
