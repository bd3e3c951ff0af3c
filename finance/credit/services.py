"""Making a credit report: a snapshot of one supplier's behaviour, in parts by scope."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from evidence.services.transitions import record_change
from finance.credit.core.features import Features
from finance.credit.core.grading import BehaviourGrade, grade_behaviour
from finance.credit.models import CreditReport
from tenants.actors import Actor

WINDOW_DAYS = 90
"""How far back a report looks."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where figures come from: a kind of record, how many there were, and their span."""

    kind: str
    rows: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class CreditMaterial:
    """What a report is made of; `machines` and `orders` are plain documents of their scope."""

    supplier_name: str
    is_simulated: bool
    features: Features
    machines: dict[str, Any]
    orders: dict[str, Any]
    sources: dict[str, tuple[Source, ...]]
    """By scope."""


@transaction.atomic
def make_report(*, material: CreditMaterial, by: Actor, now: datetime) -> CreditReport:
    """Grade a supplier and keep the report, as that supplier; reports are never changed."""
    graded = grade_behaviour(material.features)
    report = CreditReport.objects.create(
        tenant_id=by.tenant_id,
        as_of=now,
        grade=graded.grade,
        points=graded.points,
        coverage=material.features.coverage or 0.0,
        features=asdict(material.features),
        document=_document(material, graded, now),
        card_version=graded.card_version,
    )
    record_change(
        report,
        change="made",
        by=by,
        now=now,
        evidence={"grade": graded.grade, "points": graded.points, "card": graded.card_version},
    )
    return report


def _document(material: CreditMaterial, graded: BehaviourGrade, now: datetime) -> dict[str, Any]:
    """Return the report in JSON's own types, one part for each scope of a consent."""
    return {
        "about": {
            "supplier": material.supplier_name,
            "is_simulated": material.is_simulated,
            "as_of": now.isoformat(),
            "window_days": WINDOW_DAYS,
            "card_version": graded.card_version,
        },
        "behaviour": {
            "grade": graded.grade,
            "points": graded.points,
            "best_points": graded.best_points,
            "is_capped": graded.is_capped,
            "reasons": [{**asdict(one), "lost": one.lost} for one in graded.reasons],
            "lacks": [asdict(one) for one in graded.lacks],
            "sources": _sources(material, "behaviour"),
        },
        "machines": {**material.machines, "sources": _sources(material, "machines")},
        "orders": {**material.orders, "sources": _sources(material, "orders")},
    }


def _sources(material: CreditMaterial, scope: str) -> list[dict[str, Any]]:
    return [
        {
            "kind": source.kind,
            "rows": source.rows,
            "first_at": source.first_at and source.first_at.isoformat(),
            "last_at": source.last_at and source.last_at.isoformat(),
        }
        for source in material.sources[scope]
    ]
