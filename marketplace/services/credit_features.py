"""What a supplier's machines, deliveries and payments say, put together for its credit report."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Min, Q, Sum
from django.db.models.functions import Abs

from devices.machine_use import DayOfUse, seen_share_of_sold_time, use_by_day
from finance.credit.core.features import Features
from finance.credit.models import CreditReport
from finance.credit.services import WINDOW_DAYS, CreditMaterial, Source, make_report
from finance.models import Payout
from marketplace.models import Operation, Shipment
from tenants.actors import Actor
from tenants.models import Organisation

ACTIVE_HOURS = 1.0
"""A day on which the machines worked less is not an active day."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """Deliveries and production reports of one supplier within the window."""

    deliveries: int
    on_time: int
    orders: int
    first_at: datetime | None
    last_at: datetime | None
    operations: int
    good_pieces: int
    scrap_pieces: int
    counted_pieces: int
    pieces_off: int
    """Pieces by which reports and counts differ, operation by operation."""


def refresh_report(*, supplier: Organisation, by: Actor, now: datetime) -> CreditReport:
    """Make a new credit report of a supplier from what is known now, as that supplier."""
    return make_report(material=material_of(supplier=supplier, now=now), by=by, now=now)


def material_of(*, supplier: Organisation, now: datetime) -> CreditMaterial:
    """Read what a report is made of; five queries whatever the size."""
    since = now - timedelta(days=WINDOW_DAYS)
    days = use_by_day(tenant_id=supplier.pk, since=since, until=now)
    work = _work(supplier.pk, since)
    machines_source = Source(
        kind="state_intervals",
        rows=sum(day.intervals for day in days),
        first_at=_start_of(days[0].day, now) if days else None,
        last_at=_start_of(days[-1].day, now) if days else None,
    )
    deliveries_source = Source(
        kind="deliveries", rows=work.deliveries, first_at=work.first_at, last_at=work.last_at
    )
    reports_source = Source(
        kind="production_reports", rows=work.operations, first_at=None, last_at=None
    )
    payments, payments_source = _payments(supplier.pk, since)
    coverage = seen_share_of_sold_time(tenant_id=supplier.pk, since=since, until=now)
    return CreditMaterial(
        supplier_name=supplier.name,
        is_simulated=supplier.is_simulated,
        features=_features(days, work, coverage),
        machines={"weeks": _weeks(days)},
        orders={
            "deliveries": work.deliveries,
            "on_time": work.on_time,
            "orders": work.orders,
            "good": work.good_pieces,
            "scrap": work.scrap_pieces,
            "counted": work.counted_pieces,
            "off": work.pieces_off,
            "payments": payments,
        },
        sources={
            "behaviour": (machines_source, deliveries_source, reports_source),
            "machines": (machines_source,),
            "orders": (deliveries_source, reports_source, payments_source),
        },
    )


def _features(days: list[DayOfUse], work: Work, coverage: float | None) -> Features:
    known = sum(day.known_hours for day in days)
    active = sum(day.worked_hours >= ACTIVE_HOURS for day in days)
    reported = work.good_pieces + work.scrap_pieces
    return Features(
        days_observed=len(days),
        coverage=_round(coverage),
        active_day_share=_share(active, len(days)),
        utilisation=_share(sum(day.worked_hours for day in days), known),
        deliveries=work.deliveries,
        on_time_share=_share(work.on_time, work.deliveries),
        scrap_share=_share(work.scrap_pieces, reported),
        claim_deviation=_share(work.pieces_off, work.counted_pieces),
        orders_delivered=work.orders,
    )


def _share(part: float, whole: float) -> float | None:
    return _round(part / whole) if whole else None


def _round(share: float | None) -> float | None:
    """Keep four places: a report is to be read, and made again to the same figures."""
    return None if share is None else round(share, 4)


def _work(supplier_id: int, since: datetime) -> Work:
    delivered = Shipment.objects.filter(sender_id=supplier_id, delivered_at__gte=since).aggregate(
        deliveries=Count("id"),
        on_time=Count("id", filter=Q(delivered_at__lte=F("due_at"))),
        orders=Count("order_uid", distinct=True),
        first_at=Min("delivered_at"),
        last_at=Max("delivered_at"),
    )
    difference = Abs(F("good") + F("scrap") - F("counted"))
    reported = (
        Operation.objects.of_supplier(supplier_id)
        .filter(finished_at__gte=since)
        .aggregate(
            operations=Count("id"),
            good_pieces=Sum("good", default=0),
            scrap_pieces=Sum("scrap", default=0),
            counted_pieces=Sum("counted", default=0),
            pieces_off=Sum(difference, filter=Q(counted__gt=0), default=0),
        )
    )
    return Work(**delivered, **reported)


def _payments(supplier_id: int, since: datetime) -> tuple[list[dict[str, Any]], Source]:
    """Return what was earned, by currency and week, and where that comes from."""
    lines = Payout.objects.filter(supplier_id=supplier_id, booked_at__gte=since).order_by(
        "booked_at"
    )
    weeks: dict[tuple[date, str], dict[str, int]] = defaultdict(
        lambda: {"gross_minor": 0, "net_minor": 0, "lines": 0}
    )
    count, first_at, last_at = 0, None, None
    for at, currency, gross, net in lines.values_list(
        "booked_at", "currency", "gross_minor", "net_minor"
    ):
        week = weeks[(_monday(at.date()), currency)]
        week["gross_minor"] += gross
        week["net_minor"] += net
        week["lines"] += 1
        count, first_at, last_at = count + 1, first_at or at, at
    document = [
        {"week": monday.isoformat(), "currency": currency, **sums}
        for (monday, currency), sums in sorted(weeks.items())
    ]
    return document, Source(kind="payouts", rows=count, first_at=first_at, last_at=last_at)


def _weeks(days: list[DayOfUse]) -> list[dict[str, Any]]:
    weeks: dict[date, dict[str, Any]] = {}
    for day in days:
        week = weeks.setdefault(
            _monday(day.day), {"known_hours": 0.0, "worked_hours": 0.0, "machines": 0}
        )
        week["known_hours"] += day.known_hours
        week["worked_hours"] += day.worked_hours
        week["machines"] = max(week["machines"], day.machines)
    return [
        {
            "week": monday.isoformat(),
            "known_hours": round(week["known_hours"], 1),
            "worked_hours": round(week["worked_hours"], 1),
            "machines": week["machines"],
        }
        for monday, week in sorted(weeks.items())
    ]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _start_of(day: date, now: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)
