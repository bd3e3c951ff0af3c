"""The form by which an owner lets a lender read."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence.models.consents import ReportScope
from evidence.services.consents import DEFAULT, LONGEST
from tenants.models import Organisation, OrganisationKind


class ConsentForm(forms.Form):
    """Who may read what, until which day."""

    grantee = forms.ModelChoiceField(
        label=_("Lender"), queryset=Organisation.objects.none(), to_field_name="uid"
    )
    scope = forms.MultipleChoiceField(
        label=_("What it may read"),
        choices=ReportScope.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    last_day = forms.DateField(
        label=_("Last day"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=_("At most a year away."),
    )
    has_read = forms.BooleanField(
        label=_("I have read the text above and may decide this for my organisation.")
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        self.today = now.astimezone(timezone.get_current_timezone()).date()
        initial = {
            "last_day": self.today + DEFAULT,
            "scope": [ReportScope.BEHAVIOUR, ReportScope.MACHINES, ReportScope.ORDERS],
            **kwargs.pop("initial", {}),
        }
        super().__init__(*args, initial=initial, **kwargs)
        lenders = Organisation.objects.filter(kinds__contains=[OrganisationKind.LENDER])
        self.fields["grantee"].queryset = lenders.order_by("name")  # type: ignore[attr-defined]

    def clean_last_day(self) -> date:
        day: date = self.cleaned_data["last_day"]
        if not self.today < day < self.today + LONGEST:
            raise forms.ValidationError(_("Choose a last day in the future, at most a year away."))
        return day

    def valid_until(self) -> datetime:
        """Return the end of the last day in the reader's zone."""
        after = self.cleaned_data["last_day"] + timedelta(days=1)
        return datetime.combine(after, time(), tzinfo=timezone.get_current_timezone())
