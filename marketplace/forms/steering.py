"""A split as it is typed: pieces per step and place, places kept or left out, pieces moved."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from marketplace.core.steering import GOALS, PlanPlace, Wish, Wishes
from marketplace.services.steering import InvalidWishes

LONGEST_NUMBER = 12


def wishes_of(data: QueryDict, places: Sequence[PlanPlace]) -> Wishes:
    """Return what differs from the plan in a posted form.

    A field `p.STEP.PLACE` holds pieces; `move_pieces` go from `move_from` to `move_to`, each
    `STEP.PLACE`, on top of what the fields say.

    Raises:
        InvalidWishes: something is not a whole number, or pieces are moved between steps.
    """
    now = {f"{step}.{place.uid}": place.pieces(step) for place in places for step in place.able}
    asked = {key: _pieces(data.get(f"p.{key}", ""), default) for key, default in now.items()}
    moved = _pieces(data.get("move_pieces", ""), 0)
    if moved:
        source, target = data.get("move_from", ""), data.get("move_to", "")
        if source not in asked or target not in asked or source == target:
            raise _refusal(_("Say from which factory and to which other one the pieces move."))
        if source.partition(".")[0] != target.partition(".")[0]:
            raise _refusal(_("Pieces move within one step: choose two factories of the same step."))
        asked[source] -= moved
        asked[target] += moved
    return Wishes(
        pieces=tuple(
            Wish(step=int(step), place=place, pieces=asked[key])
            for key in now
            if asked[key] != now[key]
            for step, _dot, place in [key.partition(".")]
        ),
        pinned=frozenset(data.getlist("keep")),
        excluded=frozenset(data.getlist("drop")),
        goal=data.get("goal", "") if data.get("goal") in GOALS else "",
    )


def _pieces(text: str, default: int) -> int:
    text = text.strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise _refusal(_("Give pieces as whole numbers, without spaces or commas."))
    return int(text)


def _refusal(sentence: object) -> InvalidWishes:
    return InvalidWishes(sentence, errors={"wishes": [str(sentence)]})
