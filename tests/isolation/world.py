"""One organisation that owns a row of everything, and a stranger that owns nothing.

Every URL argument of the site is filled from here; the matrix then tries each door as others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models

from devices.models import Device, Machine, PlannedRun, Shift, Site
from evidence.models import Consent
from finance.models import Loan, LoanProduct, Payout, Remittance
from marketplace.core.asked import AskedOrder, AskedStep
from marketplace.core.plan_json import PlanDocument, PlanMachine, PlanOperation, PlanSupplier
from marketplace.models import (
    CapacityWindow,
    Displacement,
    Funding,
    Order,
    OrderStep,
    Plan,
    PlanRequest,
    Process,
    Proposal,
    Release,
)
from marketplace.services.credit_features import refresh_report
from marketplace.services.inspection import inspect_shipment
from marketplace.services.sheets.keeping import keep_file
from scheduling.models import SolveRun
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.ids import uuid7
from tenants.models import ApiKey, Invitation, Membership, Organisation
from tests.factories import make_member, make_organisation
from tests.marketplace.deals import make_deal

MACHINE_FILE = b"machine,type,site,process,pieces_per_hour\nM9,Press,Plant,blanking,100\n"
CAPACITY_FILE = b"machine,date,start,end,price_per_hour\nM1,2030-01-02,08:00,10:00,9\n"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = timedelta(days=1)
ALL_SEATS = ["supplier", "buyer", "lender"]


@dataclass
class World:
    """`rows` maps a word (`order`, `offer`, …) to the row whose uid fills an URL."""

    owner: Membership
    viewer: Membership
    stranger: Membership
    counterpart: Organisation
    rows: dict[str, models.Model] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def uid(self, word: str) -> UUID:
        return self.rows[word].uid  # type: ignore[attr-defined]

    def word(self, word: str) -> str:
        """Return what stands in an URL for a row or a kept file."""
        return self.tokens.get(word) or str(self.uid(word))


def build_world() -> World:
    """Make the two organisations and one of everything for the first."""
    ours = make_organisation(name="Ours", kinds=ALL_SEATS)
    owner = make_member(ours)
    world = World(
        owner=owner,
        viewer=make_member(ours, role="viewer"),
        stranger=make_member(name="Stranger", kinds=ALL_SEATS),
        counterpart=make_organisation(name="Counterpart", kinds=ALL_SEATS),
    )
    world.rows["organisation"] = ours
    world.tokens = {
        "machine_file": keep_file(tenant_id=ours.pk, content=MACHINE_FILE),
        "capacity_file": keep_file(tenant_id=ours.pk, content=CAPACITY_FILE),
    }
    with acting_as(ours.pk):
        _people(world)
        _machines(world)
        _orders(world)
    with acting_as(PLATFORM_ID):
        _plans(world)
    _deals(world)
    with acting_as(ours.pk):
        _money(world)
    with acting_as(world.counterpart.pk):
        _held(world)
    with acting_as(PLATFORM_ID):
        world.rows["payout"] = Payout.objects.create(
            platform_id=PLATFORM_ID,
            supplier=ours,
            release_uid=uuid7(),
            subject_uid=uuid7(),
            label="WO-1",
            currency="CNY",
            gross_minor=100,
            commission_minor=3,
            net_minor=97,
            booked_at=NOW,
        )
        world.rows["remittance"] = Remittance.objects.create(
            platform_id=PLATFORM_ID,
            payee=ours,
            kind="refund",
            subject_uid=uuid7(),
            source_uid=uuid7(),
            label="O-1",
            currency="CNY",
            amount_minor=10,
            booked_at=NOW,
        )
    return world


def _people(world: World) -> None:
    ours, rows = world.owner.tenant, world.rows
    rows["member"] = world.viewer
    rows["invitation"] = Invitation.objects.create(
        tenant=ours,
        email="guest@example.com",
        role="viewer",
        token_hash=b"h" * 32,
        invited_by=world.owner.person,
        created_at=NOW,
        expires_at=NOW + 7 * DAY,
    )
    rows["key"] = ApiKey.objects.create(
        tenant=ours,
        name="ERP",
        prefix="0123456789ab",
        secret_hash=b"s" * 32,
        scopes=["read"],
        created_by=world.owner.person,
        created_at=NOW,
    )


def _machines(world: World) -> None:
    ours, rows = world.owner.tenant, world.rows
    site = Site.objects.create(tenant=ours, name="Plant", time_zone="UTC")
    machine = Machine.objects.create(tenant=ours, site=site, code="M1", machine_type="Press")
    rows |= {"site": site, "machine": machine}
    Shift.objects.create(tenant=ours, site=site, weekday=0, starts_at="08:00", ends_at="16:00")
    rows["device"] = Device.objects.create(tenant=ours, machine=machine, created_at=NOW)
    PlannedRun.objects.create(
        tenant=ours,
        machine=machine,
        during=(NOW, NOW + DAY),
        label="Lot 1",
        quantity=10,
        subject_uid=uuid7(),
    )
    rows["window"] = CapacityWindow.objects.create(
        tenant=ours,
        machine=machine,
        during=(NOW + DAY, NOW + 2 * DAY),
        price_minor_per_hour=100,
        currency="CNY",
        created_at=NOW,
    )


def _orders(world: World) -> None:
    ours, rows = world.owner.tenant, world.rows
    order = Order.objects.create(
        tenant=ours,
        number="O-1",
        title="Plates",
        quantity=10,
        earliest_start_at=NOW,
        due_at=NOW + 9 * DAY,
        state="planned",
        created_by="Owner",
        created_at=NOW,
    )
    OrderStep.objects.create(
        tenant=ours, order=order, position=1, process=Process.objects.get(code="blanking")
    )
    rows["order"] = order
    rows["plan_request"] = PlanRequest.objects.create(
        buyer=ours,
        platform_id=PLATFORM_ID,
        order_uid=order.uid,
        snapshot=_asked().to_json(),
        state="ready",
        created_at=NOW,
    )
    rows["inquiry"] = PlanRequest.objects.create(
        buyer=ours,
        platform_id=PLATFORM_ID,
        order_uid=uuid7(),
        purpose="inquiry",
        snapshot=_asked().to_json(),
        state="ready",
        created_at=NOW,
    )


def _asked() -> AskedOrder:
    return AskedOrder(
        title="Plates",
        quantity=10,
        unit="pcs",
        currency="CNY",
        steps=(AskedStep(process="blanking", requirements={}),),
        earliest_start_at=NOW,
        due_at=NOW + 9 * DAY,
    )


def _plans(world: World) -> None:
    ours, rows = world.owner.tenant, world.rows
    rows["plan"] = Plan.objects.create(
        buyer=ours,
        platform_id=PLATFORM_ID,
        request=rows["plan_request"],
        order_uid=world.uid("order"),
        kind="cheapest",
        origin_at=NOW,
        cost_minor=100,
        currency="CNY",
        completes_at=NOW + DAY,
        makespan_minutes=10,
        bound_minutes=9,
        gap=0.1,
        supplier_count=1,
        machine_count=1,
        schedule=_schedule(world).to_json(),
        reasons={"chosen": [], "left_out": [], "assumptions": []},
        created_at=NOW,
    )
    rows["displacement"] = Displacement.objects.create(
        platform_id=PLATFORM_ID,
        supplier=world.owner.tenant,
        order_uid=uuid7(),
        plan_uid=uuid7(),
        offer_uid=uuid7(),
        plans={},
        moves=[],
        created_at=NOW,
    )
    rows["run"] = SolveRun.objects.create(
        tenant_id=PLATFORM_ID,
        subject_uid=rows["plan_request"].uid,
        origin_at=NOW,
        problem={},
        queued_at=NOW,
    )


def _schedule(world: World) -> PlanDocument:
    ours, machine = world.owner.tenant, world.rows["machine"]
    return PlanDocument(
        seed=world.uid("order"),
        processes=("blanking",),
        suppliers=(PlanSupplier(id=ours.pk, name=ours.name),),
        machines=(PlanMachine(id=machine.pk, code="M1", type="Press", supplier=0, place="Plant"),),
        operations=(
            PlanOperation(
                lot=1, step=1, machine=0, start=0, end=60, quantity=10, set_up=5, price=100
            ),
        ),
    )


def _deals(world: World) -> None:
    """Let a lot be inspected, another one wait for inspection, and an offer for its answer."""
    ours, rows = world.owner.tenant, world.rows
    parties: dict[str, Any] = {
        "buyer": ours,
        "suppliers": {"press": ours},
        "machines": {"press": rows["machine"]},
    }
    deal = make_deal(("press",), lot_size=10, **parties)
    deal.accept()
    deal.fund()
    inspected, rows["shipment"] = deal.make(1), deal.make(2)
    rows["operation"] = operation = deal.operation(2, 1)
    rows["work_order"] = operation.work_order
    rows["offer"] = make_deal(("press",), **parties).offers["press"]
    with acting_as(ours.pk):
        rows["proposal"] = Proposal.objects.create(
            buyer=ours,
            supplier=ours,
            order_uid=operation.order_uid,
            order_number=operation.order_number,
            halts=[],
            state="open",
            plan_uid=uuid7(),
            expires_at=datetime.now(UTC) + 99 * DAY,
            created_at=NOW,
        )
        inspect_shipment(shipment_uid=inspected.uid, by=_hand(ours), now=NOW + DAY)
        rows["release"] = Release.objects.get(buyer=ours)


def _money(world: World) -> None:
    ours, other, rows = world.owner.tenant, world.counterpart, world.rows
    about: dict[str, Any] = {"order_uid": world.uid("order"), "order_number": "O-1"}
    Order.objects.filter(uid=world.uid("order")).update(cost_minor=100)
    party = {"buyer": ours, "platform_id": PLATFORM_ID, **about, "currency": "CNY"}
    rows["funding"] = Funding.objects.create(
        **party, amount_minor=100, payment_reference="REF", created_at=NOW
    )
    rows["consent"] = Consent.objects.create(
        owner=ours,
        grantee=other,
        purpose="lending",
        scope=["behaviour"],
        valid_from=NOW,
        valid_until=NOW + 999 * DAY,
        state="granted",
        created_at=NOW,
    )
    rows["report"] = refresh_report(supplier=ours, by=_hand(ours), now=NOW)
    product = LoanProduct.objects.create(
        lender=ours,
        name="Working capital",
        currency="CNY",
        minimum_minor=1,
        maximum_minor=10**9,
        annual_rate="0.08",
        term_days=90,
        share_of_release="0.5",
    )
    rows["product"] = product
    rows["loan"] = Loan.objects.create(
        supplier=ours,
        lender=other,
        product=product,
        number="L-1",
        consent_uid=world.uid("consent"),
        currency="CNY",
        asked_minor=1000,
        annual_rate="0.08",
        share_of_release="0.5",
        applied_at=NOW,
    )
    rows["lent"] = Loan.objects.create(
        supplier=ours,
        lender=ours,
        product=product,
        number="L-2",
        consent_uid=world.uid("consent"),
        currency="CNY",
        asked_minor=1000,
        annual_rate="0.08",
        share_of_release="0.5",
        applied_at=NOW,
    )


def _hand(organisation: Organisation) -> Actor:
    return Actor(tenant_id=organisation.pk, name="Hand")


def _held(world: World) -> None:
    """Let the counterpart show its own report to our lender."""
    ours, other, rows = world.owner.tenant, world.counterpart, world.rows
    refresh_report(supplier=other, by=_hand(other), now=NOW)
    rows["held"] = Consent.objects.create(
        owner=other,
        grantee=ours,
        purpose="lending",
        scope=["behaviour"],
        valid_from=NOW,
        valid_until=NOW + 9999 * DAY,
        state="granted",
        created_at=NOW,
    )


def digest(tenant_id: int, tables: list[str]) -> dict[str, str]:
    """Return a fingerprint of all rows that an organisation sees, table by table."""
    found = {}
    with acting_as(tenant_id), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(
                "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) "
                f"from {table} t"
            )
            found[table] = cursor.fetchone()[0]
    return found
