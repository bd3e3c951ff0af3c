"""Reading a report's document aloud: codes and numbers become words in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tenants.templatetags.formats import number, percent

FACTORS: dict[str, Promise] = {
    "on_time_share": gettext_lazy("Deliveries on time"),
    "claim_deviation": gettext_lazy("Reports that differ from the machines' count"),
    "scrap_share": gettext_lazy("Scrap"),
    "active_day_share": gettext_lazy("Days with work"),
    "coverage": gettext_lazy("Sold hours in which the machine was heard"),
    "days_observed": gettext_lazy("Days observed"),
    "utilisation": gettext_lazy("Machine hours worked"),
    "orders_delivered": gettext_lazy("Orders delivered"),
    "deliveries": gettext_lazy("Deliveries"),
}
COUNTS = frozenset({"days_observed", "orders_delivered", "deliveries"})
SOURCES: dict[str, Promise] = {
    "state_intervals": gettext_lazy("Machine states, from the devices' own readings"),
    "deliveries": gettext_lazy("Deliveries, signed for by the receiver"),
    "production_reports": gettext_lazy("Production reports beside the machines' counts"),
    "payouts": gettext_lazy("Payments of the platform, from its ledger"),
}
GRADE_WORDS: dict[str, Promise] = {
    "A": gettext_lazy("Very steady"),
    "B": gettext_lazy("Steady"),
    "C": gettext_lazy("Mixed"),
    "D": gettext_lazy("Unsteady"),
    "E": gettext_lazy("Very unsteady"),
}
GRADE_TONES = {"A": "ok", "B": "ok", "C": "info", "D": "warn", "E": "bad"}


def source_kind(code: str) -> Promise | str:
    return SOURCES.get(code, code)


@dataclass(frozen=True, kw_only=True)
class ReasonLine:
    """One factor as it is read: measured, points, and what would raise it."""

    label: Promise | str
    measured: str
    points: int
    best_points: int
    lost: int
    advice: str

    @property
    def is_full(self) -> bool:
        return self.lost == 0


@dataclass(frozen=True, kw_only=True)
class ReportReading:
    """A report, or the parts of it that were disclosed, ready to be shown."""

    about: Mapping[str, Any]
    as_of: datetime
    behaviour: Mapping[str, Any] | None
    machines: Mapping[str, Any] | None
    orders: Mapping[str, Any] | None
    up: tuple[ReasonLine, ...]
    """What speaks for the firm: factors at their best."""
    down: tuple[ReasonLine, ...]
    """Points lost, the greatest loss first."""
    lacks: tuple[str, ...]
    weeks: tuple[dict[str, object], ...]
    payments: tuple[dict[str, object], ...]

    @property
    def grade_word(self) -> Promise | str:
        return GRADE_WORDS.get(self.behaviour["grade"], "") if self.behaviour else ""

    @property
    def tone(self) -> str:
        return GRADE_TONES.get(self.behaviour["grade"], "off") if self.behaviour else "off"


def read_report(document: Mapping[str, Any]) -> ReportReading:
    """Return a document in words; parts that it does not hold are None."""
    behaviour = document.get("behaviour")
    machines, orders = document.get("machines"), document.get("orders")
    lines = [_reason(one) for one in behaviour["reasons"]] if behaviour else []
    return ReportReading(
        about=document["about"],
        as_of=datetime.fromisoformat(document["about"]["as_of"]),
        behaviour=behaviour,
        machines=machines,
        orders=orders,
        up=tuple(line for line in lines if line.is_full),
        down=tuple(line for line in lines if not line.is_full),
        lacks=tuple(_lack(one) for one in behaviour["lacks"]) if behaviour else (),
        weeks=_weeks(machines["weeks"], lambda week: week["worked_hours"]) if machines else (),
        payments=_payments(orders["payments"]) if orders else (),
    )


def _reason(reason: Mapping[str, Any]) -> ReasonLine:
    code = reason["code"]
    measured = _value(code, reason["measured"])
    advice = ""
    if reason["next_at"] is not None:
        words = {
            "value": _value(code, reason["next_at"]),
            "points": reason["next_points"] - reason["points"],
        }
        points = words["points"]
        advice = (
            ngettext(
                "At %(value)s or more: %(points)s point more.",
                "At %(value)s or more: %(points)s points more.",
                points,
            )
            if reason["direction"] == "higher"
            else ngettext(
                "At %(value)s or less: %(points)s point more.",
                "At %(value)s or less: %(points)s points more.",
                points,
            )
        ) % words
    return ReasonLine(
        label=FACTORS.get(code, code),
        measured=measured,
        points=reason["points"],
        best_points=reason["best_points"],
        lost=reason["lost"],
        advice=advice,
    )


def _lack(lack: Mapping[str, Any]) -> str:
    code = lack["code"]
    return _("%(what)s: %(measured)s; a grade needs %(needed)s.") % {
        "what": FACTORS.get(code, code),
        "measured": _value(code, lack["measured"]),
        "needed": _value(code, lack["needed"]),
    }


def _value(code: str, value: float | None) -> str:
    if value is None:
        return _("nothing yet")
    return number(value) if code in COUNTS else percent(value, 1)


def _weeks(
    rows: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]
) -> tuple[dict[str, object], ...]:
    return tuple(
        {"label": _day(date.fromisoformat(row["week"])), "value": value(row)} for row in rows
    )


def _payments(rows: list[dict[str, Any]]) -> tuple[dict[str, object], ...]:
    """Return the weeks' payments with their week as a date."""
    return tuple({**row, "week": date.fromisoformat(row["week"])} for row in rows)


def _day(day: date) -> str:
    return f"{day.month}/{day.day}"
