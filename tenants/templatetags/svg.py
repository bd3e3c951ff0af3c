"""Small safe pieces of SVG and the frame every chart stands in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

from django.utils.html import conditional_escape, escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

Row = Sequence[object]


def coordinate(value: float) -> str:
    """Write a coordinate with no more digits than a screen shows."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def tag(name: str, content: object = "", **attributes: object) -> SafeString:
    """Return one element; names take "-" for "_", a trailing "_" is dropped, None is left out."""
    pairs = (
        (key.rstrip("_").replace("_", "-"), coordinate(v) if isinstance(v, float) else v)
        for key, v in attributes.items()
        if v is not None
    )
    written = "".join(f' {key}="{escape(value)}"' for key, value in pairs)
    return mark_safe(f"<{name}{written}>{conditional_escape(content)}</{name}>")


def join(parts: Iterable[object]) -> SafeString:
    """Join safe pieces; anything unsafe is escaped."""
    return format_html_join("", "{}", ((part,) for part in parts))


def picture(
    parts: Iterable[object], *, width: float, height: float, label: str, tone: str = "", **more: str
) -> SafeString:
    """Return the `<svg>` of a chart: one image with a label for screen readers."""
    css = (
        "chart"
        + (f" tone-{tone}" if tone else "")
        + (f" {more.pop('css')}" if "css" in more else "")
    )
    return tag(
        "svg",
        join(parts),
        class_=css,
        viewBox=f"0 0 {coordinate(width)} {coordinate(height)}",
        role="img",
        aria_label=label,
        **more,
    )


def table_twin(head: Row, rows: Iterable[Row]) -> SafeString:
    """Return the numbers behind a chart as a table that opens on demand."""
    head_cells = format_html_join("", '<th scope="col">{}</th>', ((cell,) for cell in head))
    body = join(
        tag(
            "tr",
            tag("th", row[0], scope="row")
            + join(tag("td", "–" if cell is None else cell) for cell in row[1:]),
        )
        for row in rows
    )
    return format_html(
        '<details class="chart-data"><summary>{}</summary><div class="table-scroll" tabindex="0">'
        '<table class="data"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></details>',
        _("Numbers"),
        head_cells,
        body,
    )


def figure(chart: SafeString, twin: SafeString | str, *, caption: str = "") -> SafeString:
    """Frame a chart, its caption and its table."""
    title = tag("figcaption", caption) if caption else ""
    return tag("figure", join([title, chart, twin]), class_="chart-block")


def spread(low: float, high: float) -> float:
    """Return the span of an axis, never zero."""
    return (high - low) or 1.0


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round values that cover `low` to `high` in about `about` steps."""
    raw = spread(low, high) / about
    power = 10.0 ** len(str(int(raw))) / 10 if raw >= 1 else 1.0
    while raw < power:
        power /= 10
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw)
    first = -(-low // step) * step
    count = int((high - first) / step + 1e-9) + 1
    return [first + step * position for position in range(count)]


def text_width(text: object) -> float:
    """Return about how wide a word is at the charts' 11 px; Chinese characters are square."""
    return sum(11.0 if ord(character) > 0x2E7F else 6.2 for character in str(text))


def every_nth(labels: Sequence[object], step: float) -> int:
    """Return how many labels to skip so that those written do not touch, `step` apart."""
    widest = max((text_width(label) for label in labels), default=0.0)
    return max(1, ceil((widest + 6) / step))
