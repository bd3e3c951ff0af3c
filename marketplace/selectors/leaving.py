"""Lots that go to other factories, as the buyer and the factory that has them read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from marketplace.core.frozen import FrozenPart
from marketplace.core.leaving import Leaving
from marketplace.core.plan_json import PlanDocument, PlanOperation, PlanSupplier, instant
from marketplace.models import Offer, Operation, Plan, PlanRequest, Proposal

MOST_LOTS = 100


@dataclass(frozen=True, kw_only=True)
class LeavingLots:
    """What a factory gives up: its first lots by time, how many, and what it would have earned.

    The price is None where the lots have left it already.
    """

    lots: tuple[Leaving, ...]
    count: int
    minutes: int
    price_minor: int | None
    currency: str


@dataclass(frozen=True, kw_only=True)
class TakerRow:
    """What one factory takes over, and its offer; None before it is asked."""

    firm: PlanSupplier
    offer: Offer | None
    lots: int
    minutes: int
    start_at: datetime
    end_at: datetime
    price_minor: int


@dataclass(frozen=True, kw_only=True)
class Handover:
    """Who takes what, and what the order costs before and after, in minor units.

    No plan of these lots elsewhere, with all other lots where they are, costs less than
    `cost_bound_minor` and keeps the date.
    """

    takers: tuple[TakerRow, ...]
    cost_before_minor: int
    cost_after_minor: int
    cost_bound_minor: int | None
    currency: str

    @property
    def dearer_minor(self) -> int:
        return self.cost_after_minor - self.cost_before_minor


def lots_leaving(proposal: Proposal) -> LeavingLots | None:
    """Return what a factory gives up by a proposal of its own; None where it gives up nothing."""
    if not proposal.leaving:
        return None
    lots = sorted(
        (Leaving.from_json(one) for one in proposal.leaving),
        key=lambda one: (one.place.start_at, one.lot),
    )
    here = Operation.objects.of_supplier(proposal.supplier_id).filter(
        uid__in=[one.operation_uid for one in lots]
    )
    prices = list(here.values_list("price_minor", "work_order__currency"))
    return LeavingLots(
        lots=tuple(lots[:MOST_LOTS]),
        count=len(lots),
        minutes=sum(one.place.minutes for one in lots),
        price_minor=sum(price for price, _ in prices) if len(prices) == len(lots) else None,
        currency=prices[0][1] if prices else "",
    )


def handover_of(proposal: Proposal) -> Handover | None:
    """Return, as the buyer, who takes what of lots that leave; None where none do; 3 queries."""
    if not proposal.leaving:
        return None
    assert proposal.request_uid is not None, "written when it was planned"
    assert proposal.plan_uid is not None, "a check of the table"
    request = PlanRequest.objects.get(buyer_id=proposal.buyer_id, uid=proposal.request_uid)
    plan = Plan.objects.get(buyer_id=proposal.buyer_id, uid=proposal.plan_uid)
    frozen = FrozenPart.from_json(request.frozen)
    document = PlanDocument.from_json(plan.schedule)
    offers = {
        one.supplier_id: one
        for one in Offer.objects.of_buyer(proposal.buyer_id)
        .filter(order_uid=proposal.order_uid, proposal_uid=proposal.uid, plan_uid=plan.uid)
        .defer("snapshot")
    }
    firms = {one.id: one for one in document.suppliers}
    return Handover(
        takers=tuple(
            _taker(firms[number], offers.get(number), share, plan)
            for number, share in sorted(document.by_supplier().items())
        ),
        cost_before_minor=frozen.plan.cost_minor,
        cost_after_minor=plan.cost_minor,
        cost_bound_minor=plan.reasons["cost_bound"],
        currency=plan.currency,
    )


def _taker(
    firm: PlanSupplier, offer: Offer | None, share: Sequence[PlanOperation], plan: Plan
) -> TakerRow:
    return TakerRow(
        firm=firm,
        offer=offer,
        lots=len({one.lot for one in share}),
        minutes=sum(one.end - one.start for one in share),
        start_at=instant(plan.origin_at, min(one.start for one in share)),
        end_at=instant(plan.origin_at, max(one.end for one in share)),
        price_minor=sum(one.price for one in share),
    )
