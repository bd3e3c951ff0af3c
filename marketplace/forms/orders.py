"""The form that an order is posted with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from marketplace.core.asked import AskedOrder, AskedStep
from tenants.core.money import NotAnAmount, to_decimal, to_minor

CURRENCIES = ("CNY", "EUR", "USD", "JPY", "GBP", "HKD", "KRW", "VND")
LOCAL_MINUTES = "%Y-%m-%dT%H:%M"


class WholeNumberField(forms.IntegerField):
    """A whole number, with or without separators of thousands: 4700000, 4,700,000, 4 700 000."""

    widget = forms.TextInput(attrs={"inputmode": "numeric"})

    def to_python(self, value: Any) -> int | None:
        text = str(value or "")
        for mark in (",", " ", "\u00a0", "_", "，"):
            text = text.replace(mark, "")
        return super().to_python(text)


def moment_field(label: Any, help_text: Any = "") -> forms.DateTimeField:
    """Return a field for a local date and time, to the minute."""
    return forms.DateTimeField(
        label=label,
        help_text=help_text,
        input_formats=[LOCAL_MINUTES, "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL_MINUTES),
    )


class OrderForm(forms.Form):
    """What, how much, by when, on which terms; the routing has rows of its own."""

    use_required_attribute = False

    title = forms.CharField(
        label=_("What is to be made?"),
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("Licence plates, type 92")}),
    )
    quantity = WholeNumberField(label=_("Quantity"))
    unit = forms.CharField(label=_("Unit"), max_length=20, initial="pcs")
    earliest_start_at = moment_field(_("Earliest start"))
    due_at = moment_field(_("Due date"))
    currency = forms.ChoiceField(label=_("Currency"), choices=[(c, c) for c in CURRENCIES])
    price_ceiling = forms.DecimalField(
        label=_("Price ceiling"),
        required=False,
        max_digits=16,
        decimal_places=2,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text=_("For the whole order. No plan above it is shown."),
    )
    lot_size = WholeNumberField(
        label=_("Largest lot"),
        required=False,
        help_text=_("Pieces that travel together. Empty: the planner decides."),
    )
    ship_to = forms.CharField(label=_("Deliver to"), max_length=200, required=False)
    ship_to_x_km = forms.FloatField(label=_("Km east"), required=False)
    ship_to_y_km = forms.FloatField(label=_("Km north"), required=False)
    note = forms.CharField(
        label=_("Note to factories"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Every factory that is asked reads this."),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a ceiling finer than the currency's smallest coin."""
        values: dict[str, Any] = super().clean() or {}
        ceiling, currency = values.get("price_ceiling"), values.get("currency")
        if ceiling is not None and currency:
            try:
                to_minor(ceiling, currency)
            except NotAnAmount:
                self.add_error("price_ceiling", _("This currency has no such small coin."))
        return values

    def asked(self, steps: tuple[AskedStep, ...]) -> AskedOrder:
        """Return the order; only after `is_valid()`."""
        values = self.cleaned_data
        currency, ceiling = values["currency"], values["price_ceiling"]
        return AskedOrder(
            title=values["title"],
            quantity=values["quantity"],
            unit=values["unit"],
            currency=currency,
            steps=steps,
            earliest_start_at=values["earliest_start_at"],
            due_at=values["due_at"],
            price_ceiling_minor=None if ceiling is None else to_minor(ceiling, currency),
            lot_size=values["lot_size"],
            ship_to=values["ship_to"],
            ship_to_x_km=values["ship_to_x_km"] or 0.0,
            ship_to_y_km=values["ship_to_y_km"] or 0.0,
            note=values["note"],
        )

    def take_errors(self, errors: dict[str, list[str]]) -> list[str]:
        """Put the order's own sentences at their fields; returns those about the routing."""
        for name, sentences in errors.items():
            if name in self.fields:
                for sentence in sentences:
                    self.add_error(name, sentence)
            elif name != "steps":
                for sentence in sentences:
                    self.add_error(None, sentence)
        return errors.get("steps", [])


def first_values(now: datetime, currency: str) -> dict[str, Any]:
    """Return what an empty form starts with: from the next full hour, due in two weeks."""
    start = timezone.localtime(now).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return {
        "currency": currency if currency in CURRENCIES else "CNY",
        "earliest_start_at": start,
        "due_at": start + timedelta(days=14),
    }


def values_of(asked: AskedOrder) -> dict[str, Any]:
    """Return the form's values of an order that is stored already."""
    ceiling = asked.price_ceiling_minor
    names = ("title", "quantity", "unit", "currency", "lot_size", "ship_to", "note")
    return {name: getattr(asked, name) for name in names} | {
        "earliest_start_at": timezone.localtime(asked.earliest_start_at),
        "due_at": timezone.localtime(asked.due_at),
        "price_ceiling": None if ceiling is None else to_decimal(ceiling, asked.currency),
        "ship_to_x_km": asked.ship_to_x_km,
        "ship_to_y_km": asked.ship_to_y_km,
    }
