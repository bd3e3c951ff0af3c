"""Posting to the ledger, by the one function of the database that may."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext_lazy as _

from finance.core.postings import Leg, balanced
from tenants.errors import Conflict

KEY_REUSED = "OF001"
"""SQLSTATE of `ledger_post` when a key has booked something else."""
CHECK_VIOLATION = "23514"


class Overdrawn(Conflict):
    """An account holds less than this posting would take from it."""

    code = "overdrawn"


class KeyReused(RuntimeError):
    """One key for two different postings: a mistake of ours."""


class Unbalanced(ValueError):
    """The legs do not add up to zero: a mistake of ours."""


def post(
    *, key: str, kind: str, subject_uid: UUID, legs: Sequence[Leg], memo: str, at: datetime
) -> int | None:
    """Book one movement of money, once, in the open transaction of the platform.

    Legs on the same account become one entry. The accounts are locked in one order until the
    transaction ends, so post once in a transaction. Returns the transaction's id, or None when
    `key` has booked the very same before.

    Raises:
        Overdrawn: an account would be taken below what it holds.
        KeyReused: `key` has booked something else.
        Unbalanced: the legs do not add up to zero in each currency.
    """
    if not balanced(legs):
        raise Unbalanced(f"the legs of {key} do not add up")
    document = json.dumps(
        [
            {
                "tenant": leg.tenant_id,
                "code": leg.code,
                "currency": leg.currency,
                "amount": leg.amount_minor,
                "subject": None if leg.subject_uid is None else str(leg.subject_uid),
            }
            for leg in legs
        ]
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "select ledger_post(%s, %s, %s, %s, %s, %s::jsonb)",
                [key, kind, subject_uid, memo[:200], at, document],
            )
            (transaction_id,) = cursor.fetchone()
    except DatabaseError as error:
        raise _named(error, key) from error
    return transaction_id


def _named(error: DatabaseError, key: str) -> Exception:
    """Return our name for what the database refused, or the database's own error."""
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) == KEY_REUSED:
        return KeyReused(f"key {key} has booked something else")
    diagnostic = getattr(cause, "diag", None)
    if diagnostic is not None and diagnostic.constraint_name == "account_floor":
        return Overdrawn(_("There is not enough money on the account for this."))
    return error
