"""Reading another organisation's report: a function of the database decides and writes it down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from evidence.models.consents import Purpose

DISCLOSED = "disclosed"


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """The answer to one look. Anything but `disclosed` is a refusal and carries no document."""

    outcome: str
    report_uid: UUID | None
    as_of: datetime | None
    document: dict[str, Any] | None

    @property
    def is_open(self) -> bool:
        return self.outcome == DISCLOSED


def disclose_report(*, consent_uid: UUID, purpose: Purpose, now: datetime) -> Disclosure:
    """Ask for the newest report that a consent opens to the acting organisation.

    A refusal is returned, not raised: the look is written for the owner either way, and a raised
    error would roll that line back with the request.
    """
    with connection.cursor() as cursor:
        cursor.execute("select * from disclose_report(%s, %s, %s)", [consent_uid, purpose, now])
        outcome, report_uid, as_of, document = cursor.fetchone()
    if isinstance(document, str):
        document = json.loads(document)
    return Disclosure(outcome=outcome, report_uid=report_uid, as_of=as_of, document=document)
