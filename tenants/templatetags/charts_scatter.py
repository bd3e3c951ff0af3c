"""Plan options by date and cost: points with words that never write over one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.templatetags.formats import number
from tenants.templatetags.svg import (
    coordinate,
    figure,
    join,
    picture,
    spread,
    table_twin,
    tag,
    text_width,
    ticks,
)

register = template.Library()

WIDTH, HEIGHT = 334.0, 236.0
TOP, FLOOR, RIGHT = 20.0, 196.0, 328.0
LINE = 14.0
"""How high a written word is, in the units of the picture."""
SAME = 8.0
"""Points closer than this are one point to the eye and share one label."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle that words or a point take up; `x`, `y` is its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def overlap(self, other: Box) -> float:
        """Return the area that both cover."""
        wide = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        high = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(wide, 0.0) * max(high, 0.0)


@dataclass(frozen=True, kw_only=True)
class Point:
    """An option in the picture, with the words of all options that stand there."""

    x: float
    y: float
    label: str
    chosen: bool = False

    @property
    def box(self) -> Box:
        return Box(x=self.x - 8, y=self.y - 8, width=16, height=16)


def place_labels(points: Sequence[Point], *, area: Box, taken: Sequence[Box] = ()) -> list[Box]:
    """Return a place for each point's words inside `area`, clear of points, words and `taken`.

    Beside the point where that is free, else above or below it, farther and farther away. Where
    nothing is free, the place that covers least.
    """
    filled = [*taken, *(point.box for point in points)]
    placed = []
    for point in points:
        wide = text_width(point.label) * (1.08 if point.chosen else 1.0) + 2
        best = min(
            (_inside(box, area) for box in _places(point, wide)),
            key=lambda box: sum(box.overlap(other) for other in filled),
        )
        placed.append(best)
        filled.append(best)
    return placed


def _places(point: Point, wide: float) -> list[Box]:
    """Return the places to try, best first: `min` keeps the first of equals."""
    beside = [(point.x + 11, point.y - LINE / 2), (point.x - 11 - wide, point.y - LINE / 2)]
    away = [
        (point.x + shift * wide, point.y - distance - LINE if above else point.y + distance)
        for distance, above, shift in product(range(10, 170, 4), (True, False), (-0.5, 0.0, -1.0))
    ]
    return [Box(x=x, y=y, width=wide, height=LINE) for x, y in beside + away]


def _inside(box: Box, area: Box) -> Box:
    """Return the box, moved into the area where it would stand out."""
    x = max(area.x, min(box.x, area.x + area.width - box.width))
    y = max(area.y, min(box.y, area.y + area.height - box.height))
    return Box(x=x, y=y, width=box.width, height=box.height)


@register.simple_tag
def scatter(
    options: Sequence[Mapping[str, object]],
    label: str,
    x_label: str,
    y_label: str,
    bound: float | None = None,
    bound_label: str = "",
) -> SafeString:
    """Draw plan options by date (x) and cost (y) with the bound.

    `{% scatter options … bound=11.04 %}`

    Each option is `{label, x, y, chosen?, x_text?, y_text?}`.
    """
    if not options:
        return SafeString("")
    xs = [float(o["x"]) for o in options] + ([bound] if bound is not None else [])  # type: ignore[arg-type]
    ys = [float(o["y"]) for o in options]  # type: ignore[arg-type]
    pad_x, pad_y = spread(min(xs), max(xs)) * 0.12, spread(min(ys), max(ys)) * 0.18
    x0, x1, y0, y1 = min(xs) - pad_x, max(xs) + pad_x, min(ys) - pad_y, max(ys) + pad_y
    costs = [(value, number(value, 1)) for value in ticks(y0, y1)]
    # Costs in millions need more room before the axis than hundreds do.
    left = max([48.0, *(12 + 6.2 * len(text) for _value, text in costs)])

    def px(value: float) -> float:
        return left + (RIGHT - left) * (value - x0) / spread(x0, x1)

    def py(value: float) -> float:
        return FLOOR - (FLOOR - TOP) * (value - y0) / spread(y0, y1)

    parts = _axes(
        [(py(value), text) for value, text in costs],
        [(px(value), number(value, 1)) for value in ticks(x0, x1)],
        left,
    )
    parts += [
        tag("text", x_label, x=RIGHT, y="230", text_anchor="end"),
        tag("text", y_label, x="0", y="8"),
    ]
    taken = []
    if bound is not None:
        words = bound_label or number(bound, 2)
        taken = [Box(x=px(bound), y=TOP - 8, width=text_width(words) + 8, height=LINE)]
        parts += [
            tag("path", d=f"M{coordinate(px(bound))} 14V196", class_="dash"),
            tag("text", words, x=px(bound) + 6, y="24"),
        ]
    points = _points(options, [(px(x), py(y)) for x, y in zip(xs, ys, strict=False)])
    area = Box(x=left + 2, y=TOP - 8, width=WIDTH - left - 2, height=FLOOR - TOP + 4)
    parts += [_dot(point) for point in points]
    for point, box in zip(points, place_labels(points, area=area, taken=taken), strict=True):
        parts.append(_words(point, box))
    rows = [
        (o["label"], o.get("x_text") or number(o["x"], 2), o.get("y_text") or number(o["y"], 2))
        for o in options
    ]  # type: ignore[arg-type]
    chart = picture(parts, width=WIDTH, height=HEIGHT, label=label)
    return figure(chart, table_twin((_("Option"), x_label, y_label), rows))


def _axes(
    costs: Sequence[tuple[float, str]], dates: Sequence[tuple[float, str]], left: float
) -> list[object]:
    parts: list[object] = []
    for y, text in costs:
        parts += [
            tag("path", d=f"M{coordinate(left)} {coordinate(y)}H{RIGHT:.0f}", class_="gridline"),
            tag("text", text, x=left - 6, y=y + 4, text_anchor="end"),
        ]
    parts += [tag("text", text, x=x, y="212", text_anchor="middle") for x, text in dates]
    return [*parts, tag("path", d=f"M{coordinate(left)} 12V196H328", class_="axis")]


def _points(
    options: Sequence[Mapping[str, object]], places: Sequence[tuple[float, float]]
) -> list[Point]:
    """Return the points; options that stand on one spot are one point with all their words."""
    points: list[Point] = []
    for option, (x, y) in zip(options, places, strict=True):
        fresh = Point(x=x, y=y, label=str(option["label"]), chosen=bool(option.get("chosen")))
        on = next((p for p in points if abs(p.x - x) + abs(p.y - y) < SAME), None)
        if on is None:
            points.append(fresh)
            continue
        words = _("%(first)s, %(second)s") % {"first": on.label, "second": fresh.label}
        points[points.index(on)] = replace(on, label=words, chosen=on.chosen or fresh.chosen)
    return points


def _dot(point: Point) -> SafeString:
    """Return one point, filled when chosen."""
    if point.chosen:
        return tag("circle", cx=point.x, cy=point.y, r="8", class_="fill knock")
    soft = tag("circle", cx=point.x, cy=point.y, r="6", class_="soft")
    ring = tag("circle", cx=point.x, cy=point.y, r="6", class_="stroke", stroke_width="2")
    return join([soft, ring])


def _words(point: Point, box: Box) -> SafeString:
    """Return a point's words, with a line to the point when they stand away from it."""
    css = "on-grid strong" if point.chosen else "on-grid"
    text = tag("text", point.label, x=box.x + 1, y=box.y + 11, class_=css)
    near_x = max(box.x, min(point.x, box.x + box.width))
    near_y = box.y if box.y > point.y else box.y + box.height
    if box.y <= point.y <= box.y + box.height or abs(near_y - point.y) < 16:
        return text
    line = f"M{coordinate(point.x)} {coordinate(point.y)}L{coordinate(near_x)} {coordinate(near_y)}"
    return join([tag("path", d=line, class_="axis"), text])
