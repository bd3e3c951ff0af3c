"""The form of a drawn week: one hidden field from the grid, price and minimum lot a machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from devices.models import Machine
from marketplace.core.spans import Span, local_moment
from marketplace.selectors.capacity import Terms
from marketplace.services.capacity_drawing import DrawnWeek
from marketplace.services.window_checks import MOST_MINOR, MOST_PIECES
from tenants.core.money import decimals_of, to_decimal, to_minor

MOST_PIECES_A_WEEK = 20_000


def monday_of(text: str, today: date) -> date:
    """Return the Monday of the week that `text` names, or of today's."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = today
    if not 2000 <= day.year < 2200:
        day = today
    return day - timedelta(days=day.weekday())


class WeekForm(forms.Form):
    windows = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        machines: Sequence[Machine],
        terms: Mapping[int, Terms],
        currency: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.machines, self.currency = machines, currency
        for machine in machines:
            known = terms.get(machine.pk)
            price = to_decimal(known.price_minor_per_hour, currency) if known else None
            price_label = _("Price per hour of %(machine)s") % {"machine": machine.code}
            lot_label = _("Minimum lot of %(machine)s") % {"machine": machine.code}
            self.fields[f"price-{machine.uid}"] = forms.DecimalField(
                label=price_label,
                widget=forms.NumberInput({"aria-label": price_label}),
                required=False,
                min_value=to_decimal(1, currency),
                max_value=to_decimal(MOST_MINOR, currency),
                decimal_places=decimals_of(currency),
                initial=price,
            )
            self.fields[f"lot-{machine.uid}"] = forms.IntegerField(
                label=lot_label,
                widget=forms.NumberInput({"aria-label": lot_label}),
                required=False,
                min_value=1,
                max_value=MOST_PIECES,
                initial=known.minimum_lot if known else 1,
            )

    @property
    def rows(self) -> list[tuple[Machine, forms.BoundField, forms.BoundField]]:
        """Return the machines with their two fields."""
        return [(m, self[f"price-{m.uid}"], self[f"lot-{m.uid}"]) for m in self.machines]

    def clean_windows(self) -> dict[str, list[Span]]:
        """Return the drawn local spans by machine uid."""
        unreadable = forms.ValidationError(
            _("The drawn windows cannot be read. Load the page again and draw them once more.")
        )
        try:
            pieces = json.loads(self.cleaned_data["windows"] or "[]")
            if len(pieces) > MOST_PIECES_A_WEEK:
                raise unreadable
            found: dict[str, list[Span]] = {}
            for piece in pieces:
                found.setdefault(str(piece["machine"]), []).append(_span(piece))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise unreadable from error
        if set(found) - {str(machine.uid) for machine in self.machines}:
            raise unreadable
        return found

    @property
    def terms(self) -> dict[int, Terms]:
        """Return price and minimum lot of each machine that was given a price."""
        return {
            machine.pk: Terms(
                price_minor_per_hour=to_minor(price, self.currency),
                minimum_lot=self.cleaned_data[f"lot-{machine.uid}"] or 1,
            )
            for machine in self.machines
            if (price := self.cleaned_data[f"price-{machine.uid}"])
        }

    @property
    def weeks(self) -> list[DrawnWeek]:
        terms, spans = self.terms, self.cleaned_data["windows"]
        return [
            DrawnWeek(
                machine=machine,
                spans=spans.get(str(machine.uid), []),
                terms=terms.get(machine.pk),
            )
            for machine in self.machines
        ]


def _span(piece: dict[str, str]) -> Span:
    """Return a piece as a local span; an end at or before the start is the next day."""
    day = date.fromisoformat(piece["day"])
    start = datetime.combine(day, time.fromisoformat(piece["start"]))
    if piece["end"] == "24:00":
        return Span(start, local_moment(day, 24 * 60))
    end = datetime.combine(day, time.fromisoformat(piece["end"]))
    if start.tzinfo is not None or end.tzinfo is not None:
        raise ValueError("local times carry no zone")
    return Span(start, end if end > start else end + timedelta(days=1))


class ImportForm(forms.Form):
    """The file to import."""

    file = forms.FileField(label=_("CSV file"))
