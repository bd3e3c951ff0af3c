"""The components every page is built from; `{% load ui %}` brings all libraries of this folder.

Each tag's docstring shows its use, and `/styleguide/` shows its look.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from tenants.templatetags import charts, fields, formats, hero, panels, states, tables
from tenants.templatetags.rendering import render_component

register = template.Library()
for library in (charts, fields, formats, hero, panels, states, tables):
    register.tags.update(library.register.tags)
    register.filters.update(library.register.filters)

THEMES = ("light", "dark")


@register.simple_tag(takes_context=True)
def theme_attribute(context: Context) -> SafeString | str:
    """Write `data-theme` from the reader's cookie; nothing when the system decides."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request is not None else ""
    return format_html(' data-theme="{}"', chosen) if chosen in THEMES else ""


@lru_cache(maxsize=64)
def _is_built(path: str) -> bool:
    """Tell whether a static file exists; those under vendor/ are copied at set-up."""
    return finders.find(path) is not None


@register.simple_tag
def static_if_built(path: str) -> str:
    """Return the address of a static file, or "" before set-up has copied it."""
    return static(path) if _is_built(path) else ""


@register.simple_tag
def importmap_json() -> SafeString:
    """Map `app/NAME` to the hashed address of every module in static/js, and vendor modules."""
    folder = Path(settings.BASE_DIR) / "static" / "js"
    names = sorted(path.stem for path in folder.glob("*.js"))
    imports = {f"app/{name}": static(f"js/{name}.js") for name in names}
    if _is_built("vendor/uplot/uPlot.esm.js"):
        imports["uplot"] = static("vendor/uplot/uPlot.esm.js")
    return mark_safe(json.dumps({"imports": imports}))


@register.simple_block_tag(takes_context=True)
def page_head(
    context: Context,
    content: str,
    title: str,
    subtitle: str = "",
    live: bool = False,
    back_url: str = "",
    back_label: str = "",
) -> SafeString:
    """Open a page: its one h1, a line under it, live badge, actions inside.

    `{% page_head title=_("Orders") subtitle="…" live=True %}{% action … %}{% endpage_head %}`
    """
    return render_component(
        context,
        "components/page_head.html",
        content=content,
        title=title,
        subtitle=subtitle,
        live=live,
        back_url=back_url,
        back_label=back_label,
    )


@register.simple_tag(takes_context=True)
def action(
    context: Context,
    label: str,
    url: str = "",
    icon: str = "",
    look: str = "",
    post: bool = False,
    dialog: str = "",
    name: str = "",
    value: str = "",
) -> SafeString:
    """Show one action: a link, a small POST form, a submit button, or a dialog's opener.

    `{% action _("List idle capacity") url icon="plus" look="primary" %}`; `post=True` sends
    a form to `url`; `dialog="confirm-7"` opens that dialog; none of them: a submit button.
    Looks: "" (outlined), "primary" (one on a page), "danger", "ghost", with "small", "block".
    """
    return render_component(
        context,
        "components/action.html",
        label=label,
        url=url,
        icon=icon,
        look=look,
        post=post,
        dialog=dialog,
        name=name,
        value=value,
    )


@register.inclusion_tag("components/kpi.html")
def kpi(
    label: str,
    value: object,
    note: str = "",
    delta: str = "",
    tone: str = "",
    url: str = "",
    live: str = "",
    source: str = "",
    unit: str = "",
) -> dict[str, object]:
    """Show one key figure.

    `{% kpi _("OEE, today") "71.4" unit="%" delta="▲ 2.1" tone="ok" live="fleet.oee" %}`

    `source` says on hover where the number comes from and when; `live` is the key of the
    number that live.js writes; `tone` colours the delta only; `url` makes it a link.
    """
    return {
        "label": label,
        "value": value,
        "note": note,
        "delta": delta,
        "tone": tone,
        "url": url,
        "live": live,
        "source": source,
        "unit": unit,
    }


@register.simple_block_tag(takes_context=True)
def card(
    context: Context,
    content: str,
    title: str = "",
    note: str = "",
    count: object = "",
    flush: bool = False,
    tone: str = "",
    action: str = "",
    url: str = "",
    element_id: str = "",
) -> SafeString:
    """Frame a part of a page.

    `{% card title=_("Active alarms") count=3 flush=True %}…{% endcard %}`

    `flush` drops the padding (for rows, tables, a Gantt); `tone` puts a stripe in front;
    `action` with `url` is the link on the right of the head.
    """
    return render_component(
        context,
        "components/card.html",
        content=content,
        title=title,
        note=note,
        count=count,
        flush=flush,
        tone=tone,
        action=action,
        url=url,
        element_id=element_id,
    )


@register.inclusion_tag("components/tabs.html")
def tabs(items: Iterable[Mapping[str, object]], label: str) -> dict[str, object]:
    """Show tabs that are links.

    `{% tabs items _("Order") %}`, items `{label, url, current, count}`.
    """
    return {"items": items, "label": label}


@register.inclusion_tag("components/empty_state.html")
def empty_state(
    icon: str, title: str, text: str = "", action: str = "", url: str = ""
) -> dict[str, str]:
    """Say what will appear here and the one thing to do.

    `{% empty_state "inbox" title text action url %}`
    """
    return {"icon": icon, "title": title, "text": text, "action": action, "url": url}


@register.inclusion_tag("components/timeline.html", takes_context=True)
def timeline(
    context: Context, events: Iterable[Mapping[str, object]], zone: str = ""
) -> dict[str, object]:
    """Show what happened.

    `{% timeline events %}`, each `{at, title, by, text, tone, done, url}`.
    """
    return {
        "events": events,
        "zone": zone,
        "site_clock": context.get("site_clock"),
        "now": context.get("now"),
    }


@register.inclusion_tag("components/skeleton.html")
def skeleton(lines: int = 3) -> dict[str, object]:
    """Hold the place of what is being fetched: `{% skeleton 5 %}`."""
    return {"lines": range(lines)}


@register.inclusion_tag("components/live_badge.html")
def live_badge() -> dict[str, object]:
    """Tell whether the numbers are live; live.js keeps it: `{% live_badge %}`."""
    return {}


@register.filter
def first_items(nav: Iterable[Mapping[str, object]], count: int) -> list[object]:
    """Return the first `count` entries over all groups of the nav, for the phone's bottom bar."""
    entries = [item for group in nav for item in group["items"]]  # type: ignore[attr-defined]
    return entries[:count]
