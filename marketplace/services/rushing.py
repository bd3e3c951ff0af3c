"""The way out of an order in a hurry for which lots of other orders make room."""

from __future__ import annotations

from typing import Any

from marketplace.core.problem_of import plan_of
from marketplace.core.terms import Terms
from marketplace.models import PlanKind
from marketplace.services.matching import Question
from marketplace.services.vouching import vouch
from scheduling.services.answers import from_columns
from tenants.ids import uuid7


def way_with_room(question: Question, found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Translate the scheduler's answer and check it, with all that moves, from what is stored.

    None where nothing was found, or a factory would move lots without having a share itself.
    """
    room = question.room
    if found is None or room is None:
        return None
    uid = uuid7()
    schedule = from_columns(room.order_id, found["assignments"])
    problem, moved = room.with_moved(found["moved"])
    document = plan_of(question.order, room.alone, schedule, room.market, seed=uid)
    moves = room.moves(found["moved"], origin_at=question.origin_at)
    if not moves.keys() <= document.by_supplier().keys():
        return None
    vouch(problem, document, question.request, others=(*problem.frozen, *moved))
    first_at = min(
        min(move.before.start_at, move.after.start_at)
        for mine in moves.values()
        for _lot, move in mine
    )
    return {
        **found,
        "left_out": [],  # measured as if others' hours were free, which they are not
        "kind": PlanKind.ROOM,
        "uid": uid,
        "plan": document,
        "terms": Terms(room_factories=len(moves), room_until=first_at),
        "moves": moves,
        "found": room.found,
        "market": room.market,
    }
