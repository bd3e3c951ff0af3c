"""Panels over and beside the page: dialogs, drawers, menus, banners, code, the Gantt."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.template import Context
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.templatetags.rendering import render_component

register = template.Library()

BANNER_ICONS = {
    "info": "info",
    "ok": "circle-check",
    "warn": "triangle-alert",
    "bad": "octagon-alert",
    "vio": "sparkles",
}


@register.simple_block_tag(takes_context=True)
def dialog(
    context: Context, content: str, element_id: str, title: str, kind: str = ""
) -> SafeString:
    """Hold a native dialog: `{% dialog "move" _("Move operation") %}…{% enddialog %}`.

    Open it with `{% action label dialog="move" %}`. `kind` is "" or "drawer" (from the right).
    """
    return render_component(
        context,
        "components/dialog.html",
        content=content,
        element_id=element_id,
        title=title,
        kind=kind,
    )


@register.simple_block_tag(takes_context=True)
def confirm(
    context: Context,
    content: str,
    element_id: str,
    title: str,
    url: str,
    action: str,
    look: str = "primary",
) -> SafeString:
    """Ask before a POST to `url`.

    `{% confirm "accept-7" title url _("Accept") %}cost and terms{% endconfirm %}`

    Form fields may stand inside. Open it with `{% action label dialog="accept-7" %}`.
    """
    return render_component(
        context,
        "components/confirm.html",
        content=content,
        element_id=element_id,
        title=title,
        url=url,
        action=action,
        look=look,
    )


@register.simple_block_tag(takes_context=True)
def menu(
    context: Context,
    content: str,
    element_id: str,
    label: str,
    icon: str = "ellipsis",
    text: bool = False,
) -> SafeString:
    """Hold a small menu of links and buttons: `{% menu "row-7" _("More") %}<a …>{% endmenu %}`."""
    return render_component(
        context,
        "components/menu.html",
        content=content,
        element_id=element_id,
        label=label,
        icon=icon,
        text=text,
    )


@register.simple_block_tag(takes_context=True)
def banner(
    context: Context, content: str, tone: str = "info", title: str = "", strip: bool = False
) -> SafeString:
    """Say something about the whole page: `{% banner "warn" _("Simulated") %}…{% endbanner %}`.

    Tones: info, ok, warn, bad, vio. `strip=True` spans the page's width.
    """
    return render_component(
        context,
        "components/banner.html",
        content=content,
        tone=tone,
        title=title,
        strip=strip,
        icon=BANNER_ICONS[tone],
    )


@register.simple_block_tag(takes_context=True)
def code_block(context: Context, content: str, label: str) -> SafeString:
    """Show text to copy: `{% code_block _("Example request") %}curl …{% endcode_block %}`."""
    return render_component(
        context, "components/code_block.html", content=content.strip(), label=label
    )


@register.simple_tag(takes_context=True)
def gantt(
    context: Context,
    element_id: str,
    title: str,
    plan: Mapping[str, object] | None = None,
    url: str = "",
    height: int = 420,
    zoom: str = "day",
    level: int = 2,
) -> SafeString:
    """Draw a schedule on canvas, with its table twin: `{% gantt "plan" _("Schedule") plan %}`.

    `plan` (or the JSON at `url`): `{"zone", "now", "from", "to", "calendars": [[[start, end]…]…],
    "groups": [{"id", "name", "note", "rows": [{"id", "name", "calendar": 0, "href"}]}],
    "bars": [[row id, start, end, kind, label, bar id, href, detail]…]}`. Times are epoch
    milliseconds; `calendars` list closed spans. Kinds: production, confirmed, done, risk,
    setup, idle, proposed, maintenance. Fires `gantt:select` with the bar on a click or Enter.
    `zoom` is shift, day, week or month.
    """
    words = gantt_words()
    kinds = set(words["kinds"])  # type: ignore[call-overload]
    if plan is not None:
        kinds = {bar["kind"] if isinstance(bar, dict) else bar[3] for bar in plan["bars"]}  # type: ignore[attr-defined]
    return render_component(
        context,
        "components/gantt.html",
        words=words,
        kinds=kinds,
        element_id=element_id,
        title=title,
        plan=plan,
        url=url,
        height=height,
        zoom=zoom,
        level=level,
    )


def gantt_words() -> dict[str, object]:
    """Return the words gantt.js writes, so no language is needed in the script."""
    return {
        "kinds": {
            "production": _("In production"),
            "confirmed": _("Confirmed"),
            "setup": _("Set-up"),
            "risk": _("At risk"),
            "done": _("Done"),
            "idle": _("Idle, listed"),
            "proposed": _("Proposed"),
            "maintenance": _("Maintenance"),
        },
        "columns": [
            _("Factory"),
            _("Machine"),
            _("Work"),
            _("State"),
            _("Start"),
            _("End"),
            _("Hours"),
        ],
        "previous": _("Previous"),
        "next": _("Next"),
        "of": _("{first}–{last} of {total}"),
        "machines": _("{count} machines"),
        "hours": _("{count} h"),
        "empty": _("Nothing is planned yet."),
        "failed": _("The schedule could not be fetched. Reload the page to try again."),
    }


@register.simple_tag
def week_words() -> dict[str, str]:
    """Return the words weekgrid.js writes."""
    return {
        "sum": _("{count} h idle on this machine, {total} h in all"),
        "drawn": _("idle"),
        "shift": _("own shift"),
        "free": _("free"),
        "listed": _("for sale"),
        "sold": _("sold, cannot be erased"),
        "past": _("past"),
        "day": _("Day"),
        "from": _("From"),
        "to": _("To"),
        "remove": _("Remove"),
        "none": _("No windows on this machine yet."),
    }
