"""Round charts: shares of a whole, a dial with its target, claim and count as rings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import cos, pi, sin

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.templatetags.formats import number, percent
from tenants.templatetags.svg import coordinate, picture, tag

register = template.Library()

TONES = ("brand", "info", "vio", "ok", "warn", "bad", "off")


@register.simple_tag
def donut(parts: Sequence[Mapping[str, object]], label: str, total: str = "") -> SafeString:
    """Draw shares of a whole with their legend: `{% donut parts _("Machines") total="24" %}`.

    Each part is `{label, value, tone?}`; no more than six read well.
    """
    whole = sum(float(part["value"]) for part in parts) or 1.0  # type: ignore[arg-type]
    ring = 2 * pi * 42
    drawn: list[object] = [
        tag("circle", cx="60", cy="60", r="42", class_="stroke-track", stroke_width="16")
    ]
    legend, offset = [], 0.0
    for position, part in enumerate(parts):
        share = float(part["value"]) / whole  # type: ignore[arg-type]
        tone = part.get("tone") or TONES[position % len(TONES)]
        length = max(share * ring - 1.5, 0.0)
        drawn.append(
            tag(
                "circle",
                cx="60",
                cy="60",
                r="42",
                class_=f"stroke tone-{tone}",
                stroke_width="16",
                stroke_dasharray=f"{coordinate(length)} {coordinate(ring)}",
                stroke_dashoffset=coordinate(-offset),
                transform="rotate(-90 60 60)",
            )
        )
        offset += share * ring
        legend.append((tone, part["label"], number(part["value"], 1)))  # type: ignore[arg-type]
    if total:
        drawn.append(tag("text", total, x="60", y="68", text_anchor="middle", class_="big"))
    told = label + ": " + ", ".join(f"{name} {value}" for _tone, name, value in legend)
    items = format_html_join("", '<li class="tone-{}"><i></i>{} <b>{}</b></li>', legend)
    chart = picture(drawn, width=120, height=120, label=told)
    return format_html('<div class="donut-row">{}<ul class="legend">{}</ul></div>', chart, items)


def _arc(radius: float, start: float, end: float) -> str:
    """Return the path of an arc on the upper half circle; 0 is its left end, 1 its right."""
    x0, y0 = 80 - radius * cos(pi * start), 80 - radius * sin(pi * start)
    x1, y1 = 80 - radius * cos(pi * end), 80 - radius * sin(pi * end)
    points = [coordinate(value) for value in (x0, y0, radius, radius, x1, y1)]
    return "M{} {}A{} {} 0 0 1 {} {}".format(*points)


@register.simple_tag
def gauge(
    value: float | None,
    label: str,
    maximum: float = 100,
    target: float | None = None,
    text: str = "",
    note: str = "",
    tone: str = "brand",
) -> SafeString:
    """Draw a half dial with a target tick.

    `{% gauge 71.4 "OEE" target=85 text="71.4%" note="A × P × Q" %}`
    """
    share = 0.0 if value is None else max(0.0, min(1.0, value / maximum))
    parts = [tag("path", d=_arc(66, 0, 1), class_="stroke-track", stroke_width="14")]
    if share:
        parts.append(tag("path", d=_arc(66, 0, share), class_="stroke", stroke_width="14"))
    told = f"{label}: {text or number(value, 1)}"
    if target is not None:
        at = pi * max(0.0, min(1.0, target / maximum))
        ends = [coordinate(v) for r in (56, 76) for v in (80 - r * cos(at), 80 - r * sin(at))]
        parts.append(tag("path", d="M{} {}L{} {}".format(*ends), class_="mark"))
        told += ", " + _("target %(target)s") % {"target": number(target, 1)}
    parts.append(
        tag("text", text or number(value, 1), x="80", y="74", text_anchor="middle", class_="big")
    )
    if note:
        parts.append(tag("text", note, x="80", y="96", text_anchor="middle"))
    return picture(parts, width=160, height=102, label=told, tone=tone, css="dial")


def claim_label(planned: float, claimed: float, counted: float, total: float) -> str:
    """Return the three figures as one sentence for a screen reader."""
    return _("Plan %(plan)s, shop reports %(claim)s, machines count %(count)s of %(total)s") % {
        "plan": number(planned),
        "claim": number(claimed),
        "count": number(counted),
        "total": number(total),
    }


@register.simple_tag
def claim_ring(planned: float, claimed: float, counted: float, total: float) -> SafeString:
    """Show what `claim_bar` shows as two rings, outer the claim, inner the count."""
    parts: list[object] = []
    for radius, value, tone in ((42, claimed, "vio"), (31, counted, "ok")):
        ring = 2 * pi * radius
        parts.append(
            tag("circle", cx="50", cy="50", r=radius, class_="stroke-track", stroke_width="8")
        )
        length = ring * min(value / (total or 1), 1)
        parts.append(
            tag(
                "circle",
                cx="50",
                cy="50",
                r=radius,
                class_=f"stroke tone-{tone}",
                stroke_width="8",
                stroke_dasharray=f"{coordinate(length)} {coordinate(ring)}",
                transform="rotate(-90 50 50)",
            )
        )
    turn = coordinate(360 * min(planned / (total or 1), 1))
    parts.append(tag("path", d="M50 2V14", class_="mark", transform=f"rotate({turn} 50 50)"))
    parts.append(
        tag(
            "text",
            percent(counted / (total or 1)),
            x="50",
            y="55",
            text_anchor="middle",
            class_="strong",
        )
    )
    told = claim_label(planned, claimed, counted, total)
    return picture(parts, width=100, height=100, label=told, css="ring")
