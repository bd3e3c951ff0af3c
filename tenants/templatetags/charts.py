"""Charts drawn on the server as SVG: no script, same on screen, on paper and in a PDF."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.templatetags import charts_plan, charts_round, charts_scatter
from tenants.templatetags.formats import number
from tenants.templatetags.svg import (
    coordinate,
    every_nth,
    figure,
    join,
    picture,
    spread,
    table_twin,
    tag,
    text_width,
)

register = template.Library()
register.tags.update(charts_plan.register.tags)
register.tags.update(charts_round.register.tags)
register.tags.update(charts_scatter.register.tags)


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
    left = min(max((text_width(item["label"]) for item in items), default=0.0) + 12, 150.0)
    width, line = 260 - left, 28.0
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
    chart = picture(parts, width=left + width + 64, height=max(len(values), 1) * line, label=label)
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
    width, height = 330.0, 130.0
    step = width / max(len(items), 1)
    every = every_nth([item["label"] for item in items], step)
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
    left = max((text_width(row["label"]) for row in rows), default=0.0) + 12
    cell, line = max(38.0, (330 - left) / max(len(columns), 1)), 30.0
    every = every_nth(columns, cell)
    parts: list[object] = [
        tag("text", name, x=left + cell * (i + 0.5), y="14", text_anchor="middle")
        for i, name in enumerate(columns)
        if i % every == 0
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
