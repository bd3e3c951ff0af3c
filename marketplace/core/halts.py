"""What the entries of `Proposal.halts` come to beside an order's plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Any
from uuid import UUID

from marketplace.core.disruption import Halt, Move
from marketplace.core.plan_json import PlanDocument, instant


def halts_of(
    entries: Iterable[Mapping[str, Any]],
    plan: PlanDocument,
    origin_at: datetime,
    *,
    ended: Collection[tuple[int, int]],
    begins_at: datetime,
) -> tuple[Halt, ...]:
    """Return the halts of a plan of which lots move to `begins_at` or later.

    Args:
        ended: the (lot, step) that need no machine any more.
    """
    return tuple(
        Halt(
            machine_id=one["machine_id"],
            step=one["step"],
            until_at=(
                max(begins_at, _made_at(one, plan, origin_at, ended, begins_at))
                if "rate" in one
                else datetime.fromisoformat(one["until"])
            ),
            is_slow="rate" in one,
        )
        for one in entries
    )


def still_stand(
    moves: Iterable[Move],
    *,
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    waiting: Mapping[UUID, tuple[int, datetime]],
) -> bool:
    """Tell whether moves that are proposed for some halts would do for those of later, too.

    So they do while outages that only devices report are merely assumed to last longer, and no
    lot of the order would begin on such a machine too soon for that.

    Args:
        before, after: entries of `Proposal.halts`.
        waiting: machine and planned start of the order's lots that have not begun.
    """
    if [_lasting(one) for one in before] != [_lasting(one) for one in after]:
        return False
    ends = {
        one["machine_id"]: datetime.fromisoformat(one["until"])
        for one in after
        if "reported_since" in one
    }
    places = dict(waiting)
    places |= {one.operation_uid: (one.after.machine_id, one.after.start_at) for one in moves}
    return all(
        starts_at >= ends[machine_id]
        for machine_id, starts_at in places.values()
        if machine_id in ends
    )


def _lasting(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an entry stays while an outage goes on."""
    is_assumed = "reported_since" in entry
    return {name: value for name, value in entry.items() if not (is_assumed and name == "until")}


def _made_at(
    entry: Mapping[str, Any],
    plan: PlanDocument,
    origin_at: datetime,
    ended: Collection[tuple[int, int]],
    begins_at: datetime,
) -> datetime:
    """Return when a slow machine has made what begins before `begins_at`, without any gaps.

    Lots of other orders are not known here: their hours are booked as they were planned.
    """
    ahead = [
        one
        for one in plan.operations
        if plan.machines[one.machine].id == entry["machine_id"]
        and (one.lot, one.step) not in ended
        and instant(origin_at, one.start) < begins_at
    ]
    slow = (one for one in ahead if one.step == entry["step"])
    work = sum(one.end - one.start - one.set_up for one in slow)
    longer = ceil(work * (entry["planned_rate"] / entry["rate"] - 1))
    return instant(origin_at, max((one.end for one in ahead), default=0) + longer)
