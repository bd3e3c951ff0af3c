"""Words of the market in templates: `{% load market %}`."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils.translation import get_language

from marketplace.core.steering import PlanPlace
from marketplace.models import OrderState, Plan
from marketplace.selectors.order_page import day_text
from marketplace.selectors.orders import OrderRisk
from marketplace.wording import sentence
from tenants.templatetags.formats import duration, money, number, percent

register = template.Library()

ACTION_PAGES = {
    "finish_draft": "order_edit",
    "choose_plan": "plans",
    "pay": "payments",
    "inspect": "inspections",
}
WITHOUT_ORDER = frozenset({"payments", "inspections"})


@register.filter
def words(code: str) -> str:
    """Write a code of the market without values: `{{ risk.action|words }}`."""
    return sentence({"code": code, "values": {}}, processes={})


@register.filter
def cause(risk: OrderRisk) -> str:
    """Write why an order stands where it stands: `{{ risk|cause }}`."""
    return sentence({"code": risk.cause, "values": risk.values}, processes={})


@register.filter
def minutes(span: timedelta | None) -> float | None:
    """Return a span in minutes, its sign left out: `{{ risk.slack|minutes|duration }}`."""
    return None if span is None else abs(span.total_seconds()) / 60


@register.filter
def moment(instant: datetime) -> str:
    """Write an instant inside a sentence: `{{ plan.completes_at|moment }}`."""
    return day_text(instant)


@register.filter
def is_negative(span: timedelta | None) -> bool:
    """Tell whether a span is below zero."""
    return span is not None and span < timedelta(0)


@register.filter
def tone_of_level(level: str) -> str:
    """Return the colour of a level of risk; an order that only waits has none."""
    return {"bad": "bad", "warn": "warn", "info": "info", "ok": "ok"}.get(level, "off")


@register.filter
def place_name(place: PlanPlace) -> str:
    """Name a place of a plan by its factory, in the reader's language."""
    is_chinese = (get_language() or "").startswith("zh")
    return place.supplier_zh if is_chinese and place.supplier_zh else place.supplier


@register.filter
def plus_number(value: int) -> str:
    """Write a change of pieces with its sign: `{{ share.change|plus_number }}`."""
    return _signed(value, number(abs(value)))


@register.filter
def plus_duration(value: int) -> str:
    """Write a change in minutes with its sign."""
    return _signed(value, duration(abs(value)))


@register.filter
def plus_money(value: int, currency: str) -> str:
    """Write a change of a price with its sign."""
    return _signed(value, money(abs(value), currency))


@register.filter
def plus_percent(value: float) -> str:
    """Write a change of a share of the whole, in points, with its sign."""
    return _signed(value, percent(abs(value), 1))


def _signed(value: float, text: str) -> str:
    if value == 0:
        return f"±{text}"
    return f"+{text}" if value > 0 else f"−{text}"


@register.filter
def cost_gap(plan: Plan) -> float | None:
    """Return how far a plan's cost is above the proven least, as a part of it."""
    bound = plan.reasons.get("cost_bound")
    if bound is None or plan.cost_minor == 0:
        return None
    return max(0.0, (plan.cost_minor - bound) / plan.cost_minor)


@register.filter
def held(values: dict[str, str], code: str) -> str:
    """Return what a row of the routing holds of an attribute: `{{ row.values|held:code }}`."""
    return values.get(code, "")


@register.filter
def words_of_choice(choice: dict[str, str], language: str) -> str:
    """Write a choice of an attribute in the reader's language."""
    return choice["name_zh"] if language.startswith("zh") else choice["name"]


@register.simple_tag
def action_page(risk: OrderRisk) -> dict[str, object]:
    """Return the URL name of what is to be done next, and whether it takes the order."""
    name = ACTION_PAGES.get(risk.action, "order")
    if risk.order.state == OrderState.DRAFT:
        name = "order_edit"
    return {"name": name, "takes_order": name not in WITHOUT_ORDER}
