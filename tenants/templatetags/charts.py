"""Charts drawn on the server as SVG: no script, same on screen, on paper and in a PDF."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import cos, pi, sin

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.templatetags import charts_plan
from tenants.templatetags.formats import number
from tenants.templatetags.svg import coordinate, figure, join, picture, spread, table_twin, tag

register = template.Library()
register.tags.update(charts_plan.register.tags)

TONES = ("brand", "info", "vio", "ok", "warn", "bad", "off")


@register.simple_tag
def sparkline(
    values: Iterable[float | None], label: str, tone: str = "", area: bool = False
) -> SafeString:
    """Draw a small trace; None leaves a gap.

    `{% sparkline machine.temperatures "Spindle, 24 h" %}`
    """
    points = list(values)
    known = [value for value in points if value is not None]
    if not known:
        return picture(
            [],
            width=100,
            height=32,
            label=_("%(name)s: no readings") % {"name": label},
            css="spark",
        )
    low, high = min(known), max(known)
    step = 100 / max(len(points) - 1, 1)
    path, pen_down = "", False
    for position, value in enumerate(points):
        if value is None:
            pen_down = False
            continue
        y = 30 - 28 * (value - low) / spread(low, high)
        path += f"{'L' if pen_down else 'M'}{coordinate(position * step)} {coordinate(y)}"
        pen_down = True
    told = _("%(name)s: last %(last)s, lowest %(low)s, highest %(high)s") % {
        "name": label,
        "last": number(known[-1], 1),
        "low": number(low, 1),
        "high": number(high, 1),
    }
    shapes = [tag("path", d=path, class_="trace")]
    if area and len(known) == len(points):
        shapes.insert(0, tag("path", d=f"{path}L100 32L0 32Z", class_="area"))
    return picture(
        shapes, width=100, height=32, label=told, tone=tone, css="spark", preserveAspectRatio="none"
    )


@register.simple_tag
def meter(
    value: float | None, label: str, maximum: float = 100, tone: str = "", live: str = ""
) -> SafeString:
    """Draw a thin bar of a share: `{% meter 71 _("OEE") live="12.oee" %}`."""
    share = 0.0 if value is None else max(0.0, min(1.0, value / (maximum or 1)))
    return tag(
        "svg",
        tag("rect", width="100", height="6", class_="track")
        + tag(
            "rect",
            width=100 * share,
            height="6",
            class_="fill",
            data_live_bar=live or None,
            data_max=maximum if live else None,
        ),
        class_=f"chart meter{f' tone-{tone}' if tone else ''}",
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{label}: {number(value, 1)} / {number(maximum, 1)}",
    )


@register.simple_tag
def bars(
    items: Sequence[Mapping[str, object]], label: str, unit: str = "", caption: str = ""
) -> SafeString:
    """Draw level bars with their words, best for few and named values.

    `{% bars items "Hours by cause" "h" %}`

    Each item is `{label, value, tone?, text?}`; a negative value goes left of the zero line.
    """
    values = [float(item["value"]) for item in items]  # type: ignore[arg-type]
    low, high = min([0.0, *values]), max([0.0, *values])
    left, width, line = 150.0, 300.0, 28.0
    zero = left + width * (0 - low) / spread(low, high)
    parts: list[object] = []
    for position, (item, value) in enumerate(zip(items, values, strict=True)):
        y = position * line
        length = width * abs(value) / spread(low, high)
        text = item.get("text") or f"{number(value, 1)} {unit}".strip()
        start = zero if value >= 0 else zero - length
        parts += [
            tag("text", item["label"], x="0", y=y + 18),
            tag(
                "rect",
                x=start,
                y=y + 6,
                width=max(length, 1.0),
                height="16",
                rx="2",
                class_=f"fill tone-{item.get('tone') or 'brand'}",
            ),
            tag("text", text, x=left + width + 8, y=y + 18, class_="strong"),
        ]
    parts.append(
        tag("path", d=f"M{coordinate(zero)} 0V{coordinate(len(values) * line)}", class_="axis")
    )
    chart = picture(parts, width=left + width + 80, height=max(len(values), 1) * line, label=label)
    rows = [
        (item["label"], number(value, 2), unit) for item, value in zip(items, values, strict=True)
    ]
    return figure(chart, table_twin((_("Name"), _("Value"), _("Unit")), rows), caption=caption)


@register.simple_tag
def columns(
    items: Sequence[Mapping[str, object]],
    label: str,
    unit: str = "",
    caption: str = "",
    tone: str = "brand",
) -> SafeString:
    """Draw upright bars over time, best for months or days.

    `{% columns months "Payments" "CNY" %}`

    Each item is `{label, value, tone?}`; None leaves the place empty.
    """
    known = [float(item["value"]) for item in items if item["value"] is not None]  # type: ignore[arg-type]
    top = max([0.0, *known]) or 1.0
    width, height = 480.0, 140.0
    step = width / max(len(items), 1)
    every = max(1, len(items) // 8)
    parts: list[object] = [
        tag("path", d=f"M0 {coordinate(y)}H{coordinate(width)}", class_="gridline")
        for y in (height, height / 2)
    ]
    parts.append(tag("text", f"{number(top, 1)} {unit}".strip(), x="0", y="9"))
    for position, item in enumerate(items):
        x = position * step
        if item["value"] is not None:
            size = (height - 16) * float(item["value"]) / top  # type: ignore[arg-type]
            parts.append(
                tag(
                    "rect",
                    x=x + step * 0.14,
                    y=height - size,
                    width=step * 0.72,
                    height=max(size, 0.5),
                    rx="2",
                    class_=f"fill tone-{item.get('tone') or tone}",
                )
            )
        if position % every == 0:
            parts.append(
                tag("text", item["label"], x=x + step / 2, y=height + 16, text_anchor="middle")
            )
    chart = picture(parts, width=width, height=height + 20, label=label)
    rows = [(item["label"], number(item["value"], 2)) for item in items]  # type: ignore[arg-type]
    return figure(chart, table_twin((_("Time"), unit or _("Value")), rows), caption=caption)


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
    return picture(parts, width=160, height=102, label=told, tone=tone)


@register.simple_tag
def heatmap(
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[str],
    label: str,
    unit: str = "",
    caption: str = "",
) -> SafeString:
    """Draw numbers as depth of colour with the number inside.

    `{% heatmap groups weeks "Free hours" "h" %}`

    Each row is `{label, values}`, a value per column, None where nothing is known.
    """
    known = [float(v) for row in rows for v in row["values"] if v is not None]  # type: ignore[attr-defined]
    top = max(known, default=1.0) or 1.0
    left, cell, line = 120.0, 52.0, 30.0
    parts: list[object] = [
        tag("text", name, x=left + cell * (i + 0.5), y="14", text_anchor="middle")
        for i, name in enumerate(columns)
    ]
    for position, row in enumerate(rows):
        y = 22 + position * line
        parts.append(tag("text", row["label"], x="0", y=y + 19))
        for i, value in enumerate(row["values"]):  # type: ignore[arg-type,var-annotated]
            x = left + i * cell
            parts.append(
                tag(
                    "rect",
                    x=x + 1,
                    y=y + 1,
                    width=cell - 2,
                    height=line - 2,
                    rx="3",
                    class_="track",
                )
            )
            if value is not None:
                depth = 0.06 + 0.34 * float(value) / top
                parts.append(
                    tag(
                        "rect",
                        x=x + 1,
                        y=y + 1,
                        width=cell - 2,
                        height=line - 2,
                        rx="3",
                        class_="hot",
                        opacity=depth,
                    )
                )
            parts.append(
                tag(
                    "text",
                    number(value),
                    x=x + cell / 2,
                    y=y + 19,
                    text_anchor="middle",
                    class_="strong",
                )
            )
    chart = picture(
        parts, width=left + cell * len(columns), height=22 + line * len(rows), label=label
    )
    head = (unit or _("Name"), *columns)
    body = [(row["label"], *(number(v, 1) for v in row["values"])) for row in rows]  # type: ignore[attr-defined]
    return figure(join([chart]), table_twin(head, body), caption=caption)
