"""Show a state as colour, shape and word together, so colour is never the only sign."""

from __future__ import annotations

from typing import NamedTuple

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

register = template.Library()

SHAPES = {
    "dot": '<circle cx="5" cy="5" r="4.2"/>',
    "ring": '<circle cx="5" cy="5" r="3.4" fill="none" stroke="currentColor" stroke-width="2"/>',
    "half": '<circle cx="5" cy="5" r="4" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M5 1a4 4 0 0 1 0 8z"/>',
    "diamond": '<path d="M5 0 10 5 5 10 0 5z"/>',
    "square": '<path d="M1 1h8v8H1z"/>',
    "triangle": '<path d="M5 .6 9.8 9.4H.2z"/>',
    "dash": '<path d="M.5 4h9v2.2h-9z"/>',
    "check": '<path d="m.8 5.4 2.8 2.8 5.6-6" fill="none" stroke="currentColor" stroke-width="2"/>',
    "cross": '<path d="m1.4 1.4 7.2 7.2m0-7.2-7.2 7.2" fill="none" stroke="currentColor" '
    'stroke-width="2"/>',
}


class Look(NamedTuple):
    """How one state is shown."""

    tone: str
    shape: str
    word: str


MACHINE_STATES = {
    "running": Look("ok", "dot", pgettext_lazy("machine state", "Running")),
    "idle": Look("brand", "ring", pgettext_lazy("machine state", "Idle")),
    "set_up": Look("vio", "diamond", pgettext_lazy("machine state", "Set-up")),
    "maintenance": Look("info", "square", pgettext_lazy("machine state", "Maintenance")),
    "down": Look("bad", "triangle", pgettext_lazy("machine state", "Down")),
    "offline": Look("off", "dash", pgettext_lazy("machine state", "Offline")),
}
SEVERITIES = {
    "critical": Look("bad", "triangle", pgettext_lazy("severity", "Critical")),
    "warning": Look("warn", "square", pgettext_lazy("severity", "Warning")),
    "info": Look("info", "dot", pgettext_lazy("severity", "Info")),
}
STATES = {
    "draft": Look("off", "ring", _("Draft")),
    "unverified": Look("off", "ring", _("Not verified")),
    "submitted": Look("info", "half", _("Submitted")),
    "verified": Look("ok", "check", _("Verified")),
    "approved": Look("ok", "check", _("Approved")),
    "suspended": Look("bad", "square", _("Suspended")),
    "listed": Look("brand", "ring", _("Listed")),
    "published": Look("info", "dot", _("Published")),
    "withdrawn": Look("off", "dash", _("Withdrawn")),
    "posted": Look("info", "dot", _("Posted")),
    "asked": Look("vio", "half", _("Planning")),
    "open": Look("info", "ring", _("Open")),
    "put": Look("warn", "half", _("Waits for the buyer")),
    "agreed": Look("ok", "half", _("Agreed")),
    "planning": Look("vio", "half", _("Planning")),
    "planned": Look("vio", "diamond", _("Planned")),
    "proposed": Look("vio", "ring", _("Proposed")),
    "offered": Look("info", "half", _("Offered")),
    "accepted": Look("ok", "check", _("Accepted")),
    "declined": Look("bad", "cross", _("Declined")),
    "lapsed": Look("warn", "dash", _("Lapsed")),
    "expired": Look("off", "dash", _("Expired")),
    "pending": Look("info", "ring", _("Waiting")),
    "confirmed": Look("info", "dot", _("Confirmed")),
    "awarded": Look("ok", "check", _("Awarded")),
    "partially_awarded": Look("warn", "half", _("Partly awarded")),
    "booked": Look("info", "dot", _("Booked")),
    "held": Look("vio", "half", _("Held")),
    "released": Look("ok", "check", _("Released")),
    "active": Look("ok", "dot", _("Active")),
    "in_production": Look("ok", "half", _("In production")),
    "in_process": Look("ok", "half", _("In process")),
    "paused": Look("warn", "square", _("Paused")),
    "at_risk": Look("warn", "triangle", _("At risk")),
    "late": Look("bad", "triangle", _("Late")),
    "on_time": Look("ok", "dot", _("On time")),
    "ready": Look("brand", "dot", _("Ready")),
    "in_transit": Look("info", "half", _("In transit")),
    "shipped": Look("info", "half", _("Shipped")),
    "delivered": Look("info", "check", _("Delivered")),
    "received": Look("info", "check", _("Received")),
    "inspected": Look("info", "check", _("Inspected")),
    "rejected": Look("bad", "cross", _("Rejected")),
    "done": Look("off", "check", _("Done")),
    "completed": Look("ok", "check", _("Completed")),
    "closed": Look("off", "check", _("Closed")),
    "cancelled": Look("off", "cross", _("Cancelled")),
    "funded": Look("info", "dot", _("Funded")),
    "paid": Look("ok", "check", _("Paid")),
    "refunded": Look("warn", "dash", _("Refunded")),
    "frozen": Look("bad", "square", _("Frozen")),
    "requested": Look("info", "ring", _("Requested")),
    "granted": Look("ok", "check", _("Granted")),
    "revoked": Look("bad", "cross", _("Revoked")),
    "applied": Look("info", "ring", _("Applied")),
    "disbursed": Look("ok", "dot", _("Disbursed")),
    "in_arrears": Look("bad", "triangle", _("In arrears")),
    "repaid": Look("ok", "check", _("Repaid")),
    "simulated": Look("vio", "diamond", _("Simulated")),
    **MACHINE_STATES,
    **SEVERITIES,
}


def shape_svg(shape: str) -> SafeString:
    """Return the small inline drawing of `shape`, hidden from screen readers."""
    return mark_safe(f'<svg viewBox="0 0 10 10" aria-hidden="true">{SHAPES[shape]}</svg>')


@register.simple_tag
def pill(label: object, tone: str = "off", shape: str = "dot") -> SafeString:
    """Show any word as a pill: `{% pill "3 new" tone="info" shape="dot" %}`."""
    return format_html('<span class="pill tone-{}">{}{}</span>', tone, shape_svg(shape), label)


@register.simple_tag
def status(code: object, label: object = "", live: object = "") -> SafeString:
    """Show a state by its code: `{% status machine.state live=machine.pk %}`.

    `label` overrides the word; a code without an entry is shown neutral in its own words.
    `live` is the row id whose later states live.js puts here.
    """
    key = str(getattr(code, "value", code)).lower()
    look = STATES.get(key) or Look("off", "dot", capfirst(key.replace("_", " ")))
    word = label or look.word
    if live == "":
        return pill(word, look.tone, look.shape)
    return format_html(
        '<span class="pill tone-{}" data-live-state="{}">{}<span>{}</span></span>',
        look.tone,
        live,
        shape_svg(look.shape),
        word,
    )


@register.simple_tag
def status_looks() -> dict[str, dict[str, str]]:
    """Return tone, drawing and word of every machine state, for live.js."""
    return {
        code: {"tone": look.tone, "shape": SHAPES[look.shape], "word": str(look.word)}
        for code, look in MACHINE_STATES.items()
    }
