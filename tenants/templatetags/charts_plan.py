"""Charts of plans and production: states, bands of date and price, claim vs count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.templatetags.charts_round import claim_label
from tenants.templatetags.formats import number, percent
from tenants.templatetags.states import MACHINE_STATES
from tenants.templatetags.svg import coordinate, picture, spread, tag

register = template.Library()


@register.simple_tag
def statebar(
    segments: Sequence[Mapping[str, object]],
    start: float,
    end: float,
    label: str,
    hours: Sequence[str] = (),
) -> SafeString:
    """Draw a machine's states over time: `{% statebar segments 0 1440 "M004, last 24 h" hours %}`.

    Each segment is `{state, start, end}` in the unit of `start` and `end`; gaps stay empty.
    `hours` are the words under the bar, evenly spread.
    """
    scale = 340 / spread(start, end)
    parts = [tag("rect", width="340", height="22", rx="3", class_="track")]
    sums: dict[str, float] = {}
    for segment in segments:
        begin = max(float(segment["start"]), start)  # type: ignore[arg-type]
        stop = min(float(segment["end"]), end)  # type: ignore[arg-type]
        if stop <= begin:
            continue
        state = str(segment["state"])
        sums[state] = sums.get(state, 0.0) + stop - begin
        tone = MACHINE_STATES[state].tone
        tall = 12 if state in ("idle", "offline") else 22
        parts.append(
            tag(
                "rect",
                x=(begin - start) * scale,
                y=22 - tall,
                width=max((stop - begin) * scale, 0.5),
                height=tall,
                class_=f"fill tone-{tone}",
            )
        )
    for position, text in enumerate(hours):
        share = position / max(len(hours) - 1, 1)
        anchor = "start" if position == 0 else "end" if share == 1 else "middle"
        parts.append(tag("text", text, x=340 * share, y="37", text_anchor=anchor))
    told = [
        (MACHINE_STATES[s].tone, MACHINE_STATES[s].word, percent(v / spread(start, end)))
        for s, v in sums.items()
    ]
    spoken = label + ": " + ", ".join(f"{word} {share}" for _tone, word, share in told)
    chart = picture(parts, width=340, height=40 if hours else 22, label=spoken)
    legend = format_html_join("", '<li class="tone-{}"><i></i>{} <b>{}</b></li>', told)
    return format_html('<div class="chart-block">{}<ul class="legend">{}</ul></div>', chart, legend)


@register.simple_tag
def band(
    low: float,
    likely: float,
    high: float,
    label: str,
    low_text: str = "",
    likely_text: str = "",
    high_text: str = "",
    mark: float | None = None,
    mark_text: str = "",
) -> SafeString:
    """Draw a range with its likely value and a mark to hold it against.

    `{% band 11 13 16 _("Delivery, days") "25 Nov" "27 Nov" "30 Nov" mark=14 %}`
    """
    ends = [low, high] + ([mark] if mark is not None else [])
    margin = spread(min(ends), max(ends)) * 0.08
    start, span = min(ends) - margin, spread(min(ends), max(ends)) + 2 * margin
    place = {
        name: 340 * (v - start) / span
        for name, v in (("low", low), ("likely", likely), ("high", high))
    }
    texts = {
        "low": low_text or number(low, 1),
        "likely": likely_text or number(likely, 1),
        "high": high_text or number(high, 1),
    }
    parts = [
        tag("rect", y="26", width="340", height="8", rx="4", class_="track"),
        tag(
            "rect",
            x=place["low"],
            y="22",
            width=max(place["high"] - place["low"], 2.0),
            height="16",
            rx="8",
            class_="soft",
        ),
        tag("circle", cx=place["likely"], cy="30", r="8", class_="fill knock"),
        tag(
            "text",
            texts["likely"],
            x=place["likely"],
            y="14",
            text_anchor="middle",
            class_="strong",
        ),
        tag("text", texts["low"], x=place["low"], y="54", text_anchor="start"),
        tag("text", texts["high"], x=place["high"], y="54", text_anchor="end"),
    ]
    told = _("%(name)s: %(low)s to %(high)s, likely %(likely)s") % {"name": label, **texts}
    if mark is not None:
        x = 340 * (mark - start) / span
        parts.append(tag("path", d=f"M{coordinate(x)} 17V60", class_="mark"))
        anchor = "start" if x < 60 else "end" if x > 280 else "middle"
        parts.append(
            tag(
                "text",
                mark_text or number(mark, 1),
                x=x,
                y="72",
                text_anchor=anchor,
                class_="strong",
            )
        )
        told += f"; {mark_text} {number(mark, 1)}"
    return picture(parts, width=340, height=76 if mark is not None else 58, label=told)


@register.simple_tag
def claim_bar(planned: float, claimed: float, counted: float, total: float) -> SafeString:
    """Show the shop's claim beside the machines' count, with the plan's tick.

    `{% claim_bar planned=41000 claimed=40200 counted=38950 total=75000 %}`
    """
    scale = 480 / (total or 1)
    # Nothing counted is no difference: not every machine has a device.
    gap = counted > 0 and abs(claimed - counted) > 0.05 * max(claimed, counted)
    parts = [
        tag("rect", y="4", width="480", height="9", rx="3", class_="track"),
        tag(
            "rect",
            y="4",
            width=min(claimed * scale, 480.0),
            height="9",
            rx="3",
            class_="fill tone-vio",
        ),
        tag("rect", y="17", width="480", height="9", rx="3", class_="track"),
        tag(
            "rect",
            y="17",
            width=min(counted * scale, 480.0),
            height="9",
            rx="3",
            class_="fill tone-ok",
        ),
        tag("path", d=f"M{coordinate(min(planned * scale, 479))} 0V30", class_="mark"),
    ]
    chart = picture(
        parts, width=480, height=30, label=claim_label(planned, claimed, counted, total)
    )
    legend = format_html(
        '<ul class="legend"><li class="tone-vio"><i></i>{} <b>{}</b></li>'
        '<li class="tone-ok"><i></i>{} <b>{}</b></li>'
        "<li>▏{} <b>{}</b></li>{}</ul>",
        _("Shop reports"),
        number(claimed),
        _("Machines count"),
        number(counted),
        _("Plan"),
        number(planned),
        format_html('<li class="tone-bad"><i></i>{}</li>', _("differ by more than 5%"))
        if gap
        else "",
    )
    return format_html('<div class="claim">{}{}</div>', chart, legend)
