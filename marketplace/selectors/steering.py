"""What a buyer sees of steering: the panel beside a plan, and what a split has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet

from marketplace.core.steering import PlanPlace, Steering, Wishes
from marketplace.models import Plan, PlanKind, PlanRequest, PlanRequestState
from marketplace.wording import sentence

UNDER_WAY = (PlanRequestState.REQUESTED, PlanRequestState.SOLVING)
MOST_CHANGES = 40
FINEST = 1000
"""A slider has at most so many positions."""


@dataclass(frozen=True, kw_only=True)
class PanelRow:
    """A place at a step: what it makes, what the field holds, and what an estimate needs."""

    key: str
    place: PlanPlace
    now: int
    asked: int
    price: float
    ends: int

    @property
    def price_of_thousand(self) -> int:
        """Return what it charges for a thousand pieces, in minor units."""
        return round(1000 * self.price)


@dataclass(frozen=True, kw_only=True)
class PanelStep:
    """A step with the places that make it, and those that could."""

    step: int
    process: object
    making: tuple[PanelRow, ...]
    others: tuple[PanelRow, ...]
    price: float
    """The mean price of a piece, in minor units."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """All that may be steered of a plan, with what is ticked and typed already."""

    steps: tuple[PanelStep, ...]
    places: tuple[PlanPlace, ...]
    pinned: frozenset[str]
    excluded: frozenset[str]
    goal: str
    finest: int


def places_of_plan(plan: Plan) -> list[PlanPlace]:
    """Return the places of a plan; none where it was made before splits could be steered."""
    return [PlanPlace.from_json(place) for place in plan.reasons.get("places", [])]


def usual_goal(plan: Plan) -> str:
    """Return the goal of what is steered from a plan, unless its buyer says otherwise."""
    if plan.steering is not None:
        return Steering.from_json(plan.steering.steering).goal
    goals: dict[str, str] = {PlanKind.CHEAPEST: "cost", PlanKind.FASTEST: "makespan"}
    return goals.get(plan.kind, "near")


def newest_steering(plan: Plan) -> PlanRequest | None:
    """Return the last split that was asked for on top of a plan."""
    asked = PlanRequest.objects.filter(buyer_id=plan.buyer_id, order_uid=plan.order_uid)
    return asked.filter(base_plan_uid=plan.uid).defer("snapshot").order_by("-id").first()


def plan_before(plan: Plan) -> Plan | None:
    """Return the plan that a steered one was steered from."""
    if plan.steering is None or plan.steering.base_plan_uid is None:
        return None
    mine = Plan.objects.filter(buyer_id=plan.buyer_id, uid=plan.steering.base_plan_uid)
    return mine.defer("schedule").first()


def plans_after(plan: Plan) -> QuerySet[Plan]:
    """Return the plans that were steered from one, the newest first."""
    mine = Plan.objects.filter(buyer_id=plan.buyer_id, order_uid=plan.order_uid)
    return (
        mine.filter(steering__base_plan_uid=plan.uid).defer("schedule", "reasons").order_by("-id")
    )


def last_wishes(plan: Plan, asked: PlanRequest | None) -> Wishes:
    """Return what the panel begins with: a split that failed, or what holds for the plan."""
    if asked is not None and asked.state == PlanRequestState.FAILED:
        return Steering.from_json(asked.steering).wishes
    if plan.steering is None:
        return Wishes()
    return replace(Steering.from_json(plan.steering.steering).wishes, pieces=())


def panel_of(plan: Plan, wishes: Wishes, processes: Mapping[str, object]) -> Panel:
    """Return the panel of a plan, filled with `wishes`."""
    places = places_of_plan(plan)
    codes = plan.schedule["processes"]
    asked = {(wish.step, wish.place): wish.pieces for wish in wishes.pieces}
    steps = []
    for step, code in enumerate(codes, start=1):
        rows = [_row(place, step, asked) for place in places if step in place.able]
        pieces, price = sum(row.now for row in rows), sum(row.price * row.now for row in rows)
        steps.append(
            PanelStep(
                step=step,
                process=processes.get(code, code),
                making=tuple(sorted((r for r in rows if r.now), key=lambda row: -row.now)),
                others=tuple(row for row in rows if not row.now),
                price=round(price / pieces, 4) if pieces else 0.0,
            )
        )
    quantity = sum(row.now for row in steps[0].making)
    return Panel(
        steps=tuple(steps),
        places=tuple(sorted(places, key=lambda place: not place.made)),
        pinned=wishes.pinned,
        excluded=wishes.excluded,
        goal=wishes.goal or usual_goal(plan),
        finest=max(1, quantity // FINEST),
    )


def _row(place: PlanPlace, step: int, asked: Mapping[tuple[int, str], int]) -> PanelRow:
    made, now = place.made.get(step), place.pieces(step)
    return PanelRow(
        key=f"{step}.{place.uid}",
        place=place,
        now=now,
        asked=asked.get((step, place.uid), now),
        price=round(made.price / made.pieces, 4) if made else 0.0,
        ends=made.ends if made else 0,
    )


@dataclass(frozen=True, kw_only=True)
class ShareChange:
    """What a place makes of a step before and after; `asked` where the buyer said so."""

    place: PlanPlace
    step: int
    process: object
    before: int
    after: int
    asked: int | None

    @property
    def change(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A steered plan beside the one before it; changes are after less before, in minutes."""

    before: Plan
    later: int
    dearer_minor: int
    bound_later: int
    gap_points: float
    cost_bound: int
    cost_bound_before: int
    shares: tuple[ShareChange, ...]

    @property
    def cost_bound_change(self) -> int:
        return self.cost_bound - self.cost_bound_before


def difference_of(plan: Plan, before: Plan, processes: Mapping[str, object]) -> Difference:
    """Return what the buyer's hand has changed, the largest changes first."""
    bound, bound_before = plan.reasons["cost_bound"] or 0, before.reasons["cost_bound"] or 0
    return Difference(
        before=before,
        later=round((plan.completes_at - before.completes_at).total_seconds() / 60),
        dearer_minor=plan.cost_minor - before.cost_minor,
        bound_later=plan.bound_minutes - before.bound_minutes,
        gap_points=plan.gap - before.gap,
        cost_bound=bound,
        cost_bound_before=bound_before,
        shares=tuple(_share_changes(plan, before, processes)[:MOST_CHANGES]),
    )


def _share_changes(plan: Plan, before: Plan, processes: Mapping[str, object]) -> list[ShareChange]:
    codes: list[Any] = plan.schedule["processes"]
    old = {place.uid: place for place in places_of_plan(before)}
    new = {place.uid: place for place in places_of_plan(plan)}
    assert plan.steering is not None, "asked of a steered plan"
    asked = {
        (wish.step, wish.place): wish.pieces
        for wish in Steering.from_json(plan.steering.steering).wishes.pieces
    }
    changes = []
    for uid, place in (old | new).items():
        for step, code in enumerate(codes, start=1):
            change = ShareChange(
                place=place,
                step=step,
                process=processes.get(code, code),
                before=old[uid].pieces(step) if uid in old else 0,
                after=new[uid].pieces(step) if uid in new else 0,
                asked=asked.get((step, uid)),
            )
            if change.change or change.asked is not None:
                changes.append(change)
    return sorted(changes, key=lambda one: (one.asked is None, -abs(one.change)))


def steering_context(
    plan: Plan, *, can_steer: bool, processes: Mapping[str, object], wishes: Wishes | None = None
) -> dict[str, Any]:
    """Return what `_steering.html` shows of a plan; `wishes` are those that were sent back."""
    asked = newest_steering(plan)
    before, after = plan_before(plan), plans_after(plan).first()
    has_failed = asked is not None and asked.state == PlanRequestState.FAILED
    message = sentence(asked.message, processes=processes, currency=plan.currency) if asked else ""
    is_under_way = asked is not None and asked.state in UNDER_WAY
    shown = last_wishes(plan, asked) if wishes is None else wishes
    has_panel = can_steer and not is_under_way and bool(plan.reasons.get("places"))
    return {
        "asked": asked,
        "is_steering": is_under_way,
        "steering_failure": message if has_failed and wishes is None else "",
        "plan_before": before,
        "plan_after": after,
        "difference": None if before is None else difference_of(plan, before, processes),
        "begin_minute": round((plan.completes_at - plan.origin_at).total_seconds() / 60)
        - plan.makespan_minutes,
        "panel": panel_of(plan, shown, processes) if has_panel else None,
    }
