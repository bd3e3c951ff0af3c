"""Why a question to the matcher got no plan in time: what costs too much, or where it is short.

Figures add up over several suppliers or are not given: over few of them they would say how much
time one has.
"""

from __future__ import annotations

from typing import Any

from marketplace.core.fitting import nothing_fits
from marketplace.core.plan_json import instant
from marketplace.services.matching import Question, why_message
from scheduling.core import Limit

FEWEST_FOR_FIGURES = 5
MINUTES_PER_HOUR = 60
SHORT_OF_TIME = frozenset({"capacity_short", "no_place"})


def why_refused(question: Question, answer: dict[str, Any]) -> dict[str, Any]:
    """Say why a whole order has no plan: where and when it is short, if it is time that lacks."""
    why = question.request.message or {"code": "no_place", "values": {}}
    if answer["unplanned"] is not None:
        why = why_message(answer["unplanned"], question)
    short = answer.get("shortfall")
    if why["code"] in SHORT_OF_TIME and short is not None and _missing(short) > 0:
        return _short_message("order_short", "order_without_room", short, question)
    return why


def why_late(question: Question, answer: dict[str, Any]) -> dict[str, Any]:
    """Say why all plans of a whole order are late; empty where one is in time."""
    short = answer.get("shortfall")
    if short is None or question.frozen is not None:
        return {}
    without = "order_without_room" if _missing(short) > 0 else "order_tight"
    return _short_message("order_short", without, short, question)


def why_share_stays(question: Question, answer: dict[str, Any]) -> dict[str, Any]:
    """Say why a returned share has no place: what costs too much, or where and when it is short."""
    if question.is_hopeless:
        return nothing_fits(question.order, question.found, question.market)
    limits = {one["limit"] for one in answer["relaxations"]}
    ceiling = question.order.price_ceiling_minor
    if Limit.PRICE in limits:
        return {"code": "share_too_dear", "values": {"ceiling": ceiling}}
    return _short_message("share_short", "share_without_room", answer["shortfall"], question)


def _missing(short: dict[str, Any]) -> int:
    return int(short["needed_minutes"] - short["free_minutes"])


def _short_message(
    with_figure: str, without: str, short: dict[str, Any], question: Question
) -> dict[str, Any]:
    step = short["step"] + 1
    values = {
        "step": step,
        "process": question.order.steps[step - 1].process,
        "from_at": instant(question.origin_at, short["start"]).isoformat(),
        "until_at": instant(question.origin_at, short["end"]).isoformat(),
    }
    suppliers = {place.partition(":")[0] for place in short["factories"]}
    if _missing(short) > 0 and len(suppliers) >= FEWEST_FOR_FIGURES:
        return {"code": with_figure, "values": {**values, "minutes": _rounded(_missing(short))}}
    return {"code": without, "values": values}


def _rounded(minutes: int) -> int:
    """Round up to hours of two digits: two such figures say little about their difference."""
    hours = -(-minutes // MINUTES_PER_HOUR)
    unit = 10 ** max(0, len(str(hours)) - 2)
    return -(-hours // unit) * unit * MINUTES_PER_HOUR
