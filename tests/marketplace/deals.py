"""A deal in the making: a buyer's order over several factories, with its offers.

Steps are given as the factories that make them: `["press", "pack"]` is two steps in two factories,
`["press", "press"]` two steps in one, without a shipment between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from devices.models import Machine
from marketplace.core.share import Share, ShareOperation
from marketplace.models import Offer, Operation, Order, OrderState, OrderStep, Process, Shipment
from marketplace.services.answers import answer_of, confirm_order_if_covered
from marketplace.services.offers import accept_offer
from marketplace.services.production import Report, ReportResult, report_operations
from marketplace.services.shipping import receive_shipments, ship_operations
from marketplace.services.work_orders import begin_production, release_work_orders
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.models import Organisation
from tests.factories import NOW, MachineFactory, SiteFactory, make_organisation

PRICE_PER_PIECE = 30


@dataclass(kw_only=True)
class Deal:
    """An offered order; `suppliers` and `machines` are by the factory's name in the steps."""

    buyer: Organisation
    order: Order
    steps: Sequence[str]
    suppliers: dict[str, Organisation]
    machines: dict[str, Machine]
    lot_price: int | None = None
    offers: dict[str, Offer] = field(default_factory=dict)
    uids: dict[tuple[int, int], UUID] = field(default_factory=dict)

    def by(self, name: str) -> Actor:
        """Return who acts for the buyer or for a factory."""
        organisation = self.buyer if name == "buyer" else self.suppliers[name]
        return Actor(tenant_id=organisation.pk, name=f"{name} hand")

    def uid(self, lot: int, step: int) -> UUID:
        return self.uids[lot, step]

    def operation(self, lot: int, step: int) -> Operation:
        with acting_as(self.buyer.pk):
            rows = Operation.objects.of_buyer(self.buyer.pk).select_related("work_order")
            return rows.get(uid=self.uid(lot, step))

    def reload(self) -> Order:
        with acting_as(self.buyer.pk):
            self.order.refresh_from_db()
        return self.order

    def accept(self, *names: str, now: datetime = NOW) -> None:
        """Accept offers and let the buyer's side follow, as the messages would."""
        for name in names or self.offers:
            supplier = self.suppliers[name]
            with acting_as(supplier.pk):
                accept_offer(offer_uid=self.offers[name].uid, by=self.by(name), now=now)
            with acting_as(self.buyer.pk):
                answer_of(buyer_id=self.buyer.pk, offer_uid=self.offers[name].uid)
                confirm_order_if_covered(order_uid=self.order.uid, by=self.by("buyer"), now=now)

    def fund(self, *, now: datetime = NOW) -> None:
        """Release the factories' work, as the operator's confirmation would."""
        with acting_as(self.buyer.pk):
            begin_production(order_uid=self.order.uid, by=self.by("buyer"), now=now)
        for name, supplier in self.suppliers.items():
            with acting_as(supplier.pk):
                release_work_orders(order_uid=self.order.uid, by=self.by(name), now=now)

    def report(
        self, lot: int, step: int, good: int, scrap: int = 0, *, now: datetime = NOW
    ) -> ReportResult:
        name = self.steps[step - 1]
        with acting_as(self.suppliers[name].pk):
            (result,) = report_operations(
                reports=[Report(operation_uid=self.uid(lot, step), good=good, scrap=scrap)],
                by=self.by(name),
                now=now,
            )
        return result

    def ship(self, step: int, *lots: int, now: datetime = NOW) -> Shipment:
        name = self.steps[step - 1]
        with acting_as(self.suppliers[name].pk):
            (shipment,) = ship_operations(
                operation_uids=[self.uid(lot, step) for lot in lots], by=self.by(name), now=now
            )
        return shipment

    def receive(self, shipment: Shipment, *, now: datetime = NOW) -> None:
        name = next((n for n, s in self.suppliers.items() if s.pk == shipment.receiver_id), "buyer")
        with acting_as(shipment.receiver_id):
            receive_shipments(shipment_uids=[shipment.uid], by=self.by(name), now=now)

    def final_shipment(self, lot: int) -> Shipment:
        """Return the shipment that brings a lot to the buyer."""
        with acting_as(self.buyer.pk):
            return Shipment.objects.get(
                receiver=self.buyer, lines__operation_uid=self.uid(lot, len(self.steps))
            )

    def make(
        self, lot: int, *, scrap: Sequence[int] | None = None, now: datetime = NOW
    ) -> Shipment:
        """Take a lot through all steps, with the given scrap at each, to the buyer's door."""
        pieces = self.operation(lot, 1).quantity
        for step, name in enumerate(self.steps, start=1):
            lost = scrap[step - 1] if scrap else 0
            assert self.report(lot, step, pieces - lost, lost, now=now).refusal is None
            pieces -= lost
            is_last = step == len(self.steps)
            if is_last or self.steps[step] != name:
                shipment = self.ship(step, lot, now=now)
                self.receive(shipment, now=now)
        return shipment


def make_deal(
    steps: Sequence[str] = ("press", "pack"),
    *,
    lots: int = 2,
    lot_size: int = 1000,
    suppliers: dict[str, Organisation] | None = None,
    machines: dict[str, Machine] | None = None,
    buyer: Organisation | None = None,
    now: datetime = NOW,
    starts_in_hours: int = 72,
    lot_price: int | None = None,
) -> Deal:
    """Return a deal whose offers are out; lots follow one another hourly on each machine.

    `lot_price` is what a lot costs in each step, in place of a price for each piece.
    """
    buyer = buyer or make_organisation(kinds=["buyer"])
    suppliers = suppliers or {name: make_organisation() for name in dict.fromkeys(steps)}
    machines = machines or {name: _machine(firm) for name, firm in suppliers.items()}
    deal = Deal(
        buyer=buyer,
        order=_order(buyer, len(steps), lots * lot_size, now),
        steps=steps,
        suppliers=suppliers,
        machines=machines,
        lot_price=lot_price,
    )
    deal.uids = {
        (lot, step): uuid4() for lot in range(1, lots + 1) for step in range(1, len(steps) + 1)
    }
    for name in suppliers:
        operations = tuple(
            _share_operation(deal, lot, step, lot_size, now + timedelta(hours=starts_in_hours))
            for lot in range(1, lots + 1)
            for step, maker in enumerate(steps, start=1)
            if maker == name
        )
        if operations:
            deal.offers[name] = _offer(deal, name, operations, now)
    return deal


def _machine(firm: Organisation) -> Machine:
    with acting_as(firm.pk):
        return MachineFactory.create(site=SiteFactory.create(tenant=firm))


def _order(buyer: Organisation, steps: int, quantity: int, now: datetime) -> Order:
    with acting_as(buyer.pk):
        order = Order.objects.create(
            tenant=buyer,
            number=f"PO-{Order.objects.of(buyer.pk).count() + 1:05d}",
            title="Licence plates",
            quantity=quantity,
            currency="CNY",
            earliest_start_at=now,
            due_at=now + timedelta(days=30),
            state=OrderState.OFFERED,
            cost_minor=quantity * steps * PRICE_PER_PIECE,
            created_by="buyer hand",
            created_at=now,
        )
        process = Process.objects.get(code="blanking")
        OrderStep.objects.bulk_create(
            OrderStep(tenant=buyer, order=order, position=position, process=process)
            for position in range(1, steps + 1)
        )
    return order


def _share_operation(
    deal: Deal, lot: int, step: int, quantity: int, starts_at: datetime
) -> ShareOperation:
    last = len(deal.steps)
    maker, start_at = deal.steps[step - 1], starts_at + timedelta(hours=2 * lot + 100 * step)
    return ShareOperation(
        uid=deal.uid(lot, step),
        lot=lot,
        step=step,
        process="blanking",
        machine_id=deal.machines[maker].pk,
        machine_code=deal.machines[maker].code,
        start_at=start_at,
        end_at=start_at + timedelta(hours=1),
        quantity=quantity,
        set_up_minutes=10,
        price_minor=quantity * PRICE_PER_PIECE if deal.lot_price is None else deal.lot_price,
        previous_supplier_id=None if step == 1 else deal.suppliers[deal.steps[step - 2]].pk,
        next_supplier_id=None if step == last else deal.suppliers[deal.steps[step]].pk,
        next_operation_uid=None if step == last else deal.uid(lot, step + 1),
        transport_minutes=90,
    )


def _offer(deal: Deal, name: str, operations: tuple[ShareOperation, ...], now: datetime) -> Offer:
    share = Share(
        title=deal.order.title,
        unit="pcs",
        currency="CNY",
        order_quantity=deal.order.quantity,
        step_count=len(deal.steps),
        due_at=deal.order.due_at,
        operations=operations,
    )
    with acting_as(deal.buyer.pk):
        return Offer.objects.create(
            buyer=deal.buyer,
            supplier=deal.suppliers[name],
            order_uid=deal.order.uid,
            order_number=deal.order.number,
            plan_uid=uuid4(),
            quantity=sum(operation.quantity for operation in operations),
            machine_minutes=share.machine_minutes,
            price_minor=share.price_minor,
            commission_minor=share.price_minor // 10,
            currency="CNY",
            starts_at=min(operation.start_at for operation in operations),
            ends_at=max(operation.end_at for operation in operations),
            snapshot=share.to_json(),
            expires_at=now + timedelta(hours=48),
            created_at=now,
        )
