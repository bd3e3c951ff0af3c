"""How a buyer steers a plan: pieces for a place at a step, places that stay or are left out.

`Steering` is the only shape of `PlanRequest.steering`, `PlanPlace` of each of
`Plan.reasons["places"]`. A place is a site, named by its uid. Lots are not cut to the piece, so
each wish is a range of about a lot more or less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from marketplace.core.fitting import Fit, OnSale
from marketplace.core.plan_json import PlanDocument
from scheduling.core import Order, Problem, Quota

MOST_PLACES = 60
"""How many places that make nothing yet are named beside those that do."""
GOALS = ("near", "cost", "makespan")
"""Close to the date and cost of the plan before; cheapest in time; earliest."""
FINEST_PART = 50
"""A wish is kept to a fiftieth of the order, or to a lot where that is less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What a place makes of a step in a plan; `ends` is the minute of its last end."""

    pieces: int
    price: int
    ends: int


@dataclass(frozen=True, kw_only=True)
class PlanPlace:
    """A place that may do steps of an order, and what it makes of them in a plan.

    `least` is the smallest lot it takes. Nothing here tells what else it could do.
    """

    uid: str
    supplier: str
    supplier_zh: str
    city: str
    site: str
    site_zh: str
    least: int
    able: tuple[int, ...]
    made: Mapping[int, Made]

    def to_json(self) -> dict[str, Any]:
        """Return the place in JSON's own types."""
        made = {str(step): asdict(one) for step, one in self.made.items()}
        return {**asdict(self), "able": list(self.able), "made": made}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PlanPlace:
        """Read what `to_json` wrote."""
        made = {int(step): Made(**one) for step, one in document["made"].items()}
        return cls(**{**document, "able": tuple(document["able"]), "made": made})

    def pieces(self, step: int) -> int:
        """Return how many pieces of a step it makes in the plan."""
        made = self.made.get(step)
        return 0 if made is None else made.pieces


def places_of(plan: PlanDocument, found: Fit, market: Sequence[OnSale]) -> list[PlanPlace]:
    """Return the places that a plan uses, then those that could do some step of it, by name."""
    listed = {one.machine_id: one for one in market}
    sites = {one.machine.site_uid: one for one in market}
    made: dict[str, dict[int, Made]] = {}
    for one in plan.operations:
        uid = listed[plan.machines[one.machine].id].machine.site_uid
        so_far = made.setdefault(uid, {}).get(one.step, Made(pieces=0, price=0, ends=0))
        made[uid][one.step] = Made(
            pieces=so_far.pieces + one.quantity,
            price=so_far.price + one.price,
            ends=max(so_far.ends, one.end),
        )
    able: dict[str, set[int]] = {uid: set(steps) for uid, steps in made.items()}
    least: dict[str, int] = {}
    for step, machines in enumerate(found.by_step, start=1):
        for offer in machines:
            uid = offer.machine.site_uid
            able.setdefault(uid, set()).add(step)
            least[uid] = min(offer.minimum_lot, least.get(uid, offer.minimum_lot))
    others = sorted((sites[uid].machine.supplier_name, uid) for uid in able if uid not in made)
    used = sorted((sites[uid].machine.supplier_name, uid) for uid in made)
    return [
        _place(uid, sites[uid], able[uid], made.get(uid, {}), least.get(uid, 1))
        for _, uid in [*used, *others[:MOST_PLACES]]
    ]


def _place(
    uid: str, one: OnSale, able: set[int], made: Mapping[int, Made], least: int
) -> PlanPlace:
    machine = one.machine
    return PlanPlace(
        uid=uid,
        supplier=machine.supplier_name,
        supplier_zh=machine.supplier_name_zh,
        city=machine.city,
        site=machine.site_name,
        site_zh=machine.site_name_zh,
        least=least,
        able=tuple(sorted(able)),
        made=made,
    )


@dataclass(frozen=True, kw_only=True)
class Wish:
    """So many pieces of a step for a place."""

    step: int
    place: str
    pieces: int


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a buyer asks for by hand; `goal` is one of `GOALS`, or empty: as the plan before."""

    pieces: tuple[Wish, ...] = ()
    pinned: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    goal: str = ""


@dataclass(frozen=True, kw_only=True)
class WishFault:
    """One wish that cannot stand: the code and values of its sentence."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


def wish_faults(
    wishes: Wishes, places: Sequence[PlanPlace], *, quantity: int, processes: Sequence[str]
) -> Iterator[WishFault]:
    """Name the wishes that contradict the plan's places, the order or each other."""
    known = {place.uid: place for place in places}
    if not (wishes.pieces or wishes.pinned or wishes.excluded):
        yield WishFault(code="wish_nothing")
    if any(uid not in known for uid in wishes.pinned | wishes.excluded):
        yield WishFault(code="wish_place_unknown")
        return
    for uid in sorted(wishes.pinned & wishes.excluded):
        yield WishFault(code="wish_pinned_and_excluded", values={"place": known[uid].supplier})
    asked_twice = Counter((wish.step, wish.place) for wish in wishes.pieces)
    for wish in wishes.pieces:
        place = known.get(wish.place)
        if place is None or wish.step not in place.able:
            yield WishFault(code="wish_place_unknown")
            return
        named = _named(wish, place, processes)
        if asked_twice.pop((wish.step, wish.place), 1) > 1:
            yield WishFault(code="wish_twice", values=named)
        elif not 0 <= wish.pieces <= quantity:
            yield WishFault(code="wish_out_of_range", values={**named, "quantity": quantity})
        elif 0 < wish.pieces < place.least:
            yield WishFault(code="wish_below_lot", values={**named, "least": place.least})
        elif wish.pieces and wish.place in wishes.excluded:
            yield WishFault(code="wish_for_excluded", values=named)
    for step, process in enumerate(processes, start=1):
        asked = sum(wanted.pieces for wanted in _held(wishes, places, step).values())
        if asked > quantity:
            values = {"step": step, "process": process, "total": asked, "quantity": quantity}
            yield WishFault(code="wish_too_many", values=values)


def _named(wish: Wish, place: PlanPlace, processes: Sequence[str]) -> dict[str, Any]:
    return {
        "step": wish.step,
        "process": processes[wish.step - 1],
        "place": place.supplier,
        "pieces": wish.pieces,
    }


def _held(wishes: Wishes, places: Sequence[PlanPlace], step: int) -> dict[str, Wish]:
    """Return what is asked of each place at a step: pinned places keep what they make."""
    kept = {
        place.uid: Wish(step=step, place=place.uid, pieces=place.pieces(step))
        for place in places
        if place.uid in wishes.pinned and step in place.able
    }
    return kept | {wish.place: wish for wish in wishes.pieces if wish.step == step}


def carried_over(
    wishes: Wishes, before: Wishes, places: Sequence[PlanPlace], *, quantity: int
) -> Wishes:
    """Return the wishes with those pieces of the plan before that nothing new speaks against."""
    fresh = {(wish.step, wish.place) for wish in wishes.pieces}
    settled = wishes.pinned | wishes.excluded
    able = {(step, place.uid) for place in places for step in place.able}
    older = [
        wish
        for wish in before.pieces
        if (wish.step, wish.place) in able - fresh and wish.place not in settled
    ]
    for step in {wish.step for wish in older}:
        both = replace(wishes, pieces=(*wishes.pieces, *older))
        if sum(wish.pieces for wish in _held(both, places, step).values()) > quantity:
            older = [wish for wish in older if wish.step != step]
    return replace(wishes, pieces=(*wishes.pieces, *older))


@dataclass(frozen=True, kw_only=True)
class Hold:
    """What a wish asks of a place at a step as a range of pieces, and what it made before."""

    step: int
    place: str
    supplier: str
    pieces: int
    before: int
    at_least: int
    at_most: int


@dataclass(frozen=True, kw_only=True)
class Steering:
    """A plan as its buyer wants it: the wishes, as ranges that lots can keep, and the goal.

    A cheap or near plan keeps `keep_by` where it can. `before_at` and `before_cost_minor` are the
    date and cost of the plan before, to which a near one stays close.
    """

    wishes: Wishes
    holds: tuple[Hold, ...]
    goal: str
    keep_by: datetime
    before_at: datetime
    before_cost_minor: int

    def to_json(self) -> dict[str, Any]:
        """Return the steering in JSON's own types, ready for `PlanRequest.steering`."""
        return {
            "pieces": [asdict(wish) for wish in self.wishes.pieces],
            "pinned": sorted(self.wishes.pinned),
            "excluded": sorted(self.wishes.excluded),
            "holds": [asdict(hold) for hold in self.holds],
            "goal": self.goal,
            "keep_by": self.keep_by.isoformat(),
            "before_at": self.before_at.isoformat(),
            "before_cost_minor": self.before_cost_minor,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Steering:
        """Read what `to_json` wrote."""
        wishes = Wishes(
            pieces=tuple(Wish(**wish) for wish in document["pieces"]),
            pinned=frozenset(document["pinned"]),
            excluded=frozenset(document["excluded"]),
            goal=document["goal"],
        )
        return cls(
            wishes=wishes,
            holds=tuple(Hold(**hold) for hold in document["holds"]),
            goal=document["goal"],
            keep_by=datetime.fromisoformat(document["keep_by"]),
            before_at=datetime.fromisoformat(document["before_at"]),
            before_cost_minor=document["before_cost_minor"],
        )


def steering_of(
    wishes: Wishes,
    places: Sequence[PlanPlace],
    *,
    quantity: int,
    steps: int,
    lot: int,
    goal: str,
    keep_by: datetime,
    before_at: datetime,
    before_cost_minor: int,
) -> Steering:
    """Turn wishes into ranges; `lot` is the largest lot of the plan that is steered."""
    known = {place.uid: place for place in places}
    holds = []
    for step in range(1, steps + 1):
        for wish in _held(wishes, places, step).values():
            place = known[wish.place]
            spread = min(lot, max(place.least, -(-quantity // FINEST_PART)))
            nothing, all_of_it = wish.pieces == 0, wish.pieces == quantity
            holds.append(
                Hold(
                    step=step,
                    place=wish.place,
                    supplier=place.supplier,
                    pieces=wish.pieces,
                    before=place.pieces(step),
                    at_least=0 if nothing else max(1, wish.pieces - (0 if all_of_it else spread)),
                    at_most=0 if nothing else min(quantity, wish.pieces + spread),
                )
            )
    return Steering(
        wishes=wishes,
        holds=tuple(holds),
        goal=goal,
        keep_by=keep_by,
        before_at=before_at,
        before_cost_minor=before_cost_minor,
    )


def steered_problem(problem: Problem, steering: Steering, market: Sequence[OnSale]) -> Problem:
    """Return the problem with the wishes as quotas and exclusions of its one order.

    A place that makes nothing needs no quota once its machines are gone from the market.
    """
    (order,) = problem.orders
    place_of = {one.machine.site_uid: one.place for one in market}
    quotas = tuple(
        Quota(
            step=hold.step - 1,
            factory=place_of[hold.place],
            at_least=hold.at_least,
            at_most=hold.at_most,
        )
        for hold in steering.holds
        if place_of.get(hold.place) in problem.factories
    )
    excluded = {place_of[uid] for uid in steering.wishes.excluded if uid in place_of}
    return replace(
        problem,
        orders=(replace(order, quotas=quotas, excluded_factories=frozenset(excluded)),),
    )


def cannot_begin(
    problem: Problem, steering: Steering, market: Sequence[OnSale], processes: Sequence[str]
) -> dict[str, Any] | None:
    """Say which wish has lost its machines, or which step is left without any; else None."""
    (order,) = problem.orders
    place_of = {one.machine.site_uid: one.place for one in market}
    for hold in steering.holds:
        if hold.at_least and not _has_machine(problem, order, hold.step, place_of.get(hold.place)):
            return {"code": "wish_place_gone", "values": hold_values(hold, processes)}
    for step, process in enumerate(processes, start=1):
        if not problem.options(order, step - 1):
            return {"code": "wish_step_empty", "values": {"step": step, "process": process}}
    return None


def _has_machine(problem: Problem, order: Order, step: int, factory: str | None) -> bool:
    return any(option.machine.factory == factory for option in problem.options(order, step - 1))


def hold_values(hold: Hold, processes: Sequence[str]) -> dict[str, Any]:
    """Return the values of a sentence about one wish: what was asked, and what was made before."""
    return {
        "step": hold.step,
        "process": processes[hold.step - 1],
        "place": hold.supplier,
        "pieces": hold.pieces,
        "before": hold.before,
    }
