"""Forms: one field, the error summary, steps, check-answers, files and secrets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from django import template
from django.forms import BaseForm, BaseFormSet, BoundField, CheckboxInput
from django.template import Context
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.templatetags.rendering import render_component

register = template.Library()


@register.simple_tag(takes_context=True)
def field(context: Context, bound_field: BoundField, unit: str = "") -> SafeString:
    """Show a form field with label, help and error: `{% field form.quantity unit="pcs" %}`."""
    is_check = isinstance(bound_field.field.widget, CheckboxInput)
    return render_component(
        context, "components/field.html", field=bound_field, unit=unit, is_check=is_check
    )


@register.simple_tag(takes_context=True)
def form_fields(context: Context, form: BaseForm) -> SafeString:
    """Show every field of a form, hidden ones included: `{% form_fields form %}`."""
    return render_component(context, "components/form_fields.html", form=form)


def _named(label: str, error: str) -> str:
    """Return an error with its field's name in front, punctuated as the language does."""
    return _("%(field)s: %(error)s") % {"field": label, "error": error}


@register.simple_tag(takes_context=True)
def error_summary(context: Context, *forms: BaseForm | BaseFormSet) -> SafeString | str:
    """List all errors on top, focused, each linked to its field: `{% error_summary form %}`.

    A formset stands for all its forms.
    """
    lines: list[tuple[str, str]] = []
    for form in chain.from_iterable([one] if isinstance(one, BaseForm) else one for one in forms):
        lines += [("", str(error)) for error in form.non_field_errors()]
        for name in form.errors:
            if name in form.fields:
                bound = form[name]
                anchor = bound.id_for_label or bound.auto_id
                lines += [(anchor, _named(bound.label, error)) for error in bound.errors]
    if not lines:
        return ""
    return render_component(context, "components/error_summary.html", lines=lines)


@register.simple_tag(takes_context=True)
def stepper(context: Context, steps: Sequence[object], current: int) -> SafeString:
    """Show the steps of a form, the first being 1: `{% stepper steps 2 %}`.

    A step is its label, or a dict with `label` and `url` when it can be gone back to.
    """
    shown = [
        {
            "label": step.get("label") if isinstance(step, dict) else step,
            "url": step.get("url", "") if isinstance(step, dict) else "",
            "done": position < current,
            "current": position == current,
        }
        for position, step in enumerate(steps, start=1)
    ]
    return render_component(context, "components/stepper.html", steps=shown)


@register.simple_block_tag
def check_answers(content: str) -> SafeString:
    """Frame the answers given before they are sent: `{% check_answers %}{% answer … %}…`."""
    return SafeString(f'<dl class="answers">{content}</dl>')


@register.inclusion_tag("components/answer.html")
def answer(label: str, value: object, change_url: str = "", copy: object = "") -> dict[str, object]:
    """Show one answer with its Change link: `{% answer "Quantity" "4,700,000" "?step=2" %}`.

    `copy` is what a button beside it puts on the clipboard, for what has to be typed elsewhere.
    """
    return {"label": label, "value": value, "change_url": change_url, "copy": copy}


@register.inclusion_tag("components/file_drop.html")
def file_drop(
    name: str, label: str, accept: str = "", help_text: str = "", multiple: bool = False
) -> dict[str, object]:
    """Take files by dropping or choosing: `{% file_drop "csv" _("Machines") accept=".csv" %}`."""
    return {
        "name": name,
        "label": label,
        "accept": accept,
        "help_text": help_text,
        "multiple": multiple,
    }


@register.inclusion_tag("components/secret.html")
def secret(value: str, label: str) -> dict[str, str]:
    """Show a key once, with a copy button: `{% secret raw_key _("API key") %}`."""
    return {"value": value, "label": label}


@register.inclusion_tag("components/week_grid.html")
def week_grid(
    name: str,
    machines: Iterable[dict[str, object]],
    days: Iterable[dict[str, object]],
    value: str = "[]",
    price_hint: str = "",
) -> dict[str, object]:
    """Draw idle windows on a week, by pointer, keyboard or list; one hidden JSON field.

    `{% week_grid "windows" machines days value %}`: `machines` are
    `{"id", "name", "shifts": [{"day", "start": "08:00", "end": "20:00"}]}`, `days` seven
    `{"key", "label"}` (key: 0-6 or an ISO date, as a string). The field holds
    `[{"machine", "day", "start", "end"}]`, local half hours, "24:00" for the end of a day.
    """
    machine_list = list(machines)
    return {
        "name": name,
        "machines": machine_list,
        "value": value,
        "price_hint": price_hint,
        "setup": {"machines": machine_list, "days": list(days)},
    }
