"""Tables whose order and filters live in the address: sort links, chips, pages, empty rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template
from django.core.paginator import Page
from django.http import HttpRequest
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from tenants.templatetags.rendering import render_component

register = template.Library()


def page_query(request: HttpRequest | None, **changes: object) -> str:
    """Return the page's own query string with `changes` put in; None or "" removes a key."""
    params = request.GET.copy() if request is not None else None
    if params is None:
        return "?"
    params.pop("page", None)
    for key, value in changes.items():
        if value in (None, ""):
            params.pop(key, None)
        else:
            params[key] = str(value)
    return "?" + params.urlencode()


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: object) -> str:
    """Return a link to this page with some parameters changed.

    `href="{% query state='late' %}"`
    """
    return page_query(context.get("request"), **changes)


@register.simple_block_tag(takes_context=True)
def data_table(
    context: Context,
    content: str,
    caption: str,
    title: str = "",
    csv_url: str = "",
    tall: bool = False,
    cards: bool = False,
    tools: str = "",
) -> SafeString:
    """Frame a table's head and body rows: card, caption, sticky head, j/k/Enter, CSV link.

    `{% data_table caption="Orders" csv_url="?format=csv" %}<thead>…</thead><tbody>…</tbody>
    {% enddata_table %}`. A row opens with `<tr data-href="…">`. `cards=True` stacks the
    cells on a phone; each then needs `data-label`. `tools` is the outcome of
    `{% filter_chips … as tools %}`.
    """
    return render_component(
        context,
        "components/data_table.html",
        content=content,
        caption=caption,
        title=title,
        csv_url=csv_url,
        tall=tall,
        cards=cards,
        tools=tools,
    )


@register.simple_tag(takes_context=True)
def sort_header(context: Context, key: str, label: str, numeric: bool = False) -> SafeString:
    """Write a `<th>` whose link sorts by `?sort=key` and turns the order round on a second use.

    `{% sort_header "due" _("Due") %}`; the view reads `request.GET["sort"]`, "-due" descends.
    """
    request = context.get("request")
    current = request.GET.get("sort", "") if request is not None else ""
    direction = {key: "ascending", f"-{key}": "descending"}.get(current, "")
    arrow = {"ascending": "↑", "descending": "↓"}.get(direction, "")
    href = page_query(request, sort=f"-{key}" if current == key else key)
    return format_html(
        '<th scope="col"{}{}><a href="{}">{}{}</a></th>',
        mark_safe(' class="num"') if numeric else "",
        format_html(' aria-sort="{}"', direction) if direction else "",
        href,
        label,
        format_html('<span aria-hidden="true">{}</span>', arrow) if arrow else "",
    )


@register.simple_tag(takes_context=True)
def filter_chips(
    context: Context, key: str, label: str, options: Iterable[tuple[str, str, int | None]]
) -> SafeString:
    """Show filters as links: `{% filter_chips "state" _("State") options %}`.

    Each option is (value, label, count or None); "All" is added in front.
    """
    request = context.get("request")
    current = request.GET.get(key, "") if request is not None else ""
    chips = [
        {
            "label": text,
            "count": count,
            "current": current == value,
            "href": page_query(request, **{key: value}),
        }
        for value, text, count in options
    ]
    return render_component(
        context,
        "components/filter_chips.html",
        label=label,
        chips=chips,
        all_current=not current,
        all_href=page_query(request, **{key: None}),
    )


@register.simple_tag(takes_context=True)
def pagination(context: Context, page_obj: Page[Any]) -> SafeString:
    """Show which rows these are and the way to the others: `{% pagination page_obj %}`."""
    request = context.get("request")
    base = page_query(request)
    return render_component(
        context,
        "components/pagination.html",
        page=page_obj,
        base=base + ("&" if base != "?" else ""),
    )


@register.inclusion_tag("components/check_all.html")
def check_all(name: str) -> dict[str, str]:
    """Tick or untick all boxes of a form at once: `{% check_all "shipment" %}`, before its table.

    `name` is the boxes' name. Ticks outlive a live refresh of the page's part (keep.js).
    """
    return {"name": name}


@register.simple_tag(takes_context=True)
def empty_row(
    context: Context,
    columns: int,
    icon: str,
    title: str,
    text: str = "",
    action: str = "",
    url: str = "",
) -> SafeString:
    """Show the empty state inside a table body.

    `{% empty_row 5 "inbox" title text action url %}`
    """
    state = render_component(
        context,
        "components/empty_state.html",
        icon=icon,
        title=title,
        text=text,
        action=action,
        url=url,
    )
    return format_html('<tr><td colspan="{}">{}</td></tr>', columns, state)
