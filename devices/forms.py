"""Forms of sites and their shifts."""

from __future__ import annotations

from collections import defaultdict
from datetime import time
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext_lazy as _

from devices.models import Site
from devices.services.sites import ShiftTime
from tenants.forms import ZONES

SPARE_ROWS = 2


class SiteForm(forms.ModelForm):
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=ZONES,
        help_text=_("Shifts and idle windows are drawn by the clocks of this place."),
    )
    x_km = forms.FloatField(
        label=_("East of the market's middle"),
        required=False,
        min_value=-20_000,
        max_value=20_000,
        help_text=_("A schematic position, for transport times between factories."),
    )
    y_km = forms.FloatField(
        label=_("North of the market's middle"),
        required=False,
        min_value=-20_000,
        max_value=20_000,
    )

    class Meta:
        model = Site
        fields = ["name", "name_zh", "city", "time_zone", "x_km", "y_km"]

    def clean_x_km(self) -> float:
        return self.cleaned_data["x_km"] or 0.0

    def clean_y_km(self) -> float:
        return self.cleaned_data["y_km"] or 0.0


class ShiftRowForm(forms.Form):
    """One working time on some days of the week; an empty row is no shift."""

    days = forms.TypedMultipleChoiceField(
        label=_("Days"),
        choices=list(WEEKDAYS_ABBR.items()),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    starts_at = forms.TimeField(
        label=_("From"), required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    ends_at = forms.TimeField(
        label=_("To"), required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        days, start, end = (cleaned.get(name) for name in ("days", "starts_at", "ends_at"))
        if days and (start is None or end is None) and not self.errors:
            raise forms.ValidationError(_("Enter when this shift starts and ends."))
        if not days and (start or end):
            raise forms.ValidationError(_("Choose the days of this shift, or clear its times."))
        return cleaned


ShiftFormSet = formset_factory(ShiftRowForm, extra=SPARE_ROWS, max_num=30)


def shift_rows(site: Site) -> list[dict[str, Any]]:
    """Return a site's shifts as the rows of the form: equal times on several days are one row."""
    days: dict[tuple[time, time], list[int]] = defaultdict(list)
    for shift in sorted(site.shifts.all(), key=lambda one: (one.starts_at, one.weekday)):
        days[(shift.starts_at, shift.ends_at)].append(shift.weekday)
    return [
        {"days": weekdays, "starts_at": start, "ends_at": end}
        for (start, end), weekdays in days.items()
    ]


def shift_times(formset: BaseFormSet) -> list[ShiftTime]:
    """Return the shifts that a valid set of rows says."""
    return [
        ShiftTime(weekday=day, starts_at=row["starts_at"], ends_at=row["ends_at"])
        for row in (form.cleaned_data for form in formset)
        for day in row.get("days", [])
    ]
