"""What the tests of money share: legs, raw postings, and an order's pot."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from finance.core.postings import Leg, Pot, funding
from finance.ledger.services import post
from tenants.acting import PLATFORM_ID, acting_as
from tests.factories import NOW

ORDER = UUID(int=77)


def leg(tenant: int, code: str, amount: int, currency: str = "CNY", subject: UUID | None = None):
    return Leg(
        tenant_id=tenant, code=code, currency=currency, amount_minor=amount, subject_uid=subject
    )


def raw_post(legs: list[Leg], *, key: str = "k", kind: str = "test") -> int | None:
    """Call the database's function past our own checks, in the open transaction."""
    document = json.dumps(
        [
            {
                "tenant": one.tenant_id,
                "code": one.code,
                "currency": one.currency,
                "amount": one.amount_minor,
                "subject": one.subject_uid and str(one.subject_uid),
            }
            for one in legs
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "select ledger_post(%s, %s, %s, '', %s, %s::jsonb)", [key, kind, ORDER, NOW, document]
        )
        return cursor.fetchone()[0]


def pot_of(buyer_id: int, order: UUID = ORDER, currency: str = "CNY") -> Pot:
    return Pot(platform_id=PLATFORM_ID, buyer_id=buyer_id, subject_uid=order, currency=currency)


def fund(buyer_id: int, amount: int, *, order: UUID = ORDER, currency: str = "CNY") -> None:
    """Have an order's money arrive."""
    with acting_as(PLATFORM_ID):
        post(
            key=f"funding:{order}",
            kind="funding",
            subject_uid=order,
            legs=funding(pot_of(buyer_id, order, currency), amount),
            memo="",
            at=NOW,
        )


def book(key: str, legs: list[Leg], at: datetime | None = None) -> int | None:
    with acting_as(PLATFORM_ID):
        return post(
            key=key,
            kind="test",
            subject_uid=ORDER,
            legs=legs,
            memo="",
            at=at or datetime(2026, 3, 2, tzinfo=UTC),
        )


def scalar(statement: str, parameters: list[Any] | None = None, *, as_tenant: int = 1) -> Any:
    with acting_as(as_tenant), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0]
