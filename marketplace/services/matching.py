"""The matcher: answers requests as the platform, with a band at once and with plans later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db import transaction

from evidence.services.transitions import transition
from marketplace.core.asked import AskedOrder
from marketplace.core.band import Band, BandOffer, BandStep
from marketplace.core.fitting import (
    Fit,
    OnSale,
    fit,
    lots_cannot_add_up,
    nothing_fits,
    shows_slow_days,
    uses_learned,
    with_larger_lots,
)
from marketplace.core.frozen import FrozenPart
from marketplace.core.making_room import Room
from marketplace.core.plan_json import instant
from marketplace.core.problem_of import floor_minute, problem_of
from marketplace.core.steering import Steering, cannot_begin, steered_problem
from marketplace.models import PlanPurpose, PlanRequest, PlanRequestState
from marketplace.selectors.making_room import room_for
from marketplace.selectors.market import machines_on_sale, market_mark
from marketplace.services.holds import HELD_FOR, free_hold
from scheduling.core import Band as RoughBand
from scheduling.core import Objective, Problem, band
from scheduling.core.bounds import lower_bound
from scheduling.core.formats.openfloor import problem_to_json
from scheduling.services.runs import Asked
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.live import announce
from tenants.services.outbox import send_after_commit

MATCHER = Actor(tenant_id=PLATFORM_ID, name="matcher")


class Question:
    """A request with the market that it is put to, read once."""

    def __init__(self, request: PlanRequest, now: datetime) -> None:
        self.request = request
        self.order = AskedOrder.from_json(request.snapshot)
        self.frozen = FrozenPart.from_json(request.frozen) if request.frozen else None
        self.steering = Steering.from_json(request.steering) if request.steering else None
        kept = () if self.frozen is None else [m.id for m in self.frozen.plan.machines]
        self.market: list[OnSale] = machines_on_sale(
            processes=[step.process for step in self.order.steps],
            now=now,
            also=kept,
            freed=() if self.frozen is None else self.frozen.returned_uids,
        )
        excluded = frozenset(request.excluded) | self._elsewhere
        self.found: Fit = fit(self.order, self.market, excluded_suppliers=excluded)
        if self.is_refused:
            self.found = self.wider
        self.now = now
        whole = now.replace(second=0, microsecond=0)
        self.origin_at = whole if self.frozen is None else self.frozen.origin_at

    @property
    def _elsewhere(self) -> frozenset[int]:
        """Return the factories that take no part after a disruption: whose lots do not move.

        Where lots leave a factory, it is that one alone.
        """
        if self.frozen is None or self.frozen.disruption is None:
            return frozenset()
        if self.frozen.disruption.leaves:
            return self.frozen.movers
        return frozenset(one.supplier_id for one in self.market) - self.frozen.movers

    @property
    def problem(self) -> Problem:
        problem = problem_of(
            self.order,
            self.found,
            order_id=str(self.request.uid),
            origin_at=self.origin_at,
            now=self.now,
            frozen=self.frozen,
            market=self.market,
        )
        if self.steering is None:
            return problem
        return steered_problem(problem, self.steering, self.market)

    @cached_property
    def room(self) -> Room | None:
        """Return the question of a whole order in which lots of others may make room; or None."""
        if self.request.purpose != PlanPurpose.ORDER:
            return None
        return room_for(
            self.order,
            self.market,
            order_id=str(self.request.uid),
            order_uid=self.request.order_uid,
            excluded=frozenset(self.request.excluded),
            origin_at=self.origin_at,
            now=self.now,
        )

    @property
    def is_refused(self) -> bool:
        """Tell whether the buyer has read that there is no plan, and ways out are looked for."""
        return self.request.purpose == PlanPurpose.ORDER and bool(self.request.message)

    @property
    def wider(self) -> Fit:
        """Return the machines that may do a step of the order if its pieces are raised."""
        return with_larger_lots(self.order, self.found, self.market)

    @property
    def is_hopeless(self) -> bool:
        """Tell whether some step that still has to be made has no machine at all."""
        if self.frozen is None:
            return not self.found.is_complete
        return not all(self.found.by_step[step - 1] for step in self.frozen.returned_steps)

    @property
    def is_unplannable(self) -> bool:
        """Tell whether no part of the order can be planned; frozen lots may be complete."""
        return self.is_hopeless and (self.frozen is None or bool(self.problem.validate()))

    def asked(self) -> Asked:
        room = self.room
        return Asked(
            subject_uid=self.request.uid,
            origin_at=self.origin_at,
            problem=problem_to_json(self.problem),
            steering=self._steering_asked,
            is_refused=self.is_refused,
            wants_ways_out=self._wants_ways_out,
            room=None if room is None else room.to_json(problem_to_json(room.problem)),
        )

    @property
    def _wants_ways_out(self) -> bool:
        if self.is_refused:
            return self.found.is_complete  # else only room that others make would help
        return self.frozen is None or self.frozen.disruption is None

    @property
    def _steering_asked(self) -> dict[str, Any] | None:
        if self.steering is None:
            return None
        by = floor_minute(self.steering.keep_by, self.origin_at)
        before = floor_minute(self.steering.before_at, self.origin_at)
        return {
            "goal": self.steering.goal,
            "by": by,
            "near": [before, self.steering.before_cost_minor],
        }


def answer_request(*, buyer_id: int, request_uid: str, now: datetime) -> None:
    """Answer a request with its band, or with what it lacks; then have plans made.

    Safe to run again: an order's band is given once, an inquiry's for its last question.
    """
    with acting_as(PLATFORM_ID):
        request = PlanRequest.objects.filter(platform_id=PLATFORM_ID, uid=request_uid).get()
        if request.purpose == PlanPurpose.INQUIRY:
            _answer_inquiry(request, now)
        elif request.state == PlanRequestState.REQUESTED:
            _answer_order(request, now)
        announce(tenant_ids=(buyer_id, PLATFORM_ID), key=f"order:{request.order_uid}")


def _answer_inquiry(request: PlanRequest, now: datetime) -> None:
    given, message = _band(Question(request, now))
    # A newer question keeps its place: its own message is on the way.
    PlanRequest.objects.filter(pk=request.pk, snapshot=request.snapshot).update(
        band=given, message=message
    )


def mark_of(request: PlanRequest) -> str:
    """Return how the market stands for the steps that a returned share is about."""
    steps = FrozenPart.from_json(request.frozen).returned_steps
    return market_mark(request.snapshot["steps"][step - 1]["process"] for step in steps)


def _answer_order(request: PlanRequest, now: datetime) -> None:
    if request.purpose in HELD_FOR:
        free_hold(request.order_uid)  # what was offered before is planned anew
    if request.frozen:  # read before the market itself, so that no change is missed
        PlanRequest.objects.filter(pk=request.pk).update(market_mark=mark_of(request))
    question = Question(request, now)
    given, message = _band(question)
    is_relaxed = request.purpose == PlanPurpose.ORDER and question.wider.is_complete
    if message and not is_relaxed and question.room is None:
        fail_request(request, message=message, now=now)
        return
    answer = {"band": given, "message": message}
    transition(request, to=PlanRequestState.SOLVING, by=MATCHER, now=now, **answer)
    send_after_commit(
        tenant_id=PLATFORM_ID,
        topic="plan.solve",
        buyer_id=request.buyer_id,
        request_uid=str(request.uid),
    )


@transaction.atomic
def fail_request(request: PlanRequest, *, message: dict[str, Any], now: datetime) -> None:
    """Tell the buyer, as the platform, that there is no plan, why, and what would mend it."""
    evidence = {"evidence": message, "message": message}
    transition(request, to=PlanRequestState.FAILED, by=MATCHER, now=now, **evidence)
    send_after_commit(
        tenant_id=PLATFORM_ID,
        topic="plans.answered",
        buyer_id=request.buyer_id,
        request_uid=str(request.uid),
    )


def _band(question: Question) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return (band, {}), or (None, message); only a whole order gets a band."""
    if question.is_unplannable:
        return None, nothing_fits(question.order, question.found, question.market)
    if question.frozen is not None:
        return None, {}
    if question.steering is not None:
        processes = [step.process for step in question.order.steps]
        lost = cannot_begin(question.problem, question.steering, question.market, processes)
        return None, lost or {}
    uneven = lots_cannot_add_up(question.order, question.found)
    if uneven is not None:
        return None, uneven
    too_dear = _ceiling_message(question.problem)
    if too_dear is not None:
        return None, too_dear
    rough = band(question.problem)
    if rough.reason is not None:
        why = {"code": rough.reason.code, "values": dict(rough.reason.values)}
        return None, why_message(why, question)
    return _band_of(question, rough).to_json(), {}


def _ceiling_message(problem: Problem) -> dict[str, Any] | None:
    """Say what the order costs at least, where that is proven to be above its ceiling."""
    (order,) = problem.orders
    ceiling = order.price_ceiling_minor
    if ceiling is None:
        return None
    without = replace(problem, orders=(replace(order, price_ceiling_minor=None),))
    least = lower_bound(without, Objective.COST).value
    if least is None or least <= ceiling:
        return None
    return {"code": "ceiling_too_low", "values": {"least": least, "ceiling": ceiling}}


def _band_of(question: Question, rough: RoughBand) -> Band:
    origin_at, found = question.origin_at, question.found
    known = (rough.earliest, rough.likely, rough.price_low_minor, rough.price_high_minor)
    earliest, likely, low, high = (value or 0 for value in known)
    processes = [step.process for step in question.order.steps]
    learned = any(uses_learned(one, processes) for one in found.machines)
    assumed = ["assumed_learned_rates" if learned else "assumed_stated_rates"]
    if any(shows_slow_days(one, processes) for one in found.machines):
        assumed.append("assumed_slow_days")
    assumed += ["assumed_transport", "assumed_answers"]
    return Band(
        earliest_at=instant(origin_at, earliest),
        likely_at=instant(origin_at, likely),
        cost_low_minor=low,
        cost_high_minor=high,
        currency=question.order.currency,
        machines=len(found.machines),
        suppliers=len({one.supplier_id for one in found.machines}),
        steps=tuple(
            BandStep(
                process=step.process,
                machines=len(able),
                suppliers=len({one.supplier_id for one in able}),
            )
            for step, able in zip(question.order.steps, found.by_step, strict=True)
        ),
        offers=tuple(
            BandOffer(completes_at=instant(origin_at, one.completion), cost_minor=one.cost_minor)
            for one in rough.offers
        ),
        assumed=tuple(assumed),
    )


def why_message(why: dict[str, Any], question: Question) -> dict[str, Any]:
    """Turn the scheduler's reason into a message: instants for minutes, no ids of its own."""
    code, values = why["code"], dict(why["values"])
    origin_at, order = question.origin_at, question.order
    if code == "deadline_too_early":
        earliest = origin_at + timedelta(minutes=values["earliest"])
        return {"code": code, "values": {"earliest": earliest.isoformat()}}
    if code == "ceiling_too_low":
        return {
            "code": code,
            "values": {"least": values["least"], "ceiling": values["ceiling"]},
        }
    if code == "no_candidate":
        step = values["step"] + 1
        process = order.steps[step - 1].process
        return {"code": "no_time_for_step", "values": {"step": step, "process": process}}
    if code == "capacity_short":
        return {"code": code, "values": {}}
    return {"code": "no_place", "values": {}}
